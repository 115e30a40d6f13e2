DROP TABLE unrecorded_requests;
