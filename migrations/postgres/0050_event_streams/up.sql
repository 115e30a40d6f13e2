-- Streams of security event tokens: what the receiver of each asked for, and how far it has taken what the feed tells.
CREATE TABLE event_streams (
    seq           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            TEXT   NOT NULL UNIQUE,
    -- The product key whose it is, and its account; NULL: a key of all accounts.
    client        BIGINT NOT NULL,
    account       BIGINT,
    created       BIGINT NOT NULL,
    description   TEXT,
    -- The URIs of events that the receiver asked for, as JSON; NULL: all.
    requested     TEXT,
    -- 'poll', or 'push' with where to, and what is sent as Authorization, sealed.
    method        TEXT   NOT NULL,
    endpoint      TEXT,
    sealed        TEXT,
    -- 'enabled', 'paused', 'disabled'.
    status        TEXT   NOT NULL,
    reason        TEXT,
    -- Up to this number of the feed everything is acknowledged; beyond, these are, as JSON.
    position      BIGINT NOT NULL,
    acked         TEXT   NOT NULL,
    -- Tokens about the stream itself that wait, and the last one that was refused, as JSON.
    own           TEXT   NOT NULL,
    refused       TEXT,
    verified      BIGINT
);
CREATE INDEX event_streams_by_client ON event_streams (client, seq);
