ALTER TABLE audit DROP COLUMN request_id;
DROP TABLE requests;
