//! What a request of the admin API is about, and whether it is for who asks.

use actix_web::HttpRequest;
use oauth::GrantId;

use crate::domain::operator::{Mandate, Need, Reach};
use crate::http::edge::problem::Problem;
use crate::http::edge::query;
use crate::services::error::{ActError, Refusal};
use crate::storage::Tx;

/// The pairs of a query.
pub(super) fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    query::pairs(request.query_string())
        .map_err(|e| Problem::bad_request(format!("the query string is malformed: {e}")))
}

/// What the path of a request names. It is looked at before the body is: an operator who may not do something, or not there, is told only
/// that. Services ask again, when they have what they act on.
#[derive(Debug)]
pub(super) enum Target {
    Account(String),
    Client(String),
    Grant(String),
    Webhook(String),
    Other,
}

impl Target {
    pub(super) fn of(request: &HttpRequest) -> Target {
        let named = |name: &str| request.match_info().get(name).map(str::to_owned);
        // The trail and the feed are read below no account: which one is meant, its query says.
        let asked = || {
            let path = request.path();
            let is_asked = ["/admin/audit", "/admin/audit/export"].contains(&path) || path.starts_with("/events");
            let pairs = pairs(request).ok().filter(|_| is_asked)?;
            pairs.into_iter().find(|(name, _)| name == "account").map(|(_, account)| account)
        };
        let account = named("account").or_else(asked).map(Target::Account);
        let of_client = || named("client").map(Target::Client);
        let of_grant = || named("grant").map(Target::Grant);
        let of_webhook = || named("webhook").map(Target::Webhook);
        account.or_else(of_client).or_else(of_grant).or_else(of_webhook).unwrap_or(Target::Other)
    }

    /// Whether an operator has what the endpoint needs, and reaches what the path names.
    pub(super) fn is_for(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        need: Option<Need>,
    ) -> Result<Result<(), Refusal>, ActError> {
        if let Some(Err(why)) = need.map(|need| need.of(mandate)) {
            return Ok(Err(why.into()));
        }
        if *mandate.reach() == Reach::All {
            return Ok(Ok(()));
        }
        let (what, id, owner) = match self {
            Target::Account(id) => ("account", id, tx.account(id)?.map(|account| account.seq)),
            Target::Client(id) => ("client", id, tx.client_record(id)?.and_then(|client| client.account)),
            Target::Grant(id) => {
                let grant = id.parse().ok().map(GrantId::new);
                ("grant", id, grant.map(|grant| tx.account_of_grant(grant)).transpose()?.flatten())
            }
            Target::Webhook(id) => ("webhook", id, tx.receiver(id)?.and_then(|receiver| receiver.account)),
            Target::Other => return Ok(Ok(())),
        };
        let reached = owner.is_some() && mandate.reaches(owner);
        Ok(if reached { Ok(()) } else { Err(Refusal::NotFound { what, id: id.clone() }) })
    }
}
