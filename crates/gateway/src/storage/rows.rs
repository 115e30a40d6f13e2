//! Rows as several files read them, with their columns where a file has them to itself no longer.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, SmallInt, Text};
use scim::resource::{Attributes, Meta};
use scim::schema::ResourceTypeId;
use scim::store::Stored;
use scim::{Id, Resource};

use super::error::DbError;
use crate::domain::ids::{AccountKey, ClientKey, ResourceKey};
use crate::platform::timestamp::Timestamp;

/// An account.
pub(super) type AccountRow = (AccountKey, String, String, String, Option<String>, Timestamp, String, Option<Timestamp>);

/// A grant: its number, account, client, owner, scope, nonce, and when and how they logged in; when it was created, ended and rebound, and what was delivered.
pub(super) type GrantRow = (
    (i64, i64, String, Option<String>, String, Option<String>, Option<Timestamp>, Option<String>),
    (Timestamp, Option<Timestamp>, Option<Timestamp>, Option<i32>, Option<Timestamp>),
);

/// The client of a grant: its number, name, profile, options, and until when it is recorded.
pub(super) type ClientRow = (ClientKey, String, String, String, Option<Timestamp>);

/// What decides whether a token counts, and the account it opens.
pub(super) type StatusRow =
    (GrantRow, (bool, Option<i64>, Option<bool>, Option<i64>, Option<i64>), ClientRow, AccountRow);

/// A membership on a way up: what is inside, and the group's number, id and name.
pub(super) type Upward = (i64, i64, String, String);

/// What a static token has beside its status: its id, scope, when it was created, expires and was used last, and what its client may have.
pub(super) type TokenRow = (String, String, Timestamp, Timestamp, Option<Timestamp>, String);

/// A refresh token.
#[derive(Debug, Queryable)]
pub(super) struct RefreshRow {
    pub(super) fingerprint: Vec<u8>,
    pub(super) grant_seq: i64,
    pub(super) generation: i32,
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) used: Option<Timestamp>,
    pub(super) bounds: Option<String>,
    pub(super) reissues: i32,
    pub(super) repeats: i32,
    pub(super) account: Option<i64>,
}

/// A resource that comes along with a token, and what is known about it.
pub(super) type AlongRow = (
    (Option<i64>, Option<i16>, Option<String>, Option<i64>, Option<i64>, Option<i64>),
    (Option<String>, Option<bool>, Option<bool>, Option<String>, Option<String>, Option<i64>),
    Option<String>,
);

/// A client with its account and its secrets.
pub(super) type ClientValues = (
    (ClientKey, String, Option<AccountKey>, String, String, Option<String>, bool, String),
    (String, String, String, bool, bool, Timestamp, String),
    (Option<Timestamp>, Option<String>),
    (Option<AccountKey>, Option<String>, Option<String>, Option<Timestamp>),
    Option<String>,
);

/// A row of `resources` as it is read.
#[derive(Debug, Clone, Queryable)]
pub(super) struct Row {
    pub(super) seq: ResourceKey,
    pub(super) resource_type: i16,
    pub(super) id: String,
    version: i64,
    created: Timestamp,
    last_modified: Timestamp,
    document: String,
}

/// The columns of a [`Row`] as text, in its order, of a table that is called `r`. A document that has more bytes than the value of the
/// `?` does not come along: its size does ([`Row::withheld`]). No text of a document looks like a number.
macro_rules! row_within {
    () => {
        "r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, \
         CASE WHEN octet_length(r.document) <= ? THEN r.document ELSE CAST(octet_length(r.document) AS TEXT) END"
    };
}
pub(super) use row_within;

/// The columns of a [`Row`], in its order.
macro_rules! row_columns {
    () => {
        (
            resources::seq,
            resources::resource_type,
            resources::id,
            resources::version,
            resources::created,
            resources::last_modified,
            resources::document,
        )
    };
}
pub(super) use row_columns;

/// The types of its columns.
pub(super) type RowColumns = (BigInt, SmallInt, Text, BigInt, BigInt, BigInt, Text);

impl Row {
    /// Of these values.
    pub(super) fn of(
        seq: ResourceKey,
        (resource_type, id): (i16, String),
        (version, created, last_modified): (i64, i64, i64),
        document: String,
    ) -> Row {
        let [created, last_modified] = [created, last_modified].map(Timestamp::of_millis);
        Row { seq, resource_type, id, version, created, last_modified, document }
    }

    /// How large the document is that did not come along.
    pub(super) fn withheld(&self) -> Option<usize> {
        self.document.starts_with(|c: char| c.is_ascii_digit()).then(|| self.document.parse().unwrap_or(usize::MAX))
    }

    /// The document that did not come along.
    pub(super) fn with(self, document: String) -> Row {
        Row { document, ..self }
    }

    /// Whether all its text is in ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        self.document.is_ascii()
    }

    pub(super) fn stored(self) -> Result<Stored, DbError> {
        let attributes = Attributes::of_text(self.document)
            .map_err(|e| DbError::Corrupt(format!("document of resource {}: {e}", self.id)))?;
        let id = Id::new(self.id).ok_or_else(|| DbError::Corrupt("a resource id".to_owned()))?;
        let (created, last_modified) = (self.created.millis(), self.last_modified.millis());
        let meta = Meta { created, last_modified, version: self.version };
        let resource = Resource::from_stored(ResourceTypeId(self.resource_type), id, meta, attributes);
        Ok(Stored { handle: self.seq.into(), resource })
    }
}
