DROP TABLE pushed_request_counts;
DROP TABLE client_origins;
