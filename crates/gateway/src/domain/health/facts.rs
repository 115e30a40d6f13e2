//! What is known of a client and its connections, as the rule takes it.

use oauth::EndReason;

use super::Activity;
use super::activity::Moment;
use crate::domain::account::{LastAdministrator, OwnDeactivation, ServiceAccounts};
use crate::platform::timestamp::Timestamp;

/// All that is known of a client.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The client itself.
    pub client: ClientFacts,
    /// Its account, if it has one.
    pub account: Option<AccountFacts>,
    /// Whether requests are recorded.
    pub is_recorded: bool,
    /// Since when they have been, without a break.
    pub recorded_since: Option<Timestamp>,
    /// When the client was there.
    pub activity: Option<Activity>,
    /// Its open connections for provisioning, the newest first.
    pub connections: Vec<Connection>,
    /// The newest connection that it ever had, if it has ended.
    pub ended: Option<Ended>,
    /// When it first got a token by its own credentials.
    pub own_grant: Option<Timestamp>,
    /// Its secrets.
    pub secrets: Vec<Credential>,
    /// Its static tokens.
    pub tokens: Vec<Credential>,
    /// What was refused within the last day.
    pub refusals: Refusals,
    /// Which attributes it sends.
    pub fields: FieldFacts,
    /// What it was forgiven.
    pub tolerances: Vec<String>,
    /// Members of the account's groups who do not exist.
    pub pending: Option<Pending>,
}

/// The client itself.
#[derive(Debug, Clone, Default)]
pub struct ClientFacts {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Since when its account is suspended, if it is.
    pub suspended: Option<Timestamp>,
    /// Whether an operator disabled it.
    pub disabled: bool,
    /// Whether it may ask for the scope of the SCIM endpoint.
    pub provisions: bool,
    /// Whether a secret is of any use to it.
    pub takes_secrets: bool,
    /// Whether it has keys, or an issuer that vouches for it.
    pub has_keys: bool,
    /// Whether it may get tokens by its own credentials.
    pub by_credentials: bool,
    /// Whether older connections end when a newer one is used.
    pub replaces: bool,
    /// When its registered keys expire: those that say so.
    pub keys: Vec<Option<Timestamp>>,
}

/// An account.
#[derive(Debug, Clone, Default)]
pub struct AccountFacts {
    /// Its name.
    pub name: String,
    /// The role of users who come without one.
    pub default_role: Option<String>,
    /// How many product environments it has.
    pub environments: usize,
    /// What SCIM may do with service accounts.
    pub service_accounts: ServiceAccounts,
    /// What becomes of a request that would end its own connection.
    pub own_deactivation: OwnDeactivation,
    /// What becomes of a request that takes the last administrator away.
    pub last_administrator: LastAdministrator,
}

/// An open connection for provisioning.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The number of its grant.
    pub grant: i64,
    /// The account it opens.
    pub account: AccountFacts,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it was last known to be used.
    pub used: Option<Timestamp>,
    /// When it was last renewed by a refresh token.
    pub refreshed: Option<Timestamp>,
    /// When it expires unless it is used before; `None`: it has no refresh token.
    pub idle_end: Option<Timestamp>,
    /// When it expires in any case.
    pub absolute_end: Option<Timestamp>,
    /// How long it may lie idle, in milliseconds.
    pub idle: i64,
    /// How old it may become, in milliseconds.
    pub absolute: Option<i64>,
    /// The id of its owner,
    pub owner_id: String,
    /// and what they are called.
    pub owner: String,
    /// Whether the owner is a service account.
    pub is_service_account: bool,
    /// Whether an identity provider has written the owner.
    pub is_managed: bool,
    /// What the co-owner is called to whom it would pass.
    pub co_owner: Option<String>,
    /// Whether its owner is the last user who may accept access.
    pub is_last: bool,
}

impl Connection {
    /// Whether it can still be used at this time.
    pub fn lives(&self, now: Timestamp) -> bool {
        self.end().is_none_or(|end| end > now)
    }

    /// When it expires if it is not used.
    pub fn end(&self) -> Option<Timestamp> {
        [self.idle_end, self.absolute_end].into_iter().flatten().min()
    }
}

/// A connection that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// When it was accepted.
    pub created: Timestamp,
    /// Why, where it is known.
    pub reason: Option<EndReason>,
    /// What its owner is or was called, where it is known.
    pub owner: Option<String>,
    /// Whether it was ever used.
    pub was_used: bool,
}

/// A secret or a static token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}

impl Credential {
    /// Whether it counts at this time.
    pub fn lives(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

/// What was refused within the last day, as far as it was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

/// Refusals of one kind within one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code; `None` if it has none.
    pub code: Option<String>,
    /// The route.
    pub endpoint: String,
    /// The method.
    pub method: String,
    /// The status.
    pub status: i32,
    /// How often.
    pub count: i64,
    /// When first,
    pub first: Timestamp,
    /// and when last.
    pub last: Timestamp,
}

/// An attribute that is ignored and looks like one that decides about access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misspelt {
    /// As it was sent.
    pub name: String,
    /// The attribute that it looks like.
    pub nearest: String,
    /// How often it was sent.
    pub count: i64,
    /// When last.
    pub last: Option<Timestamp>,
}

/// Which attributes of users the client sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldFacts {
    /// How many whole users it sent at least that were not refused.
    pub users: i64,
    /// How often the role arrived; `None` if there is no such attribute.
    pub role: Option<i64>,
    /// How often the product environments arrived; `None` if there is no such attribute.
    pub environments: Option<i64>,
    /// What is almost called like one of them.
    pub misspelt: Vec<Misspelt>,
}

/// Members who do not exist, and for whom groups have waited for more than a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// How many, of the oldest that are looked at.
    pub count: i64,
    /// Whether there may be more.
    pub more: bool,
    /// Since when the oldest.
    pub since: Timestamp,
    /// What the oldest was called,
    pub member: String,
    /// and the group that waits.
    pub group: String,
}

impl Facts {
    /// Whether there is any sign that the client has ever connected.
    pub fn has_connected(&self) -> bool {
        self.last_sign().is_some()
            || self.connections.iter().any(|connection| connection.used.is_some())
            || self.ended.as_ref().is_some_and(|ended| ended.was_used)
            // Only a token that was granted, or the making of a static token, leads to a grant of its own.
            || (self.client.by_credentials && self.own_grant.is_some() && self.tokens.is_empty())
    }

    /// The last sign of the client, from what is kept of its requests or of its credentials.
    pub fn last_sign(&self) -> Option<Timestamp> {
        let at = |moment: &Option<Moment>| moment.as_ref().map(|moment| moment.at);
        let recorded = self.activity.iter().flat_map(|activity| [at(&activity.last_request), at(&activity.last_token)]);
        let credentials = self.secrets.iter().chain(&self.tokens).map(|credential| credential.last_used);
        let refreshed = self.connections.iter().map(|connection| connection.refreshed);
        recorded.chain(credentials).chain(refreshed).flatten().max()
    }

    /// Whether a static token counts at this time.
    pub(super) fn has_token(&self, now: Timestamp) -> bool {
        self.tokens.iter().any(|token| token.lives(now))
    }

    /// Whether it works by its own credentials: it has got a token by them, and no user connected it since.
    pub(super) fn works_by_credentials(&self) -> bool {
        let accepted = self.connections.iter().map(|connection| connection.created);
        let accepted = accepted.chain(self.ended.as_ref().map(|ended| ended.created)).max();
        self.client.by_credentials && self.own_grant.is_some_and(|own| accepted.is_none_or(|accepted| accepted <= own))
    }
}
