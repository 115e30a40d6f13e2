ALTER TABLE members DROP COLUMN since;
DROP TABLE access_rules;
