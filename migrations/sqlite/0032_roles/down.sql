-- An operator of several accounts keeps the first of them; one of none ends.
ALTER TABLE accounts DROP COLUMN suspended;
ALTER TABLE operators ADD COLUMN account BIGINT;
UPDATE operators SET account = (SELECT MIN(a.account) FROM operator_accounts AS a WHERE a.operator = operators.seq) WHERE limited;
DELETE FROM operators WHERE limited AND account IS NULL;
-- Earlier releases know no roles: an operator who may not do everything is none there.
DELETE FROM operators WHERE role <> 'platform';
DROP TABLE operator_accounts;
ALTER TABLE operators DROP COLUMN configured;
ALTER TABLE operators DROP COLUMN limited;
ALTER TABLE operators DROP COLUMN role;
