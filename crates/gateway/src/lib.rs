//! The gateway: one binary that is an OAuth 2.0 / OpenID Connect authorization server and a SCIM 2.0 service provider.
//!
//! The protocols live in the [`oauth`] and [`scim`] crates, as plain functions. This crate knows the world: HTTP
//! ([`http`]), SQL ([`storage`]), the clock and entropy ([`system`]), configuration ([`config`]), calls to other
//! servers ([`outbound`]), mail ([`mail`]), the process ([`serve`]). Where
//! one protocol's news matters to the other, the sentence is written in [`lifecycle`].
#![cfg_attr(test, allow(missing_docs))]

pub mod admission;
pub mod allowed_values;
pub mod app;
pub mod budget;
pub mod calendar;
pub mod catalogs;
pub mod cli;
pub mod config;
pub mod demo;
pub mod housekeeping;
pub mod http;
pub mod lane;
pub mod leniency;
pub mod lifecycle;
pub mod mail;
pub mod master_key;
pub mod notices;
pub mod operator_name;
pub mod outbound;
pub mod passwords;
pub mod person;
pub mod refusals;
pub mod reindex;
pub mod schemas;
pub mod secret_text;
pub mod serve;
pub mod sign_in;
pub mod signing;
pub mod stopping;
pub mod storage;
pub mod system;
pub mod throttle;
pub mod totp;
pub mod turns;
pub mod upstream;
pub(crate) mod words;
pub mod worker;
