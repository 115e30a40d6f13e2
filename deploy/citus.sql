-- Spreads the tables of a gateway over the workers of a Citus cluster, by account: docs/scale-citus.md says what lies where, and why.
--
--     gateway migrate
--     psql --single-transaction -v ON_ERROR_STOP=1 -f citus.sql DATABASE
--
-- Once, on the coordinator, after this release has migrated the database and before a server of it runs. No server of the release before
-- may run on it any more. A later release says in its notes what is to be run after its own migrations.

-- What servers of the release before needed: the statements say it by now.
DROP TRIGGER resources_leave_gaps ON resources;
DROP TRIGGER members_are_placed ON members;
DROP TRIGGER codes_are_placed ON authorization_codes;
DROP TRIGGER refresh_tokens_are_placed ON refresh_tokens;

-- Keys begin with the account. A key that is unique over all accounts is unique in each of them, so none of these can fail.
-- What is left of a group or a grant that is gone has none.
DELETE FROM members WHERE account IS NULL;
DELETE FROM authorization_codes WHERE account IS NULL;
DELETE FROM refresh_tokens WHERE account IS NULL;
ALTER TABLE members ALTER COLUMN account SET NOT NULL;
ALTER TABLE authorization_codes ALTER COLUMN account SET NOT NULL;
ALTER TABLE refresh_tokens ALTER COLUMN account SET NOT NULL;
ALTER TABLE resources DROP CONSTRAINT resources_pkey, ADD PRIMARY KEY (account, seq);
ALTER TABLE members DROP CONSTRAINT members_pkey, ADD PRIMARY KEY (account, group_seq, member_seq);
DROP INDEX members_by_member;
CREATE INDEX members_by_member ON members (account, member_seq, group_seq);
ALTER TABLE parked_members DROP CONSTRAINT parked_members_pkey, ADD PRIMARY KEY (account, seq);
DROP INDEX parked_members_of_group;
CREATE UNIQUE INDEX parked_members_of_group ON parked_members (account, group_seq, value);
ALTER TABLE logins DROP CONSTRAINT logins_pkey, ADD PRIMARY KEY (account, resource);
ALTER TABLE second_factors DROP CONSTRAINT second_factors_pkey, ADD PRIMARY KEY (account, resource);
DROP INDEX upstream_identities_by_resource;
CREATE UNIQUE INDEX upstream_identities_by_resource ON upstream_identities (account, resource, issuer);
ALTER TABLE user_signals DROP CONSTRAINT user_signals_pkey, ADD PRIMARY KEY (account, resource);
ALTER TABLE notices DROP CONSTRAINT notices_pkey, ADD PRIMARY KEY (account, seq);
ALTER TABLE grants DROP CONSTRAINT grants_pkey, ADD PRIMARY KEY (account, seq);
DROP INDEX grants_standing;
CREATE UNIQUE INDEX grants_standing ON grants (account, client) WHERE owner IS NULL AND ended IS NULL;
ALTER TABLE authorization_codes DROP CONSTRAINT authorization_codes_pkey, ADD PRIMARY KEY (account, fingerprint),
    DROP CONSTRAINT authorization_codes_request_id_key, ADD UNIQUE (account, request_id);
ALTER TABLE refresh_tokens DROP CONSTRAINT refresh_tokens_pkey, ADD PRIMARY KEY (account, fingerprint);
DROP INDEX refresh_tokens_of_grant;
CREATE UNIQUE INDEX refresh_tokens_of_grant ON refresh_tokens (account, grant_seq, generation);
-- These are looked for by a secret alone, in every account.
CREATE INDEX authorization_codes_by_fingerprint ON authorization_codes (fingerprint);
CREATE INDEX refresh_tokens_by_fingerprint ON refresh_tokens (fingerprint);
CREATE INDEX sessions_by_fingerprint ON sessions (fingerprint);
CREATE INDEX grants_by_number ON grants (seq);
-- What a user has accepted.
CREATE INDEX grants_of_owner ON grants (account, owner_id) WHERE ended IS NULL;
-- In the order in which they were made, in whichever account.
CREATE INDEX resources_by_number ON resources (seq);
ALTER TABLE sessions DROP CONSTRAINT sessions_pkey, ADD PRIMARY KEY (account, fingerprint);
ALTER TABLE relying_parties DROP CONSTRAINT relying_parties_pkey, ADD PRIMARY KEY (account, grant_seq);
ALTER TABLE logout_tokens DROP CONSTRAINT logout_tokens_pkey, ADD PRIMARY KEY (account, seq);
ALTER TABLE past_resources DROP CONSTRAINT past_resources_pkey, ADD PRIMARY KEY (account, seq);
ALTER TABLE past_terms DROP CONSTRAINT past_terms_pkey, ADD PRIMARY KEY (account, seq);

-- Each row of these is of one account, and lies with all other rows of it.
SELECT create_distributed_table('resources', 'account', colocate_with => 'none');
SELECT create_distributed_table(name, 'account', colocate_with => 'resources') FROM unnest(ARRAY[
    'resource_counts', 'resource_blocks', 'resource_gaps', 'attribute_values', 'attribute_work', 'members', 'parked_members', 'walks',
    'logins', 'second_factors', 'upstream_identities', 'user_signals', 'notices',
    'grants', 'authorization_codes', 'refresh_tokens', 'sessions', 'relying_parties', 'logout_tokens',
    'access_rules', 'replaced_values', 'past_resources', 'past_members', 'past_terms'
]) AS name;

-- Few rows, which are joined with those: a copy lies on every worker.
SELECT create_reference_table(name) FROM unnest(ARRAY[
    'accounts', 'clients', 'client_secrets', 'client_origins', 'static_tokens', 'endings', 'revoked_tokens', 'client_activity'
]) AS name;
