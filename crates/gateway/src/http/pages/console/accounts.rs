//! The list of accounts, and a new one.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::parts::{self, Badge, Crumb, Typed};
use super::tabs::{counted, of_account};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::accounts::NewAccount;
use crate::domain::described::{Name, Required};
use crate::domain::operator::Power;
use crate::domain::setup_link::Provider;
use crate::domain::standing::Standing;
use crate::domain::when::When;
use crate::domain::wording::{self, grouped};
use crate::http::edge::audience::{Audience, everywhere};
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::edge::query;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form;
use crate::http::pages::frame::filters;
use crate::http::pages::respond::redirect;
use crate::platform::timestamp::Timestamp;
use crate::services::accounts;
use crate::services::console::accounts::{self as service, Asked, ListedAccount};
use crate::services::sent_form;
use crate::storage::standings::Place;
use crate::storage::{ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console" Audience::Operator => show, "Lists accounts, those that need an operator first.";
    GET "/console/accounts/new" everywhere(Power::CreateAccounts) => new, "Asks what a new account is called.";
    POST "/console/accounts/new" everywhere(Power::CreateAccounts) => create, "Creates an account.";
];

/// So many accounts a page.
const PAGE: i64 = 25;

/// How accounts stand, as a link that filters by it.
#[derive(Debug)]
struct Chip {
    label: &'static str,
    badge: Option<Badge>,
    count: String,
    address: String,
    is_current: bool,
}

/// An account as the list shows it.
#[derive(Debug)]
struct Row {
    path: String,
    name: String,
    badge: Badge,
    why: String,
    providers: String,
    users: String,
    last_request: Option<When>,
}

#[derive(Debug, Template)]
#[template(path = "console/accounts.html")]
struct AccountsPage {
    text: String,
    standing: &'static str,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    /// There is no account at all within reach.
    is_empty: bool,
    /// The list does not begin at its beginning.
    goes_on: bool,
    first: String,
    next: Option<String>,
    may_create: bool,
    /// What belongs to all accounts is within reach.
    has_all: bool,
}

/// What the query asks for. What cannot be read is left out.
fn asked(request: &HttpRequest) -> Result<Asked, PageFailure> {
    let pairs = query::pairs(form::query(request)?).unwrap_or_default();
    let value = |name: &str| pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    let place = |text: &str| {
        let (rank, key) = text.split_once('.')?;
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(key).ok()?).ok()?;
        Some(Place { standing: Standing::of_rank(rank.parse().ok()?)?, name_key: key })
    };
    let text: String = value("q").trim().chars().filter(|c| *c != '\0').take(200).collect();
    Ok(Asked { text, standing: Standing::parse(value("health")), after: place(value("after")) })
}

fn address(text: &str, standing: Option<Standing>, after: Option<&Place>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !text.is_empty() {
        query.append_pair("q", text);
    }
    if let Some(standing) = standing {
        query.append_pair("health", standing.as_str());
    }
    if let Some(Place { standing, name_key }) = after {
        query.append_pair("after", &format!("{}.{}", standing.rank(), URL_SAFE_NO_PAD.encode(name_key)));
    }
    let query = query.finish();
    if query.is_empty() { "/console".to_owned() } else { format!("/console?{query}") }
}

