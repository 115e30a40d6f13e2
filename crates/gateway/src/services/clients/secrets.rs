//! A client's secrets: several may live at once, so that one can be replaced without an outage.

use oauth::{Client, Keyring};

use super::{find, revoke_credential, warnings};
use crate::config::OAuth;
use crate::domain::bodies;
use crate::domain::bodies::clients::ClientOptions;
use crate::domain::bodies::clients::secrets::{NewSecret, Secret, ShownSecret};
use crate::domain::described::{FieldError, Name, Time, Whole};
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::domain::profiles::Profile;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::services::sent_form::{Before, Drawn};
use crate::storage::clients::ClientRecord;
use crate::storage::{DbError, Tx};

/// How many secrets a client may have.
const MOST: usize = 10;
const DAY_MS: i64 = 86_400_000;
/// Microsoft Entra ID asks service providers for secrets that live one to three years.
const ENTRA_USUAL_DAYS: u32 = 2 * 365;
const ENTRA_MOST_DAYS: u32 = 3 * 366;

/// How long secrets of a client are to live: nothing is said, `null` for the installation's, or days.
pub(super) fn lifetime(options: &ClientOptions, profile: Option<&str>) -> Result<Option<Option<u32>>, FieldError> {
    let Some(days) = options.secret_lifetime_days.change() else { return Ok(None) };
    let days = days.and_then(|Whole(days)| u32::try_from(*days).ok());
    if profile == Some(Profile::Entra.as_str()) && days.is_some_and(|days| days > ENTRA_MOST_DAYS) {
        let detail = "is at most three years for Microsoft Entra ID".to_owned();
        return Err(FieldError { field: "secret_lifetime_days".to_owned(), detail });
    }
    Ok(Some(days))
}

/// Whether a client is given a secret when it is made: it authenticates by one, and gets something by that.
pub(super) fn is_of_use(client: &Client) -> bool {
    !client.public && client.options.authentication.method.takes_secrets() && !client.grant_types.is_empty()
}

/// When a secret made now expires, unless its maker says otherwise.
pub(super) fn expiry(settings: &OAuth, client: &Client, now: Timestamp) -> Option<Timestamp> {
    let installation = Some(settings.client_secret_days).filter(|days| *days > 0);
    let days = client.options.secret_lifetime_days.or(installation);
    let days = match Profile::of(client) {
        Profile::Entra => Some(days.unwrap_or(ENTRA_USUAL_DAYS).min(ENTRA_MOST_DAYS)),
        _ => days,
    };
    days.map(|days| now + i64::from(days) * DAY_MS)
}

/// The secrets of a client, without the secrets themselves. Only reads.
pub fn list(tx: &mut Tx<'_>, mandate: &Mandate, client: &str) -> Result<Vec<Secret>, ActError> {
    let record = find(tx, mandate, Power::Read, client)?;
    let now = tx.now();
    let secrets = tx.client_secrets(record.seq)?.into_iter().map(|secret| Secret {
        id: secret.id,
        label: secret.label,
        created: Time(secret.created),
        expires: secret.expires.map(Time),
        last_used: secret.last_used.map(Time),
        warning: secret.expires.and_then(|expires| warnings::ending(expires, now)),
    });
    Ok(secrets.collect())
}

/// Makes one more secret, which is shown this once.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    keys: &Keyring,
    settings: &OAuth,
    client: &str,
    (new, drawn): (&NewSecret, &Drawn),
) -> Result<ShownSecret, ActError> {
    let now = tx.now();
    let record = find(tx, mandate, Power::ManageSecrets, client)?;
    ActError::unless_right(bodies::past_end(new.expires, now))?;
    make(tx, keys, settings, &record, (new, drawn))
}

/// The secret that the form before has made, and when. Only reads.
pub fn again(tx: &mut Tx<'_>, mandate: &Mandate, client: &str, drawn: &Drawn) -> Result<Before<ShownSecret>, ActError> {
    let record = find(tx, mandate, Power::ManageSecrets, client)?;
    let made = tx.client_secrets(record.seq)?.into_iter().find(|secret| secret.id == drawn.id);
    Ok(made.map(|made| {
        let shown = ShownSecret {
            id: made.id,
            client_id: client.to_owned(),
            client_secret: drawn.secret.reveal().to_owned(),
            label: made.label,
            created: Time(made.created),
            expires: made.expires.map(Time),
        };
        (made.created, shown)
    }))
}

/// Makes a secret for the browser that opened a setup link: its id, the secret, and when it stops counting.
pub(in crate::services) fn issue(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    settings: &OAuth,
    record: &ClientRecord,
    label: &str,
) -> Result<(String, String, Option<Timestamp>), ActError> {
    let new = NewSecret { label: Some(Name(label.to_owned())), expires: None };
    let shown = make(tx, keys, settings, record, (&new, &Drawn::fresh(oauth::Prefix::ClientSecret)))?;
    Ok((shown.id, shown.client_secret, shown.expires.map(|expires| expires.0)))
}

/// Ends a secret that a setup link revealed, unless that is done already.
pub(in crate::services) fn revoke_of(tx: &mut Tx<'_>, record: &ClientRecord, secret: &str) -> Result<(), DbError> {
    if tx.end_client_secret(record.seq, secret)? {
        let client = &record.client;
        let ended = Act::new(Action::ClientSecretEnded).on_named(client.id.as_str(), &client.name);
        tx.raise(tx.now(), record.account, ended.saying(secret.to_owned()));
    }
    Ok(())
}

fn make(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    settings: &OAuth,
    record: &ClientRecord,
    (new, drawn): (&NewSecret, &Drawn),
) -> Result<ShownSecret, ActError> {
    let (now, client) = (tx.now(), record.client.id.as_str());
    if record.client.public {
        return Err(ActError::conflict("a public client has no secrets"));
    }
    let method = record.client.options.authentication.method;
    if !method.takes_secrets() {
        let detail =
            format!("this client authenticates by {} only; set token_endpoint_auth_method first", method.as_str());
        return Err(ActError::conflict(detail));
    }
    let expires = new.expires.map(|expires| expires.0).or_else(|| expiry(settings, &record.client, now));
    let longest = now + i64::from(ENTRA_MOST_DAYS) * DAY_MS;
    if Profile::of(&record.client) == Profile::Entra && expires.is_none_or(|expires| expires > longest) {
        let detail =
            "must be at most three years ahead: Microsoft Entra ID asks for secrets that live one to three years";
        return Err(ActError::field("expires", detail));
    }
    tx.hold_client(record.seq)?;
    if tx.client_secrets(record.seq)?.len() >= MOST {
        return Err(ActError::conflict(format!("a client may have {MOST} secrets; end one first")));
    }
    let secret = drawn.secret.reveal().to_owned();
    let (id, label) = (drawn.id.clone(), new.label.as_ref().map(|label| label.0.clone()));
    tx.insert_client_secret(record.seq, &id, &keys.fingerprint(&secret), label.as_deref(), now, expires)?;
    let added = Act::new(Action::ClientSecretAdded).on_named(client, &record.client.name).saying(id.clone());
    tx.raise(now, record.account, added);
    Ok(ShownSecret {
        id,
        client_id: client.to_owned(),
        client_secret: secret,
        label,
        created: Time(now),
        expires: expires.map(Time),
    })
}

/// Ends a secret.
pub fn revoke(tx: &mut Tx<'_>, mandate: &Mandate, client: &str, secret: &str) -> Result<(), ActError> {
    revoke_credential(tx, mandate, client, secret, ("secret", Action::ClientSecretEnded), |tx, client, id| {
        tx.end_client_secret(client, id)
    })
}
