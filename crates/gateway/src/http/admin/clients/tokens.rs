//! A client's static tokens, for identity providers that can only paste one: named, scoped, shown once, and never without an end.

use actix_web::web;
use oauth::Scopes;

use super::{end_credential, named, warnings};
use crate::app::App;
use crate::domain::described::{Name, Required, Texts, Time, With, answer, body};
use crate::domain::event::{Act, Action};
use crate::http::admin::answer::{Created, NoContent};
use crate::http::admin::body::Body;
use crate::http::admin::operator::Operator;
use crate::http::admin::page::Items;
use crate::http::edge::problem::Problem;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::ReadCost;
use crate::storage::static_tokens::StaticTokenRecord;

/// How many a client may have.
const MOST: usize = 10;
/// What may be done in nobody's name.
const SCOPE: &str = "provision:scim";
const DAY_MS: i64 = 86_400_000;
/// How long one counts unless the request says otherwise.
const USUAL_MS: i64 = 365 * DAY_MS;
/// And how long at most.
const LONGEST_MS: i64 = 3 * 366 * DAY_MS;

body! {
    /// A new static token.
    pub(in crate::http::admin) struct NewToken {
        /// What to know it by.
        name: Required<Name>,
        /// When it stops counting: a year from now if nothing is said, and at most three years ahead.
        expires: Option<Time>,
        /// What it opens: `provision:scim`, which it also is if nothing is said.
        scopes: Option<Texts>,
    }
    example {"name": "OneLogin", "scopes": ["provision:scim"]}
}

answer! {
    /// A static token of a client, without the token itself.
    pub(in crate::http::admin) struct Token {
        /// Its id.
        id: String,
        /// What to know it by.
        name: String,
        /// What it opens.
        scopes: Vec<String>,
        /// When it was made.
        created: Time,
        /// When it stops counting.
        expires: Time,
        /// When it was last used, to the hour.
        last_used: Option<Time>,
        /// The id of the client's own grant that it belongs to.
        grant: String,
        /// That it stops counting soon, or has.
        warning: Option<String>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "name": "OneLogin", "scopes": ["provision:scim"],
        "created": "2026-11-23T20:00:00.000Z", "expires": "2027-11-23T20:00:00.000Z", "last_used": null, "grant": "17", "warning": null
    }
}

answer! {
    /// What is shown once.
    pub(in crate::http::admin) struct ShownToken {
        /// The token. It is shown this once.
        token: String,
    }
    example {"token": "gwt_…"}
}

fn representation(record: &StaticTokenRecord, now: Timestamp) -> Token {
    Token {
        id: record.id.clone(),
        name: record.name.clone(),
        scopes: record.scope.split(' ').map(str::to_owned).collect(),
        created: Time(record.created),
        expires: Time(record.expires),
        last_used: record.last_used.map(Time),
        grant: record.grant.to_string(),
        warning: warnings::ending(record.expires, now),
    }
}

pub(in crate::http::admin) async fn list(
    _: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<Items<Token>>, Problem> {
    let tokens = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let record = named(tx, &client)?;
            Ok::<_, Problem>(tx.static_tokens(record.seq)?)
        })
        .await?;
    let now = app.clock.now();
    Ok(web::Json(Items::all(tokens.iter().map(|token| representation(token, now)).collect())))
}

pub(in crate::http::admin) async fn add(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
    mut body: Body<NewToken>,
) -> Result<Created<With<Token, ShownToken>>, Problem> {
    let now = app.clock.now();
    let expires = body.draft.expires.map_or(now + USUAL_MS, |expires| expires.0);
    if expires <= now || expires > now + LONGEST_MS {
        body.mistakes.note("expires", "must lie in the future, and at most three years ahead");
    }
    let scopes = body.draft.scopes.clone().unwrap_or_else(|| Texts(vec![SCOPE.to_owned()])).0;
    for (i, scope) in scopes.iter().enumerate() {
        if scope != SCOPE {
            body.mistakes.note(format!("scopes[{i}]"), format!("must be {SCOPE}: others speak of a person"));
        }
    }
    if scopes.is_empty() {
        body.mistakes.note("scopes", format!("must name {SCOPE}, or be left out"));
    }
    let name = body.finish()?.name.0.0;
    let token = oauth::generated(oauth::Prefix::StaticToken, &mut system::fill);
    let fingerprint = app.keys.fingerprint(&token);
    let id = system::new_uuid();
    let work = app.clone();
    let record = app
        .db
        .write(move |tx| {
            let owner = named(tx, &client)?;
            if owner.account.is_none() {
                return Err(Problem::conflict("a client of no account has no static tokens: they would open none"));
            }
            if owner.client.public {
                return Err(Problem::conflict("a public client cannot keep a static token"));
            }
            if owner.client.options.tokens.dpop_bound_access_tokens {
                return Err(Problem::conflict(
                    "this client's tokens are bound to a key (DPoP), and a static token is not",
                ));
            }
            let scope = Scopes::parse(SCOPE).unwrap_or_default();
            if scope.beyond(&owner.client.scopes).is_some() {
                return Err(Problem::conflict(format!("the client may not ask for the scope {SCOPE}")));
            }
            if tx.static_tokens(owner.seq)?.len() >= MOST {
                return Err(Problem::conflict(format!("a client may have {MOST} static tokens; end one first")));
            }
            let grant = work.oauth(|cx| oauth::token::own_grant(tx, cx, &owner.client))?;
            let record = StaticTokenRecord {
                id: id.clone(),
                name: name.clone(),
                scope: SCOPE.to_owned(),
                created: now,
                expires,
                last_used: None,
                grant: grant.id.0,
            };
            tx.insert_static_token(owner.seq, &fingerprint, &record)?;
            let added = Act::new(Action::ClientTokenAdded).on_named(client.as_str(), &owner.client.name);
            operator.record(tx, owner.account, added.saying(format!("{name}, {id}")));
            Ok(record)
        })
        .await?;
    let body = With { of: representation(&record, now), with: ShownToken { token } };
    Ok(Created { body, location: None })
}

pub(in crate::http::admin) async fn end(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    end_credential(operator, app, path, ("static token", Action::ClientTokenEnded), |tx, client, id| {
        tx.end_static_token_of(client, id)
    })
    .await
}
