DROP TRIGGER refresh_tokens_are_placed;
DROP TRIGGER codes_are_placed;
ALTER TABLE refresh_tokens DROP COLUMN account;
ALTER TABLE authorization_codes DROP COLUMN account;
