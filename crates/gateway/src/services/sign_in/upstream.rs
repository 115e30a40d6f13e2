//! **Proof** by an account's OpenID provider. The provider's `sub` is what a user is known by; a name or an address is believed once, to
//! find whose `sub` it is.

use oauth::Keyring;
use scim::schema::USER;

use super::password::suspended;
use super::{AuthenticatedUser, Owner, authenticated_at};
use crate::domain::account::Account;
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::sealing;
use crate::domain::sign_in::{MatchBy, SignInProvider};
use crate::platform::openid_client::{Identity, OpenIdProvider, UpstreamError};
use crate::platform::secret_text::SecretText;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ServiceError;
use crate::storage::{DbError, Tx};

/// What a user is told whose account has no provider.
pub const NONE: &str = "This account has no OpenID provider any more.";

/// Why a log-in at a provider did not succeed, and what the user is told.
pub fn not_logged_in(error: &UpstreamError) -> Refusal {
    let code = match error {
        UpstreamError::Unreachable { .. } => OwnCode::ProviderUnreachable,
        UpstreamError::Exchange { .. } => OwnCode::ProviderExchangeFailed,
        UpstreamError::InvalidResponse { .. } => OwnCode::ProviderAnswerInvalid,
    };
    Refusal::new(code, error.for_people())
}

/// What a provider's word on when a person logged in there is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recency {
    /// They may come in. `None` where the provider does not say when it was; then it is as if it had been now.
    Counts(Option<Timestamp>),
    /// The provider has to be told to ask them again.
    AskAnew,
    /// It was told to, and did not.
    TooOld,
}

/// Judges it, where they have to have logged in `since` then, or where that does not matter.
pub fn recency(said: Option<Timestamp>, since: Option<Timestamp>, asked_anew: bool, now: Timestamp) -> Recency {
    let Some(said) = said else {
        return if since.is_none() || asked_anew { Recency::Counts(None) } else { Recency::AskAnew };
    };
    match (authenticated_at(said, since, now), asked_anew) {
        (Some(at), _) => Recency::Counts(Some(at)),
        (None, false) => Recency::AskAnew,
        (None, true) => Recency::TooOld,
    }
}

/// The OpenID provider of an account.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The account.
    pub account: Account,
    /// What an operator says of the provider.
    pub configured: SignInProvider,
    /// The provider as it is asked.
    pub provider: OpenIdProvider,
}

impl Upstream {
    /// `None` if the account has none. The provider sends users back to this URL.
    pub fn find(
        tx: &mut Tx<'_>,
        keys: &Keyring,
        account: AccountKey,
        redirect_uri: &str,
    ) -> Result<Option<Upstream>, ServiceError> {
        let Some(account) = tx.account_at(account)? else { return Ok(None) };
        let Some(configured) = account.options.sign_in.provider.clone() else { return Ok(None) };
        let Some(sealed) = tx.upstream_secret(account.seq)? else { return Ok(None) };
        let secret = keys.open(sealing::SIGN_IN_SECRET, &sealed).and_then(|bytes| String::from_utf8(bytes).ok());
        let provider = OpenIdProvider {
            issuer: configured.issuer.clone(),
            client_id: configured.client_id.clone(),
            client_secret: SecretText::new(&secret.ok_or(ServiceError::Unreadable)?),
            redirect_uri: redirect_uri.to_owned(),
        };
        Ok(Some(Upstream { account, configured, provider }))
    }

    /// The user whom the provider has identified and who [logged in there then](recency), or what they are told. The caller has said who
    /// acts.
    pub fn prove(
        &self,
        tx: &mut Tx<'_>,
        cx: &mut scim::Context<'_>,
        identity: &Identity,
        authenticated: Option<Timestamp>,
    ) -> Result<Result<AuthenticatedUser, Refusal>, DbError> {
        let now = Timestamp::of_millis(cx.now);
        let account = tx.account_at(self.account.seq)?;
        let recognized = match suspended(account.as_ref()) {
            Some(suspended) => Err(suspended),
            None => {
                let found = self.recognize(tx, cx, identity)?;
                super::unless_disabled(tx, self.account.seq, found)?
            }
        };
        let (act, outcome) = match recognized {
            Ok((resource, id)) => {
                let how = identity.how.clone();
                let proven = AuthenticatedUser::new(self.account.seq, resource, &id, now, how);
                let proven = AuthenticatedUser { authenticated, ..proven };
                (Act::new(Action::LoginSucceeded).on(id), Ok(proven))
            }
            Err(problem) => (Act::new(Action::LoginFailed), Err(problem)),
        };
        tx.raise(now, Some(self.account.seq), act.saying(format!("at {}", self.configured.issuer)));
        Ok(outcome)
    }

