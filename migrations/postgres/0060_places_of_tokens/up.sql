-- In which account the grant of a code or a refresh token lies. Those that servers of the release before write get it from the grant; those that
-- are there follow, a few at a time.
ALTER TABLE authorization_codes ADD COLUMN account BIGINT;
ALTER TABLE refresh_tokens ADD COLUMN account BIGINT;
CREATE FUNCTION place_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT g.account INTO NEW.account FROM grants AS g WHERE g.seq = NEW.grant_seq;
    RETURN NEW;
END
$$;
CREATE TRIGGER codes_are_placed BEFORE INSERT ON authorization_codes FOR EACH ROW WHEN (NEW.account IS NULL) EXECUTE FUNCTION place_token();
CREATE TRIGGER refresh_tokens_are_placed BEFORE INSERT ON refresh_tokens FOR EACH ROW WHEN (NEW.account IS NULL) EXECUTE FUNCTION place_token();
