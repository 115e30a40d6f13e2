DROP TABLE field_counts;
