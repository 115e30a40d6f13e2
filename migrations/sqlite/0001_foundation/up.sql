-- Times are milliseconds since the epoch. Secrets are kept as keyed hashes only.

CREATE TABLE installation (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- One customer of the vendor. `deleted` hides everything in it at once; its rows are then removed in batches.
CREATE TABLE accounts (
    seq                  INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id                   TEXT    NOT NULL UNIQUE,
    name                 TEXT    NOT NULL,
    name_key             TEXT,
    product_environments TEXT    NOT NULL,
    default_role         TEXT,
    created              BIGINT  NOT NULL,
    deleted              BIGINT
);
CREATE UNIQUE INDEX accounts_by_name ON accounts (name_key);

-- Users and groups. To SQL the document is opaque.
CREATE TABLE resources (
    seq           INTEGER  PRIMARY KEY AUTOINCREMENT NOT NULL,
    account       BIGINT   NOT NULL,
    resource_type SMALLINT NOT NULL,
    id            TEXT     NOT NULL,
    version       BIGINT   NOT NULL,
    created       BIGINT   NOT NULL,
    last_modified BIGINT   NOT NULL,
    active        BOOLEAN  NOT NULL,
    provisioned   BOOLEAN  NOT NULL,
    display       TEXT     NOT NULL,
    document      TEXT     NOT NULL
);
CREATE UNIQUE INDEX resources_by_id ON resources (account, id);
CREATE INDEX resources_in_order ON resources (account, resource_type, seq);
CREATE INDEX resources_by_change ON resources (account, resource_type, last_modified, seq);

-- How many there are: counters, spread over shards so that concurrent creates do not wait for one row.
CREATE TABLE resource_counts (
    account       BIGINT   NOT NULL,
    resource_type SMALLINT NOT NULL,
    shard         SMALLINT NOT NULL,
    n             BIGINT   NOT NULL,
    PRIMARY KEY (account, resource_type, shard)
) WITHOUT ROWID;

-- How resources are found: one row for each value of an attribute declared indexed.
CREATE TABLE attribute_values (
    account   BIGINT  NOT NULL,
    attribute INTEGER NOT NULL,
    key       TEXT    NOT NULL,
    resource  BIGINT  NOT NULL,
    is_unique BOOLEAN NOT NULL,
    PRIMARY KEY (account, attribute, key, resource)
) WITHOUT ROWID;
CREATE UNIQUE INDEX attribute_values_unique ON attribute_values (account, attribute, key) WHERE is_unique;

-- Who is in which group.
CREATE TABLE members (
    group_seq  BIGINT NOT NULL,
    member_seq BIGINT NOT NULL,
    PRIMARY KEY (group_seq, member_seq)
) WITHOUT ROWID;
CREATE INDEX members_by_member ON members (member_seq, group_seq);

-- Who may log in with a password, and which users are service accounts.
CREATE TABLE logins (
    resource        BIGINT  PRIMARY KEY NOT NULL,
    account         BIGINT  NOT NULL,
    name_key        TEXT    NOT NULL,
    password_hash   TEXT,
    service_account BOOLEAN NOT NULL
) WITHOUT ROWID;
CREATE INDEX logins_by_name ON logins (name_key);
CREATE INDEX logins_by_account ON logins (account);

CREATE TABLE clients (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id            TEXT    NOT NULL UNIQUE,
    account       BIGINT,
    name          TEXT    NOT NULL,
    profile       TEXT    NOT NULL,
    okta_app_name TEXT,
    public        BOOLEAN NOT NULL,
    redirect_uris TEXT    NOT NULL,
    grant_types   TEXT    NOT NULL,
    scopes        TEXT    NOT NULL,
    default_scope TEXT    NOT NULL,
    require_pkce  BOOLEAN NOT NULL,
    disabled      BOOLEAN NOT NULL,
    created       BIGINT  NOT NULL
);
CREATE INDEX clients_by_account ON clients (account, seq);

CREATE TABLE client_secrets (
    id          TEXT   PRIMARY KEY NOT NULL,
    client      BIGINT NOT NULL,
    fingerprint BLOB   NOT NULL,
    label       TEXT,
    created     BIGINT NOT NULL,
    expires     BIGINT,
    last_used   BIGINT
) WITHOUT ROWID;
CREATE INDEX client_secrets_by_client ON client_secrets (client);

-- What was allowed: to which client, for which account, by whom (`owner`, none for client credentials).
CREATE TABLE grants (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    client     BIGINT  NOT NULL,
    account    BIGINT  NOT NULL,
    owner      BIGINT,
    owner_id   TEXT,
    scope      TEXT    NOT NULL,
    nonce      TEXT,
    auth_time  BIGINT,
    created    BIGINT  NOT NULL,
    expires    BIGINT,
    ended      BIGINT,
    end_reason TEXT
);
CREATE INDEX grants_by_owner ON grants (owner_id) WHERE ended IS NULL;
CREATE INDEX grants_by_client ON grants (client, seq);
CREATE INDEX grants_by_account ON grants (account, seq);
-- A client has one standing grant of its own for client credentials.
CREATE UNIQUE INDEX grants_standing ON grants (client) WHERE owner IS NULL AND ended IS NULL;

CREATE TABLE authorization_codes (
    fingerprint           BLOB    PRIMARY KEY NOT NULL,
    request_id            TEXT    NOT NULL UNIQUE,
    grant_seq             BIGINT  NOT NULL,
    client                TEXT    NOT NULL,
    redirect_uri          TEXT    NOT NULL,
    redirect_uri_was_sent BOOLEAN NOT NULL,
    challenge             TEXT,
    expires               BIGINT  NOT NULL,
    spent                 BIGINT
) WITHOUT ROWID;
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires);

CREATE TABLE refresh_tokens (
    fingerprint BLOB    PRIMARY KEY NOT NULL,
    grant_seq   BIGINT  NOT NULL,
    generation  INTEGER NOT NULL,
    created     BIGINT  NOT NULL,
    expires     BIGINT  NOT NULL,
    used        BIGINT
) WITHOUT ROWID;
CREATE UNIQUE INDEX refresh_tokens_of_grant ON refresh_tokens (grant_seq, generation);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires);

-- Access tokens have no row unless they are revoked one by one.
CREATE TABLE revoked_tokens (
    id      BLOB   PRIMARY KEY NOT NULL,
    expires BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires);

CREATE TABLE sessions (
    fingerprint BLOB   PRIMARY KEY NOT NULL,
    account     BIGINT NOT NULL,
    owner       BIGINT NOT NULL,
    auth_time   BIGINT NOT NULL,
    expires     BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_owner ON sessions (owner);
CREATE INDEX sessions_by_expiry ON sessions (expires);

CREATE TABLE operators (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id          TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL UNIQUE,
    created     BIGINT  NOT NULL,
    last_used   BIGINT,
    ended       BIGINT
);

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at      BIGINT  NOT NULL,
    account BIGINT,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT,
    address TEXT,
    detail  TEXT
);
CREATE INDEX audit_by_account ON audit (account, seq);

-- Private keys are sealed under the master key.
CREATE TABLE signing_keys (
    kid       TEXT   PRIMARY KEY NOT NULL,
    algorithm TEXT   NOT NULL,
    sealed    TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    retired   BIGINT
) WITHOUT ROWID;
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (algorithm) WHERE retired IS NULL;
