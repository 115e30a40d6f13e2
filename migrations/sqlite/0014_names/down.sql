DROP INDEX attribute_values_shared;
DROP INDEX operators_by_name;
ALTER TABLE operators DROP COLUMN name_key;
