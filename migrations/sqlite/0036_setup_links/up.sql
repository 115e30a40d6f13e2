-- Links by which a customer's administrator sets a client up at their identity provider. The link itself is not here: only its fingerprint.
CREATE TABLE setup_links (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Public id.
    id               TEXT    NOT NULL UNIQUE,
    account          BIGINT  NOT NULL,
    client           BIGINT  NOT NULL,
    fingerprint      BLOB NOT NULL UNIQUE,
    -- The identity provider in whose words the page speaks.
    provider         TEXT    NOT NULL,
    -- The public id of the service account whose password is set on the page.
    service_account  TEXT,
    -- Whom the administrator may ask, by mail.
    contact          TEXT,
    created          BIGINT  NOT NULL,
    -- Who made it: an operator's id and what they were called.
    created_by       TEXT    NOT NULL,
    created_by_name  TEXT,
    expires          BIGINT  NOT NULL,
    revoked          BIGINT,
    -- When a browser opened it first, and from where.
    opened           BIGINT,
    opened_from      TEXT,
    -- When a secret was last shown by it, from where, and which: the id of a client's secret or static token.
    revealed         BIGINT,
    revealed_from    TEXT,
    credential       TEXT,
    -- How often one more was asked for and refused; the last time, and from where.
    refused_reveals  BIGINT  NOT NULL DEFAULT 0,
    refused          BIGINT,
    refused_from     TEXT,
    finished         BIGINT,
    -- A JSON object: which steps the administrator marked as done, and when.
    progress         TEXT    NOT NULL
);
CREATE INDEX setup_links_by_account ON setup_links (account, seq);
CREATE INDEX setup_links_by_client ON setup_links (client);
CREATE INDEX setup_links_by_end ON setup_links (expires);
