//! The tables of what is written down and counted: acts, requests, fields, tolerances, failed attempts.

diesel::table! {
    audit (seq) {
        seq -> BigInt,
        at -> BigInt,
        account -> Nullable<BigInt>,
        actor -> Text,
        action -> Text,
        target -> Nullable<Text>,
        address -> Nullable<Text>,
        detail -> Nullable<Text>,
        changes -> Nullable<Text>,
        segment -> Nullable<BigInt>,
        actor_name -> Nullable<Text>,
        target_name -> Nullable<Text>,
        account_id -> Nullable<Text>,
        account_name -> Nullable<Text>,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    events (seq) {
        seq -> BigInt,
        id -> Text,
        at -> BigInt,
        account -> Nullable<BigInt>,
        account_id -> Nullable<Text>,
        kind -> Text,
        body -> Text,
    }
}

diesel::table! {
    audit_segments (number) {
        number -> BigInt,
        first -> BigInt,
        last -> BigInt,
        entries -> BigInt,
        newest -> BigInt,
        sealed -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    requests (seq) {
        seq -> BigInt,
        bits -> BigInt,
        given_id -> Nullable<Text>,
        account -> Nullable<BigInt>,
        client -> Nullable<Text>,
        actor -> Nullable<Text>,
        address -> Nullable<Text>,
        method -> Text,
        endpoint -> Text,
        target -> Nullable<Text>,
        target_name -> Nullable<Text>,
        status -> Integer,
        code -> Nullable<Text>,
        detail -> Nullable<Text>,
        micros -> BigInt,
        more -> Nullable<Text>,
    }
}

diesel::table! {
    recordings (seq) {
        seq -> BigInt,
        client -> BigInt,
        sealed -> Text,
    }
}

diesel::table! {
    unrecorded_requests (account, hour) {
        account -> BigInt,
        hour -> BigInt,
        successes -> BigInt,
        failures -> BigInt,
    }
}

diesel::table! {
    tolerance_needs (client, tolerance) {
        client -> BigInt,
        tolerance -> Text,
        forgiven -> BigInt,
        refused -> BigInt,
        last_needed -> BigInt,
    }
}

diesel::table! {
    field_counts (client, resource_type, name) {
        client -> BigInt,
        resource_type -> SmallInt,
        name -> Text,
        known -> Bool,
        arrived -> BigInt,
        changed -> BigInt,
        empty -> BigInt,
        refused -> BigInt,
        ignored -> BigInt,
        last_arrived -> Nullable<BigInt>,
        last_changed -> Nullable<BigInt>,
        last_empty -> Nullable<BigInt>,
        last_refused -> Nullable<BigInt>,
        last_ignored -> Nullable<BigInt>,
        nearest -> Nullable<Text>,
    }
}

diesel::table! {
    client_activity (client) {
        client -> BigInt,
        last_request -> Nullable<BigInt>,
        request_address -> Nullable<Text>,
        last_success -> Nullable<BigInt>,
        success_address -> Nullable<Text>,
        last_token -> Nullable<BigInt>,
        token_address -> Nullable<Text>,
        last_import -> Nullable<BigInt>,
        import_address -> Nullable<Text>,
        day -> BigInt,
        days -> BigInt,
        writes -> BigInt,
        writes_before -> BigInt,
    }
}

diesel::table! {
    client_days (client, day) {
        client -> BigInt,
        day -> BigInt,
        requests -> BigInt,
        refused -> BigInt,
        list_pages -> BigInt,
    }
}

diesel::table! {
    account_days (account, day) {
        account -> BigInt,
        day -> BigInt,
        user_count -> BigInt,
        group_count -> BigInt,
    }
}

diesel::table! {
    client_health (client) {
        client -> BigInt,
        state -> Text,
        since -> BigInt,
        told -> Text,
        differs_since -> Nullable<BigInt>,
        reasons -> Text,
        due -> BigInt,
    }
}

diesel::table! {
    client_failures (id) {
        id -> Binary,
        n -> BigInt,
        expires -> BigInt,
    }
}

diesel::table! {
    attempts (key) {
        key -> Binary,
        failures -> BigInt,
        last -> BigInt,
        expires -> BigInt,
    }
}

diesel::table! {
    letters (seq) {
        seq -> BigInt,
        id -> Text,
        account -> Nullable<BigInt>,
        about -> Text,
        recipient -> Binary,
        shown -> Text,
        sealed -> Nullable<Text>,
        made -> BigInt,
        tries -> BigInt,
        next_try -> Nullable<BigInt>,
        mailed -> Nullable<BigInt>,
        problem -> Nullable<Text>,
    }
}
