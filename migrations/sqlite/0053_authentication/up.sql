-- How people proved who they are (`acr` and `amr` of OpenID Connect, as JSON), and when, where that was at a provider and before they came in
-- here. A grant keeps what its session knew: ID tokens say it.
ALTER TABLE sessions ADD COLUMN authenticated BIGINT;
ALTER TABLE sessions ADD COLUMN authentication TEXT;
ALTER TABLE grants ADD COLUMN authentication TEXT;
