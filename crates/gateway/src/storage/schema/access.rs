//! The tables of who may do what.

diesel::table! {
    access_rules (account) {
        account -> BigInt,
        version -> BigInt,
        rules -> Text,
    }
}

diesel::table! {
    replaced_values (account, attribute, value) {
        account -> BigInt,
        attribute -> Text,
        value -> Text,
        becomes -> Text,
        done_to -> BigInt,
        changed -> BigInt,
        kept -> BigInt,
    }
}

diesel::table! {
    past_resources (seq) {
        seq -> BigInt,
        account -> BigInt,
        resource_type -> SmallInt,
        resource -> BigInt,
        id -> Text,
        created -> BigInt,
        until -> BigInt,
        name -> Text,
        name_key -> Text,
        facts -> Nullable<Text>,
        gone -> Bool,
    }
}

diesel::table! {
    past_members (group_seq, member_seq, until) {
        account -> BigInt,
        group_seq -> BigInt,
        member_seq -> BigInt,
        since -> Nullable<BigInt>,
        until -> BigInt,
    }
}

diesel::table! {
    past_terms (seq) {
        seq -> BigInt,
        account -> BigInt,
        until -> BigInt,
        terms -> Nullable<Text>,
    }
}
