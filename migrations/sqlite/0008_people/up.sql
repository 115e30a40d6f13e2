-- A session ends when it is unused for a while. Its owner sees from which address it began.
ALTER TABLE sessions ADD COLUMN last_seen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN address TEXT;
UPDATE sessions SET last_seen = auth_time;

-- Failed attempts to prove who one is. The key is a keyed hash of whose and from where: no name that was typed is kept.
CREATE TABLE attempts (
    key      BLOB   PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    last     BIGINT NOT NULL,
    expires  BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX attempts_by_expiry ON attempts (expires);
