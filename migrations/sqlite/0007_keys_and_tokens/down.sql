DROP TABLE dpop_proofs;
DROP TABLE pushed_requests;
ALTER TABLE refresh_tokens DROP COLUMN bounds;
ALTER TABLE authorization_codes DROP COLUMN bounds;
DELETE FROM signing_keys WHERE expires IS NOT NULL;
DROP INDEX signing_keys_newest;
ALTER TABLE signing_keys RENAME COLUMN expires TO retired;
ALTER TABLE signing_keys DROP COLUMN signs_from;
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (algorithm) WHERE retired IS NULL;
