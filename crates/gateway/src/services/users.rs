//! Users as operators make and change them, and what operators do for a user who lost a way to log in.
//!
//! A user is SCIM's; how they log in is ours. The caller has said who acts ([`Tx::act_as`]).

pub(crate) mod warnings;

use oauth::EndReason;
use scim::schema::USER;
use scim::{Id, PatchRequest, Precondition, Projection, Representation, Resource, SearchRequest, Store, service};
use serde_json::{Map, Value, json};

use super::error::{ActError, Refusal};
use super::service_provider::{ScimEngine, ServiceProvider};
use super::sign_in::{Owner, upstream};
use super::{accounts, reactions, second_factor};
use crate::domain::account::Account;
use crate::domain::bodies::users::{NewUser, User, UserList};
use crate::domain::described::{FieldError, Text};
use crate::domain::event::{Act, Action};
use crate::domain::ids::UserKey;
use crate::domain::operator::{Mandate, Power};
use crate::platform::password_hasher::{Passwords, commonest};
use crate::platform::secret_text::SecretText;
use crate::platform::timestamp::Timestamp;
use crate::platform::turns::Payer;
use crate::storage::{Db, DbError, ReadCost, Tx};

/// A change of how a user logs in.
#[derive(Debug, Clone, Default)]
pub struct LoginChange {
    /// A new password, hashed. It ends the user's sessions.
    pub password_hash: Option<String>,
    /// Whether it is the user of a program.
    pub service_account: Option<bool>,
    /// With a new password: whether what was connected with the old one ends.
    pub ends_connections: bool,
}

/// Hashes a new password, or says what is wrong with it: it must not be what the user or their account is called, before or after.
pub async fn hash_password(
    db: &Db,
    mandate: &Mandate,
    passwords: &Passwords,
    password: Option<&Text>,
    account: &str,
    user: Option<&str>,
    attributes: &Map<String, Value>,
) -> Result<Result<Option<String>, FieldError>, ActError> {
    let Some(Text(password)) = password else { return Ok(Ok(None)) };
    let (mandate, account, user) = (mandate.clone(), account.to_owned(), user.and_then(Id::new));
    let mut own: Vec<String> = db.read(ReadCost::Point, move |tx| names(tx, &mandate, &account, user.as_ref())).await?;
    own.extend(attributes.get("userName").and_then(Value::as_str).map(str::to_owned));
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    if let Some(why) = commonest::refusal(password, &own) {
        return Ok(Err(FieldError { field: "password".to_owned(), detail: why }));
    }
    let hashed = passwords.hash(Payer::SERVER, SecretText::new(password)).await;
    let busy = "too many passwords are being hashed; try again in a moment";
    Ok(Ok(Some(hashed.map_err(|_| Refusal::Busy(busy))?)))
}

/// What the account is called, and the user.
fn names(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, user: Option<&Id>) -> Result<Vec<String>, ActError> {
    let account = accounts::find(tx, mandate, Power::SetPasswords, account)?;
    let stored = match user {
        Some(user) => tx.in_account(account.seq, tx.now(), false).get(USER, user)?,
        None => None,
    };
    let name = stored.and_then(|user| Some(user.resource.attributes().get("userName")?.as_str()?.to_owned()));
    Ok([Some(account.name), name].into_iter().flatten().collect())
}

/// An account and what SCIM is in it, at this moment.
struct Place<'a> {
    account: Account,
    engine: &'a ScimEngine,
    provider: ServiceProvider,
    shown: Projection,
    now: Timestamp,
}

