-- The feed of every change: what happened, in the order in which it is told.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id         TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    account    BIGINT,
    account_id TEXT,
    kind       TEXT   NOT NULL,
    body       TEXT   NOT NULL
);
CREATE INDEX events_by_account ON events (account, seq);
