-- A signing key is published before it signs, and for a while after: `signs_from` until the next one's, `expires` when it is gone.
DROP INDEX signing_keys_current;
ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_from = created;
ALTER TABLE signing_keys RENAME COLUMN retired TO expires;
CREATE UNIQUE INDEX signing_keys_newest ON signing_keys (algorithm) WHERE expires IS NULL;

-- What the tokens are limited to that follow: resources (RFC 8707) and a key (RFC 9449), a document. NULL: nothing.
ALTER TABLE authorization_codes ADD COLUMN bounds TEXT;
ALTER TABLE refresh_tokens ADD COLUMN bounds TEXT;

-- Authorization requests that clients pushed (RFC 9126), until the browser comes with the reference. The parameters are sealed.
CREATE TABLE pushed_requests (
    fingerprint BLOB   PRIMARY KEY NOT NULL,
    client      TEXT   NOT NULL,
    parameters  TEXT   NOT NULL,
    expires     BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires);

-- DPoP proofs that were seen (RFC 9449 §11.1): each counts once, on any replica.
CREATE TABLE dpop_proofs (
    id      BLOB   PRIMARY KEY NOT NULL,
    expires BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX dpop_proofs_by_expiry ON dpop_proofs (expires);
