DROP INDEX requests_refused_of_client;
DROP TABLE client_health;
DROP TABLE client_activity;
