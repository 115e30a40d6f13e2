//! The tables of those to whom the feed is delivered.

diesel::table! {
    receivers (seq) {
        seq -> BigInt,
        id -> Text,
        account -> Nullable<BigInt>,
        form -> Text,
        url -> Text,
        description -> Text,
        types -> Nullable<Text>,
        secret -> Nullable<Text>,
        old_secret -> Nullable<Text>,
        old_secret_ends -> Nullable<BigInt>,
        made -> BigInt,
        state -> Text,
        position -> BigInt,
        tries -> BigInt,
        next_try -> BigInt,
        held_since -> Nullable<BigInt>,
        delivered -> Nullable<BigInt>,
        failed -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        lease -> Nullable<Text>,
        lease_ends -> BigInt,
    }
}

diesel::table! {
    dead_letters (seq) {
        seq -> BigInt,
        receiver -> BigInt,
        account -> Nullable<BigInt>,
        event -> BigInt,
        event_id -> Text,
        kind -> Text,
        happened -> BigInt,
        refused -> BigInt,
        tries -> BigInt,
        status -> Nullable<BigInt>,
        problem -> Text,
        wanted -> Nullable<BigInt>,
    }
}

diesel::table! {
    deliveries (seq) {
        seq -> BigInt,
        receiver -> BigInt,
        account -> Nullable<BigInt>,
        event_id -> Text,
        kind -> Text,
        at -> BigInt,
        took -> BigInt,
        status -> Nullable<BigInt>,
        problem -> Nullable<Text>,
    }
}