/// `GET /console`
async fn show(desk: Desk, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    // An auditor begins with the trail.
    if !desk.mandate().has(Power::Read) && desk.mandate().has(Power::ReadAudit) {
        return Ok(redirect(&format!("{}/console/audit", app.admin_url)));
    }
    app.gather().await?;
    let asked = asked(&request)?;
    let (work, mandate, wanted) = (app.clone(), desk.mandate().clone(), asked.clone());
    let list = desk
        .read(&app, ReadCost::Scan, move |tx| service::list(tx, &mandate, &work.health_rules(), &wanted, PAGE))
        .await?;
    let all: i64 = list.counts.iter().sum();
    let chip = |standing: Option<Standing>, count: i64| Chip {
        label: standing.map_or("All", Standing::words),
        badge: standing.map(Badge::from),
        count: counted(count),
        address: address(&asked.text, standing, None),
        is_current: asked.standing == standing,
    };
    let each = Standing::ALL
        .into_iter()
        .zip(list.counts)
        .filter(|(standing, count)| *count > 0 || asked.standing == Some(*standing));
    let chips = std::iter::once(chip(None, all)).chain(each.map(|(standing, count)| chip(Some(standing), count)));
    let now = app.clock.now();
    let shown = AccountsPage {
        chips: chips.collect(),
        rows: list.items.into_iter().map(|account| row(account, now)).collect(),
        is_empty: all == 0,
        goes_on: asked.after.is_some(),
        first: address(&asked.text, asked.standing, None),
        next: list.next.map(|place| address(&asked.text, asked.standing, Some(&place))),
        may_create: desk.mandate().has_everywhere(Power::CreateAccounts),
        has_all: desk.mandate().has_everywhere(Power::Read),
        standing: asked.standing.map_or("", Standing::as_str),
        text: asked.text,
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

fn row(account: ListedAccount, now: Timestamp) -> Row {
    let why = match (account.standing, account.why, account.more) {
        (Standing::Suspended, ..) => "Its tokens are refused until it is resumed".to_owned(),
        (_, Some(why), 0) => why,
        (_, Some(why), more) => format!("{why} And {more} more."),
        (Standing::SettingUp, ..) if account.connections == 0 => "Nothing is connected yet".to_owned(),
        (Standing::SettingUp, ..) => "Waits for the first request".to_owned(),
        (_, None, _) if account.connections > 1 => format!("{} connections", account.connections),
        (_, None, _) => String::new(),
    };
    let mut names: Vec<&str> = account.providers.iter().map(|profile| Provider::of(*profile).client_name()).collect();
    names.dedup();
    Row {
        path: of_account(&account.id),
        name: wording::strip_invisible(&account.name),
        badge: account.standing.into(),
        why: wording::strip_invisible(&why),
        providers: if names.is_empty() { "none".to_owned() } else { names.join(", ") },
        users: grouped(account.users),
        last_request: account.last_request.map(|at| When::ago(at, now)),
    }
}

/// What bodies call the fields of this form.
pub(super) const FIELDS: [(&str, &str, &str); 3] = [
    ("name", "name", "The name"),
    ("product_environments", "environments", "The environments"),
    ("default_role", "default_role", "The role"),
];

#[derive(Debug, Template)]
#[template(path = "console/account_new.html")]
struct NewAccountPage {
    crumbs: Vec<Crumb>,
    typed: Typed,
    roles: Vec<String>,
}

/// The roles that users may have, where the declaration of the attribute lists them.
pub(super) fn roles(app: &App) -> Vec<String> {
    accounts::roles(&app.schemas, &app.config.consent.role_attribute).map(<[String]>::to_vec).unwrap_or_default()
}

fn new_page(app: &App, typed: Typed) -> NewAccountPage {
    let crumbs = vec![Crumb::to("Accounts", "/console"), Crumb::here("New account")];
    NewAccountPage { crumbs, typed, roles: roles(app) }
}

/// `GET /console/accounts/new`
async fn new(desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    Ok(desk.page(&app, Section::Accounts, &new_page(&app, Typed::default())))
}

/// `POST /console/accounts/new`
async fn create(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let mut fields = Map::new();
    if typed.has("name") {
        fields.insert("name".to_owned(), json!(typed.value("name")));
    }
    fields.insert("product_environments".to_owned(), json!(typed.lines("environments")));
    if typed.has("default_role") {
        fields.insert("default_role".to_owned(), Value::from(typed.value("default_role")));
    }
    let new = match parts::body::<NewAccount>(fields) {
        Ok(new) => new,
        Err(mistakes) => {
            typed.mistakes(&mistakes, &FIELDS);
            return Ok(desk.page_with(&app, StatusCode::BAD_REQUEST, Section::Accounts, &new_page(&app, typed)));
        }
    };
    let (work, mandate, form) = (app.clone(), desk.mandate().clone(), desk.sent());
    let made = desk.act(&app, move |tx| {
        let make = |tx: &mut Tx<'_>| accounts::create(tx, &mandate, &work.schemas, &new);
        sent_form::once(tx, &form, make, |tx| {
            let Required(Name(name)) = &new.name;
            let made = accounts::list(tx, &mandate, Some(name), 0, 1)?.pop();
            Ok(made.map(|(_, account)| (account.created.0, account)))
        })
    });
    let made = made.await?;
    match made {
        Ok(account) => {
            let said = format!("{} is created. Connect its identity provider next.", account.name);
            Ok(desk.done(&app, &of_account(&account.id), &said))
        }
        Err(refusal) => {
            typed.refused(refusal, &FIELDS);
            Ok(desk.page_with(&app, StatusCode::CONFLICT, Section::Accounts, &new_page(&app, typed)))
        }
    }
}
