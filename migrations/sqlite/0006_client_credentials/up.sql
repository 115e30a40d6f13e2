-- What identity providers present that can only paste a token. It belongs to the grant that its client has in its own name.
CREATE TABLE static_tokens (
    id          TEXT   PRIMARY KEY NOT NULL,
    client      BIGINT NOT NULL,
    grant_seq   BIGINT NOT NULL,
    fingerprint BLOB   NOT NULL UNIQUE,
    name        TEXT   NOT NULL,
    scope       TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    last_used   BIGINT
) WITHOUT ROWID;
CREATE INDEX static_tokens_by_client ON static_tokens (client);

-- Client assertions that were used, until they expire: each counts once.
CREATE TABLE used_assertions (
    id      BLOB   PRIMARY KEY NOT NULL,
    expires BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX used_assertions_by_expiry ON used_assertions (expires);

-- How often authentication as one client failed from one address, within one window of time.
CREATE TABLE client_failures (
    id      BLOB   PRIMARY KEY NOT NULL,
    n       BIGINT NOT NULL,
    expires BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX client_failures_by_expiry ON client_failures (expires);
