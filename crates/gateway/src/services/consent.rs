//! Consent (RFC 6749 §4.1.2): what a user is asked before a client gets access, and what follows from the answer.

use oauth::Subject;
use oauth::authorize::AuthorizationRequest;
use oauth::client::{Connections, Lifetimes};
use oauth::consent::{self, Acceptance};
use oauth::scope::OPENID;
use scim::schema::USER;
use scim::{Id, Store};

use super::reactions;
use crate::domain::account::{OwnDeactivation, ServiceAccounts};
use crate::domain::event::Kind;
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::labels::Called;
use crate::domain::request::OwnCode;
use crate::domain::scopes;
use crate::platform::timestamp::Timestamp;
use crate::storage::sessions::Session;
use crate::storage::{DbError, Tx};

/// How many connections are named.
const SHOWN: i64 = 5;

/// What comes next for a request of a client, for the user who is logged in.
#[derive(Debug)]
pub enum Next {
    /// The request was answered: [`again`] says how.
    Answered,
    /// The user accepted as much before: [`accept`] without asking.
    Accept,
    /// The user is asked.
    Ask(Box<ConsentingUser>),
    /// Another user has to log in: the client belongs to another account.
    LogIn,
    /// The request said not to ask (`prompt=none`): the error that its client gets, and why.
    Refuse(&'static str, OwnCode, &'static str),
}

/// The user who is asked, and what they have to know.
#[derive(Debug)]
pub struct ConsentingUser {
    /// The account's name.
    pub account: String,
    /// The `userName`.
    pub name: String,
    /// The user's role, if there is one.
    pub role: Option<Called>,
    /// The roles that may accept.
    pub needed: Vec<Called>,
    /// Whether this user may accept: any user may say who they are; to open the SCIM endpoint takes a role.
    pub may_accept: bool,
    /// Whether this is a service account.
    pub service_account: bool,
    /// Whether an identity provider has written the user, and may change them.
    pub managed: bool,
    /// Whether an identity provider that deactivates the user cuts its own connection.
    pub cuts_itself: bool,
    /// Whether the connection passes to a co-owner when the user leaves.
    pub has_successor: bool,
    /// How long the client's tokens live.
    pub lifetimes: Lifetimes,
    /// The connections for provisioning that the client has already.
    pub connected: AlreadyConnected,
}

/// The connections for provisioning that a client has in an account.
#[derive(Debug, Clone, Default)]
pub struct AlreadyConnected {
    /// The newest of them.
    pub connections: Vec<ConnectedBefore>,
    /// There are more.
    pub more: bool,
    /// They end when the new one is first used.
    pub are_replaced: bool,
}

/// A connection for provisioning.
#[derive(Debug, Clone)]
pub struct ConnectedBefore {
    /// The `userName` of its owner.
    pub user: String,
    /// When it was accepted, in milliseconds since the epoch.
    pub since: Timestamp,
    /// Whether it was ever used.
    pub is_used: bool,
}

/// Whether accepting this request opens the SCIM endpoint.
pub fn provisions(asked: &AuthorizationRequest) -> bool {
    asked.scope.contains(scopes::PROVISION)
}

/// Whether a session is recent enough for this request, and of the user it expects.
pub fn fits(asked: &AuthorizationRequest, session: &Session) -> bool {
    asked.accepts_login(&subject(session), session.login().at)
}

fn subject(session: &Session) -> Subject {
    Subject::new(session.owner_id.as_str())
}

/// Looks what comes next. Only reads.
pub fn next(
    tx: &mut Tx<'_>,
    cx: &oauth::Context<'_>,
    asked: &AuthorizationRequest,
    session: &Session,
) -> Result<Next, DbError> {
    if consent::is_answered(tx, cx, asked)? {
        return Ok(Next::Answered);
    }
    let person = ConsentingUser::find(tx, cx, asked, session)?;
    let remembered = consent::is_remembered(tx, cx, asked, &subject(session))?;
    Ok(match person {
        Some(person) if remembered && person.may_accept => Next::Accept,
        Some(_) if asked.prompt.none => {
            Next::Refuse("consent_required", OwnCode::ConsentRequired, "the user has not accepted this yet")
        }
        None if asked.prompt.none => {
            Next::Refuse("login_required", OwnCode::OtherAccount, "a user of another account is logged in")
        }
        Some(person) => Next::Ask(Box::new(person)),
        None => Next::LogIn,
    })
}

/// What comes of accepting; `None` if this user may not. The caller has said who acts.
pub fn accept(
    tx: &mut Tx<'_>,
    cx: &mut oauth::Context<'_>,
    asked: &AuthorizationRequest,
    session: &Session,
    fingerprint: &[u8],
) -> Result<Option<Acceptance>, DbError> {
    // To log the user out everywhere waits for this, or is seen here.
    tx.share_user(session.account, session.owner)?;
    let person = ConsentingUser::find(tx, cx, asked, session)?;
    if person.is_none_or(|person| !person.may_accept) {
        return Ok(None);
    }
    let accepted = consent::accept(tx, cx, asked, &subject(session), &session.login())?;
    if matches!(accepted, Acceptance::Redirect(_)) && asked.scope.contains(OPENID) {
        enter_relying_party(tx, asked, session, fingerprint)?;
    }
    if matches!(accepted, Acceptance::Redirect(_)) && provisions(asked) {
        reactions::notices::tell_at_risk(tx, session.account, session.owner, Timestamp::of_millis(cx.now))?;
    }
    Ok(Some(accepted))
}

