//! The gateway: one binary that is an OAuth 2.0 / OpenID Connect authorization server and a SCIM 2.0 service provider.
//!
//! The protocols live in the [`oauth`] and [`scim`] crates, as plain functions. This crate knows the world. Its modules are layers, and a
//! file names only what lies below its own, from the top: [`cli`], [`demo`], [`server`], [`simulate`], [`http`] beside [`jobs`], [`app`], [`services`],
//! [`config`], [`storage`], [`domain`], [`platform`].
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
pub mod simulate;
pub mod storage;
