//! The console of operators: server-rendered pages that call services, as the admin API does.
//!
//! A handler of the console takes a [`Desk`] (of a GET) or a [`Submitted`] form (of a POST): neither can be had without a session, and the
//! latter not without the token of that session. Each file here has a table of its endpoints, which stands in [`TABLES`].

use crate::http::edge::endpoints::Endpoint;

mod account;
mod accounts;
mod attributes;
mod connect;
mod connection;
mod credentials;
mod desk;
mod directory;
mod frame;
mod health;
mod login;
mod parts;
mod request;
mod requests;
mod seat;
mod settings;
mod sign_in;
mod tabs;

pub(in crate::http::pages) use desk::{Desk, Submitted};
pub(in crate::http) use frame::DeskFrame;
pub(in crate::http::pages) use frame::Section;
pub(in crate::http::pages) use login::came_back;
pub(in crate::http::pages) use seat::SESSION;

/// Every page and form of the console, file by file.
pub static TABLES: &[&[Endpoint]] = &[
    login::ENDPOINTS,
    accounts::ENDPOINTS,
    account::ENDPOINTS,
    settings::ENDPOINTS,
    attributes::ENDPOINTS,
    sign_in::ENDPOINTS,
    connect::ENDPOINTS,
    connection::ENDPOINTS,
    credentials::ENDPOINTS,
    health::ENDPOINTS,
    requests::ENDPOINTS,
    request::ENDPOINTS,
    directory::ENDPOINTS,
];
