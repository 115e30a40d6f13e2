-- Which group gives which role and which environments: the rules of an account as one document, and how often they were written.
CREATE TABLE access_rules (
    account BIGINT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    rules   TEXT   NOT NULL
);

-- Since when a member is in a group; NULL: since before this was recorded.
ALTER TABLE members ADD COLUMN since BIGINT;
