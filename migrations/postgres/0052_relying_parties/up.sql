-- Which clients have to be told when a session ends (OpenID Connect Back-Channel Logout 1.0), by the grant that each got in it. The session that
-- takes another's place in its browser takes these over; `sid` stays what ID tokens said.
CREATE TABLE relying_parties (
    grant_seq BIGINT PRIMARY KEY NOT NULL,
    account   BIGINT NOT NULL,
    client    BIGINT NOT NULL,
    owner     BIGINT NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    session   BYTEA  NOT NULL,
    sid       TEXT COLLATE "C" NOT NULL,
    expires   BIGINT NOT NULL
);
CREATE INDEX relying_parties_by_session ON relying_parties (session);
CREATE INDEX relying_parties_by_owner ON relying_parties (owner);
CREATE INDEX relying_parties_by_client ON relying_parties (client);
CREATE INDEX relying_parties_by_expiry ON relying_parties (expires);

-- Logout tokens that are to be sent, written in the transaction that ended the session.
CREATE TABLE logout_tokens (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account  BIGINT NOT NULL,
    client   BIGINT NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    sid      TEXT COLLATE "C" NOT NULL,
    made     BIGINT NOT NULL,
    tries    BIGINT NOT NULL DEFAULT 0,
    next_try BIGINT NOT NULL
);
CREATE INDEX logout_tokens_by_try ON logout_tokens (next_try);
CREATE INDEX logout_tokens_by_client ON logout_tokens (client);
CREATE INDEX logout_tokens_by_account ON logout_tokens (account);
