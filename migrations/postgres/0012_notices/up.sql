-- What a person is to be told: written in the transaction of what happened, shown to them until they say that they have seen it, and
-- mailed where there is a relay. `detail` is a JSON object, its members as `kind` has them. `next_try` is when it is mailed, or
-- until when a replica has claimed it; NULL once it was mailed, or will not be. Each try is counted when it begins. `problem` is how
-- the last one failed.
CREATE TABLE notices (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       TEXT COLLATE "C" NOT NULL,
    account  BIGINT NOT NULL,
    resource BIGINT NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    detail   TEXT   NOT NULL,
    made     BIGINT NOT NULL,
    seen     BIGINT,
    mailed   BIGINT,
    tries    BIGINT NOT NULL DEFAULT 0,
    next_try BIGINT,
    problem  TEXT
);
CREATE INDEX notices_by_resource ON notices (resource, seq);
CREATE INDEX notices_by_account ON notices (account, seq);
CREATE INDEX notices_by_try ON notices (next_try) WHERE next_try IS NOT NULL;
CREATE INDEX notices_by_age ON notices (made);
CREATE INDEX notices_by_sight ON notices (seen) WHERE seen IS NOT NULL;
