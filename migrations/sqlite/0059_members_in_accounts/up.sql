-- Each membership says in which account it is. Those that a server of the release before writes get it from the group.
ALTER TABLE members ADD COLUMN account BIGINT;
CREATE TRIGGER members_are_placed AFTER INSERT ON members WHEN NEW.account IS NULL
BEGIN
    UPDATE members SET account = (SELECT r.account FROM resources AS r WHERE r.seq = NEW.group_seq)
        WHERE group_seq = NEW.group_seq AND member_seq = NEW.member_seq;
END;
