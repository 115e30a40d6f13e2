DROP INDEX audit_by_segment;