/// A client that wants to be told when the session ends in which it got this grant is told.
fn enter_relying_party(
    tx: &mut Tx<'_>,
    asked: &AuthorizationRequest,
    session: &Session,
    fingerprint: &[u8],
) -> Result<(), DbError> {
    let Some(client) = tx.client_record(asked.client.as_str())? else { return Ok(()) };
    let made = tx.events.iter().rev().find_map(|event| match &event.kind {
        Kind::Authorization(oauth::Event::GrantCreated { grant, .. }) => Some(*grant),
        _ => None,
    });
    match (made, client.client.options.backchannel_logout_uri) {
        (Some(grant), Some(_)) => tx.enter_relying_party(fingerprint, grant, client.seq, &session.owner_id),
        _ => Ok(()),
    }
}

/// What a user is told whose request was answered already.
pub fn again(
    tx: &mut Tx<'_>,
    cx: &mut oauth::Context<'_>,
    asked: &AuthorizationRequest,
    session: &Session,
) -> Result<Acceptance, DbError> {
    Ok(consent::again(tx, cx, asked, &subject(session))?)
}

/// Denies: where the browser is sent; `None` if access was accepted before, which stands.
pub fn deny(
    tx: &mut Tx<'_>,
    cx: &mut oauth::Context<'_>,
    asked: &AuthorizationRequest,
) -> Result<Option<String>, DbError> {
    Ok(consent::deny(tx, cx, asked)?)
}

impl ConsentingUser {
    /// `None` if they are gone, if they were logged out everywhere, or if the client belongs to another account.
    fn find(
        tx: &mut Tx<'_>,
        cx: &oauth::Context<'_>,
        asked: &AuthorizationRequest,
        session: &Session,
    ) -> Result<Option<ConsentingUser>, DbError> {
        let of_client = tx.account_of_client(&asked.client)?;
        if of_client.is_some_and(|account| account.seq != session.account) {
            return Ok(None);
        }
        let (Some(account), Some(id)) = (tx.account_at(session.account)?, Id::new(session.owner_id.clone())) else {
            return Ok(None);
        };
        // The session ended while this page was open.
        if tx.was_signed_out_since(session.account, session.owner, session.auth_time)? {
            return Ok(None);
        }
        let Some(client) = tx.client_record(asked.client.as_str())? else { return Ok(None) };
        let has_successor = tx.successor_of(account.seq, &session.owner_id)?.is_some();
        let policy = tx.grant_policy();
        let now = Timestamp::of_millis(cx.now);
        let mut store = tx.in_account(account.seq, now, false);
        let Some(user) = store.get(USER, &id)?.filter(|user| user.resource.is_active()) else {
            return Ok(None);
        };
        let written = store.is_provisioned(user.handle)?;
        let attributes = user.resource.attributes();
        let name = attributes.get("userName").and_then(|value| value.as_str());
        let service_account = tx.is_service_account(account.seq, UserKey::of_user(user.handle))?;
        let managed = written && (!service_account || account.options.service_accounts == ServiceAccounts::Writable);
        let connected = AlreadyConnected::find(tx, now, account.seq, asked, client.client.options.connections)?;
        Ok(Some(ConsentingUser {
            account: account.name,
            name: name.unwrap_or_else(|| user.resource.display()).to_owned(),
            role: policy.role_of(attributes).map(|role| account.options.role_labels.of(role)),
            needed: account.options.role_labels.of_all(policy.roles()),
            may_accept: !provisions(asked) || policy.may_own_grant(attributes),
            service_account,
            managed,
            cuts_itself: managed && !has_successor && account.options.own_deactivation == OwnDeactivation::Allow,
            has_successor,
            lifetimes: client.client.lifetimes(cx.settings),
            connected,
        }))
    }
}

impl AlreadyConnected {
    /// Nothing, if the request is not for provisioning.
    fn find(
        tx: &mut Tx<'_>,
        now: Timestamp,
        account: AccountKey,
        asked: &AuthorizationRequest,
        connections: Connections,
    ) -> Result<AlreadyConnected, DbError> {
        if !provisions(asked) {
            return Ok(AlreadyConnected::default());
        }
        let mut found = tx.connections_of_client(account, &asked.client, SHOWN + 1)?;
        let more = found.len() as i64 > SHOWN;
        found.truncate(SHOWN as usize);
        let mut shown = Vec::with_capacity(found.len());
        for connected in found {
            let user = match Id::new(connected.owner_id.as_str()) {
                Some(id) => tx.in_account(account, now, false).get(USER, &id)?,
                None => None,
            };
            let name = user.as_ref().and_then(|user| user.resource.attributes().get("userName")?.as_str());
            shown.push(ConnectedBefore {
                user: name.unwrap_or_default().to_owned(),
                since: connected.created,
                is_used: connected.used.is_some(),
            });
        }
        Ok(AlreadyConnected { connections: shown, more, are_replaced: connections == Connections::Replace })
    }
}
