DROP TRIGGER resources_leave_gaps ON resources;
DROP FUNCTION leave_gap();
DROP TABLE resource_gaps;
DROP TABLE resource_blocks;
