//! **Proof** by an account's SAML provider. A response comes without a cookie of ours, for another site sends the form: what is
//! proven becomes a ticket, which counts once, for a minute, and in the browser that began.
//!
//! A user is found by what the provider calls them, each time: what provisions users here keeps their names right
//! ([why](../../../../../docs/decisions/0080-who-is-a-person-of-a-saml-provider.md)).

use oauth::Keyring;
use oauth::store::SpentProofs;
use ring::digest::{SHA256, digest};
use scim::schema::USER;
use scim::{Projection, service};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::password::suspended;
use super::upstream::{matching, quoted};
use super::{AuthenticatedUser, authenticated_at};
use crate::domain::account::Account;
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::saml::addresses::Addresses;
use crate::domain::saml::assertion::{Assertion, Expected};
use crate::domain::saml::certificate::{Certificate, ProviderKey};
use crate::domain::saml::context;
use crate::domain::saml::response::Envelope;
use crate::domain::saml::signature::Trust;
use crate::domain::sign_in::{SamlMatch, SamlProvider};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ServiceError;
use crate::storage::{DbError, Tx};

const REQUEST: &str = "sign-in at a SAML provider";
const TICKET: &str = "proven by a SAML provider";
/// How long a user may stay at the provider, in milliseconds.
const PATIENCE: i64 = 15 * 60 * 1000;
/// How long a browser may take from the response to the page after it, in milliseconds.
const TICKET_LIFETIME: i64 = 60 * 1000;

/// What a user is told whose account has no provider.
pub const NONE: &str = "This account has no SAML provider.";

/// A user who is away at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSaml {
    /// Their account.
    pub account: AccountKey,
    /// For what they log in, as the door that sent them wrote it.
    pub intent: String,
    /// The browser it began in.
    pub browser: String,
    /// Since when they have to have logged in there, where what sent them wants a new log-in.
    pub fresh_since: Option<Timestamp>,
}

/// A user whom a provider has named, on the way to a page that their browser opens with its cookies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ticket {
    /// Who.
    pub user: AuthenticatedUser,
    /// How it began; `None` if at the provider.
    pub begun: Option<PendingSaml>,
}

/// Keeps a log-in until its request, of this ID, is answered.
pub fn keep(tx: &mut Tx<'_>, keys: &Keyring, id: &str, pending: &PendingSaml, now: Timestamp) -> Result<(), DbError> {
    let sealed = keys.seal(REQUEST, system::nonce(), &serde_json::to_vec(pending).unwrap_or_default());
    tx.insert_sign_in_flow(keys.fingerprint(id).as_bytes(), &sealed, now + PATIENCE)
}

