-- How each account stands: 0 not working, 1 needs attention, 2 is being set up, 3 works, 4 is suspended. The list of accounts begins with the
-- worst. It follows from the health of the account's clients, and is written where that is.
ALTER TABLE accounts ADD COLUMN standing SMALLINT NOT NULL DEFAULT 2;
UPDATE accounts SET standing = COALESCE((SELECT MIN(CASE h.state WHEN 'broken' THEN 0 WHEN 'attention' THEN 1 WHEN 'ok' THEN 3 ELSE NULL END)
    FROM clients AS c JOIN client_health AS h ON h.client = c.seq WHERE c.account = accounts.seq), 2);
CREATE INDEX accounts_by_standing ON accounts (standing, name_key);
