-- The origins of public clients' pages (CORS): scheme, host and port of each redirect URI; without the port where any will do.
CREATE TABLE client_origins (
    origin TEXT   NOT NULL,
    client BIGINT NOT NULL,
    PRIMARY KEY (origin, client)
) WITHOUT ROWID;
CREATE INDEX client_origins_of_client ON client_origins (client);

INSERT INTO client_origins (origin, client)
SELECT DISTINCT
    CASE
        WHEN origin LIKE 'http://127.0.0.1:%' THEN 'http://127.0.0.1'
        WHEN origin LIKE 'http://[::1]:%' THEN 'http://[::1]'
        WHEN origin LIKE 'https://%:443' THEN substr(origin, 1, length(origin) - 4)
        WHEN origin LIKE 'http://%:80' THEN substr(origin, 1, length(origin) - 3)
        ELSE origin
    END,
    client
FROM (
    SELECT lower(substr(uri, 1, start - 1 + min(instr(substr(uri, start) || '/', '/'), instr(substr(uri, start) || '?', '?')) - 1)) AS origin,
        client
    FROM (
        SELECT u.value AS uri, instr(u.value, '://') + 3 AS start, c.seq AS client
        FROM clients AS c, json_each(c.redirect_uris) AS u WHERE c.public
    )
);

-- How many authorization requests were pushed, and how large they were, by client and by address; one window of time.
CREATE TABLE pushed_request_counts (
    id      BLOB   PRIMARY KEY NOT NULL,
    n       BIGINT NOT NULL,
    bytes   BIGINT NOT NULL,
    expires BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX pushed_request_counts_by_expiry ON pushed_request_counts (expires);
