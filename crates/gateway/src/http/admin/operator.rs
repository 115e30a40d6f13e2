//! Who uses the admin API, and what they reach: everything, or what belongs to one account.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, ResponseError, web};

use crate::app::App;
use crate::domain::actor::{Actor, Named, Origin};
use crate::domain::described::Components;
use crate::domain::ids::AccountKey;
use crate::domain::operator_name::BOOTSTRAP;
use crate::domain::refusals::{Kind, Who};
use crate::http::edge::operation::{Part, Signature};
use crate::http::edge::problem::Problem;
use crate::http::edge::query;
use crate::http::edge::request_id;
use crate::storage::{ReadCost, TransactionError, Tx};

/// An operator whose token counts. Taking one as a parameter is what protects a handler.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    origin: Origin,
    /// The account it is for; `None`: all.
    account: Option<AccountKey>,
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
            return Ok(Operator {
                origin: Actor::Operator(Named::new(BOOTSTRAP, BOOTSTRAP)).at(source),
                account: None,
            });
        }
        let now = app.clock.now();
        let target = Target::of(&request);
        let (refused, seen) = (app.refusals.clone(), source.address.clone());
        let note = move |kind, who| refused.note(kind, who, seen.as_deref(), now);
        let found = app
            .db
            .read(ReadCost::Point, move |tx| {
                let Some(operator) = tx.operator(presented.as_bytes())? else { return Ok(None) };
                let Some(account) = operator.account else { return Ok(Some((operator, Ok(())))) };
                if tx.account_at(account)?.is_none() {
                    let detail = "the account of this operator was deleted, and the token ended with it";
                    return Ok(Some((operator, Err(Problem::unauthorized(detail)))));
                }
                let reach = target.belongs_to(tx, account);
                Ok::<_, Problem>(Some((operator, reach)))
            })
            .await?;
        let Some((operator, reach)) = found else {
            note(Kind::OperatorToken, Who::Unknown);
            return Err(Problem::unauthorized("this operator's token is unknown or was ended"));
        };
        let who = || Who::Operator { id: operator.id.clone(), account: operator.account };
        if operator.expires.is_some_and(|expires| expires <= now) {
            note(Kind::OperatorToken, who());
            return Err(Problem::unauthorized("this operator's token has expired"));
        }
        if let Err(refused) = reach {
            if refused.status_code() == StatusCode::UNAUTHORIZED {
                note(Kind::OperatorToken, who());
            } else if !refused.is_of_ours() {
                note(Kind::OtherAccount, who());
            }
            return Err(refused);
        }
        super::check_query(&request)?;
        if operator.last_used.is_none_or(|then| now - then > TOUCH) {
            app.db.write(move |tx| tx.touch_operator(operator.seq, now)).await.map_err(Problem::from)?;
        }
        let origin = Actor::Operator(Named::new(operator.id, operator.name)).at(source);
        Ok(Operator { origin, account: operator.account })
    }

    /// The account it is for; `None`: all.
    pub(crate) fn account(&self) -> Option<AccountKey> {
        self.account
    }

    /// Does something as this operator, in a unit of work.
    pub(super) async fn write<T, E, F>(&self, app: &App, mut work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: TransactionError,
        Problem: From<E>,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let origin = self.origin.clone();
        let done = app.db.write(move |tx| {
            tx.act_as(origin.clone());
            work(tx)
        });
        Ok(done.await?)
    }
}

/// The pairs of a query.
pub(super) fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    query::pairs(request.query_string())
        .map_err(|e| Problem::bad_request(format!("the query string is malformed: {e}")))
}

/// What a request is about, for operators of one account.
#[derive(Debug)]
enum Target {
    Account(String),
    Client(String),
    Grant(String),
    /// What the handler looks for among what the operator reaches.
    Reachable,
    /// Anything else, so also what this file has not heard of.
    Everything,
}

impl Target {
    fn of(request: &HttpRequest) -> Target {
        let named = |name: &str| request.match_info().get(name).map(str::to_owned);
        if let Some(account) = named("account") {
            return Target::Account(account);
        }
        if let Some(client) = named("client") {
            return Target::Client(client);
        }
        if let Some(grant) = named("grant") {
            return Target::Grant(grant);
        }
        match request.path() {
            "/admin/audit" => pairs(request)
                .ok()
                .and_then(|pairs| pairs.into_iter().find(|(name, _)| name == "account"))
                .map_or(Target::Everything, |(_, account)| Target::Account(account)),
            path if path == "/admin/requests" || path.starts_with("/admin/requests/") => Target::Reachable,
            _ => Target::Everything,
        }
    }

    /// What belongs to another account does not exist; what belongs to none is not theirs.
    fn belongs_to(&self, tx: &mut Tx<'_>, account: AccountKey) -> Result<(), Problem> {
        let (kind, id, owner) = match self {
            Target::Account(id) => ("account", id, tx.account(id)?.map(|account| account.seq)),
            Target::Client(id) => ("client", id, tx.client_record(id)?.and_then(|client| client.account)),
            Target::Grant(id) => {
                let seq = id.parse().map_err(|_| Problem::not_found("grant", id))?;
                ("grant", id, tx.account_of_grant(oauth::GrantId(seq))?)
            }
            Target::Reachable => return Ok(()),
            Target::Everything => {
                let detail = "this operator is for one account, and reaches only /admin/accounts/{account} and what is below, \
                              the clients and grants of that account, /admin/audit?account={account} and /admin/requests";
                return Err(Problem::with_status(StatusCode::FORBIDDEN, detail));
            }
        };
        if owner == Some(account) { Ok(()) } else { Err(Problem::not_found(kind, id)) }
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
        Box::pin(Operator::of(request.clone()))
    }
}
