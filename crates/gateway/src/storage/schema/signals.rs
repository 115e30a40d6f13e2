//! The tables of what identity providers say of users beside SCIM, and of what clients are told when a session ends.

use super::sessions;

diesel::table! {
    user_signals (resource) {
        resource -> BigInt,
        account -> BigInt,
        signed_out -> BigInt,
        disabled -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    relying_parties (grant_seq) {
        grant_seq -> BigInt,
        account -> BigInt,
        client -> BigInt,
        owner -> BigInt,
        subject -> Text,
        session -> Binary,
        sid -> Text,
        expires -> BigInt,
    }
}

diesel::table! {
    logout_tokens (seq) {
        seq -> BigInt,
        account -> BigInt,
        client -> BigInt,
        subject -> Text,
        sid -> Text,
        made -> BigInt,
        tries -> BigInt,
        next_try -> BigInt,
    }
}

diesel::table! {
    signal_polls (account) {
        account -> BigInt,
        endpoint -> Text,
        sealed -> Nullable<Text>,
        next_poll -> BigInt,
        failures -> BigInt,
        failing_since -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        answered -> Nullable<BigInt>,
        received -> Nullable<BigInt>,
        lease -> Nullable<Text>,
        lease_ends -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(relying_parties, sessions);
