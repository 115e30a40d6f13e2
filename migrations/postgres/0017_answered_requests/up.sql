-- How an authorization request was answered. The first answer stands, also when another button is pressed in another tab. `id` is a
-- keyed hash of the request's id.
CREATE TABLE answered_requests (
    id      BYTEA   PRIMARY KEY NOT NULL,
    denied  BOOLEAN NOT NULL,
    expires BIGINT  NOT NULL
);
CREATE INDEX answered_requests_by_expiry ON answered_requests (expires);
