//! What stories are told with.

#[macro_use]
pub mod story;

pub mod account;
pub mod browser;
pub mod chromium;
pub mod concurrently;
pub mod console;
pub mod database;
pub mod directories;
pub mod entra;
pub mod environment;
pub mod feed;
pub mod hook;
pub mod http;
pub mod identity_provider;
pub mod inside;
pub mod jwt;
pub mod key_server;
pub mod letter_box;
pub mod nginx;
pub mod oauth_client;
pub mod okta;
pub mod poll_transmitter;
pub mod postgres;
pub mod process;
pub mod prover;
pub mod proxy;
pub mod random;
pub mod reference_proxy;
pub mod relying_party;
pub mod saml_documents;
pub mod saml_provider;
pub mod sent_statements;
pub mod set_receiver;
pub mod signal_sender;
pub mod testing;
pub mod web_site;
pub mod wire;
