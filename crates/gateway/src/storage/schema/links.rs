//! The tables of links that set a password.

diesel::table! {
    password_links (fingerprint) {
        fingerprint -> Binary,
        purpose -> Text,
        resource -> Nullable<BigInt>,
        operator -> Nullable<Text>,
        made_by -> Text,
        created -> BigInt,
        expires -> BigInt,
        used -> Nullable<BigInt>,
    }
}

diesel::table! {
    forgotten_passwords (fingerprint) {
        fingerprint -> Binary,
        sealed -> Text,
        made -> BigInt,
    }
}
