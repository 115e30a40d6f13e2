//! The tables of who may do what.

diesel::table! {
    access_rules (account) {
        account -> BigInt,
        version -> BigInt,
        rules -> Text,
    }
}
