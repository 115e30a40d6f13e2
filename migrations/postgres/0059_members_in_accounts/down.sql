DROP TRIGGER members_are_placed ON members;
DROP FUNCTION place_member();
ALTER TABLE members DROP COLUMN account;
