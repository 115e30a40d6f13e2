//! Product keys: credentials of the vendor's own product, which read what their scopes say, of one account or of all.
//!
//! A key is an OAuth client that has nothing but scopes for keys. It comes with an access token or a static token, and stands in an operator's
//! place at the endpoints whose row names its scope ([`Audience::scope_of_keys`](crate::http::edge::audience::Audience::scope_of_keys)), within
//! its accounts; anywhere else it is refused. [`admitted`] is the one place that lets a key in. The token is looked up at each request, so
//! what ended is refused from the next one on.

use actix_web::HttpRequest;
use actix_web::http::header;
use oauth::{BearerError, BearerRequest, Prefix};

use super::target::Target;
use crate::app::App;
use crate::domain::actor::{Actor, Named, Origin, Source};
use crate::domain::operator::{Mandate, Reach, Role};
use crate::domain::refusals::{Kind, Who};
use crate::domain::scopes;
use crate::http::edge::bearer::{self, Authorized};
use crate::http::edge::endpoints;
use crate::http::edge::problem::Problem;
use crate::platform::turns::Payer;
use crate::services::error::{ActError, Refusal};
use crate::services::rates;
use crate::storage::{DbError, ReadCost, TransactionError};

/// Why a token does not let in.
enum Refused {
    Bearer(BearerError),
    Act(ActError),
}

impl From<BearerError> for Refused {
    fn from(error: BearerError) -> Refused {
        Refused::Bearer(error)
    }
}

impl From<DbError> for Refused {
    fn from(error: DbError) -> Refused {
        Refused::Act(error.into())
    }
}

impl From<ActError> for Refused {
    fn from(error: ActError) -> Refused {
        Refused::Act(error)
    }
}

impl TransactionError for Refused {
    fn database(&self) -> Option<&DbError> {
        match self {
            Refused::Act(error) => error.database(),
            Refused::Bearer(_) => None,
        }
    }
}

/// What a key may do where it may do anything: it reads, in its accounts.
fn mandate(reach: Reach) -> Mandate {
    Mandate::new(Role::Support, reach)
}

/// Lets a product key in, if the endpoint is for keys of its scope and what the path names is within its reach. `None`: no key was
/// presented.
pub(super) async fn admitted(
    request: &HttpRequest,
    app: &App,
    source: &Source,
) -> Result<Option<(Origin, Mandate)>, Problem> {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let presented = BearerRequest { authorization: header, proof: None };
    let Some((token, is_bound)) = presented.token() else { return Ok(None) };
    let is_ours = matches!(Prefix::of(token), Some(Prefix::AccessToken | Prefix::StaticToken));
    if !is_ours && !is_bound && !token.starts_with("eyJ") {
        return Ok(None);
    }
    // As at the SCIM endpoint: looked at before it costs anything, and counted once it is known whose it is.
    let shown = rates::credential(header.unwrap_or_default());
    app.rates.admit(shown).map_err(|too_fast| Problem::too_fast(too_fast.sentence(), too_fast.retry_after))?;
    match entered(request, app, source, shown).await {
        Ok(key) => Ok(Some(key)),
        // It is for another resource: here it opens nothing.
        Err(Refused::Bearer(BearerError::InsufficientScope(_))) => Ok(None),
        Err(Refused::Bearer(error)) => {
            bearer::note_refusal(request, app, &error);
            Err(error.into())
        }
        Err(Refused::Act(error)) => Err(error.into()),
    }
}

async fn entered(
    request: &HttpRequest,
    app: &App,
    source: &Source,
    shown: Payer,
) -> Result<(Origin, Mandate), Refused> {
    let authorization = bearer::presented(request)?;
    let proof = bearer::spend_proof_at::<Refused>(request, app, &app.admin_url, authorization.as_deref()).await?;
    let audience = endpoints::row(request).map(|row| row.audience);
    let (need, scope) = (audience.and_then(|of| of.need()), audience.and_then(|of| of.scope_of_keys()));
    let (target, work) = (Target::of(request), app.clone());
    let (access, client, account, (mandate, allowed)) = app
        .db
        .read(ReadCost::Point, move |tx| {
            let presented = BearerRequest { authorization: authorization.as_deref(), proof: proof.as_ref() };
            let resource = scopes::door_of_keys(&work.admin_url);
            let Authorized { access, grant } = bearer::authorize::<Refused>(&work, tx, &presented, &resource)?;
            let account = grant.account.map(|account| account.seq);
            let mandate = mandate(account.map_or(Reach::All, |account| Reach::only([account])));
            let allowed = match scope.filter(|scope| access.scope.contains(scope)) {
                Some(_) => Some(target.is_for(tx, &mandate, need)?),
                None => None,
            };
            Ok::<_, Refused>((access, grant.client.name, account, (mandate, allowed)))
        })
        .await?;
    app.rates.count(shown, access.grant.client.as_str(), account, 1);
    let client = Named::new(access.grant.client.as_str(), client);
    let origin = Actor::Client(client.clone()).at(source.clone());
    if let Some(news) = &access.unwritten_use {
        bearer::note_use(app, news, &origin).await;
    }
    let refusal = match allowed {
        Some(Ok(())) => return Ok((origin, mandate)),
        Some(Err(refusal)) => {
            app.refusals.note(Kind::OtherAccount, Who::Client(client.id), source.address.as_deref(), app.clock.now());
            refusal
        }
        None => Refusal::OutOfScope { has: access.scope.to_string(), needs: scope },
    };
    Err(Refused::Act(refusal.into()))
}
