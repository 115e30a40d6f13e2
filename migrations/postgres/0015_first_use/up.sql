-- The latest generation of a grant's tokens of which the client is known to have used one, and when it did first. NULL: it has used none.
-- Who presented a refresh token had received it.
ALTER TABLE grants ADD COLUMN delivered INTEGER;
ALTER TABLE grants ADD COLUMN delivered_at BIGINT;
UPDATE grants SET
    delivered = (SELECT MAX(t.generation) FROM refresh_tokens AS t WHERE t.grant_seq = grants.seq AND t.used IS NOT NULL),
    delivered_at = (SELECT MAX(t.used) FROM refresh_tokens AS t WHERE t.grant_seq = grants.seq AND t.used IS NOT NULL)
    WHERE ended IS NULL AND owner IS NOT NULL;

-- What a client has connected in an account.
CREATE INDEX grants_open_of_client ON grants (client, account, seq) WHERE ended IS NULL;

-- How often a refresh token or a code was answered again because nothing of the answer had been used, and how often a refresh token was
-- answered for a late worker although its successor was in use.
ALTER TABLE refresh_tokens ADD COLUMN reissues INTEGER NOT NULL DEFAULT 0;
ALTER TABLE refresh_tokens ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE authorization_codes ADD COLUMN reissues INTEGER NOT NULL DEFAULT 0;
