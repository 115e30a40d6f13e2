//! Operators log in at the console: by [`password`], or at the vendor's own OpenID provider.

use serde::{Deserialize, Serialize};

use super::{Asks, carried};
use crate::config::OperatorSignIn;
use crate::domain::actor::{Actor, Named, Source};
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, OperatorKey};
use crate::domain::operator::Role;
use crate::domain::request::{OwnCode, Refusal};
use crate::platform::openid_client::{Identity, OpenIdProvider};
use crate::platform::timestamp::Timestamp;
use crate::services::second_factor::Holder;
use crate::storage::operator_logins::OperatorLogin;
use crate::storage::operator_sessions::{LoginKind, OperatorSession};
use crate::storage::{DbError, Tx};

pub mod password;

/// An operator who proved who they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthenticatedOperator {
    key: OperatorKey,
    id: String,
    name: String,
    kind: LoginKind,
    at: Timestamp,
}

impl AuthenticatedOperator {
    fn of(login: &OperatorLogin, kind: LoginKind, at: Timestamp) -> AuthenticatedOperator {
        AuthenticatedOperator { key: login.key, id: login.id.clone(), name: login.name.clone(), kind, at }
    }

    /// One who set a password by a link, which proves as much as the password does.
    pub fn by_link(login: &OperatorLogin, at: Timestamp) -> AuthenticatedOperator {
        AuthenticatedOperator::of(login, LoginKind::Password, at)
    }

    /// Their public id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When they proved it, in milliseconds since the epoch.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Acting as themselves.
    pub fn actor(&self) -> Actor {
        Actor::Operator(Named::new(&self.id, &self.name))
    }

    /// Whose authenticator app is asked for.
    pub fn holder(&self) -> Holder {
        Holder::operator(self.key, &self.id, &self.name)
    }

    /// The session that this log-in leads to.
    pub fn session(&self) -> OperatorSession {
        OperatorSession { operator: self.key, kind: self.kind, auth_time: self.at, last_seen: self.at }
    }

    /// Notes that they proved who they are.
    fn note(&self, tx: &mut Tx<'_>, from: Source) -> Result<(), DbError> {
        tx.see_operator(self.key, self.at)?;
        tx.act_as(self.actor().at(from));
        let how = match self.kind {
            LoginKind::Password => "by password",
            LoginKind::Provider => "at the OpenID provider",
        };
        let act = Act::new(Action::OperatorSignedIn).on_named(&self.id, &self.name);
        tx.raise(self.at, None, act.saying(how.to_owned()));
        Ok(())
    }
}

impl carried::Proven for AuthenticatedOperator {
    const PURPOSE: &str = "operator proven by password";

    fn at(&self) -> Timestamp {
        self.at
    }
}

/// What is asked for beside a password: the code of the app that they have, or to set one up where each has to have one.
pub fn further(tx: &mut Tx<'_>, operator: &AuthenticatedOperator, is_required: bool) -> Result<Option<Asks>, DbError> {
    if tx.has_second_factor(AccountKey::NO_ROW, operator.key)? {
        return Ok(Some(Asks::Password));
    }
    Ok(is_required.then_some(Asks::SetUp))
}

/// The vendor's provider as it is asked. It sends operators back to this URL.
pub fn provider(configured: &OperatorSignIn, redirect_uri: &str) -> OpenIdProvider {
    OpenIdProvider {
        issuer: configured.issuer.clone(),
        client_id: configured.client_id.clone(),
        client_secret: configured.client_secret.clone(),
        redirect_uri: redirect_uri.to_owned(),
    }
}

/// The address of an operator and the role, if the address is on the list.
pub fn admitted(configured: &OperatorSignIn, identity: &Identity) -> Result<(String, Role), Refusal> {
    let refused = |why: String| Err(Refusal::new(OwnCode::OperatorNotAdmitted, why));
    let Some((email, verified)) = &identity.email else {
        return refused("Your provider does not tell us your e-mail address.".to_owned());
    };
    if !verified && !configured.unverified_email {
        return refused(format!("Your provider does not say that the address {email} is verified."));
    }
    let email = email.to_lowercase();
    match configured.role_of(&email) {
        Some(role) => Ok((email, role)),
        None => refused(format!("{email} is not on the list of operators. Ask the administrator of this service.")),
    }
}

/// Lets an operator in who has identified at the provider under this address. The first time, the identity becomes theirs: an address that
/// the provider gives to another person lets that person in no more.
pub fn sign_in(
    tx: &mut Tx<'_>,
    configured: &OperatorSignIn,
    identity: &Identity,
    (address, role): (&str, Role),
    from: Source,
) -> Result<Result<AuthenticatedOperator, Refusal>, DbError> {
    let now = tx.now();
    let login = match tx.operator_by_address(address)? {
        Some(login) => login,
        None => tx.insert_operator_of_provider(address, role, now)?,
    };
    let known = login.issuer.as_ref().filter(|issuer| **issuer == configured.issuer).and(login.subject.as_ref());
    if known.is_some_and(|subject| *subject != identity.subject) {
        tx.act_as(Actor::Browser.at(from));
        let detail = format!("{address} is another identity at the provider than before");
        tx.raise(now, None, Act::new(Action::OperatorRefused).on_named(&login.id, &login.name).saying(detail));
        let why = format!(
            "{address} belonged to another person at your provider when it was first used here. Ask an operator with the role platform to end \
             that operator; then log in again."
        );
        return Ok(Err(Refusal::new(OwnCode::OperatorNotAdmitted, why)));
    }
    if known.is_none() {
        tx.bind_operator(login.key, &configured.issuer, &identity.subject)?;
    }
    tx.follow_configured_role(login.key, role)?;
    let operator = AuthenticatedOperator::of(&login, LoginKind::Provider, now);
    operator.note(tx, from)?;
    Ok(Ok(operator))
}

/// Notes that an identity of the provider was refused. The caller has said who acts.
pub fn refused(tx: &mut Tx<'_>, identity: &Identity, now: Timestamp) {
    let address = identity.email.as_ref().map(|(email, _)| email.clone());
    tx.raise(now, None, Act::new(Action::OperatorRefused).saying(address));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::secret_text::SecretText;

    #[test]
    fn operators_are_admitted_by_address_or_domain_and_only_if_it_is_theirs() {
        let configured = OperatorSignIn {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: SecretText::new(""),
            allowed: ["Ada@vendor.test=platform", "@csm.vendor.test"].map(|entry| entry.parse().unwrap()).to_vec(),
            unverified_email: false,
        };
        let identity = |email: Option<(&str, bool)>| Identity {
            subject: "1".to_owned(),
            email: email.map(|(email, verified)| (email.to_owned(), verified)),
            preferred_username: None,
            auth_time: None,
            how: oauth::Authentication::default(),
        };
        for (email, admits) in [
            (Some(("ada@vendor.test", true)), true),
            (Some(("ben@CSM.vendor.test", true)), true),
            (Some(("ada@vendor.test", false)), false),
            (Some(("ben@vendor.test", true)), false),
            (Some(("x@evil.test@csm.vendor.test", true)), true),
            (Some(("ada@vendor.test.evil.test", true)), false),
            (Some(("@csm.vendor.test", true)), false),
            (Some(("ben@xcsm.vendor.test", true)), false),
            (None, false),
        ] {
            assert_eq!(admitted(&configured, &identity(email)).is_ok(), admits, "{email:?}");
        }
    }
}
