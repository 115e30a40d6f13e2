ALTER TABLE authorization_codes DROP COLUMN reissues;
ALTER TABLE refresh_tokens DROP COLUMN repeats;
ALTER TABLE refresh_tokens DROP COLUMN reissues;
DROP INDEX grants_open_of_client;
ALTER TABLE grants DROP COLUMN delivered_at;
ALTER TABLE grants DROP COLUMN delivered;
