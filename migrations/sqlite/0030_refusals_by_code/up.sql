-- Each refusal has a code, also one that a browser carries to a client with a redirect: its status is below 400.
UPDATE requests SET code = 'server_failed' WHERE status >= 400 AND code IS NULL;
DROP INDEX requests_refused;
DROP INDEX requests_refused_by_time;
CREATE INDEX requests_refused ON requests (account) WHERE code IS NOT NULL;
CREATE INDEX requests_refused_by_time ON requests (seq) WHERE code IS NOT NULL;
