//! Console-born users: made by operators, imported by identity providers later.

use actix_web::web;
use oauth::EndReason;
use scim::schema::USER;
use scim::service;
use scim::{Id, PatchRequest, Precondition, Projection, Representation, Resource, SearchRequest, Store};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::operator::Operator;
use crate::app::{App, ServiceProvider};
use crate::domain::described::query::{Query, query};
use crate::domain::described::{Components, Described, Left, Mistakes, Object, Text, answer, body};
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, UserKey};
use crate::http::edge::problem::Problem;
use crate::platform::password_hasher::commonest;
use crate::platform::secret_text::SecretText;
use crate::platform::turns::Payer;
use crate::services::{accounts, reactions};
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

body! {
    /// A new user: a SCIM User (RFC 7643 §4.1) with the attributes that the account declares, and what is ours.
    pub(super) struct NewUser {
        /// The name the user logs in by. No two users of an account have one name.
        user_name as "userName": Left<Text, true>,
        /// Whether the user may do anything; true if nothing is said.
        active: Left<bool, false>,
        /// A password: 8 to 512 characters, none that is tried first, and not the user's own name.
        password: Option<Text>,
        /// Whether it is the user of a program, and of no person.
        service_account: Option<bool>,
        ..rest
    }
    example {
        "userName": "ada@acme.test", "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": "ada@acme.test", "primary": true}], "role": "admin", "service_account": false
    }
}

body! {
    /// A change of a user: attributes of SCIM, each of which replaces what was (`null` removes it), and what is ours.
    pub(super) struct UserChange {
        /// The name the user logs in by.
        user_name as "userName": Left<Text, false>,
        /// Whether the user may do anything.
        active: Left<bool, false>,
        /// A new password. It ends the user's sessions.
        password: Option<Text>,
        /// With a new password: whether what the user accepted ends.
        end_connections: Option<bool>,
        /// Whether it is the user of a program, and of no person.
        service_account: Option<bool>,
        ..rest
    }
    example {"role": "reports", "title": null}
}

/// A user: as SCIM shows them, and what is ours.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct User(Value);

impl Described for User {
    fn schema(components: &mut Components) -> Value {
        components.named("User", |_| {
            let (text, flag) = (json!({"type": "string"}), json!({"type": "boolean"}));
            let mut object = Object::default();
            let schemas = json!({"type": "array", "items": {"type": "string"}});
            object.add("schemas", &["The URNs of the schemas that have its attributes."], schemas, true);
            object.add("id", &["Its id."], text.clone(), true);
            object.add("userName", &["The name the user logs in by."], text, true);
            object.add("active", &["Whether the user may do anything."], flag.clone(), false);
            object.add("meta", &["When it was made and changed, and its version."], json!({"type": "object"}), true);
            let about = "Whether an identity provider has written the user.";
            object.add("managed_by_identity_provider", &[about], flag.clone(), false);
            let about = "Whether it is the user of a program, and of no person.";
            object.add("service_account", &[about], flag, false);
            object.open();
            let about =
                "A user: a SCIM User (RFC 7643 §4.1) with the attributes that the account declares, and what is ours.";
            object.into_schema(&[about], &Self::example(), false)
        })
    }

    fn example() -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
            "userName": "ada@acme.test", "active": true, "role": "admin",
            "meta": {"resourceType": "User", "created": "2026-11-23T20:00:00.000Z", "lastModified": "2026-11-23T20:00:00.000Z"},
            "managed_by_identity_provider": false, "service_account": false,
        })
    }
}

answer! {
    /// A page of users.
    pub(super) struct UserList {
        /// The users of the page.
        items: Vec<User>,
        /// How many users there are.
        total: u64,
    }
    example {"items": [], "total": 0}
}

/// What is ours of a user's body; the rest is SCIM's.
struct Ours {
    password_hash: Option<String>,
    service_account: Option<bool>,
    /// With a new password: whether what was connected with the old one ends.
    end_connections: bool,
}

/// Hashes a new password, or notes what is wrong with it. `own` is what the user and their account are called.
async fn hashed(
    app: &App,
    password: Option<&Text>,
    own: &[String],
    mistakes: &mut Mistakes,
) -> Result<Option<String>, Problem> {
    let Some(Text(password)) = password else { return Ok(None) };
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    if let Some(why) = commonest::refusal(password, &own) {
        mistakes.note("password", why);
        return Ok(None);
    }
    let hashed = app.passwords.hash(Payer::SERVER, SecretText::new(password)).await;
    hashed.map(Some).map_err(|_| Problem::busy("too many passwords are being hashed; try again in a moment"))
}

/// What the account is called, and the user, before and after. Only a new password asks for them.
async fn own_words(
    app: &App,
    password: Option<&Text>,
    account: &str,
    user: Option<&str>,
    rest: &Map<String, Value>,
) -> Result<Vec<String>, Problem> {
    if password.is_none() {
        return Ok(Vec::new());
    }
    let mut own = words_of(app, account, user).await?;
    own.extend(rest.get("userName").and_then(Value::as_str).map(str::to_owned));
    Ok(own)
}

