//! The request log: of an account, of a connection, and what an error that was pasted came from.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::account::tabs_of;
use super::tabs::{AccountHead, AccountTab};
use super::{Desk, Section};
use crate::app::App;
use crate::domain::operator::Power;
use crate::domain::request::RefusalCode;
use crate::domain::wording;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::edge::query;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form;
use crate::http::pages::templates::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::diagnosis::log::{self, LogPage, Whose};
use crate::storage::requests::search::{Asked, RequestFilter};
use crate::storage::{ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/requests" within_reach(Power::Read) => of_account, "Lists what came of an account's requests.";
    GET "/console/clients/{client}/requests" within_reach(Power::Read) => of_client, "Lists what came of a connection's requests.";
    GET "/console/requests" within_reach(Power::Read) => find, "Finds the request that an error came from.";
];

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;
/// No text that is pasted is longer.
const PASTED: usize = 8000;
/// No name or id is longer.
const LONGEST: usize = 300;
/// The methods that can be chosen.
const METHODS: [&str; 6] = ["", "POST", "PATCH", "PUT", "GET", "DELETE"];
/// The answers that can be chosen.
const STATUSES: [(&str, &str); 5] = [
    ("", "Every answer"),
    ("refused", "Refused"),
    ("4xx", "Refused, 4xx"),
    ("5xx", "Failed here, 5xx"),
    ("2xx", "Done, 2xx"),
];

/// What was chosen and typed, as it stood in the query.
#[derive(Debug, Default)]
struct ShownFilter {
    status: String,
    method: String,
    target: String,
    code: String,
    since: String,
    until: String,
    after: Option<i64>,
    mistakes: Vec<String>,
}

/// The pairs of a query.
pub(super) fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, PageFailure> {
    let pairs = query::lenient(form::query(request)?.as_bytes());
    // No value in a database may have a NUL.
    Ok(pairs.into_iter().map(|(name, value)| (name, value.replace('\0', "\u{fffd}"))).collect())
}

/// A parameter of a query; empty if it is not there.
pub(super) fn parameter(pairs: &[(String, String)], name: &str) -> String {
    pairs.iter().find(|(of, _)| of == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

/// An address with these parameters, those that are empty left out.
pub(super) fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

impl ShownFilter {
    fn read(pairs: &[(String, String)]) -> ShownFilter {
        let text = |name| parameter(pairs, name);
        ShownFilter {
            status: text("status"),
            method: text("method"),
            target: text("target"),
            code: text("code"),
            since: text("since"),
            until: text("until"),
            after: text("after").parse().ok(),
            mistakes: Vec::new(),
        }
    }

    /// As the log is asked; what is wrong is noted, and left out.
    fn filter(&mut self) -> RequestFilter {
        let mut filter = RequestFilter::of(Asked::All);
        let mut mistakes = Vec::new();
        filter.status = match self.status.as_str() {
            "" => None,
            "refused" => Some((400, 599)),
            text => {
                let class = text
                    .strip_suffix("xx")
                    .and_then(|class| class.parse().ok())
                    .filter(|class| (1..=5).contains(class));
                let range = class.map(|class: i32| (class * 100, class * 100 + 99));
                let exact =
                    text.parse().ok().filter(|status| (100..=599).contains(status)).map(|status| (status, status));
                let found = range.or(exact);
                if found.is_none() {
                    mistakes.push("The answer is a status such as 409, or a class such as 4xx.".to_owned());
                }
                found
            }
        };
        filter.method = match self.method.as_str() {
            "" => None,
            method if METHODS.contains(&method) => Some(method.to_owned()),
            _ => {
                mistakes.push(format!("The method is one of {}.", METHODS[1..].join(", ")));
                None
            }
        };
        filter.target = match self.target.as_str() {
            "" => None,
            target if target.len() <= LONGEST && !target.chars().any(char::is_control) => Some(target.to_owned()),
            _ => {
                mistakes.push(format!("The name or id of a user or group has at most {LONGEST} bytes."));
                None
            }
        };
        filter.code = match self.code.as_str() {
            "" => None,
            code if RefusalCode::named(code).is_some() => Some(code.to_owned()),
            code => {
                let near = RefusalCode::nearest(&code.chars().take(80).collect::<String>());
                mistakes.push(match near.is_empty() {
                    true => "No refusal has this code.".to_owned(),
                    false => format!("No refusal has this code. The nearest: {}.", near.join(", ")),
                });
                None
            }
        };
        for (name, text, into) in [("since", &self.since, &mut filter.since), ("until", &self.until, &mut filter.until)]
        {
            if text.is_empty() {
                continue;
            }
            match day(text) {
                Some(at) => *into = Some(if name == "until" { at + DAY } else { at }),
                None => mistakes.push(format!("“{name}” is a day such as 2026-11-26.")),
            }
        }
        self.mistakes = mistakes;
        filter
    }

    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("status", self.status.as_str()),
            ("method", self.method.as_str()),
            ("target", self.target.as_str()),
            ("code", self.code.as_str()),
            ("since", self.since.as_str()),
            ("until", self.until.as_str()),
        ]
    }

    /// Each filter in force, with the address of the same page without it.
    fn chips(&self, path: &str) -> Vec<(String, String)> {
        let pairs = self.pairs();
        let without = |name: &str| {
            let rest: Vec<(&str, &str)> = pairs.iter().copied().filter(|(of, _)| *of != name).collect();
            address(path, &rest)
        };
        let chip = |(name, value): (&'static str, &str)| {
            let words = match name {
                "status" => STATUSES.iter().find(|(of, _)| *of == value).map_or(value, |(_, words)| *words).to_owned(),
                "method" => value.to_owned(),
                "target" => format!("About {value}"),
                "code" => format!("Code {value}"),
                "since" => format!("Since {value}"),
                _ => format!("Until {value}"),
            };
            (words, without(name))
        };
        pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(chip).collect()
    }

    fn statuses(&self) -> &'static [(&'static str, &'static str)] {
        &STATUSES
    }

    fn methods(&self) -> &'static [&'static str] {
        &METHODS
    }

    fn codes(&self) -> &'static [&'static str] {
        RefusalCode::names()
    }
}

