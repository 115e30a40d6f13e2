-- The statement that deletes a resource says so itself by now. A server of the release before leaves it to the trigger, so it stays for one
-- release more, and the two are of one mind.
DROP TRIGGER resources_leave_gaps;
CREATE TRIGGER resources_leave_gaps AFTER DELETE ON resources
BEGIN
    INSERT OR IGNORE INTO resource_gaps (account, resource_type, seq) VALUES (OLD.account, OLD.resource_type, OLD.seq);
END;
