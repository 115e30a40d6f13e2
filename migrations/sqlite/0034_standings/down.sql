DROP INDEX accounts_by_standing;
ALTER TABLE accounts DROP COLUMN standing;
