//! The table of SAML providers.

diesel::table! {
    saml_providers (account) {
        account -> BigInt,
        entity_id -> Text,
    }
}
