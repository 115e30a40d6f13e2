//! Receivers of the feed as pages name them: those of one account, or those of all accounts.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::Desk;
use super::account::head_of;
use super::parts::Crumb;
use super::tabs::{AccountTab, of_account};
use crate::app::App;
use crate::domain::when::When;
use crate::domain::wording;
use crate::http::pages::failure::PageFailure;
use crate::services::error::ActError;
use crate::services::webhooks as service;
use crate::storage::ReadCost;

/// So many dead letters and requests stand on the page.
const SHOWN: i64 = 25;
/// The list of those of all accounts.
pub(super) const OF_ALL: &str = "/console/webhooks";

/// Which one a page is about, and whose it is; the same pages are below an account and beside all accounts.
#[derive(Debug, Clone)]
pub(super) struct At {
    /// The id of the account; `None`: of all.
    pub(super) account: Option<String>,
    /// The id of the receiver, where the path has one.
    pub(super) id: String,
}

impl FromRequest for At {
    type Error = actix_web::Error;
    type Future = Ready<Result<At, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let of = |name: &str| request.match_info().get(name).map(str::to_owned);
        let id = of("webhook").or_else(|| of("stream")).unwrap_or_default();
        ready(Ok(At { account: of("account"), id }))
    }
}

impl At {
    /// The list that it is on.
    pub(super) fn list(&self) -> String {
        match &self.account {
            Some(account) => format!("{}/webhooks", of_account(account)),
            None => OF_ALL.to_owned(),
        }
    }

    /// The page of a webhook on that list.
    pub(super) fn webhook(&self, id: &str) -> String {
        format!("{}/{id}", self.list())
    }

    /// The page of a stream on that list.
    pub(super) fn stream(&self, id: &str) -> String {
        match &self.account {
            Some(account) => format!("{}/streams/{id}", of_account(account)),
            None => format!("/console/streams/{id}"),
        }
    }

    /// The way to a page below that list.
    pub(super) async fn crumbs(&self, desk: &Desk, app: &App, label: &str) -> Result<Vec<Crumb>, PageFailure> {
        Ok(match &self.account {
            Some(account) => AccountTab::Webhooks.crumbs(&head_of(desk, app, account).await?, label),
            None => {
                vec![Crumb::to("Accounts", "/console"), Crumb::to("All accounts", OF_ALL), Crumb::here(label)]
            }
        })
    }
}

/// A refused event, or a request.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) event: String,
    pub(super) kind: String,
    pub(super) at: When,
    pub(super) status: String,
    /// How long it took, or how often it was sent.
    pub(super) count: i64,
    pub(super) problem: Option<String>,
    pub(super) is_wanted: bool,
}

/// What a receiver refused, and the latest requests to it.
pub(super) async fn lines(desk: &Desk, app: &App, id: &str) -> Result<(Vec<Line>, Vec<Line>), PageFailure> {
    let (mandate, id, now) = (desk.mandate().clone(), id.to_owned(), app.clock.now());
    let (letters, requests) = desk
        .read(app, ReadCost::Scan, move |tx| {
            let letters = service::dead_letters(tx, &mandate, &id, (0, SHOWN))?;
            Ok::<_, ActError>((letters, service::deliveries(tx, &mandate, &id, None, SHOWN)?))
        })
        .await?;
    let status_of = |status: Option<i64>| status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let letters = letters.into_iter().map(|(_, letter)| Line {
        event: letter.event_id,
        kind: letter.kind,
        at: When::at(letter.time.0),
        status: status_of(letter.status),
        count: letter.tries,
        problem: Some(wording::strip_invisible(&letter.problem)),
        is_wanted: letter.resend_requested.is_some(),
    });
    let requests = requests.into_iter().map(|(_, sent)| Line {
        event: sent.event_id,
        kind: sent.kind,
        at: When::ago(sent.at.0, now),
        status: status_of(sent.status),
        count: sent.took_ms,
        problem: sent.problem.as_deref().map(wording::strip_invisible),
        is_wanted: false,
    });
    Ok((letters.collect(), requests.collect()))
}
