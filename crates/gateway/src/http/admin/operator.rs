//! Who uses the admin API, and what they may do there.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use super::target::Target;
use super::{product_key, protected_resource};
use crate::app::App;
use crate::domain::actor::{Actor, Named, Origin};
use crate::domain::described::Components;
use crate::domain::operator::{Mandate, Reach};
use crate::domain::operator_name::BOOTSTRAP;
use crate::domain::refusals::{Kind, Who};
use crate::http::edge::endpoints;
use crate::http::edge::operation::{Part, Signature};
use crate::http::edge::problem::Problem;
use crate::http::edge::request_id;
use crate::services::error::ActError;
use crate::storage::{ReadCost, Tx};

/// An operator whose token counts. Taking one as a parameter is what protects a handler; what the operator may do is decided by the services,
/// to which [`read`](Operator::read) and [`write`](Operator::write) hand the mandate.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    origin: Origin,
    mandate: Mandate,
}

/// How often the time of last use is written.
const TOUCH: i64 = 3_600_000;

impl Operator {
    async fn of(request: HttpRequest) -> Result<Operator, Problem> {
        if request.path().contains("%00") {
            return Err(Problem::not_found("admin endpoint", request.path()));
        }
        let app = request.app_data::<web::Data<App>>().expect("registered at the start").clone();
        let source = request_id::source_of(&request, &app.config.server.trusted_proxies);
        if let Some((origin, mandate)) = product_key::admitted(&request, &app, &source).await? {
            super::check_query(&request)?;
            return Ok(Operator { origin, mandate });
        }
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| Problem::unauthorized("send an operator's token as `Authorization: Bearer …`"))?;
        let presented = app.keys.fingerprint(token);
        if let Some(ours) = &app.config.admin.token
            && app.keys.fingerprint(ours.reveal()) == presented
        {
            super::check_query(&request)?;
            let origin = Actor::Operator(Named::new(BOOTSTRAP, BOOTSTRAP)).at(source);
            return Ok(Operator { origin, mandate: Mandate::EVERYTHING });
        }
        let now = app.clock.now();
        let (target, need) = (Target::of(&request), endpoints::row(&request).and_then(|row| row.audience.need()));
        let (refused, seen) = (app.refusals.clone(), source.address.clone());
        let note = move |kind, who| refused.note(kind, who, seen.as_deref(), now);
        let found = app
            .db
            .read(ReadCost::Point, move |tx| {
                let Some(operator) = tx.operator(presented.as_bytes())? else { return Ok(None) };
                let allowed = target.is_for(tx, &operator.mandate, need)?;
                Ok::<_, ActError>(Some((operator, allowed)))
            })
            .await?;
        let Some((operator, allowed)) = found else {
            note(Kind::OperatorToken, Who::Unknown);
            return Err(Problem::unauthorized("this operator's token is unknown or was ended"));
        };
        let only = match operator.mandate.reach() {
            Reach::Accounts(accounts) => accounts.first().copied().filter(|_| accounts.len() == 1),
            Reach::All => None,
        };
        let who = || Who::Operator { id: operator.id.clone(), account: only };
        if operator.expires.is_some_and(|expires| expires <= now) {
            note(Kind::OperatorToken, who());
            return Err(Problem::unauthorized("this operator's token has expired"));
        }
        if matches!(operator.mandate.reach(), Reach::Accounts(accounts) if accounts.is_empty()) {
            note(Kind::OperatorToken, who());
            let detail = "this operator is limited to accounts, and none of them is there any more";
            return Err(Problem::unauthorized(detail));
        }
        if let Err(refused) = allowed {
            note(Kind::OtherAccount, who());
            return Err(refused.into());
        }
        super::check_query(&request)?;
        if operator.last_used.is_none_or(|then| now - then > TOUCH) {
            app.db.write(move |tx| tx.touch_operator(operator.seq, now)).await.map_err(Problem::from)?;
        }
        let origin = Actor::Operator(Named::new(operator.id, operator.name)).at(source);
        Ok(Operator { origin, mandate: operator.mandate })
    }

    /// The same once more, where the answer has been waited for: what was revoked meanwhile is not answered.
    pub(super) async fn still(request: &HttpRequest, app: &App) -> Result<Operator, Problem> {
        let again = Operator::of(request.clone()).await;
        again.map_err(|refused| refused.with_metadata(protected_resource::url(app)))
    }

    /// What the operator may do.
    pub(crate) fn mandate(&self) -> &Mandate {
        &self.mandate
    }

    /// Reads something as this operator.
    pub(super) async fn read<T, F>(&self, app: &App, cost: ReadCost, mut work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>, &Mandate) -> Result<T, ActError> + Send + 'static,
    {
        let (origin, mandate) = (self.origin.clone(), self.mandate.clone());
        let done = app.db.read(cost, move |tx| {
            tx.act_as(origin.clone());
            work(tx, &mandate)
        });
        Ok(done.await?)
    }

    /// Does something as this operator, in a unit of work.
    pub(super) async fn write<T, F>(&self, app: &App, mut work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>, &Mandate) -> Result<T, ActError> + Send + 'static,
    {
        let (origin, mandate) = (self.origin.clone(), self.mandate.clone());
        let done = app.db.write(move |tx| {
            tx.act_as(origin.clone());
            work(tx, &mandate)
        });
        Ok(done.await?)
    }
}

impl Part for Operator {
    fn describe(signature: &mut Signature, _: &mut Components) {
        signature.is_protected = true;
    }
}

impl FromRequest for Operator {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Operator, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request.app_data::<web::Data<App>>().expect("registered at the start").clone();
            Operator::still(&request, &app).await
        })
    }
}
