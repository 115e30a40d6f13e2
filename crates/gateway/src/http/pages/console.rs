//! The console of operators: server-rendered pages that call services, as the admin API does.
//!
//! A handler of the console takes a [`Desk`] (of a GET) or a [`Submitted`] form (of a POST): neither can be had without a session, and the
//! latter not without the token of that session. Each file here has a table of its endpoints, which stands in [`TABLES`].

use crate::app::App;
use crate::domain::wording;
use crate::http::edge::endpoints::Endpoint;
use crate::http::pages::failure::PageFailure;
use crate::services::operators as operator_services;
use crate::storage::ReadCost;

mod access;
mod account;
mod accounts;
mod attributes;
mod audit;
mod connect;
mod connection;
mod credentials;
mod desk;
mod directory;
mod frame;
mod health;
mod labels;
mod leaving;
mod letters;
mod login;
mod operators;
mod parts;
mod receivers;
mod request;
mod requests;
mod seat;
mod settings;
mod sign_in;
mod streams;
mod tabs;
mod webhooks;
mod welcome;
mod you;

pub(in crate::http::pages) use desk::{Desk, Submitted};
pub(in crate::http::pages) use frame::Section;
pub(in crate::http::pages) use login::came_back;

/// Every page and form of the console, file by file.
pub static TABLES: &[&[Endpoint]] = &[
    login::ENDPOINTS,
    welcome::ENDPOINTS,
    you::ENDPOINTS,
    accounts::ENDPOINTS,
    account::ENDPOINTS,
    access::ENDPOINTS,
    settings::ENDPOINTS,
    attributes::ENDPOINTS,
    sign_in::ENDPOINTS,
    streams::ENDPOINTS,
    webhooks::ENDPOINTS,
    connect::ENDPOINTS,
    letters::ENDPOINTS,
    connection::ENDPOINTS,
    credentials::ENDPOINTS,
    health::ENDPOINTS,
    requests::ENDPOINTS,
    request::ENDPOINTS,
    directory::ENDPOINTS,
    operators::ENDPOINTS,
    audit::ENDPOINTS,
];

/// The accounts that the operator reaches, in words.
async fn reach_in_words(app: &App, desk: &Desk) -> Result<String, PageFailure> {
    let reach = desk.mandate().reach().clone();
    let names = desk.read(app, ReadCost::Point, move |tx| operator_services::names_of(tx, &reach)).await?;
    Ok(match names {
        None => "all".to_owned(),
        Some(names) if names.is_empty() => "none".to_owned(),
        Some(names) => names.iter().map(|name| wording::strip_invisible(name)).collect::<Vec<_>>().join(", "),
    })
}
