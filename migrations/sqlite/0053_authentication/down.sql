ALTER TABLE grants DROP COLUMN authentication;
ALTER TABLE sessions DROP COLUMN authentication;
ALTER TABLE sessions DROP COLUMN authenticated;
