//! Stories: what people and identity providers do, over real HTTP, against the built binary, on SQLite and on PostgreSQL.
//!
//! `story.rs` says how a story is told, `world.rs` what it happens in. `okta.rs` and `entra.rs` speak as those vendors do.
//! The rest are the stories, one file for each theme.
#![allow(missing_docs, unreachable_pub)] // a test binary has no outside

#[macro_use]
mod story;

mod account;
mod behind;
mod browser;
mod chance;
mod entra;
mod environment;
mod html;
mod http;
mod identity_provider;
mod jwt;
mod key_server;
mod letter_box;
mod oauth_client;
mod okta;
mod postgres;
mod process;
mod prover;
mod relying_party;
mod together;
mod workplace;
mod world;

mod accounts;
mod assertions;
mod attacks_admin;
mod attacks_authorization;
mod attacks_client_authentication;
mod attacks_grants;
mod attacks_login;
mod attacks_people;
mod attacks_pkce;
mod attacks_prompts;
mod attacks_token_endpoint;
mod attributes;
mod attributes_configured;
mod attributes_published;
mod bad_input;
mod bulk;
mod catalogs;
mod consent;
mod contracts;
mod conversations;
mod dpop;
mod durability;
mod errors;
mod everywhere;
mod filters;
mod filters_agree;
mod first_run;
mod groups;
mod guide;
mod housekeeping;
mod jumps;
mod key_files;
mod keys;
mod life_of_a_grant;
mod me;
mod modules_logout;
mod modules_people;
mod modules_tokens;
mod nesting;
mod notices;
mod openid;
mod parked_members;
mod pasted_tokens;
mod people;
mod plans;
mod points_cursors;
mod points_patch;
mod points_protocol;
mod points_querying;
mod points_writing;
mod proxies;
mod pushed_requests;
mod races;
mod replicas;
mod retention;
mod returning;
mod second_factors;
mod secrets;
mod token_formats;
mod tokens;
mod tolerances;
mod transport;
mod upstream;
mod users;
mod walks;
