-- The origins of public clients' pages (CORS): scheme, host and port of each redirect URI; without the port where any will do.
CREATE TABLE client_origins (
    origin TEXT   COLLATE "C" NOT NULL,
    client BIGINT NOT NULL,
    PRIMARY KEY (origin, client)
);
CREATE INDEX client_origins_of_client ON client_origins (client);

INSERT INTO client_origins (origin, client)
SELECT DISTINCT
    CASE
        WHEN origin LIKE 'http://127.0.0.1:%' THEN 'http://127.0.0.1'
        WHEN origin LIKE 'http://[::1]:%' THEN 'http://[::1]'
        WHEN origin LIKE 'https://%:443' THEN left(origin, -4)
        WHEN origin LIKE 'http://%:80' THEN left(origin, -3)
        ELSE origin
    END,
    client
FROM (
    SELECT lower(substring(u.value FROM '^[^/?]+//[^/?]+')) AS origin, c.seq AS client
    FROM clients AS c, json_array_elements_text(c.redirect_uris::json) AS u WHERE c.public
) AS origins;

-- How many authorization requests were pushed, and how large they were, by client and by address; one window of time.
CREATE TABLE pushed_request_counts (
    id      BYTEA  PRIMARY KEY NOT NULL,
    n       BIGINT NOT NULL,
    bytes   BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX pushed_request_counts_by_expiry ON pushed_request_counts (expires);
