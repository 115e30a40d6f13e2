-- What came of requests of identity providers, clients and browsers. The number of a row says when its request began: milliseconds since
-- the epoch times 2^20, and a number that makes it unique. So rows are in the order of time, and no index is needed for that.
CREATE TABLE requests (
    seq           INTEGER PRIMARY KEY NOT NULL,
    -- The id of the request is made of its time and these bits, or was given by a proxy.
    bits          BIGINT  NOT NULL,
    given_id      TEXT,
    account       BIGINT,
    -- The client's public id.
    client        TEXT,
    actor         TEXT,
    address       TEXT,
    method        TEXT    NOT NULL,
    -- The route, never a path as it was sent.
    endpoint      TEXT    NOT NULL,
    target        TEXT,
    target_name   TEXT,
    status        INTEGER NOT NULL,
    code          TEXT,
    detail        TEXT,
    micros        BIGINT  NOT NULL,
    -- A JSON object: tolerances, what was ignored, members left out, what changed.
    more          TEXT
);
CREATE INDEX requests_by_account ON requests (account);
CREATE INDEX requests_by_client ON requests (client) WHERE client IS NOT NULL;
-- Refusals are rare and asked for most.
CREATE INDEX requests_refused ON requests (account) WHERE status >= 400;
CREATE INDEX requests_refused_by_time ON requests (seq) WHERE status >= 400;
CREATE INDEX requests_by_given_id ON requests (given_id) WHERE given_id IS NOT NULL;

-- The request that asked for what a row of the audit trail says; rows of earlier releases have none, and their seals stay.
ALTER TABLE audit ADD COLUMN request_id TEXT;
