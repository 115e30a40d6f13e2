-- Whose SAML provider an entity ID is: what arrives at the address that all accounts share says no more. What else is known of a provider lies
-- with the account's options.
CREATE TABLE saml_providers (
    account   BIGINT PRIMARY KEY NOT NULL,
    entity_id TEXT   NOT NULL
);
CREATE INDEX saml_providers_by_entity ON saml_providers (entity_id);
