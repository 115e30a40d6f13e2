-- One row ends every grant that an owner had accepted, or that a client had, up to `last_grant`: however many they are. `provisioning`
-- ends only those that open the SCIM endpoint. The worker writes each ending into its grants, and then removes the row.
CREATE TABLE endings (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner        BIGINT,
    owner_id     TEXT,
    client       BIGINT,
    last_grant   BIGINT  NOT NULL,
    provisioning BOOLEAN NOT NULL,
    at           BIGINT  NOT NULL,
    reason       TEXT    NOT NULL
);
CREATE INDEX endings_by_owner ON endings (owner, last_grant);

-- Since when another user than the one who accepted answers for the grant.
ALTER TABLE grants ADD COLUMN rebound BIGINT;
CREATE INDEX grants_by_end ON grants (ended) WHERE ended IS NOT NULL;
CREATE INDEX refresh_tokens_by_use ON refresh_tokens (used) WHERE used IS NOT NULL;

-- An operator of one account only, and one whose token runs out.
ALTER TABLE operators ADD COLUMN account BIGINT;
ALTER TABLE operators ADD COLUMN expires BIGINT;

-- What was before and after; and the link of the chain that the row is sealed in.
ALTER TABLE audit ADD COLUMN changes TEXT;
ALTER TABLE audit ADD COLUMN segment BIGINT;
CREATE INDEX audit_unsealed ON audit (seq) WHERE segment IS NULL;

-- The chain: each link seals the rows of one segment and the link before it. `first` to `last` is where its rows lie.
CREATE TABLE audit_segments (
    number  BIGINT PRIMARY KEY NOT NULL,
    first   BIGINT NOT NULL,
    last    BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    newest  BIGINT NOT NULL,
    sealed  BIGINT NOT NULL,
    hash    BLOB   NOT NULL
) WITHOUT ROWID;
