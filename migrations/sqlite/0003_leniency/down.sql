DROP TABLE parked_members;
DROP TABLE tolerance_needs;
