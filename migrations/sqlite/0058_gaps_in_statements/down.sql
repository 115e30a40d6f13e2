DROP TRIGGER resources_leave_gaps;
CREATE TRIGGER resources_leave_gaps AFTER DELETE ON resources
BEGIN
    INSERT INTO resource_gaps (account, resource_type, seq) VALUES (OLD.account, OLD.resource_type, OLD.seq);
END;
