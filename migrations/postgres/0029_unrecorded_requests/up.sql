-- How many requests were left out of the request log because more came than could be written, in each hour since the epoch. Account 0 has
-- those whose account was not known.
CREATE TABLE unrecorded_requests (
    account   BIGINT NOT NULL,
    hour      BIGINT NOT NULL,
    successes BIGINT NOT NULL,
    failures  BIGINT NOT NULL,
    PRIMARY KEY (account, hour)
);
CREATE INDEX unrecorded_requests_by_hour ON unrecorded_requests (hour);
