-- How often a client sent an attribute, how often it was empty, refused or ignored, and when for the last time. `resource_type` 0 has
-- parameters of queries. The row without a name has the requests: POST and PUT in `arrived`, PATCH in `changed`, names that are not kept
-- in `ignored`. `nearest` is the known name that an unknown one is most like.
CREATE TABLE field_counts (
    client        BIGINT   NOT NULL,
    resource_type SMALLINT NOT NULL,
    name          TEXT NOT NULL,
    known         BOOLEAN  NOT NULL,
    arrived       BIGINT   NOT NULL,
    changed       BIGINT   NOT NULL,
    empty         BIGINT   NOT NULL,
    refused       BIGINT   NOT NULL,
    ignored       BIGINT   NOT NULL,
    last_arrived  BIGINT,
    last_changed  BIGINT,
    last_empty    BIGINT,
    last_refused  BIGINT,
    last_ignored  BIGINT,
    nearest       TEXT,
    PRIMARY KEY (client, resource_type, name)
) WITHOUT ROWID;
