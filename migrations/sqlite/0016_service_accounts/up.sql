-- On whom a client's open connections rest: each owner once.
CREATE INDEX grants_of_owners ON grants (client, owner) WHERE ended IS NULL;

-- The few of an account's log-ins that are service accounts.
CREATE INDEX logins_of_services ON logins (account) WHERE service_account;
