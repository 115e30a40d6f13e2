-- An operator's name as names are compared, as long as its token counts; NULL from then on. Filled in at the start by the binary
-- for operators made before.
ALTER TABLE operators ADD COLUMN name_key TEXT COLLATE "C";
CREATE UNIQUE INDEX operators_by_name ON operators (name_key);

-- Users whose userName an earlier release told apart from that of another user of the account: their row is not the unique one. The
-- number is the key of userName.
CREATE INDEX attribute_values_shared ON attribute_values (account, resource) WHERE NOT is_unique AND attribute = 1895985888;