impl<'a> Place<'a> {
    fn of(
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        power: Power,
        engine: &'a ScimEngine,
        account: &str,
    ) -> Result<Place<'a>, ActError> {
        let account = accounts::find(tx, mandate, power, account)?;
        Place::in_account(tx, engine, account)
    }

    fn in_account(tx: &mut Tx<'_>, engine: &'a ScimEngine, account: Account) -> Result<Place<'a>, ActError> {
        let provider = ServiceProvider::of(&engine.schemas, &account)?;
        let shown = Projection::standard(provider.registry.get(USER));
        Ok(Place { account, engine, provider, shown, now: tx.now() })
    }

    /// A user as operators read them: as SCIM shows them, and what is ours.
    fn overview(&self, tx: &mut Tx<'_>, user: &Resource) -> Result<User, ActError> {
        let registry = &self.provider.registry;
        let mut value = Representation::new(user, &self.shown, registry, &self.engine.base).to_value();
        let mut store = tx.in_account(self.account.seq, self.now, false);
        if let Some(stored) = store.get(USER, &user.id)? {
            let key = UserKey::of_user(stored.handle);
            value["managed_by_identity_provider"] = json!(store.is_provisioned(stored.handle)?);
            let is_service_account = tx.is_service_account(self.account.seq, key)?;
            value["service_account"] = json!(is_service_account);
            let warnings = match is_service_account {
                true => warnings::problems(tx, &self.account, key, user.attributes())?,
                false => Vec::new(),
            };
            let warnings: Vec<String> = warnings.iter().map(|wrong| format!("this service account {wrong}")).collect();
            value["warnings"] = json!(warnings);
        }
        Ok(User(value))
    }

    /// Attributes that are not known are left out, as SCIM leaves them out. One that is known in another spelling was meant to count.
    fn refuse_misspelt(&self, attributes: &Value) -> Result<(), ActError> {
        let described = self.provider.registry.get(USER);
        let alike = |one: &str, other: &str| {
            let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
            plain(one) == plain(other)
        };
        let misspelt = |name: &String| {
            if described.attribute(name).is_some() {
                return None;
            }
            let own = NewUser::OWN.into_iter().find(|own| alike(name, own)).map(str::to_owned);
            let known = || described.attributes_with_urns().find(|(_, known)| alike(name, &known.name));
            let meant = own.or_else(|| known().map(|(_, known)| known.path.to_string()))?;
            Some(FieldError { field: name.clone(), detail: format!("is no attribute; `{meant}` is one") })
        };
        let errors: Vec<FieldError> =
            attributes.as_object().into_iter().flat_map(Map::keys).filter_map(misspelt).collect();
        if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors).into()) }
    }

    /// Writes the log-in beside the user; their name at the log-in page is their `userName`.
    fn set_login(&self, tx: &mut Tx<'_>, user: &Resource, login: &LoginChange) -> Result<(), DbError> {
        if login.password_hash.is_none() && login.service_account.is_none() {
            return Ok(());
        }
        let (account, now) = (self.account.seq, self.now);
        let name = user.attributes().get("userName").and_then(Value::as_str).unwrap_or_default();
        let Some(stored) = tx.in_account(account, now, false).get(USER, &user.id)? else { return Ok(()) };
        let key = scim::resource::user_name::log_in_key(name);
        let seq = UserKey::of_user(stored.handle);
        tx.set_login(account, seq, &key, login.password_hash.as_deref(), login.service_account)?;
        if login.service_account == Some(false) {
            reactions::notices::tell_at_risk(tx, account, seq, now)?;
        }
        if login.password_hash.is_some() {
            // Users who logged in by the old password have to know the new one.
            tx.end_sessions_of(account, user.id.as_str())?;
        }
        if login.ends_connections {
            reactions::deactivation::end_grants(tx, account, user.id.as_str(), now, EndReason::Operator)?;
        }
        Ok(())
    }

    /// A change of the log-in leaves a row of its own: what the user is to SCIM did not change.
    fn record_login(&self, tx: &mut Tx<'_>, user: &Resource, login: &LoginChange) {
        let password = login.password_hash.as_ref().map(|_| "a password was set".to_owned());
        let service = login.service_account.map(|is| format!("service_account: {is}"));
        let said: Vec<String> = password.into_iter().chain(service).collect();
        if !said.is_empty() {
            let changed = Act::new(Action::UserLoginChanged).on(user.id.as_str()).saying(said.join(", "));
            tx.raise(self.now, Some(self.account.seq), changed);
        }
    }
}

/// A password that an operator knows is for those who may know secrets.
fn may_set_login(mandate: &Mandate, login: &LoginChange) -> Result<(), ActError> {
    match login.password_hash {
        Some(_) => Ok(mandate.may(Power::SetPasswords)?),
        None => Ok(()),
    }
}

fn user_id(text: &str) -> Result<Id, ActError> {
    Id::new(text).ok_or_else(|| ActError::not_found("user", text))
}

/// Makes a user with these attributes of SCIM.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    account: &str,
    attributes: &Value,
    login: &LoginChange,
) -> Result<User, ActError> {
    let at = Place::of(tx, mandate, Power::ChangeUsers, engine, account)?;
    may_set_login(mandate, login)?;
    at.refuse_misspelt(attributes)?;
    let mut store = tx.in_account(at.account.seq, at.now, false);
    let made = engine.run(&at.provider, at.now, |cx| service::create(&mut store, cx, USER, attributes, &at.shown))?;
    at.set_login(tx, &made.resource, login)?;
    at.overview(tx, &made.resource)
}

/// Finds users. Only reads.
pub fn search(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    account: &str,
    asked: &SearchRequest,
) -> Result<UserList, ActError> {
    let at = Place::of(tx, mandate, Power::Read, engine, account)?;
    let mut store = tx.in_account(at.account.seq, at.now, false);
    let list = engine.run(&at.provider, at.now, |cx| service::search(&mut store, cx, USER, asked, &at.shown))?;
    let items = list.resources.iter().map(|user| at.overview(tx, user)).collect::<Result<Vec<_>, _>>()?;
    Ok(UserList { items, total: list.total })
}

