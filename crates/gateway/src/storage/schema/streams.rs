//! The table of streams of security event tokens.

diesel::table! {
    event_streams (seq) {
        seq -> BigInt,
        id -> Text,
        client -> BigInt,
        account -> Nullable<BigInt>,
        created -> BigInt,
        description -> Nullable<Text>,
        requested -> Nullable<Text>,
        method -> Text,
        endpoint -> Nullable<Text>,
        sealed -> Nullable<Text>,
        status -> Text,
        reason -> Nullable<Text>,
        position -> BigInt,
        acked -> Text,
        own -> Text,
        refused -> Nullable<Text>,
        verified -> Nullable<BigInt>,
    }
}
