//! The keys of rows, each a type of its own, so that one cannot stand where another is expected.
//!
//! A key is the number under which a database holds a row. Callers name accounts, clients and users by their ids, which are text.
//! Why these have types and others have none: `docs/decisions/0047-why-is-a-key-not-a-number.md`.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use scim::store::Handle;
use serde::{Deserialize, Serialize};

use crate::platform::turns::Payer;

/// Newtypes of the number in a column of the type `BIGINT`.
macro_rules! keys {
    ($($(#[$doc:meta])* $key:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow, Serialize, Deserialize)]
        #[diesel(sql_type = BigInt)]
        #[serde(transparent)]
        pub struct $key(i64);

        impl $key {
            /// The key of no row: what a value has that is not stored yet.
            pub const NO_ROW: $key = $key(0);

            /// The key of the row with this number: for tests, as what a database answers is a key already.
            pub const fn of_row(number: i64) -> $key {
                $key(number)
            }
        }

        impl std::fmt::Display for $key {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$key> for i64 {
            fn from(key: $key) -> i64 {
                key.0
            }
        }

        impl<DB: Backend> ToSql<BigInt, DB> for $key
        where
            i64: ToSql<BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<DB: Backend> FromSql<BigInt, DB> for $key
        where
            i64: FromSql<BigInt, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<$key> {
                i64::from_sql(bytes).map($key)
            }
        }
    )*};
}

keys! {
    /// The key of an account's row.
    AccountKey;
    /// The key of a client's row.
    ClientKey;
    /// The key of a user's row among the resources. A [`ResourceKey`] becomes one only where a statement has found a user.
    UserKey;
    /// The key of a resource's row, of any type; the scim crate calls it a handle.
    ResourceKey;
    /// The key of an operator's row.
    OperatorKey;
    /// Whose an authenticator app is: a user's, by the key of their row, or an operator's, by the negative of theirs. One column holds both.
    FactorKey;
}

impl AccountKey {
    /// This account, as it takes turns with others.
    pub fn payer(self) -> Payer {
        Payer::account(self.0)
    }
}

impl UserKey {
    /// Of a resource that is known to be a user.
    pub fn of_user(resource: impl Into<ResourceKey>) -> UserKey {
        UserKey(resource.into().0)
    }
}

impl From<UserKey> for FactorKey {
    fn from(user: UserKey) -> FactorKey {
        FactorKey(user.0)
    }
}

impl From<OperatorKey> for FactorKey {
    fn from(operator: OperatorKey) -> FactorKey {
        FactorKey(-operator.0)
    }
}

impl From<UserKey> for ResourceKey {
    fn from(user: UserKey) -> ResourceKey {
        ResourceKey(user.0)
    }
}

impl From<Handle> for ResourceKey {
    fn from(handle: Handle) -> ResourceKey {
        ResourceKey(handle.0)
    }
}

impl From<ResourceKey> for Handle {
    fn from(key: ResourceKey) -> Handle {
        Handle(key.0)
    }
}
