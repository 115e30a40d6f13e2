DROP TABLE recordings;
ALTER TABLE clients DROP COLUMN recorded_by;
ALTER TABLE clients DROP COLUMN recorded_until;
