-- Links that set a password once. A user or an operator has one at most: a newer one takes the place of the former.
CREATE TABLE password_links (
    fingerprint BYTEA  PRIMARY KEY NOT NULL,
    purpose     TEXT   NOT NULL,
    resource    BIGINT UNIQUE,
    operator    TEXT COLLATE "C" UNIQUE,
    made_by     TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    used        BIGINT,
    CHECK ((resource IS NULL) <> (operator IS NULL))
);
CREATE INDEX password_links_by_expiry ON password_links (expires);

-- Names typed by users who forgot their password, sealed, until a job has looked for whom they mean.
CREATE TABLE forgotten_passwords (
    fingerprint BYTEA  PRIMARY KEY NOT NULL,
    sealed      TEXT   NOT NULL,
    made        BIGINT NOT NULL
);
CREATE INDEX forgotten_passwords_by_time ON forgotten_passwords (made);
