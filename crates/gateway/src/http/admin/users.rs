//! Console-born users: made by operators, imported by identity providers later.

use actix_web::{HttpResponse, web};
use oauth::EndReason;
use scim::schema::USER;
use scim::service;
use scim::{Id, PatchRequest, Precondition, Projection, Representation, Resource, SearchRequest, Store};
use serde_json::{Map, Value, json};

use super::body::Params;
use super::input::Input;
use super::lookup;
use super::operator::Operator;
use crate::app::{App, ServiceProvider};
use crate::domain::described::Text;
use crate::domain::described::query::{Query, query};
use crate::domain::event::{Act, Action};
use crate::http::edge::problem::Problem;
use crate::platform::password_hasher::commonest;
use crate::platform::secret_text::SecretText;
use crate::platform::system;
use crate::platform::turns::Payer;
use crate::services::reactions;
use crate::storage::{ReadCost, Tx};

query! {
    /// Which users are listed: as SCIM has it (RFC 7644 §3.4.2).
    pub(super) struct UserQuery {
        /// A SCIM filter, as `userName eq "ada@acme.test"`.
        filter: Text,
        /// The first user of the page, counted from 1.
        start_index as "startIndex": Text,
        /// How many users there are at most.
        count: Text,
        /// The attribute that users are sorted by.
        sort_by as "sortBy": Text,
        /// `ascending` or `descending`.
        sort_order as "sortOrder": Text,
    }
}

impl UserQuery {
    /// As SCIM's engine takes it.
    fn search(&self) -> Result<SearchRequest, scim::Error> {
        let values = [&self.filter, &self.start_index, &self.count, &self.sort_by, &self.sort_order];
        let pairs = UserQuery::NAMES.iter().zip(values);
        SearchRequest::from_query(pairs.filter_map(|(name, value)| Some((*name, value.as_ref()?.as_str()))))
    }
}

/// What is ours of a console user's body; the rest is SCIM's.
struct Ours {
    password_hash: Option<String>,
    service_account: Option<bool>,
    /// With a new password: whether what was connected with the old one ends.
    end_connections: bool,
}

/// `user` is the id of one who is there.
async fn ours(app: &App, input: &mut Input, account: &str, user: Option<&str>) -> Result<Ours, Problem> {
    let service_account = input.flag("service_account");
    let end_connections = input.flag("end_connections").unwrap_or(false);
    let password = input.text("password");
    if end_connections && password.is_none() {
        input.mistake("end_connections", "goes with a new `password`");
    }
    let mut ours = Ours { password_hash: None, service_account, end_connections };
    let Some(password) = password else { return Ok(ours) };
    let mut own = words_of(app, account, user).await?;
    own.extend(input.peek("userName").and_then(Value::as_str).map(str::to_owned));
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    if let Some(why) = commonest::refusal(&password, &own) {
        input.mistake("password", why);
        return Ok(ours);
    }
    let hashed = app.passwords.hash(Payer::SERVER, SecretText::new(&password)).await;
    let hashed = hashed.map_err(|_| Problem::busy("too many passwords are being hashed; try again in a moment"))?;
    ours.password_hash = Some(hashed);
    Ok(ours)
}

/// What the account is called, and the user.
async fn words_of(app: &App, account: &str, user: Option<&str>) -> Result<Vec<String>, Problem> {
    let (account, user) = (account.to_owned(), user.and_then(Id::new));
    app.db
        .read(ReadCost::Point, move |tx| {
            let account = lookup::account(tx, &account)?;
            let stored = match &user {
                Some(user) => tx.in_account(account.seq, system::now(), false).get(USER, user)?,
                None => None,
            };
            let name = stored.and_then(|user| Some(user.resource.attributes().get("userName")?.as_str()?.to_owned()));
            Ok::<_, Problem>([Some(account.name), name].into_iter().flatten().collect())
        })
        .await
}

fn representation(
    app: &App,
    tx: &mut Tx<'_>,
    account: i64,
    provider: &ServiceProvider,
    user: &Resource,
) -> Result<Value, Problem> {
    let shown = Projection::standard(provider.registry.get(USER));
    let mut value = Representation::new(user, &shown, &provider.registry, &app.scim_base).to_value();
    let mut store = tx.in_account(account, system::now(), false);
    if let Some(stored) = store.get(USER, &user.id)? {
        value["managed_by_identity_provider"] = json!(store.is_provisioned(stored.handle)?);
        value["service_account"] = json!(tx.is_service_account(stored.handle.0)?);
    }
    Ok(value)
}

/// Writes the log-in beside the user; their name at the log-in page is their `userName`.
fn keep_login(tx: &mut Tx<'_>, account: i64, user: &Resource, ours: &Ours) -> Result<(), Problem> {
    if ours.password_hash.is_none() && ours.service_account.is_none() {
        return Ok(());
    }
    let name = user.attributes().get("userName").and_then(Value::as_str).unwrap_or_default();
    let mut store = tx.in_account(account, system::now(), false);
    let Some(stored) = store.get(USER, &user.id)? else { return Ok(()) };
    let key = scim::resource::user_name::log_in_key(name);
    let seq = stored.handle.0;
    tx.set_login(account, seq, &key, ours.password_hash.as_deref(), ours.service_account)?;
    if ours.service_account == Some(false) {
        reactions::tell_at_risk(tx, account, seq, system::now())?;
    }
    if ours.password_hash.is_some() {
        // Whoever logged in by the old password has to know the new one.
        tx.end_sessions_of(account, user.id.as_str())?;
    }
    if ours.end_connections {
        reactions::end_connections(tx, account, user.id.as_str(), system::now(), EndReason::Operator)?;
    }
    Ok(())
}

