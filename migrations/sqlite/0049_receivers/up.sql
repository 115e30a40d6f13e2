-- Receivers of the feed of every change: to whom it is delivered, and how far each has got.
CREATE TABLE receivers (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id              TEXT   NOT NULL UNIQUE,
    -- NULL: of all accounts.
    account         BIGINT,
    -- How an event becomes a request: 'standard-webhook'.
    form            TEXT   NOT NULL,
    url             TEXT   NOT NULL,
    description     TEXT   NOT NULL,
    -- Which types of events are meant, with a comma before and after each; NULL: all.
    types           TEXT,
    -- Sealed. The one before counts until its time.
    secret          TEXT,
    old_secret      TEXT,
    old_secret_ends BIGINT,
    made            BIGINT NOT NULL,
    -- 'enabled', 'paused', 'stopped' (the receiver said that it is gone), 'lost' (what follows its position is not kept any more).
    state           TEXT   NOT NULL,
    -- The number of the last event that it has, or that was not for it.
    position        BIGINT NOT NULL,
    -- How often the next one was tried in vain, when it is tried again, and since when it is held.
    tries           BIGINT NOT NULL,
    next_try        BIGINT NOT NULL,
    held_since      BIGINT,
    -- The last success, and the last failure.
    delivered       BIGINT,
    failed          BIGINT,
    problem         TEXT,
    -- Which server delivers to it, and until when no other does.
    lease           TEXT,
    lease_ends      BIGINT NOT NULL
);
CREATE INDEX receivers_by_account ON receivers (account);

-- Events that a receiver refused while it took others. The event itself is in the feed.
CREATE TABLE dead_letters (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    receiver BIGINT NOT NULL,
    -- The account that the event is told of.
    account  BIGINT,
    event    BIGINT NOT NULL,
    event_id TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    happened BIGINT NOT NULL,
    refused  BIGINT NOT NULL,
    tries    BIGINT NOT NULL,
    status   BIGINT,
    problem  TEXT   NOT NULL,
    -- When an operator asked for it to be sent again; NULL: it is not to be.
    wanted   BIGINT
);
CREATE UNIQUE INDEX dead_letters_by_receiver ON dead_letters (receiver, event);
CREATE INDEX dead_letters_by_account ON dead_letters (account);

-- The latest requests to each receiver, and what came of them.
CREATE TABLE deliveries (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    receiver BIGINT NOT NULL,
    account  BIGINT,
    event_id TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    took     BIGINT NOT NULL,
    status   BIGINT,
    -- NULL: it was taken.
    problem  TEXT
);
CREATE INDEX deliveries_by_receiver ON deliveries (receiver, seq);
CREATE INDEX deliveries_by_account ON deliveries (account);
