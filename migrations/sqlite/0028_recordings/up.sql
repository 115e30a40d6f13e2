-- Until when a client's requests are recorded in full, and which operator switched that on.
ALTER TABLE clients ADD COLUMN recorded_until BIGINT;
ALTER TABLE clients ADD COLUMN recorded_by TEXT;

-- Requests and answers that were recorded in full, with secrets replaced, sealed. The number is that of the row in `requests`.
CREATE TABLE recordings (
    seq    INTEGER PRIMARY KEY NOT NULL,
    client BIGINT NOT NULL,
    sealed TEXT   NOT NULL
);
CREATE INDEX recordings_by_client ON recordings (client, seq);