/// What the account is called, and the user.
async fn words_of(app: &App, account: &str, user: Option<&str>) -> Result<Vec<String>, Problem> {
    let (account, user) = (account.to_owned(), user.and_then(Id::new));
    app.db
        .read(ReadCost::Point, move |tx| {
            let account = accounts::find(tx, &account)?;
            let stored = match &user {
                Some(user) => tx.in_account(account.seq, tx.now(), false).get(USER, user)?,
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
    account: AccountKey,
    provider: &ServiceProvider,
    user: &Resource,
) -> Result<User, Problem> {
    let shown = Projection::standard(provider.registry.get(USER));
    let mut value = Representation::new(user, &shown, &provider.registry, &app.scim_base).to_value();
    let mut store = tx.in_account(account, tx.now(), false);
    if let Some(stored) = store.get(USER, &user.id)? {
        value["managed_by_identity_provider"] = json!(store.is_provisioned(stored.handle)?);
        value["service_account"] = json!(tx.is_service_account(UserKey::of_user(stored.handle))?);
    }
    Ok(User(value))
}

/// Writes the log-in beside the user; their name at the log-in page is their `userName`.
fn keep_login(tx: &mut Tx<'_>, account: AccountKey, user: &Resource, ours: &Ours) -> Result<(), Problem> {
    if ours.password_hash.is_none() && ours.service_account.is_none() {
        return Ok(());
    }
    let name = user.attributes().get("userName").and_then(Value::as_str).unwrap_or_default();
    let mut store = tx.in_account(account, tx.now(), false);
    let Some(stored) = store.get(USER, &user.id)? else { return Ok(()) };
    let key = scim::resource::user_name::log_in_key(name);
    let seq = UserKey::of_user(stored.handle);
    tx.set_login(account, seq, &key, ours.password_hash.as_deref(), ours.service_account)?;
    if ours.service_account == Some(false) {
        let now = tx.now();
        reactions::tell_at_risk(tx, account, seq, now)?;
    }
    if ours.password_hash.is_some() {
        // Whoever logged in by the old password has to know the new one.
        tx.end_sessions_of(account, user.id.as_str())?;
    }
    if ours.end_connections {
        let now = tx.now();
        reactions::end_connections(tx, account, user.id.as_str(), now, EndReason::Operator)?;
    }
    Ok(())
}

/// A change of the log-in leaves a row of its own: what the user is to SCIM did not change.
fn record_login(
    operator: &Operator,
    tx: &mut Tx<'_>,
    account: AccountKey,
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
    mut body: Body<NewUser>,
) -> Result<Created<User>, Problem> {
    let password = body.draft.password.as_ref();
    let own = own_words(&app, password, &account, None, &body.draft.rest).await?;
    let password_hash = hashed(&app, password, &own, &mut body.mistakes).await?;
    let NewUser { service_account, rest, .. } = body.finish()?;
    let ours = Ours { password_hash, service_account, end_connections: false };
    let body = Value::Object(rest);
    let work = app.clone();
    let answer = app
        .db
        .write(move |tx| {
            operator.sign(tx);
            let account = accounts::find(tx, &account)?;
            let (now, provider) = (tx.now(), work.provider(&account)?);
            let shown = Projection::standard(provider.registry.get(USER));
            let mut store = tx.in_account(account.seq, now, false);
            let user = work.scim(&provider, now, |cx| service::create(&mut store, cx, USER, &body, &shown))?.resource;
            keep_login(tx, account.seq, &user, &ours)?;
            representation(&work, tx, account.seq, &provider, &user)
        })
        .await?;
    Ok(Created { body: answer, location: None })
}

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<UserQuery>,
) -> Result<web::Json<UserList>, Problem> {
    let asked = query.0.search()?;
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let account = accounts::find(tx, &account)?;
            let provider = work.provider(&account)?;
            let now = tx.now();
            let shown = Projection::standard(provider.registry.get(USER));
            let mut store = tx.in_account(account.seq, now, false);
            let list = work.scim(&provider, now, |cx| service::search(&mut store, cx, USER, &asked, &shown))?;
            let items = list
                .resources
                .iter()
                .map(|user| representation(&work, tx, account.seq, &provider, user))
                .collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Problem>(UserList { items, total: list.total })
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn get(
    _: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<User>, Problem> {
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let account = accounts::find(tx, &path.0)?;
            let (now, provider) = (tx.now(), work.provider(&account)?);
            let shown = Projection::standard(provider.registry.get(USER));
            let id = user_id(&path.1)?;
            let mut store = tx.in_account(account.seq, now, false);
            let user = work.scim(&provider, now, |cx| service::get(&mut store, cx, USER, &id, &shown))?;
            representation(&work, tx, account.seq, &provider, &user)
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    mut body: Body<UserChange>,
) -> Result<web::Json<User>, Problem> {
    let password = body.draft.password.as_ref();
    if body.draft.end_connections == Some(true) && password.is_none() {
        body.mistakes.note("end_connections", "goes with a new `password`");
    }
    let own = own_words(&app, password, &path.0, Some(&path.1), &body.draft.rest).await?;
    let password_hash = hashed(&app, password, &own, &mut body.mistakes).await?;
    let UserChange { service_account, end_connections, rest, .. } = body.finish()?;
    let ours = Ours { password_hash, service_account, end_connections: end_connections.unwrap_or(false) };
    let change = merge(rest);
    let change = match change {
        Some(body) => Some(PatchRequest::parse(&body)?),
        None => None,
    };
    let work = app.clone();
    let answer =
        app.db
            .write(move |tx| {
                operator.sign(tx);
                let account = accounts::find(tx, &path.0)?;
                let (now, provider) = (tx.now(), work.provider(&account)?);
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
    Ok(web::Json(answer))
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
) -> Result<NoContent, Problem> {
    let work = app.clone();
    app.db
        .write(move |tx| {
            operator.sign(tx);
            let account = accounts::find(tx, &path.0)?;
            let (now, provider) = (tx.now(), work.provider(&account)?);
            let id = user_id(&path.1)?;
            let mut store = tx.in_account(account.seq, now, false);
            work.scim(&provider, now, |cx| service::delete(&mut store, cx, USER, &id, &Precondition::None))?;
            Ok::<_, Problem>(())
        })
        .await?;
    Ok(NoContent)
}
