//! A client's secrets: several may live at once, so that one can be replaced without an outage.

use actix_web::web;
use oauth::Client;

use super::described::Days;
use super::{end_credential, named, warnings};
use crate::app::App;
use crate::domain::described::{Mistakes, Name, Patch, Time, Whole, answer, body};
use crate::domain::event::{Act, Action};
use crate::domain::profiles::Profile;
use crate::http::admin::answer::{Created, NoContent};
use crate::http::admin::body::Body;
use crate::http::admin::operator::Operator;
use crate::http::admin::page::Items;
use crate::http::edge::problem::{FieldError, Problem};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::ReadCost;

/// How many secrets a client may have.
const MOST: usize = 10;
const DAY_MS: i64 = 86_400_000;
/// Microsoft Entra ID asks service providers for secrets that live one to three years.
const ENTRA_USUAL_DAYS: u32 = 2 * 365;
const ENTRA_MOST_DAYS: u32 = 3 * 366;

/// What the body says about how long secrets live: nothing, `null` for the installation's, or days.
pub(super) fn asked_days(days: &Patch<Days>, profile: Option<&str>, mistakes: &mut Mistakes) -> Option<Option<u32>> {
    let days = days.change()?.and_then(|Whole(days)| u32::try_from(*days).ok());
    if profile == Some(Profile::Entra.as_str()) && days.is_some_and(|days| days > ENTRA_MOST_DAYS) {
        mistakes.note("secret_lifetime_days", "is at most three years for Microsoft Entra ID");
    }
    Some(days)
}

body! {
    /// One more secret of a client.
    pub(in crate::http::admin) struct NewSecret {
        /// What to know it by.
        label: Option<Name>,
        /// When it stops counting. If nothing is said, the client's `secret_lifetime_days` decide, then the installation's.
        expires: Option<Time>,
    }
    example {"label": "2027", "expires": "2199-01-31T00:00:00Z"}
}

answer! {
    /// A secret of a client, without the secret itself.
    pub(in crate::http::admin) struct Secret {
        /// Its id.
        id: String,
        /// What to know it by.
        label: Option<String>,
        /// When it was made.
        created: Time,
        /// When it stops counting.
        expires: Option<Time>,
        /// When it was last used, to the hour.
        last_used: Option<Time>,
        /// That it stops counting soon, or has.
        warning: Option<String>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "label": "2027", "created": "2026-11-23T20:00:00.000Z", "expires": null,
        "last_used": null, "warning": null
    }
}

answer! {
    /// A new secret, shown once.
    pub(in crate::http::admin) struct ShownSecret {
        /// Its id.
        id: String,
        /// The client.
        client_id: String,
        /// The secret. It is shown this once.
        client_secret: String,
        /// What to know it by.
        label: Option<String>,
        /// When it was made.
        created: Time,
        /// When it stops counting.
        expires: Option<Time>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "client_id": "0198c1d2e3f4", "client_secret": "gws_…", "label": "2027",
        "created": "2026-11-23T20:00:00.000Z", "expires": "2199-01-31T00:00:00.000Z"
    }
}

/// Whether a client is given a secret when it is made: it authenticates by one, and gets something by that.
pub(super) fn is_of_use(client: &Client) -> bool {
    !client.public && client.options.authentication.method.takes_secrets() && !client.grant_types.is_empty()
}

/// When a secret made now expires, unless its maker says otherwise.
pub(super) fn expiry(app: &App, client: &Client, now: Timestamp) -> Option<Timestamp> {
    let installation = Some(app.config.oauth.client_secret_days).filter(|days| *days > 0);
    let days = client.options.secret_lifetime_days.or(installation);
    let days = match Profile::of(client) {
        Profile::Entra => Some(days.unwrap_or(ENTRA_USUAL_DAYS).min(ENTRA_MOST_DAYS)),
        _ => days,
    };
    days.map(|days| now + i64::from(days) * DAY_MS)
}

pub(in crate::http::admin) async fn list(
    _: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<Items<Secret>>, Problem> {
    let secrets = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let record = named(tx, &client)?;
            Ok::<_, Problem>(tx.client_secrets(record.seq)?)
        })
        .await?;
    let now = app.clock.now();
    let items = secrets.into_iter().map(|secret| Secret {
        id: secret.id,
        label: secret.label,
        created: Time(secret.created),
        expires: secret.expires.map(Time),
        last_used: secret.last_used.map(Time),
        warning: secret.expires.and_then(|expires| warnings::ending(expires, now)),
    });
    Ok(web::Json(Items::all(items.collect())))
}

pub(in crate::http::admin) async fn add(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
    mut body: Body<NewSecret>,
) -> Result<Created<ShownSecret>, Problem> {
    let now = app.clock.now();
    if body.draft.expires.is_some_and(|expires| expires.0 <= now) {
        body.mistakes.note("expires", "must lie in the future");
    }
    let NewSecret { label, expires } = body.finish()?;
    let (label, expires) = (label.map(|label| label.0), expires.map(|expires| expires.0));
    let secret = oauth::generated(oauth::Prefix::ClientSecret, &mut system::fill);
    let fingerprint = app.keys.fingerprint(&secret);
    let mut shown = ShownSecret {
        id: system::new_uuid(),
        client_id: client.to_string(),
        client_secret: secret,
        label: label.clone(),
        created: Time(now),
        expires: None,
    };
    let id = shown.id.clone();
    let work = app.clone();
    let expires = app
        .db
        .write(move |tx| {
            let record = named(tx, &client)?;
            if record.client.public {
                return Err(Problem::conflict("a public client has no secrets"));
            }
            let method = record.client.options.authentication.method;
            if !method.takes_secrets() {
                let detail = format!("this client authenticates by {} only; set token_endpoint_auth_method first", method.as_str());
                return Err(Problem::conflict(detail));
            }
            let expires = expires.or_else(|| expiry(&work, &record.client, now));
            let longest = now + i64::from(ENTRA_MOST_DAYS) * DAY_MS;
            if Profile::of(&record.client) == Profile::Entra && expires.is_none_or(|expires| expires > longest) {
                let detail = "must be at most three years ahead: Microsoft Entra ID asks for secrets that live one to three years";
                return Err(Problem::invalid(vec![FieldError { field: "expires".to_owned(), detail: detail.to_owned() }]));
            }
            if tx.client_secrets(record.seq)?.len() >= MOST {
                return Err(Problem::conflict(format!("a client may have {MOST} secrets; end one first")));
            }
            tx.insert_client_secret(record.seq, &id, &fingerprint, label.as_deref(), now, expires)?;
            let added = Act::new(Action::ClientSecretAdded).on_named(client.as_str(), &record.client.name).saying(id.clone());
            operator.record(tx, record.account, added);
            Ok(expires)
        })
        .await?;
    shown.expires = expires.map(Time);
    Ok(Created { body: shown, location: None })
}

pub(in crate::http::admin) async fn end(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    end_credential(operator, app, path, ("secret", Action::ClientSecretEnded), |tx, client, id| {
        tx.end_client_secret(client, id)
    })
    .await
}
