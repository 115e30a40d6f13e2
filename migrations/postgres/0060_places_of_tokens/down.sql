DROP TRIGGER refresh_tokens_are_placed ON refresh_tokens;
DROP TRIGGER codes_are_placed ON authorization_codes;
DROP FUNCTION place_token();
ALTER TABLE refresh_tokens DROP COLUMN account;
ALTER TABLE authorization_codes DROP COLUMN account;
