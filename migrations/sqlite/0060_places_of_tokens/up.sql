-- In which account the grant of a code or a refresh token lies. Those that a server of the release before writes get it from the grant.
ALTER TABLE authorization_codes ADD COLUMN account BIGINT;
ALTER TABLE refresh_tokens ADD COLUMN account BIGINT;
CREATE TRIGGER codes_are_placed AFTER INSERT ON authorization_codes WHEN NEW.account IS NULL
BEGIN
    UPDATE authorization_codes SET account = (SELECT g.account FROM grants AS g WHERE g.seq = NEW.grant_seq)
        WHERE fingerprint = NEW.fingerprint;
END;
CREATE TRIGGER refresh_tokens_are_placed AFTER INSERT ON refresh_tokens WHEN NEW.account IS NULL
BEGIN
    UPDATE refresh_tokens SET account = (SELECT g.account FROM grants AS g WHERE g.seq = NEW.grant_seq)
        WHERE fingerprint = NEW.fingerprint;
END;
