//! Storage: one code path over SQLite and PostgreSQL. SQL lives below here and nowhere else.
//!
//! [`db`] says where transactions begin and end, [`tx`] what one is, and each noun has a file. Everything that belongs to
//! one customer is reached through [`AccountTx`], which puts the account into every statement; the look-ups that cross
//! accounts by their nature (a client's id, a token's fingerprint, a name at the login page) are in [`clients`],
//! [`grants`], [`tokens`], [`static_tokens`] and [`logins`].

pub mod accounts;
mod administrators;
mod attempts;
pub mod attribute_work;
pub mod audit;
pub mod authorized_clients;
mod backend;
pub mod backlog;
mod batches;
mod bulk_requests;
mod bulk_revocations;
mod client_origins;
mod client_proofs;
pub mod clients;
pub mod daily_counts;
pub mod db;
mod desk;
pub mod directory;
pub mod error;
pub mod export;
mod fate;
pub mod field_counts;
pub mod files;
pub mod grant_owners;
pub mod grants;
pub mod health;
pub mod housekeeping;
pub mod installation;
pub mod letters;
pub mod list_counts;
mod list_positions;
pub mod listed_values;
pub mod logins;
pub mod members;
pub mod migrations;
pub mod notices;
mod oauth_store;
pub mod operator_logins;
pub mod operator_sessions;
pub mod operators;
mod owned;
pub mod password_links;
pub mod pending_members;
pub mod people;
pub mod pulse;
mod pushed_requests;
mod reindex;
mod rekeying;
pub mod requests;
pub mod resources;
pub mod schema;
mod scim_store;
pub mod sealed;
pub mod search;
pub mod second_factors;
mod session;
pub mod sessions;
pub mod setup_links;
pub mod shared_keys;
pub mod sign_in_flows;
pub mod signing_keys;
mod spent_proofs;
pub mod standings;
mod statement;
pub mod static_tokens;
pub mod tokens;
pub mod tolerance_needs;
pub mod transaction;
pub mod turn;
mod tx;
pub mod upstream_identities;
mod writer;

pub use backend::{AnyConn, DatabaseUrl, Patience};
pub use db::{Db, Limits, ReadCost};
pub(crate) use desk::Desk;
pub use error::{DbError, Meaning};
pub(crate) use pushed_requests::PushLimit;
pub use resources::AccountTx;
pub use transaction::{TransactionError, read_on};
pub(crate) use tx::GrantContext;
pub use tx::Tx;
