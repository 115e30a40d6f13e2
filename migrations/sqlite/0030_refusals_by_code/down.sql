DROP INDEX requests_refused;
DROP INDEX requests_refused_by_time;
CREATE INDEX requests_refused ON requests (account) WHERE status >= 400;
CREATE INDEX requests_refused_by_time ON requests (seq) WHERE status >= 400;