    /// The user this is. Once found by a name they are known by `sub`, so that a user who gets the name later is another.
    fn recognize(
        &self,
        tx: &mut Tx<'_>,
        cx: &mut scim::Context<'_>,
        identity: &Identity,
    ) -> Result<Result<(UserKey, String), Refusal>, DbError> {
        let Upstream { account, configured, .. } = self;
        let refused = |code, why: String| Ok(Err(Refusal::new(code, why)));
        let (issuer, subject) = (configured.issuer.as_str(), identity.subject.as_str());
        if let Some(known) = tx.upstream_user(account.seq, issuer, subject)? {
            return Ok(Ok(known));
        }
        if tx.upstream_subject_exists(account.seq, issuer, subject)? {
            return refused(OwnCode::ProviderUserDeactivated, "Your user was deactivated here.".to_owned());
        }
        let (filter, name) = match named(configured, identity) {
            Ok(named) => named,
            Err(problem) => return Ok(Err(problem)),
        };
        let users = matching(tx, cx, account, &format!("active eq true and ({filter})"))?;
        let [(resource, id)] = users.as_slice() else {
            return match users.len() {
                0 => refused(
                    OwnCode::ProviderUserUnknown,
                    format!("There is no active user {name} in {}.", account.name),
                ),
                _ => {
                    let why = format!("More than one user of {} has the address {name}.", account.name);
                    refused(OwnCode::ProviderUserAmbiguous, why)
                }
            };
        };
        match tx.bind_upstream_identity(account.seq, issuer, subject, *resource, Timestamp::of_millis(cx.now))? {
            Ok(()) => Ok(Ok((*resource, id.clone()))),
            Err(_) => refused(
                OwnCode::ProviderUserLinked,
                format!(
                    "The user {name} is linked to another identity at {}. Ask an operator of this service to release the link.",
                    configured.name
                ),
            ),
        }
    }
}

/// Forgets who a user is at the provider: the next log-in there under a name of the user's is theirs. `false` if nothing was known.
/// The caller has said who acts.
pub fn release(tx: &mut Tx<'_>, owner: &Owner, now: Timestamp) -> Result<bool, DbError> {
    let was_known = tx.release_upstream_identities(owner.account, owner.resource)?;
    if was_known {
        tx.raise(now, Some(owner.account), Act::new(Action::UpstreamIdentityReleased).on(&owner.id));
    }
    Ok(was_known)
}

/// The filter that finds a user whom the provider names, and the name.
fn named(configured: &SignInProvider, identity: &Identity) -> Result<(String, String), Refusal> {
    let refused = |code, why: String| Err(Refusal::new(code, why));
    let subject = identity.subject.as_str();
    Ok(match (configured.match_by, &identity.email, &identity.preferred_username) {
        (MatchBy::Subject, _, _) => (format!("externalId eq {}", quoted(subject)), subject.to_owned()),
        (MatchBy::VerifiedEmail, Some((email, false)), _) => {
            let why = format!("{} does not say that the address {email} is verified.", configured.name);
            return refused(OwnCode::ProviderEmailUnverified, why);
        }
        (MatchBy::VerifiedEmail | MatchBy::Email, Some((email, _)), _) => {
            let address = quoted(email);
            (format!("userName eq {address} or emails.value eq {address}"), email.clone())
        }
        (MatchBy::PreferredUsername, _, Some(name)) => (format!("userName eq {}", quoted(name)), name.clone()),
        (MatchBy::VerifiedEmail | MatchBy::Email, None, _) => {
            let why = format!("{} does not tell us your e-mail address.", configured.name);
            return refused(OwnCode::ProviderEmailMissing, why);
        }
        (MatchBy::PreferredUsername, _, None) => {
            let why = format!("{} does not tell us your user name.", configured.name);
            return refused(OwnCode::ProviderNameMissing, why);
        }
    })
}

