DROP INDEX operators_by_sign_in;
ALTER TABLE operators DROP COLUMN signs_in_as;
