-- What is still to be done for an attribute that an account declares: index rows of the resources written before, or values to be
-- taken out of documents. `attribute` is its schema and name, `done_until` the last resource that was gone through. `waits_for`
-- are the transactions of PostgreSQL that have to end first; NULL until a replica has looked which.
CREATE TABLE attribute_work (
    account    BIGINT NOT NULL,
    attribute  TEXT COLLATE "C" NOT NULL,
    waits_for  TEXT,
    done_until BIGINT NOT NULL,
    duplicates TEXT NOT NULL,
    PRIMARY KEY (account, attribute)
);
