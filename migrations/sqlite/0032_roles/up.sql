-- What an operator may do, and where. Operators of earlier releases could do everything that they reached, and still can: `platform`. One who
-- is `limited` reaches the accounts that `operator_accounts` names, and no others: where none is left, nothing.
ALTER TABLE operators ADD COLUMN role TEXT NOT NULL DEFAULT 'platform';
ALTER TABLE operators ADD COLUMN limited BOOLEAN NOT NULL DEFAULT FALSE;
-- Whether the role is the configuration's (`operators.allowed`), and follows it with each log-in at the provider.
ALTER TABLE operators ADD COLUMN configured BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE operators SET configured = TRUE WHERE signs_in_as IS NOT NULL;

CREATE TABLE operator_accounts (
    operator BIGINT NOT NULL,
    account  BIGINT NOT NULL,
    PRIMARY KEY (operator, account)
) WITHOUT ROWID;
CREATE INDEX operator_accounts_by_account ON operator_accounts (account);
INSERT INTO operator_accounts (operator, account) SELECT seq, account FROM operators WHERE account IS NOT NULL;
UPDATE operators SET limited = TRUE WHERE account IS NOT NULL;
ALTER TABLE operators DROP COLUMN account;

-- Since when an account is suspended: nothing of it is answered, and nothing of it is lost.
ALTER TABLE accounts ADD COLUMN suspended BIGINT;
