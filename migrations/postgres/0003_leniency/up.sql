-- How often a client needed a deviation from the RFCs forgiven, and how often it was refused because the tolerance is off.
CREATE TABLE tolerance_needs (
    client      BIGINT NOT NULL,
    tolerance   TEXT COLLATE "C" NOT NULL,
    forgiven    BIGINT NOT NULL,
    refused     BIGINT NOT NULL,
    last_needed BIGINT NOT NULL,
    PRIMARY KEY (client, tolerance)
);

-- Members that a group was given and that do not exist yet: they join when a user of this name appears. `name_key` is the
-- value as names compare, without regard to case.
CREATE TABLE parked_members (
    seq       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account   BIGINT NOT NULL,
    group_seq BIGINT NOT NULL,
    value     TEXT COLLATE "C" NOT NULL,
    name_key  TEXT COLLATE "C" NOT NULL,
    parked    BIGINT NOT NULL
);
CREATE UNIQUE INDEX parked_members_of_group ON parked_members (group_seq, value);
CREATE INDEX parked_members_by_name ON parked_members (account, name_key);
CREATE INDEX parked_members_in_order ON parked_members (account, seq);
