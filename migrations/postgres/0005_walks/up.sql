-- Where walks by index continue: for each caller and query, after which resources the last few pages ended. For an hour.
CREATE TABLE walks (
    account BIGINT NOT NULL,
    actor   TEXT COLLATE "C" NOT NULL,
    walk    BYTEA  NOT NULL,
    note    BYTEA  NOT NULL,
    made    BIGINT NOT NULL,
    PRIMARY KEY (account, actor, walk)
);
CREATE INDEX walks_by_age ON walks (made);