fn take(tx: &mut Tx<'_>, keys: &Keyring, id: &str, now: Timestamp) -> Result<Option<PendingSaml>, DbError> {
    let sealed = tx.take_sign_in_flow(keys.fingerprint(id).as_bytes(), now)?;
    Ok(sealed.and_then(|sealed| keys.open(REQUEST, &sealed)).and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Keeps a ticket under this secret.
pub fn issue(tx: &mut Tx<'_>, keys: &Keyring, secret: &str, ticket: &Ticket, now: Timestamp) -> Result<(), DbError> {
    let sealed = keys.seal(TICKET, system::nonce(), &serde_json::to_vec(ticket).unwrap_or_default());
    tx.insert_sign_in_flow(keys.fingerprint(secret).as_bytes(), &sealed, now + TICKET_LIFETIME)
}

/// Takes out the ticket of this secret: the second to ask finds nothing.
pub fn redeem(tx: &mut Tx<'_>, keys: &Keyring, secret: &str, now: Timestamp) -> Result<Option<Ticket>, DbError> {
    let sealed = tx.take_sign_in_flow(keys.fingerprint(secret).as_bytes(), now)?;
    Ok(sealed.and_then(|sealed| keys.open(TICKET, &sealed)).and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The SAML provider of an account.
#[derive(Debug, Clone)]
pub struct Saml {
    /// The account.
    pub account: Account,
    /// What an operator says of the provider.
    pub configured: SamlProvider,
}

/// At which address a response arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// At that of the account with this id.
    OfAccount(String),
    /// At the one that all accounts share, from this issuer, as it says.
    Shared(Option<String>),
}

impl Saml {
    /// The provider of the account with this number.
    pub fn of(tx: &mut Tx<'_>, account: AccountKey) -> Result<Option<Saml>, DbError> {
        Ok(tx.account_at(account)?.and_then(Saml::configured))
    }

    /// The provider of the account with this id.
    pub fn of_id(tx: &mut Tx<'_>, account: &str) -> Result<Option<Saml>, DbError> {
        Ok(tx.account(account)?.and_then(Saml::configured))
    }

    fn configured(account: Account) -> Option<Saml> {
        let configured = account.options.sign_in.saml.clone()?;
        Some(Saml { account, configured })
    }

    /// The provider that a response has to be from, by where it arrived.
    pub fn find(tx: &mut Tx<'_>, arrived: &Arrived) -> Result<Result<Saml, Refusal>, DbError> {
        let found = match arrived {
            Arrived::OfAccount(id) => Saml::of_id(tx, id)?,
            Arrived::Shared(issuer) => {
                let issuer = issuer.as_deref().unwrap_or_default();
                match tx.accounts_of_saml_provider(issuer)?.as_slice() {
                    [account] => Saml::of(tx, *account)?.filter(|saml| saml.configured.entity_id == issuer),
                    accounts => {
                        let whose = if accounts.is_empty() { "no account" } else { "more than one account" };
                        let why = format!(
                            "The provider that sent you is that of {whose} here, so it is not clear where you belong."
                        );
                        return Ok(Err(Refusal::new(OwnCode::SamlAccountUnclear, why)));
                    }
                }
            }
        };
        Ok(found.ok_or_else(|| Refusal::new(OwnCode::SamlMissing, NONE)))
    }

    /// What a response says, if the provider signed it for this account, here and now; and the request that it answers.
    pub fn read(
        &self,
        response: &Envelope<'_>,
        public_url: &str,
        arrived: &Arrived,
        now: Timestamp,
    ) -> Result<(Assertion, Option<String>), Refusal> {
        let keys: Vec<ProviderKey> = self
            .configured
            .certificates
            .iter()
            .filter_map(|text| Certificate::read(text).ok())
            .map(|certificate| certificate.key)
            .collect();
        let addresses = Addresses::of(public_url, &self.account.id);
        let audiences = [addresses.audience, addresses.shared_audience];
        let recipient = match arrived {
            Arrived::OfAccount(_) => &addresses.consumer,
            Arrived::Shared(_) => &addresses.shared_consumer,
        };
        let assertion = response.verify(Trust { keys: &keys, sha1: self.configured.sha1 })?;
        let issuer = &self.configured.entity_id;
        let expected = Expected { issuer, audiences: &audiences, recipient, now: now.millis() };
        let answered = assertion.judge(&expected)?.map(str::to_owned);
        Ok((assertion, answered))
    }

    /// The user whom an assertion names, or what they are told. From here on the assertion and the request that it answers are spent, also
    /// where the user is refused. The caller has said who acts.
    pub fn prove(
        &self,
        tx: &mut Tx<'_>,
        cx: &mut scim::Context<'_>,
        keys: &Keyring,
        assertion: &Assertion,
        answered: Option<&str>,
    ) -> Result<Result<Ticket, Refusal>, ServiceError> {
        let now = Timestamp::of_millis(cx.now);
        let outcome = match self.spend(tx, keys, assertion, answered, now)? {
            Ok(begun) => {
                let since = begun.as_ref().and_then(|begun| begun.fresh_since);
                match authenticated_at(Timestamp::of_millis(assertion.authenticated), since, now) {
                    Some(at) => {
                        let found = self.recognize(tx, cx, assertion)?;
                        super::unless_disabled(tx, self.account.seq, found)?.map(|found| (found, begun, at))
                    }
                    // It was told to ask anew: not all do.
                    None => {
                        let name = &self.configured.name;
                        let why = format!("{name} did not ask you to log in again, and what sent you wants that.");
                        Err(Refusal::new(OwnCode::SamlTime, why))
                    }
                }
            }
            Err(refusal) => Err(refusal),
        };
        let (act, outcome) = match outcome {
            Ok(((resource, id), begun, at)) => {
                let how = context::authentication(assertion);
                let user = AuthenticatedUser::new(self.account.seq, resource, &id, now, how);
                let user = AuthenticatedUser { authenticated: Some(at), ..user };
                (Act::new(Action::LoginSucceeded).on(id), Ok(Ticket { user, begun }))
            }
            Err(refusal) => (Act::new(Action::LoginFailed), Err(refusal)),
        };
        tx.raise(now, Some(self.account.seq), act.saying(format!("at {}", self.configured.entity_id)));
        Ok(outcome)
    }

    /// Each assertion counts once, and each request is answered once, whichever replica is asked.
    fn spend(
        &self,
        tx: &mut Tx<'_>,
        keys: &Keyring,
        assertion: &Assertion,
        answered: Option<&str>,
        now: Timestamp,
    ) -> Result<Result<Option<PendingSaml>, Refusal>, DbError> {
        let refused = |code, why: &str| Ok(Err(Refusal::new(code, why)));
        let id = json!(["saml", self.account.id, assertion.issuer, assertion.id]).to_string();
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, id.as_bytes()).as_ref());
        if !tx.use_assertion(&fingerprint, assertion.expires).map_err(DbError::from)? {
            return refused(
                OwnCode::SamlReplayed,
                "This response was brought before. If you went back in your browser, log in again.",
            );
        }
        let Some(answered) = answered else {
            return match self.configured.idp_initiated {
                true => Ok(Ok(None)),
                false => refused(
                    OwnCode::SamlUnsolicited,
                    "This account does not let people come from the provider's own page. Begin on the log-in page here.",
                ),
            };
        };
        match take(tx, keys, answered, now)?.filter(|pending| pending.account == self.account.seq) {
            Some(pending) => Ok(Ok(Some(pending))),
            None => refused(
                OwnCode::SamlRequestUnknown,
                "The response answers a request that was not sent from here, was answered before, or is older than 15 minutes.",
            ),
        }
    }

    fn recognize(
        &self,
        tx: &mut Tx<'_>,
        cx: &mut scim::Context<'_>,
        assertion: &Assertion,
    ) -> Result<Result<(UserKey, String), Refusal>, ServiceError> {
        let Saml { account, configured } = self;
        let refused = |code, why: String| Ok(Err(Refusal::new(code, why)));
        let current = tx.account_at(account.seq)?;
        if let Some(suspended) = suspended(current.as_ref()) {
            return Ok(Err(suspended));
        }
        let name = match &configured.attribute {
            None => assertion.name_id.value.as_str(),
            Some(attribute) => match assertion.value(attribute) {
                Some(name) => name,
                None => {
                    let why =
                        format!("{} does not tell us your {attribute}, by which you are known here.", configured.name);
                    return refused(OwnCode::SamlAttributeMissing, why);
                }
            },
        };
        let literal = quoted(name);
        let filter = match configured.match_by {
            SamlMatch::UserName => format!("userName eq {literal}"),
            SamlMatch::Email => format!("userName eq {literal} or emails.value eq {literal}"),
            SamlMatch::ExternalId => format!("externalId eq {literal}"),
        };
        let users = matching(tx, cx, account, &format!("active eq true and ({filter})"))?;
        match users.as_slice() {
            [found] => return Ok(Ok(found.clone())),
            [] => {}
            _ => {
                let why = format!("More than one user of {} is called {name}.", account.name);
                return refused(OwnCode::SamlUserAmbiguous, why);
            }
        }
        let unknown =
            || refused(OwnCode::SamlUserUnknown, format!("There is no active user {name} in {}.", account.name));
        // A user who was deactivated stays so.
        if !configured.create_users || !matching(tx, cx, account, &filter)?.is_empty() {
            return unknown();
        }
        self.create(tx, cx, name, assertion)
    }

    /// Makes a user as the assertion describes them, by the rules by which a client of SCIM would.
    fn create(
        &self,
        tx: &mut Tx<'_>,
        cx: &mut scim::Context<'_>,
        name: &str,
        assertion: &Assertion,
    ) -> Result<Result<(UserKey, String), Refusal>, ServiceError> {
        let registry = cx.registry;
        let shown = Projection::standard(registry.get(USER));
        let attributes = self.described(registry.get(USER), name, assertion);
        let mut store = tx.in_account(self.account.seq, Timestamp::of_millis(cx.now), false);
        match service::create(&mut store, cx, USER, &attributes, &shown) {
            Ok(_) => {}
            Err(scim::Error::Store(error)) => return Err(DbError::from(error).into()),
            Err(refused) => {
                let why = format!("No user could be made of you: {refused}");
                return Ok(Err(Refusal::new(OwnCode::SamlUserNotCreated, why)));
            }
        }
        let users = matching(tx, cx, &self.account, &format!("userName eq {}", quoted(&user_name(&attributes))))?;
        let missing =
            || Refusal::new(OwnCode::SamlUserUnknown, format!("There is no user {name} in {}.", self.account.name));
        Ok(users.into_iter().next().ok_or_else(missing))
    }

    /// Attributes of an assertion that are called as attributes of users are theirs; so are the usual names of names and addresses.
    fn described(&self, users: &scim::schema::ResourceType, name: &str, assertion: &Assertion) -> Value {
        const OURS: [&str; 7] = ["schemas", "id", "meta", "active", "groups", "password", "userName"];
        let mut made = Map::new();
        made.insert("schemas".to_owned(), json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
        made.insert("active".to_owned(), json!(true));
        let by_external_id = self.configured.match_by == SamlMatch::ExternalId;
        let user_name = if by_external_id { assertion.name_id.value.as_str() } else { name };
        made.insert("userName".to_owned(), json!(user_name));
        let mut full_name = Map::new();
        let mut email = Some(user_name).filter(|name| name.contains('@'));
        for attribute in &assertion.attributes {
            let Some(first) = attribute.values.first() else { continue };
            // Entra writes names as addresses, whose last part says what they are.
            match attribute.name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "givenname" | "firstname" => full_name.insert("givenName".to_owned(), json!(first)),
                "familyname" | "lastname" | "surname" => full_name.insert("familyName".to_owned(), json!(first)),
                "email" | "mail" | "emailaddress" => {
                    email = Some(first);
                    None
                }
                _ if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(&attribute.name)) => None,
                _ => match users.attribute(&attribute.name) {
                    Some(known) if known.multi_valued => made.insert(known.name.to_string(), json!(attribute.values)),
                    Some(known) => made.insert(known.name.to_string(), json!(first)),
                    None => None,
                },
            };
        }
        if by_external_id {
            made.insert("externalId".to_owned(), json!(name));
        }
        if !full_name.is_empty() {
            made.insert("name".to_owned(), Value::Object(full_name));
        }
        if let Some(email) = email {
            made.insert("emails".to_owned(), json!([{"value": email, "primary": true}]));
        }
        Value::Object(made)
    }
}

fn user_name(attributes: &Value) -> String {
    attributes["userName"].as_str().unwrap_or_default().to_owned()
}
