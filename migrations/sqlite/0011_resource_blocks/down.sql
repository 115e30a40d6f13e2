DROP TRIGGER resources_leave_gaps;
DROP TABLE resource_gaps;
DROP TABLE resource_blocks;