/// The users that a filter finds, at most two: their numbers and ids.
pub(in crate::services) fn matching(
    tx: &mut Tx<'_>,
    cx: &mut scim::Context<'_>,
    account: &Account,
    filter: &str,
) -> Result<Vec<(UserKey, String)>, DbError> {
    let mut store = tx.in_account(account.seq, Timestamp::of_millis(cx.now), false);
    match scim::service::find(&mut store, cx, USER, filter, 2) {
        Ok(users) => {
            Ok(users.into_iter().map(|user| (UserKey::of_user(user.handle), user.resource.id.to_string())).collect())
        }
        Err(scim::Error::Store(error)) => Err(error.into()),
        // A name that no filter accepts, because of its length or characters, belongs to no user.
        Err(_) => Ok(Vec::new()),
    }
}

/// A JSON string, as filters have them.
pub(in crate::services) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_did_not_ask_again_is_told_to_once() {
        use crate::platform::timestamp::ms;
        let (minute, now) = (60_000, ms(10_000_000));
        let ago = |minutes: i64| now - minutes * minute;
        for (said, since, asked_anew, expected) in [
            (None, None, false, Recency::Counts(None)),
            (Some(ago(90)), None, false, Recency::Counts(Some(ago(90)))),
            (Some(ago(-2)), None, false, Recency::Counts(Some(now))),
            (None, Some(ago(1)), false, Recency::AskAnew),
            (None, Some(ago(1)), true, Recency::Counts(None)),
            (Some(ago(90)), Some(ago(1)), false, Recency::AskAnew),
            (Some(ago(90)), Some(ago(1)), true, Recency::TooOld),
            (Some(now), Some(ago(1)), false, Recency::Counts(Some(now))),
            // By a clock that is behind ours.
            (Some(ago(3)), Some(ago(1)), false, Recency::Counts(Some(ago(1)))),
        ] {
            assert_eq!(recency(said, since, asked_anew, now), expected, "{said:?} {since:?} {asked_anew}");
        }
    }

    #[test]
    fn a_user_is_looked_for_by_what_the_operator_chose_and_the_provider_vouches_for() {
        let identity = |email: Option<(&str, bool)>, name: Option<&str>| Identity {
            subject: "1\"2".to_owned(),
            email: email.map(|(email, verified)| (email.to_owned(), verified)),
            preferred_username: name.map(str::to_owned),
            auth_time: None,
            how: oauth::Authentication::default(),
        };
        let named = |match_by, identity: &Identity| {
            let (name, issuer, client_id) = ("Acme".to_owned(), String::new(), String::new());
            super::named(&SignInProvider { name, issuer, client_id, match_by }, identity)
        };
        let full = identity(Some(("ada@acme.test", true)), Some("ada"));
        let by_address = r#"userName eq "ada@acme.test" or emails.value eq "ada@acme.test""#;
        for (match_by, filter) in [
            (MatchBy::VerifiedEmail, by_address),
            (MatchBy::Email, by_address),
            (MatchBy::PreferredUsername, r#"userName eq "ada""#),
            (MatchBy::Subject, r#"externalId eq "1\"2""#),
        ] {
            assert_eq!(named(match_by, &full).unwrap().0, filter);
        }
        let unverified = identity(Some(("ada@acme.test", false)), None);
        assert!(named(MatchBy::VerifiedEmail, &unverified).unwrap_err().detail.contains("does not say"));
        assert_eq!(named(MatchBy::Email, &unverified).unwrap().1, "ada@acme.test");
        for match_by in [MatchBy::VerifiedEmail, MatchBy::Email, MatchBy::PreferredUsername] {
            assert!(named(match_by, &identity(None, None)).unwrap_err().detail.contains("does not tell us"));
        }
    }
}