/// When a day begins that is written as `2026-11-26`.
fn day(text: &str) -> Option<Timestamp> {
    let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(Timestamp::of_millis(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis()))
}

/// A page of the log.
#[derive(Debug, Template)]
#[template(path = "console/requests.html")]
struct RequestsTemplate {
    /// Of the requests of an account.
    account: Option<AccountHead>,
    may_connect: bool,
    is_overview: bool,
    page: LogPage,
    filter: ShownFilter,
    chips: Vec<(String, String)>,
    path: String,
    next: Option<String>,
    newest: String,
    goes_on: bool,
    shows_client: bool,
    is_search: bool,
    text: String,
    kept_days: u32,
    is_recorded: bool,
}

fn listed(app: &App, page: LogPage, filter: ShownFilter, path: String, shows_client: bool) -> RequestsTemplate {
    let newest = address(&path, &filter.pairs());
    let next = page.next.map(|row| {
        let row = row.to_string();
        let mut pairs = filter.pairs().to_vec();
        pairs.push(("after", &row));
        address(&path, &pairs)
    });
    RequestsTemplate {
        account: None,
        may_connect: false,
        is_overview: false,
        chips: filter.chips(&path),
        goes_on: filter.after.is_some(),
        page,
        filter,
        path,
        next,
        newest,
        shows_client,
        is_search: false,
        text: String::new(),
        kept_days: app.config.requests.keep_days,
        is_recorded: app.recorder.is_on(),
    }
}

async fn of_account(
    desk: Desk,
    app: web::Data<App>,
    request: HttpRequest,
    account: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let mut filter = ShownFilter::read(&pairs(&request)?);
    let (asked, after) = (filter.filter(), filter.after);
    let head = tabs_of(&desk, &app, &account, AccountTab::Requests).await?;
    let (mandate, id) = (desk.mandate().clone(), account.clone());
    let read = move |tx: &mut Tx<'_>| log::of_account(tx, &mandate, &id, asked.clone(), after);
    let page = desk.read(&app, ReadCost::Scan, read).await?;
    let path = format!("/console/accounts/{account}/requests");
    let shown = RequestsTemplate { account: Some(head), ..listed(&app, page, filter, path, true) };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

async fn of_client(
    desk: Desk,
    app: web::Data<App>,
    request: HttpRequest,
    client: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let mut filter = ShownFilter::read(&pairs(&request)?);
    let (asked, after) = (filter.filter(), filter.after);
    app.gather().await?;
    let (work, mandate, id) = (app.clone(), desk.mandate().clone(), client.clone());
    let read = move |tx: &mut Tx<'_>| log::of_client(tx, &mandate, &work.health_rules(), &id, asked.clone(), after);
    let page = desk.read(&app, ReadCost::Scan, read).await?;
    let path = format!("/console/clients/{client}/requests");
    Ok(desk.page(&app, Section::Accounts, &listed(&app, page, filter, path, false)))
}

async fn find(desk: Desk, app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, PageFailure> {
    let pairs = pairs(&request)?;
    let mut text = parameter(&pairs, "text");
    text.truncate(wording::beginning(&text, PASTED).len());
    let after = parameter(&pairs, "after").parse().ok();
    app.recorder.write(&app.db).await?;
    let (mandate, asked) = (desk.mandate().clone(), text.clone());
    let read = move |tx: &mut Tx<'_>| log::pasted(tx, &mandate, &asked, after);
    let page = desk.read(&app, ReadCost::Scan, read).await?;
    let path = "/console/requests".to_owned();
    let next = page.next.map(|row| address(&path, &[("text", &text), ("after", &row.to_string())]));
    let shown =
        RequestsTemplate { is_search: true, next, text, ..listed(&app, page, ShownFilter::default(), path, true) };
    Ok(desk.page(&app, Section::Requests, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (ShownFilter, RequestFilter) {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut shown = ShownFilter::read(&pairs);
        let filter = shown.filter();
        (shown, filter)
    }

    #[test]
    fn filters_are_read_and_each_chip_leads_to_the_page_without_it() {
        let (shown, filter) =
            read(&[("status", "4xx"), ("code", "uniqueness"), ("until", "2026-11-26"), ("target", " ana ")]);
        assert_eq!(
            (filter.status, filter.code.as_deref(), filter.target.as_deref()),
            (Some((400, 499)), Some("uniqueness"), Some("ana"))
        );
        assert_eq!(filter.until, day("2026-11-27"), "the day itself is in it");
        assert!(shown.mistakes.is_empty());
        let chips = shown.chips("/x");
        assert_eq!(chips[0], ("Refused, 4xx".to_owned(), "/x?target=ana&code=uniqueness&until=2026-11-26".to_owned()));
        assert_eq!(chips.len(), 4);
    }

    #[test]
    fn what_is_wrong_is_said_and_left_out() {
        let (shown, filter) =
            read(&[("status", "teapot"), ("code", "uniquenes"), ("since", "yesterday"), ("method", "BREW")]);
        assert_eq!((filter.status, filter.code, filter.since, filter.method), (None, None, None, None));
        assert_eq!(shown.mistakes.len(), 4);
        assert!(shown.mistakes.iter().any(|mistake| mistake.contains("uniqueness")), "{:?}", shown.mistakes);
    }
}
