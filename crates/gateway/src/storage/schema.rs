//! The tables, as diesel sees them; the same for both databases. What the columns mean stands in the migrations.
#![allow(missing_docs)]

mod access;
mod delivery;
mod links;
mod records;
mod saml;
mod signals;
mod streams;

pub use access::*;
pub use delivery::*;
pub use links::*;
pub use records::*;
pub use saml::*;
pub use signals::*;
pub use streams::*;

diesel::table! {
    installation (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    accounts (seq) {
        seq -> BigInt,
        id -> Text,
        name -> Text,
        name_key -> Nullable<Text>,
        product_environments -> Text,
        default_role -> Nullable<Text>,
        created -> BigInt,
        deleted -> Nullable<BigInt>,
        options -> Text,
        suspended -> Nullable<BigInt>,
        standing -> SmallInt,
    }
}

diesel::table! {
    resources (seq) {
        seq -> BigInt,
        account -> BigInt,
        resource_type -> SmallInt,
        id -> Text,
        version -> BigInt,
        created -> BigInt,
        last_modified -> BigInt,
        active -> Bool,
        provisioned -> Bool,
        display -> Text,
        document -> Text,
    }
}

diesel::table! {
    resource_counts (account, resource_type, shard) {
        account -> BigInt,
        resource_type -> SmallInt,
        shard -> SmallInt,
        n -> BigInt,
    }
}

diesel::table! {
    attribute_values (account, attribute, key, resource) {
        account -> BigInt,
        attribute -> Integer,
        key -> Text,
        resource -> BigInt,
        is_unique -> Bool,
    }
}

diesel::table! {
    attribute_work (account, attribute) {
        account -> BigInt,
        attribute -> Text,
        waits_for -> Nullable<Text>,
        done_until -> BigInt,
        duplicates -> Text,
    }
}

diesel::table! {
    members (group_seq, member_seq) {
        group_seq -> BigInt,
        member_seq -> BigInt,
        since -> Nullable<BigInt>,
        account -> Nullable<BigInt>,
    }
}

diesel::table! {
    parked_members (seq) {
        seq -> BigInt,
        account -> BigInt,
        group_seq -> BigInt,
        value -> Text,
        name_key -> Text,
        parked -> BigInt,
    }
}

diesel::table! {
    walks (account, actor, walk) {
        account -> BigInt,
        actor -> Text,
        walk -> Binary,
        note -> Binary,
        made -> BigInt,
    }
}

diesel::table! {
    bulk_requests (id) {
        id -> Binary,
        body -> Binary,
        expires -> BigInt,
    }
}

diesel::table! {
    bulk_steps (request, step) {
        request -> Binary,
        step -> Integer,
        outcome -> Text,
    }
}

diesel::table! {
    logins (resource) {
        resource -> BigInt,
        account -> BigInt,
        name_key -> Text,
        password_hash -> Nullable<Text>,
        service_account -> Bool,
    }
}

diesel::table! {
    second_factors (resource) {
        resource -> BigInt,
        account -> BigInt,
        sealed -> Text,
        created -> BigInt,
        confirmed -> Nullable<BigInt>,
        used_step -> BigInt,
    }
}

diesel::table! {
    recovery_codes (fingerprint) {
        fingerprint -> Binary,
        resource -> BigInt,
    }
}

diesel::table! {
    upstream_identities (account, issuer, subject) {
        account -> BigInt,
        issuer -> Text,
        subject -> Text,
        resource -> BigInt,
        created -> BigInt,
    }
}

diesel::table! {
    upstream_secrets (account) {
        account -> BigInt,
        sealed -> Text,
    }
}

diesel::table! {
    sign_in_flows (fingerprint) {
        fingerprint -> Binary,
        sealed -> Text,
        expires -> BigInt,
    }
}

diesel::table! {
    clients (seq) {
        seq -> BigInt,
        id -> Text,
        account -> Nullable<BigInt>,
        name -> Text,
        profile -> Text,
        okta_app_name -> Nullable<Text>,
        public -> Bool,
        redirect_uris -> Text,
        grant_types -> Text,
        scopes -> Text,
        default_scope -> Text,
        require_pkce -> Bool,
        disabled -> Bool,
        created -> BigInt,
        options -> Text,
        recorded_until -> Nullable<BigInt>,
        recorded_by -> Nullable<Text>,
    }
}

diesel::table! {
    client_origins (origin, client) {
        origin -> Text,
        client -> BigInt,
    }
}

diesel::table! {
    pushed_request_counts (id) {
        id -> Binary,
        n -> BigInt,
        bytes -> BigInt,
        expires -> BigInt,
    }
}

diesel::table! {
    client_secrets (id) {
        id -> Text,
        client -> BigInt,
        fingerprint -> Binary,
        label -> Nullable<Text>,
        created -> BigInt,
        expires -> Nullable<BigInt>,
        last_used -> Nullable<BigInt>,
    }
}

diesel::table! {
    grants (seq) {
        seq -> BigInt,
        client -> BigInt,
        account -> BigInt,
        owner -> Nullable<BigInt>,
        owner_id -> Nullable<Text>,
        scope -> Text,
        nonce -> Nullable<Text>,
        auth_time -> Nullable<BigInt>,
        authentication -> Nullable<Text>,
        created -> BigInt,
        expires -> Nullable<BigInt>,
        ended -> Nullable<BigInt>,
        end_reason -> Nullable<Text>,
        rebound -> Nullable<BigInt>,
        delivered -> Nullable<Integer>,
        delivered_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    endings (seq) {
        seq -> BigInt,
        owner -> Nullable<BigInt>,
        owner_id -> Nullable<Text>,
        client -> Nullable<BigInt>,
        last_grant -> BigInt,
        provisioning -> Bool,
        at -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    authorization_codes (fingerprint) {
        fingerprint -> Binary,
        request_id -> Text,
        grant_seq -> BigInt,
        client -> Text,
        redirect_uri -> Text,
        redirect_uri_was_sent -> Bool,
        challenge -> Nullable<Text>,
        expires -> BigInt,
        spent -> Nullable<BigInt>,
        bounds -> Nullable<Text>,
        reissues -> Integer,
        account -> Nullable<BigInt>,
    }
}

diesel::table! {
    refresh_tokens (fingerprint) {
        fingerprint -> Binary,
        grant_seq -> BigInt,
        generation -> Integer,
        created -> BigInt,
        expires -> BigInt,
        used -> Nullable<BigInt>,
        bounds -> Nullable<Text>,
        reissues -> Integer,
        repeats -> Integer,
        account -> Nullable<BigInt>,
    }
}

diesel::table! {
    revoked_tokens (id) {
        id -> Binary,
        expires -> BigInt,
    }
}

diesel::table! {
    answered_requests (id) {
        id -> Binary,
        denied -> Bool,
        expires -> BigInt,
    }
}

diesel::table! {
    sessions (fingerprint) {
        fingerprint -> Binary,
        account -> BigInt,
        owner -> BigInt,
        auth_time -> BigInt,
        authenticated -> Nullable<BigInt>,
        authentication -> Nullable<Text>,
        expires -> BigInt,
        last_seen -> BigInt,
        address -> Nullable<Text>,
        browser -> Nullable<Text>,
    }
}

diesel::table! {
    static_tokens (id) {
        id -> Text,
        client -> BigInt,
        grant_seq -> BigInt,
        fingerprint -> Binary,
        name -> Text,
        scope -> Text,
        created -> BigInt,
        expires -> BigInt,
        last_used -> Nullable<BigInt>,
    }
}

diesel::table! {
    setup_links (seq) {
        seq -> BigInt,
        id -> Text,
        account -> BigInt,
        client -> BigInt,
        fingerprint -> Binary,
        provider -> Text,
        service_account -> Nullable<Text>,
        contact -> Nullable<Text>,
        created -> BigInt,
        created_by -> Text,
        created_by_name -> Nullable<Text>,
        expires -> BigInt,
        revoked -> Nullable<BigInt>,
        opened -> Nullable<BigInt>,
        opened_from -> Nullable<Text>,
        revealed -> Nullable<BigInt>,
        revealed_from -> Nullable<Text>,
        credential -> Nullable<Text>,
        refused_reveals -> BigInt,
        refused -> Nullable<BigInt>,
        refused_from -> Nullable<Text>,
        finished -> Nullable<BigInt>,
        progress -> Text,
    }
}

diesel::table! {
    used_assertions (id) {
        id -> Binary,
        expires -> BigInt,
    }
}

diesel::table! {
    operators (seq) {
        seq -> BigInt,
        id -> Text,
        name -> Text,
        fingerprint -> Binary,
        created -> BigInt,
        last_used -> Nullable<BigInt>,
        ended -> Nullable<BigInt>,
        expires -> Nullable<BigInt>,
        name_key -> Nullable<Text>,
        signs_in_as -> Nullable<Text>,
        role -> Text,
        limited -> Bool,
        configured -> Bool,
        address -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        issuer -> Nullable<Text>,
        subject -> Nullable<Text>,
        seen -> Nullable<BigInt>,
        token_made -> Nullable<BigInt>,
    }
}

diesel::table! {
    operator_accounts (operator, account) {
        operator -> BigInt,
        account -> BigInt,
    }
}

diesel::table! {
    operator_sessions (fingerprint) {
        fingerprint -> Binary,
        operator -> BigInt,
        proof -> Text,
        auth_time -> BigInt,
        expires -> BigInt,
        last_seen -> BigInt,
        address -> Nullable<Text>,
        browser -> Nullable<Text>,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        sealed -> Text,
        created -> BigInt,
        expires -> Nullable<BigInt>,
        signs_from -> BigInt,
    }
}

diesel::table! {
    pushed_requests (fingerprint) {
        fingerprint -> Binary,
        client -> Text,
        parameters -> Text,
        expires -> BigInt,
    }
}

diesel::table! {
    dpop_proofs (id) {
        id -> Binary,
        expires -> BigInt,
    }
}

diesel::table! {
    resource_blocks (account, resource_type, level, last) {
        account -> BigInt,
        resource_type -> SmallInt,
        level -> SmallInt,
        last -> BigInt,
        n -> BigInt,
    }
}

diesel::table! {
    resource_gaps (account, resource_type, seq) {
        account -> BigInt,
        resource_type -> SmallInt,
        seq -> BigInt,
    }
}

diesel::table! {
    notices (seq) {
        seq -> BigInt,
        id -> Text,
        account -> BigInt,
        resource -> BigInt,
        kind -> Text,
        detail -> Text,
        made -> BigInt,
        seen -> Nullable<BigInt>,
        mailed -> Nullable<BigInt>,
        tries -> BigInt,
        next_try -> Nullable<BigInt>,
        problem -> Nullable<Text>,
    }
}

// No statement of the query builder joins tables; `statement` does.
