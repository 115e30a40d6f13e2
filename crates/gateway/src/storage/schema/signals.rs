//! The table of what identity providers say of users beside SCIM.

diesel::table! {
    user_signals (resource) {
        resource -> BigInt,
        account -> BigInt,
        signed_out -> BigInt,
        disabled -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}