/// Reads a user.
pub fn get(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    account: &str,
    user: &str,
) -> Result<User, ActError> {
    let at = Place::of(tx, mandate, Power::Read, engine, account)?;
    let id = user_id(user)?;
    let mut store = tx.in_account(at.account.seq, at.now, false);
    let user = engine.run(&at.provider, at.now, |cx| service::get(&mut store, cx, USER, &id, &at.shown))?;
    at.overview(tx, &user)
}

/// Changes a user: attributes of SCIM, how they log in, or both.
pub fn change(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    account: &str,
    user: &str,
    change: Option<&PatchRequest>,
    login: &LoginChange,
) -> Result<User, ActError> {
    let at = Place::of(tx, mandate, Power::ChangeUsers, engine, account)?;
    may_set_login(mandate, login)?;
    let id = user_id(user)?;
    let mut store = tx.in_account(at.account.seq, at.now, false);
    let user = engine.run(&at.provider, at.now, |cx| match change {
        Some(change) => service::patch(&mut store, cx, USER, &id, change, &Precondition::None, &at.shown)
            .map(|written| written.resource),
        None => service::get(&mut store, cx, USER, &id, &at.shown),
    })?;
    at.set_login(tx, &user, login)?;
    at.record_login(tx, &user, login);
    at.overview(tx, &user)
}

/// Sets the password of a service account, for the administrator who opened a setup link.
pub(super) fn set_service_password(
    tx: &mut Tx<'_>,
    engine: &ScimEngine,
    account: &Account,
    user: &str,
    hash: &str,
) -> Result<(), ActError> {
    let at = Place::in_account(tx, engine, account.clone())?;
    let id = user_id(user)?;
    let login = LoginChange { password_hash: Some(hash.to_owned()), ..LoginChange::default() };
    let mut store = tx.in_account(at.account.seq, at.now, false);
    let user = engine.run(&at.provider, at.now, |cx| service::get(&mut store, cx, USER, &id, &at.shown))?;
    let stored = tx.in_account(at.account.seq, at.now, false).get(USER, &id)?;
    let is_service = match stored {
        Some(stored) => tx.is_service_account(at.account.seq, UserKey::of_user(stored.handle))?,
        None => false,
    };
    if !is_service {
        return Err(ActError::conflict("this user is no longer a service account; ask for a new setup link"));
    }
    at.set_login(tx, &user, &login)?;
    at.record_login(tx, &user, &login);
    Ok(())
}

/// Attributes to be replaced, as a SCIM PATCH without paths; `null` removes.
pub fn patch_of(attributes: Map<String, Value>) -> Result<Option<PatchRequest>, scim::Error> {
    let (removed, replaced): (Map<_, _>, Map<_, _>) = attributes.into_iter().partition(|(_, value)| value.is_null());
    let mut operations: Vec<Value> = removed.keys().map(|name| json!({"op": "remove", "path": name})).collect();
    if !replaced.is_empty() {
        operations.push(json!({"op": "replace", "value": replaced}));
    }
    if operations.is_empty() {
        return Ok(None);
    }
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    PatchRequest::parse(&body).map(Some)
}

/// Deletes a user. What they accepted ends with them, or passes to the account's co-owner.
pub fn delete(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    account: &str,
    user: &str,
) -> Result<(), ActError> {
    let at = Place::of(tx, mandate, Power::Delete, engine, account)?;
    let id = user_id(user)?;
    let mut store = tx.in_account(at.account.seq, at.now, false);
    engine.run(&at.provider, at.now, |cx| service::delete(&mut store, cx, USER, &id, &Precondition::None))?;
    Ok(())
}

/// Takes a lost authenticator app away, with its recovery codes.
pub fn remove_second_factor(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, user: &str) -> Result<(), ActError> {
    let (owner, now) = (owner(tx, mandate, account, user)?, tx.now());
    match second_factor::release(tx, &owner.into(), now)? {
        true => Ok(()),
        false => Err(ActError::not_found("second factor of user", user)),
    }
}

/// Forgets who the user is at the account's OpenID provider.
pub fn release_identity(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, user: &str) -> Result<(), ActError> {
    let (owner, now) = (owner(tx, mandate, account, user)?, tx.now());
    match upstream::release(tx, &owner, now)? {
        true => Ok(()),
        false => Err(ActError::not_found("upstream identity of user", user)),
    }
}

/// The user who is helped to log in again.
fn owner(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, user: &str) -> Result<Owner, ActError> {
    let account = accounts::find(tx, mandate, Power::RecoverUsers, account)?.seq;
    let found = tx.in_account(account, tx.now(), false).get(USER, &user_id(user)?)?;
    let resource = UserKey::of_user(found.ok_or_else(|| ActError::not_found("user", user))?.handle);
    Ok(Owner { account, resource, id: user.to_owned() })
}
