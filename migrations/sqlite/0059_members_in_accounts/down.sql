DROP TRIGGER members_are_placed;
ALTER TABLE members DROP COLUMN account;
