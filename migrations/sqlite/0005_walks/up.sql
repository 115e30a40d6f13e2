-- Where walks by index continue: for each caller and query, after which resources the last few pages ended. For an hour.
CREATE TABLE walks (
    account BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    walk    BLOB   NOT NULL,
    note    BLOB   NOT NULL,
    made    BIGINT NOT NULL,
    PRIMARY KEY (account, actor, walk)
) WITHOUT ROWID;
CREATE INDEX walks_by_age ON walks (made);
