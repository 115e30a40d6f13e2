//! What the identity provider of an account asks to end, and tells of its users beside SCIM. It signs what it says with the keys by which its
//! people log in here, or with those of an issuer that an operator has named; what it says counts for users of that account and no others
//! ([why](../../../../docs/decisions/0084-what-ends-when-an-identity-provider-logs-a-user-out.md)).

use oauth::Keyring;
use oauth::assertion::{KeySource, Supply};
use oauth::jose::Claims;
use oauth::provider_token::{Disbelief, Expected, ProviderToken};
use oauth::store::SpentProofs;

use crate::domain::account::Account;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::sign_in::SignalIssuer;
use crate::platform::outbound::Calls;
use crate::platform::outbound::jwks::PublishedKeys;
use crate::platform::timestamp::Timestamp;
use crate::services::accounts::sign_in::events_endpoint;
use crate::storage::{DbError, Tx};

pub mod events;
pub mod revocation;
pub mod subject;

/// Why what a token says does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// It is not believed.
    Token(Disbelief),
    /// The keys cannot be read at the moment, and this is why: it may be right.
    Keys(String),
}

/// An account whose identity provider may tell something.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// The account.
    pub account: Account,
    /// Who may.
    pub issuer: SignalIssuer,
}

impl Receiver {
    /// The account with this id, if it names an issuer. Only reads.
    pub fn find(tx: &mut Tx<'_>, account: &str) -> Result<Option<Receiver>, DbError> {
        Ok(tx.account(account)?.and_then(Receiver::of))
    }

    /// This account, if it names an issuer.
    pub fn of(account: Account) -> Option<Receiver> {
        let issuer = account.options.sign_in.signal_issuer()?;
        Some(Receiver { account, issuer })
    }

    /// For whom its security events have to be.
    pub fn audiences(&self, public_url: &str) -> Vec<String> {
        let own = events_endpoint(public_url, &self.account.id);
        std::iter::once(own).chain(self.issuer.audience.clone()).collect()
    }

    /// What a caller is told where there is none.
    pub fn missing() -> Refusal {
        let why = "There is no account here that names an issuer who may have users logged out. Set up the account's OpenID provider, or name \
             the issuer in its sign-in settings.";
        Refusal::new(OwnCode::SignalsUnexpected, why)
    }

    /// Where the keys are.
    pub fn source(&self) -> KeySource {
        match &self.issuer.jwks_uri {
            Some(uri) => KeySource::JwksUri(uri.clone()),
            None => KeySource::Issuer(self.issuer.issuer.clone()),
        }
    }

    /// Whether a token is meant for this account, as far as it says so itself.
    pub fn check(&self, token: &ProviderToken, audiences: &[String], now: Timestamp) -> Result<(), Disbelief> {
        token.check(Expected { issuer: &self.issuer.issuer, audiences, now: now.millis() })
    }

    /// What a token says, if the provider has signed it for this account. Its claims are looked at before keys are fetched for it, and how often
    /// any address is asked is bounded ([`PublishedKeys`]). The calls are noted.
    pub async fn believe(
        &self,
        published: &PublishedKeys,
        token: &ProviderToken,
        audiences: &[String],
        now: Timestamp,
        calls: &Calls,
    ) -> Result<Claims, Doubt> {
        self.check(token, audiences, now).map_err(Doubt::Token)?;
        match published.of(&self.source(), token.kid(), calls).await {
            Supply::Keys(keys) => token.verify(&keys, now.millis()).map_err(Doubt::Token),
            Supply::Failed(why) => {
                Err(Doubt::Keys(format!("The keys of {} cannot be read: {why}.", self.issuer.issuer)))
            }
        }
    }

    /// Uses a token up, whichever replica is asked; `false` if it was used before.
    pub fn spend(&self, tx: &mut Tx<'_>, keys: &Keyring, token: &ProviderToken) -> Result<bool, DbError> {
        let single = token.single(keys, &self.account.id);
        Ok(tx.use_assertion(&single.id, single.expires)?)
    }
}

/// What a caller is told whose token is not believed.
pub fn disbelieved(why: &Disbelief) -> Refusal {
    Refusal::new(OwnCode::SignalTokenInvalid, format!("The token is not accepted: {why}."))
}

/// The same, where it was used before.
pub fn replayed() -> Refusal {
    Refusal::new(OwnCode::SignalTokenReplayed, "The token was used before: its jti counts once.")
}
