-- Where the identity provider of an account keeps security events until they are fetched (RFC 8936), and how that went the last times.
CREATE TABLE signal_polls (
    account       BIGINT PRIMARY KEY NOT NULL,
    endpoint      TEXT COLLATE "C" NOT NULL,
    -- The bearer token, sealed; NULL: none is sent.
    sealed        TEXT,
    next_poll     BIGINT NOT NULL,
    -- How often it failed since it went well, since when, and why the last time.
    failures      BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    problem       TEXT,
    -- When it was answered last, and when an event came last.
    answered      BIGINT,
    received      BIGINT,
    -- Which server polls, and until when no other does.
    lease         TEXT,
    lease_ends    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX signal_polls_by_next ON signal_polls (next_poll);
