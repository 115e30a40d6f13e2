-- Links that operators had mailed. The letter, with the link in it, is sealed, and goes when the relay took it or it is given up.
-- `recipient` is a keyed hash of the address, by which letters to one are counted; `shown` is the address, shortened. `next_try` is as in
-- `notices`.
CREATE TABLE letters (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id        TEXT   NOT NULL,
    account   BIGINT,
    about     TEXT   NOT NULL,
    recipient BLOB   NOT NULL,
    shown     TEXT   NOT NULL,
    sealed    TEXT,
    made      BIGINT NOT NULL,
    tries     BIGINT NOT NULL DEFAULT 0,
    next_try  BIGINT,
    mailed    BIGINT,
    problem   TEXT
);
CREATE INDEX letters_by_recipient ON letters (recipient, made);
CREATE INDEX letters_by_subject ON letters (about, seq);
CREATE INDEX letters_by_account ON letters (account) WHERE account IS NOT NULL;
CREATE INDEX letters_by_try ON letters (next_try) WHERE next_try IS NOT NULL;
CREATE INDEX letters_by_age ON letters (made);
