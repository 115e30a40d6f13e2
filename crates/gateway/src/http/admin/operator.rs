//! Who uses the admin API.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use crate::app::App;
use crate::http::address;
use crate::http::problem::Problem;
use crate::lifecycle::Actor;
use crate::storage::audit::Entry;
use crate::storage::{Cost, DbError, Tx};
use crate::system;

/// An operator whose token counts. Taking one as a parameter is what protects a handler.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    actor: Actor,
}

/// How often the time of last use is written.
const TOUCH: i64 = 3_600_000;

impl Operator {
    async fn of(request: HttpRequest) -> Result<Operator, Problem> {
        if request.path().contains("%00") {
            return Err(Problem::not_found("admin endpoint", request.path()));
        }
        let app = request.app_data::<web::Data<App>>().expect("registered at the start").clone();
        let address = address::of(&request, &app.config.trusted_proxies);
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| Problem::unauthorized("send an operator's token as `Authorization: Bearer …`"))?;
        let presented = app.keys.fingerprint(token);
        if let Some(ours) = &app.config.admin_token
            && app.keys.fingerprint(ours.reveal()) == presented
        {
            return Ok(Operator { actor: Actor { name: "operator:bootstrap".to_owned(), address } });
        }
        let now = system::now();
        let looked_up = presented.clone();
        let found =
            app.db.read(Cost::Short, move |tx| tx.operator(looked_up.as_bytes())).await.map_err(Problem::from)?;
        let operator = found.ok_or_else(|| Problem::unauthorized("this operator's token is unknown or was ended"))?;
        if operator.last_used.is_none_or(|then| now - then > TOUCH) {
            app.db.write(move |tx| tx.touch_operator(operator.seq, now)).await.map_err(Problem::from)?;
        }
        Ok(Operator { actor: Actor { name: format!("operator:{}", operator.name), address } })
    }

    /// Says that this operator is at work in this unit of work.
    pub(crate) fn sign(&self, tx: &mut Tx<'_>) {
        tx.act_as(self.actor.clone());
    }

    /// Writes that this operator did this, in the unit of work that did it.
    pub(crate) fn did(
        &self,
        tx: &mut Tx<'_>,
        action: &str,
        target: &str,
        account: Option<i64>,
        detail: Option<String>,
    ) -> Result<(), DbError> {
        self.sign(tx);
        tx.audit(Entry {
            at: system::now(),
            account,
            action: action.to_owned(),
            target: Some(target.to_owned()),
            detail,
        })
    }
}

impl FromRequest for Operator {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Operator, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(Operator::of(request.clone()))
    }
}
