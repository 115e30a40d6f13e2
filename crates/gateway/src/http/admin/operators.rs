//! Operators.

use actix_web::web;

use super::answer::{Created, NoContent};
use super::body::Body;
use super::operator::Operator as Caller;
use super::page::Items;
use crate::app::App;
use crate::domain::described::{Required, Text, Time, With, answer, body};
use crate::domain::event::{Act, Action};
use crate::domain::operator_name::OperatorName;
use crate::http::edge::problem::Problem;
use crate::platform::system;
use crate::services::accounts;
use crate::storage::operators::{NameTaken, Operator as Record};
use crate::storage::{DbError, ReadCost, Tx};

body! {
    /// A new operator.
    pub(super) struct NewOperator {
        /// What the operator is called in the audit trail. No two have one name at a time.
        name: Required<Text>,
        /// The id of the account that the operator is limited to; all accounts if nothing is said.
        account: Option<Text>,
        /// When the token stops counting; never if nothing is said.
        expires: Option<Time>,
    }
    example {"name": "provisioning dashboard", "expires": "2199-01-31T00:00:00Z"}
}

answer! {
    /// A user of the admin API.
    pub(super) struct Operator {
        /// Its id.
        id: String,
        /// What the operator is called.
        name: String,
        /// The id of the account that the operator is limited to; `null` for all.
        account: Option<String>,
        /// Whether that account was deleted.
        account_deleted: bool,
        /// When it was made.
        created: Time,
        /// When its token stops counting.
        expires: Option<Time>,
        /// When its token was last used, to the hour.
        last_used: Option<Time>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "name": "provisioning dashboard", "account": null, "account_deleted": false,
        "created": "2026-11-23T20:00:00.000Z", "expires": null, "last_used": null
    }
}

answer! {
    /// What is shown once.
    pub(super) struct OperatorToken {
        /// The operator's token. It is shown this once.
        token: String,
    }
    example {"token": "gwo_…"}
}

fn representation(tx: &mut Tx<'_>, operator: &Record) -> Result<Operator, DbError> {
    let (account, account_deleted) = match operator.account {
        Some(seq) => (tx.account_id(seq)?, tx.account_at(seq)?.is_none()),
        None => (None, false),
    };
    Ok(Operator {
        id: operator.id.clone(),
        name: operator.name.clone(),
        account,
        account_deleted,
        created: Time(operator.created),
        expires: operator.expires.map(Time),
        last_used: operator.last_used.map(Time),
    })
}

pub(super) async fn list(_: Caller, app: web::Data<App>) -> Result<web::Json<Items<Operator>>, Problem> {
    let items = app
        .db
        .read(ReadCost::Scan, |tx| {
            let operators = tx.operators()?;
            let items = operators.iter().map(|operator| representation(tx, operator)).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Problem>(items)
        })
        .await?;
    Ok(web::Json(Items::all(items)))
}

pub(super) async fn create(
    operator: Caller,
    app: web::Data<App>,
    mut body: Body<NewOperator>,
) -> Result<Created<With<Operator, OperatorToken>>, Problem> {
    let now = app.clock.now();
    let Required(Text(text)) = &body.draft.name;
    let name = OperatorName::parse(text).unwrap_or_else(|why| {
        body.mistakes.note("name", why);
        OperatorName::near(text)
    });
    if body.draft.expires.is_some_and(|expires| expires.0 <= now) {
        body.mistakes.note("expires", "must lie in the future");
    }
    let NewOperator { account, expires, .. } = body.finish()?;
    let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
    let fingerprint = app.keys.fingerprint(&token);
    let made = Record {
        seq: 0,
        id: system::new_uuid(),
        name: name.as_str().to_owned(),
        created: now,
        last_used: None,
        account: None,
        expires: expires.map(|expires| expires.0),
    };
    let of = app
        .db
        .write(move |tx| {
            let account = match &account {
                Some(id) => Some(accounts::lock(tx, id)?.seq),
                None => None,
            };
            let made = Record { account, ..made.clone() };
            if let Err(NameTaken(name)) = tx.insert_operator(&made, None, fingerprint.as_bytes())? {
                let detail = format!("another operator is called {name:?}; each has a name of its own");
                return Err(Problem::conflict(detail));
            }
            operator.record(tx, account, Act::new(Action::OperatorCreated).on_named(&made.id, &made.name));
            Ok::<_, Problem>(representation(tx, &made)?)
        })
        .await?;
    Ok(Created { body: With { of, with: OperatorToken { token } }, location: None })
}

pub(super) async fn end(operator: Caller, app: web::Data<App>, id: web::Path<String>) -> Result<NoContent, Problem> {
    app.db
        .write(move |tx| {
            if !tx.end_operator(&id, tx.now())? {
                return Err(Problem::not_found("operator", &id));
            }
            operator.record(tx, None, Act::new(Action::OperatorEnded).on(id.as_str()));
            Ok(())
        })
        .await?;
    Ok(NoContent)
}
