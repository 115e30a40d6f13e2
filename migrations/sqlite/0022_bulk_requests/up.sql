-- Bulk requests that can be repeated (`Idempotency-Key`): a keyed hash of account, client and key, and of the body. For a day.
CREATE TABLE bulk_requests (
    id      BLOB   PRIMARY KEY NOT NULL,
    body    BLOB   NOT NULL,
    expires BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX bulk_requests_by_expiry ON bulk_requests (expires);

-- What came of each of their steps, written in the transaction of the step: ids and versions, or the error.
CREATE TABLE bulk_steps (
    request BLOB    NOT NULL,
    step    INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    PRIMARY KEY (request, step)
) WITHOUT ROWID;