/// A change of the log-in leaves a row of its own: what the user is to SCIM did not change.
fn record_login(
    operator: &Operator,
    tx: &mut Tx<'_>,
    account: i64,
    user: &Resource,
    ours: &Ours,
) -> Result<(), Problem> {
    let password = ours.password_hash.as_ref().map(|_| "a password was set".to_owned());
    let service = ours.service_account.map(|is| format!("service_account: {is}"));
    let said: Vec<String> = password.into_iter().chain(service).collect();
    if !said.is_empty() {
        let changed = Act::new(Action::UserLoginChanged).on(user.id.as_str()).saying(said.join(", "));
        operator.record(tx, Some(account), changed);
    }
    Ok(())
}

fn user_id(text: &str) -> Result<Id, Problem> {
    Id::new(text).ok_or_else(|| Problem::not_found("user", text))
}

pub(super) async fn create(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    mut input: Input,
) -> Result<HttpResponse, Problem> {
    let ours = ours(&app, &mut input, &account, None).await?;
    let body = Value::Object(input.rest());
    input.check()?;
    let work = app.clone();
    let answer = app
        .db
        .write(move |tx| {
            operator.sign(tx);
            let account = lookup::account(tx, &account)?;
            let (now, provider) = (system::now(), work.provider(&account)?);
            let shown = Projection::standard(provider.registry.get(USER));
            let mut store = tx.in_account(account.seq, now, false);
            let user = work.scim(&provider, now, |cx| service::create(&mut store, cx, USER, &body, &shown))?.resource;
            keep_login(tx, account.seq, &user, &ours)?;
            representation(&work, tx, account.seq, &provider, &user)
        })
        .await?;
    Ok(HttpResponse::Created().json(answer))
}

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<UserQuery>,
) -> Result<HttpResponse, Problem> {
    let asked = query.0.search()?;
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let account = lookup::account(tx, &account)?;
            let provider = work.provider(&account)?;
            let now = system::now();
            let shown = Projection::standard(provider.registry.get(USER));
            let mut store = tx.in_account(account.seq, now, false);
            let list = work.scim(&provider, now, |cx| service::search(&mut store, cx, USER, &asked, &shown))?;
            let items = list
                .resources
                .iter()
                .map(|user| representation(&work, tx, account.seq, &provider, user))
                .collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Problem>(json!({"items": items, "total": list.total}))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

pub(super) async fn get(
    _: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let account = lookup::account(tx, &path.0)?;
            let (now, provider) = (system::now(), work.provider(&account)?);
            let shown = Projection::standard(provider.registry.get(USER));
            let id = user_id(&path.1)?;
            let mut store = tx.in_account(account.seq, now, false);
            let user = work.scim(&provider, now, |cx| service::get(&mut store, cx, USER, &id, &shown))?;
            representation(&work, tx, account.seq, &provider, &user)
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    mut input: Input,
) -> Result<HttpResponse, Problem> {
    let ours = ours(&app, &mut input, &path.0, Some(&path.1)).await?;
    let change = merge(input.rest());
    input.check()?;
    let change = match change {
        Some(body) => Some(PatchRequest::parse(&body)?),
        None => None,
    };
    let work = app.clone();
    let answer =
        app.db
            .write(move |tx| {
                operator.sign(tx);
                let account = lookup::account(tx, &path.0)?;
                let (now, provider) = (system::now(), work.provider(&account)?);
                let shown = Projection::standard(provider.registry.get(USER));
                let id = user_id(&path.1)?;
                let mut store = tx.in_account(account.seq, now, false);
                let user = work.scim(&provider, now, |cx| match &change {
                    Some(change) => service::patch(&mut store, cx, USER, &id, change, &Precondition::None, &shown)
                        .map(|w| w.resource),
                    None => service::get(&mut store, cx, USER, &id, &shown),
                })?;
                keep_login(tx, account.seq, &user, &ours)?;
                record_login(&operator, tx, account.seq, &user, &ours)?;
                representation(&work, tx, account.seq, &provider, &user)
            })
            .await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Attributes to be replaced, as a SCIM PATCH without paths; `null` removes.
fn merge(attributes: Map<String, Value>) -> Option<Value> {
    let (removed, replaced): (Map<_, _>, Map<_, _>) = attributes.into_iter().partition(|(_, value)| value.is_null());
    let mut operations: Vec<Value> = removed.keys().map(|name| json!({"op": "remove", "path": name})).collect();
    if !replaced.is_empty() {
        operations.push(json!({"op": "replace", "value": replaced}));
    }
    (!operations.is_empty())
        .then(|| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}))
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let work = app.clone();
    app.db
        .write(move |tx| {
            operator.sign(tx);
            let account = lookup::account(tx, &path.0)?;
            let (now, provider) = (system::now(), work.provider(&account)?);
            let id = user_id(&path.1)?;
            let mut store = tx.in_account(account.seq, now, false);
            work.scim(&provider, now, |cx| service::delete(&mut store, cx, USER, &id, &Precondition::None))?;
            Ok::<_, Problem>(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
