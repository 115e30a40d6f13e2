-- An operator who logs in is known by this address, with a password here or at the vendor's OpenID provider. `signs_in_as` is the address
-- as addresses are compared, for one operator at a time; `address` is as it was written.
UPDATE operators SET signs_in_as = NULL WHERE ended IS NULL AND EXISTS
    (SELECT 1 FROM operators AS later WHERE later.signs_in_as = operators.signs_in_as AND later.ended IS NULL AND later.seq > operators.seq);
CREATE UNIQUE INDEX operators_by_address ON operators (signs_in_as) WHERE ended IS NULL;
ALTER TABLE operators ADD COLUMN address TEXT;
UPDATE operators SET address = signs_in_as;
ALTER TABLE operators ADD COLUMN password_hash TEXT;
-- Who they are at the OpenID provider: from the first log-in there, the address alone does not do.
ALTER TABLE operators ADD COLUMN issuer TEXT;
ALTER TABLE operators ADD COLUMN subject TEXT;
-- When their browser last came by.
ALTER TABLE operators ADD COLUMN seen BIGINT;
-- When the token was made; NULL for an operator who has none, whose `fingerprint` is that of nothing.
ALTER TABLE operators ADD COLUMN token_made BIGINT;
UPDATE operators SET token_made = created;

-- Operators who are logged in at the console. Their authenticator apps and recovery codes are rows of second_factors and recovery_codes,
-- whose `resource` is then the negative of the operator's number, and `account` 0.
CREATE TABLE operator_sessions (
    fingerprint BLOB   PRIMARY KEY NOT NULL,
    operator    BIGINT NOT NULL,
    proof       TEXT   NOT NULL,
    auth_time   BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    last_seen   BIGINT NOT NULL,
    address     TEXT,
    browser     TEXT
) WITHOUT ROWID;
CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator);
CREATE INDEX operator_sessions_by_expiry ON operator_sessions (expires);
