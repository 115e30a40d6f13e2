-- Each membership says in which account it is. Those that servers of the release before write get it from the group; those
-- that are there follow, a few at a time.
ALTER TABLE members ADD COLUMN account BIGINT;
CREATE FUNCTION place_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT r.account INTO NEW.account FROM resources AS r WHERE r.seq = NEW.group_seq;
    RETURN NEW;
END
$$;
CREATE TRIGGER members_are_placed BEFORE INSERT ON members FOR EACH ROW WHEN (NEW.account IS NULL) EXECUTE FUNCTION place_member();
