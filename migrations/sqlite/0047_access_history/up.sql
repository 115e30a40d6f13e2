-- What access was resolved from, as it was until it changed: so what a user might do at any time follows from it as it does today. What
-- is there today is not written here, so that what is made costs nothing more.

-- Users and groups as they were until they changed, or were deleted.
CREATE TABLE past_resources (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account       BIGINT   NOT NULL,
    resource_type SMALLINT NOT NULL,
    -- The number of the row in `resources`, which may be gone;
    resource      BIGINT   NOT NULL,
    id            TEXT     NOT NULL,
    created       BIGINT   NOT NULL,
    -- until when they were so,
    until         BIGINT   NOT NULL,
    -- their userName or displayName, and by which key it is found.
    name          TEXT     NOT NULL,
    name_key      TEXT     NOT NULL,
    -- Of a user: active, role and environments, as JSON.
    facts         TEXT,
    -- Whether they were deleted then.
    gone          BOOLEAN  NOT NULL
);
CREATE INDEX past_resources_of ON past_resources (account, resource, seq);
CREATE INDEX past_resources_by_id ON past_resources (account, id);
CREATE INDEX past_resources_by_name ON past_resources (account, name_key);
CREATE INDEX past_resources_gone ON past_resources (account, resource) WHERE gone;
CREATE INDEX past_resources_until ON past_resources (until);

-- Memberships that ended.
CREATE TABLE past_members (
    account    BIGINT NOT NULL,
    group_seq  BIGINT NOT NULL,
    member_seq BIGINT NOT NULL,
    since      BIGINT,
    until      BIGINT NOT NULL
);
CREATE INDEX past_members_of ON past_members (member_seq, until);
CREATE INDEX past_members_account ON past_members (account);
CREATE INDEX past_members_until ON past_members (until);

-- The rules, policy and environments of an account, and whether it was suspended, until they changed: as JSON. NULL: of the time before,
-- nothing is known.
CREATE TABLE past_terms (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account       BIGINT NOT NULL,
    until         BIGINT NOT NULL,
    terms         TEXT
);
CREATE INDEX past_terms_of ON past_terms (account, seq);
CREATE INDEX past_terms_until ON past_terms (until);
