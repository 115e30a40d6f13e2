//! Which rows go with which owner. A new table that belongs to a user, a group, a client or an account gets its row here; the deletion
//! of one owner and the emptying of deleted accounts read the same lists, and a test compares them with the schema.

use diesel::prelude::*;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::{
    access_rules, account_days, client_activity, client_days, client_health, client_origins, client_secrets,
    dead_letters, deliveries, event_streams, field_counts, letters, logins, logout_tokens, members, notices,
    operator_accounts, parked_members, password_links, past_members, past_resources, past_terms, receivers, recordings,
    recovery_codes, relying_parties, replaced_values, resource_counts, saml_providers, second_factors, sessions,
    setup_links, signal_polls, static_tokens, tolerance_needs, unrecorded_requests, upstream_identities,
    upstream_secrets, user_signals,
};
use super::statement::{Bind, Dialects, Statement, in_account};
use crate::domain::ids::{AccountKey, ClientKey, ResourceKey, UserKey};
use crate::each;

/// The same of a user or a group, whose account is named: first tables whose rows are of an account, then others.
macro_rules! owned_in_account {
    ($(#[$doc:meta])* $list:ident, $one:ident, $many:ident of $key:ty: $($table:ident.$column:ident),+; $($other:ident.$its:ident),*) => {
        $(#[$doc])*
        #[cfg(test)]
        const $list: &[(&str, &str)] =
            &[$((stringify!($table), stringify!($column))),+ $(, (stringify!($other), stringify!($its)))*];

        $(#[$doc])*
        pub(super) fn $one(conn: &mut AnyConn, account: AccountKey, owner: $key) -> Result<(), DbError> {
            $({
                // SQLite would as soon go through the account.
                let text = Dialects {
                    sqlite: concat!("DELETE FROM ", stringify!($table), " WHERE ", stringify!($column), " = ?"),
                    postgres: concat!("DELETE FROM ", stringify!($table), " WHERE account = ? AND ", stringify!($column), " = ?"),
                }.of(conn);
                Statement::<()>::put_off(conn, text, in_account(text, account, vec![Bind::number(owner)]))?;
            })+
            $(Statement::<()>::put_off(
                conn,
                concat!("DELETE FROM ", stringify!($other), " WHERE ", stringify!($its), " = ?"),
                vec![Bind::number(owner)],
            )?;)*
            Ok(())
        }

        $(#[$doc])*
        pub(super) fn $many(conn: &mut AnyConn, account: AccountKey, owners: &[$key]) -> Result<(), DbError> {
            $({
                let theirs = $table::table.filter($table::$column.eq_any(owners));
                match &mut *conn {
                    AnyConn::Postgres(c) => diesel::delete(theirs.filter($table::account.eq(account))).execute(c.begun())?,
                    AnyConn::Sqlite(c) => diesel::delete(theirs).execute(c)?,
                };
            })+
            $(each!(&mut *conn, c => diesel::delete($other::table.filter($other::$its.eq_any(owners))).execute(c))?;)*
            Ok(())
        }
    };
}

/// The list of an owner, and what deletes the rows of one or of many of them.
macro_rules! owned {
    ($(#[$doc:meta])* $list:ident, $one:ident, $many:ident of $key:ty: $($table:ident.$column:ident),+ $(,)?) => {
        $(#[$doc])*
        #[cfg(test)]
        const $list: &[(&str, &str)] = &[$((stringify!($table), stringify!($column))),+];

        $(#[$doc])*
        pub(super) fn $one(conn: &mut AnyConn, owner: $key) -> Result<(), DbError> {
            $(Statement::<()>::put_off(
                conn,
                concat!("DELETE FROM ", stringify!($table), " WHERE ", stringify!($column), " = ?"),
                vec![Bind::number(owner)],
            )?;)+
            Ok(())
        }

        $(#[$doc])*
        #[allow(dead_code)] // some owners go one by one only
        pub(super) fn $many(conn: &mut AnyConn, owners: &[$key]) -> Result<(), DbError> {
            $(each!(&mut *conn, c => diesel::delete($table::table.filter($table::$column.eq_any(owners))).execute(c))?;)+
            Ok(())
        }
    };
}

owned_in_account! {
    /// What a user has, by the number of their row in `resources`. Their grants end, and are kept for a while.
    OWNED_BY_USER, delete_of_user, delete_of_users of UserKey:
    logins.resource, second_factors.resource, upstream_identities.resource, notices.resource, sessions.owner, user_signals.resource,
    relying_parties.owner;
    recovery_codes.resource, password_links.resource
}

owned_in_account! {
    /// What a group has, by the number of its row in `resources`.
    OWNED_BY_GROUP, delete_of_group, delete_of_groups of ResourceKey: members.group_seq, parked_members.group_seq;
}

owned_in_account! {
    /// What a user or a group is part of.
    OWNED_BY_MEMBER, delete_of_member, delete_of_members of ResourceKey: members.member_seq;
}

owned! {
    /// What a client has, by its number.
    OWNED_BY_CLIENT, delete_of_client, delete_of_clients of ClientKey:
    client_origins.client, client_secrets.client, tolerance_needs.client, field_counts.client, static_tokens.client,
    recordings.client, client_activity.client, client_days.client, client_health.client, setup_links.client,
    relying_parties.client, logout_tokens.client,
    event_streams.client,
}

owned! {
    /// What an account has beside resources, clients and grants, which go in batches of their own.
    OWNED_BY_ACCOUNT, delete_of_account, delete_of_accounts of AccountKey:
    resource_counts.account, operator_accounts.account, upstream_secrets.account, notices.account,
    unrecorded_requests.account, account_days.account, letters.account, access_rules.account,
    saml_providers.account, signal_polls.account, logout_tokens.account, receivers.account, dead_letters.account, deliveries.account,
    replaced_values.account, past_resources.account, past_members.account, past_terms.account,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = concat!(
        include_str!("schema.rs"),
        include_str!("schema/records.rs"),
        include_str!("schema/access.rs"),
        include_str!("schema/delivery.rs"),
        include_str!("schema/links.rs"),
        include_str!("schema/saml.rs"),
        include_str!("schema/signals.rs"),
        include_str!("schema/streams.rs")
    );

    /// Tables that have such a column and go in another way: in batches of their own, when they expire, or never.
    const OTHERWISE: &[&str] = &[
        "resources",
        "attribute_values",
        "attribute_work",
        "walks",
        "clients",
        "grants",
        "endings",
        "authorization_codes", // with their grants
        "pushed_requests",
        "refresh_tokens",
        "resource_blocks",
        "resource_gaps",
        "audit",
        "events",
        "requests",
        "setup_links", // each belongs to a client of the account
    ];

    fn is_listed(table: &str) -> bool {
        [OWNED_BY_USER, OWNED_BY_GROUP, OWNED_BY_MEMBER, OWNED_BY_CLIENT, OWNED_BY_ACCOUNT]
            .iter()
            .flat_map(|list| list.iter())
            .any(|(listed, _)| *listed == table)
    }

    #[test]
    fn a_table_with_an_owner_is_emptied_with_it() {
        let mut table = "";
        let mut seen = 0;
        for line in SCHEMA.lines() {
            if let Some((name, _)) = line.strip_prefix("    ").and_then(|line| line.split_once(" (")) {
                table = name;
            }
            let column = line.trim().split(" -> ").next().unwrap_or_default();
            if ["account", "resource", "client", "owner", "group_seq", "member_seq"].contains(&column) {
                seen += 1;
                assert!(
                    is_listed(table) || OTHERWISE.contains(&table),
                    "{table}.{column}: who deletes its rows when the owner goes? Add it to a list of storage/owned.rs"
                );
            }
        }
        assert!(seen > 30, "the schema is read");
    }
}
