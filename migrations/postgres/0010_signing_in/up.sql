-- A person's authenticator app: the shared secret, sealed under the master key. Until it is confirmed it is asked for nowhere.
CREATE TABLE second_factors (
    resource  BIGINT PRIMARY KEY NOT NULL,
    account   BIGINT NOT NULL,
    sealed    TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    confirmed BIGINT,
    used_step BIGINT NOT NULL
);
CREATE INDEX second_factors_by_account ON second_factors (account);

-- What gets a person in whose app is lost; each counts once.
CREATE TABLE recovery_codes (
    fingerprint BYTEA  PRIMARY KEY NOT NULL,
    resource    BIGINT NOT NULL
);
CREATE INDEX recovery_codes_by_resource ON recovery_codes (resource);

-- A user's identity at the OpenID provider of their account. It is found by name once, by `subject` from then on.
CREATE TABLE upstream_identities (
    account  BIGINT NOT NULL,
    issuer   TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    resource BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    PRIMARY KEY (account, issuer, subject)
);
CREATE UNIQUE INDEX upstream_identities_by_resource ON upstream_identities (resource, issuer);

-- Browsers that were sent to an OpenID provider. What the callback needs is sealed, found by its `state`, and taken once.
CREATE TABLE sign_in_flows (
    fingerprint BYTEA  PRIMARY KEY NOT NULL,
    sealed      TEXT   NOT NULL,
    expires     BIGINT NOT NULL
);
CREATE INDEX sign_in_flows_by_expiry ON sign_in_flows (expires);

-- Our client secret at the OpenID provider of an account, sealed.
CREATE TABLE upstream_secrets (
    account BIGINT PRIMARY KEY NOT NULL,
    sealed  TEXT   NOT NULL
);
