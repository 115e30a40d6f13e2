ALTER TABLE clients DROP COLUMN options;
ALTER TABLE accounts DROP COLUMN options;
