-- Bulk requests that can be repeated (`Idempotency-Key`): a keyed hash of account, client and key, and of the body. For a day.
CREATE TABLE bulk_requests (
    id      BYTEA  PRIMARY KEY NOT NULL,
    body    BYTEA  NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX bulk_requests_by_expiry ON bulk_requests (expires);

-- What came of each of their steps, written in the transaction of the step: ids and versions, or the error.
CREATE TABLE bulk_steps (
    request BYTEA   NOT NULL,
    step    INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    PRIMARY KEY (request, step)
);
