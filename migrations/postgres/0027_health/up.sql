-- When a client was there last, what for, and from which address; written by the job that writes the request log, so that it is known
-- however short that is kept. Bit n of `days` says whether it was there n days before `day` (days since the epoch). `writes` are those that
-- succeeded on `day`, `writes_before` those of the day before.
CREATE TABLE client_activity (
    client          BIGINT PRIMARY KEY NOT NULL,
    last_request    BIGINT,
    request_address TEXT,
    last_success    BIGINT,
    success_address TEXT,
    last_token      BIGINT,
    token_address   TEXT,
    last_import     BIGINT,
    import_address  TEXT,
    day             BIGINT NOT NULL,
    days            BIGINT NOT NULL,
    writes          BIGINT NOT NULL,
    writes_before   BIGINT NOT NULL
);

-- What was found about a client when it was last looked at, and what of that was told. A replica that looks moves `due` ahead.
-- `reasons` is a JSON object: each reason's code with the time since which it is known.
CREATE TABLE client_health (
    client        BIGINT PRIMARY KEY NOT NULL,
    state         TEXT   NOT NULL,
    since         BIGINT NOT NULL,
    told          TEXT   NOT NULL,
    differs_since BIGINT,
    reasons       TEXT   NOT NULL,
    due           BIGINT NOT NULL
);
CREATE INDEX client_health_by_due ON client_health (due);
CREATE INDEX client_health_by_state ON client_health (state, client);
-- Nothing was found yet: an empty state.
INSERT INTO client_health (client, state, since, told, reasons, due) SELECT seq, '', 0, '', '{}', 0 FROM clients;

-- The refusals of one client.
CREATE INDEX requests_refused_of_client ON requests (client, seq) WHERE client IS NOT NULL AND status >= 400;
