-- What came from each client on each day since the epoch: requests for provisioning, how many of them were refused, and how many pages of
-- the list of all users were read. Written by the job that writes the request log, so that it is known however short that is kept.
CREATE TABLE client_days (
    client     BIGINT NOT NULL,
    day        BIGINT NOT NULL,
    requests   BIGINT NOT NULL,
    refused    BIGINT NOT NULL,
    list_pages BIGINT NOT NULL,
    PRIMARY KEY (client, day)
) WITHOUT ROWID;
CREATE INDEX client_days_by_day ON client_days (day);

-- How many users and groups an account had on each day, when that was looked at last.
CREATE TABLE account_days (
    account     BIGINT NOT NULL,
    day         BIGINT NOT NULL,
    user_count  BIGINT NOT NULL,
    group_count BIGINT NOT NULL,
    PRIMARY KEY (account, day)
) WITHOUT ROWID;
CREATE INDEX account_days_by_day ON account_days (day);

-- What the request log still knows of the days before. A row's number is its time in milliseconds times 2^20.
INSERT INTO client_days (client, day, requests, refused, list_pages)
    SELECT c.seq, q.seq / 90596966400000, COUNT(*),
        SUM(CASE WHEN q.status >= 400 AND NOT (q.method = 'GET' AND q.status = 404) THEN 1 ELSE 0 END), 0
    FROM requests AS q JOIN clients AS c ON c.id = q.client
    WHERE q.endpoint LIKE '/scim/v2%' AND q.endpoint NOT LIKE '%#%' GROUP BY c.seq, q.seq / 90596966400000;
