//! The gateway: one binary that is an OAuth 2.0 / OpenID Connect authorization server and a SCIM 2.0 service provider.
//!
//! The protocols live in the [`oauth`] and [`scim`] crates, as plain functions. This crate knows the world: HTTP
//! ([`http`]), SQL ([`storage`]), the clock and entropy ([`system`]), configuration ([`config`]), calls to other
//! servers ([`outbound`]), mail ([`mail`]), the process ([`serve`]). Where
//! one protocol's news matters to the other, the sentence is written in [`lifecycle`].
#![cfg_attr(test, allow(missing_docs))]

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod http;
pub mod jobs;
pub mod platform;
pub mod server;
pub mod services;
pub mod storage;
