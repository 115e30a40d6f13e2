//! A client's static tokens, for identity providers that can only paste one: named, scoped, shown once, and never without an end.

use oauth::{ScopeDefinition, Scopes};

use super::{find, revoke_credential, warnings};
use crate::domain::bodies::clients::tokens::{NewToken, ShownToken, Token};
use crate::domain::described::{FieldError, Name, Required, Texts, Time, With, alternatives};
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::domain::scopes;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::services::sent_form::{Before, Drawn};
use crate::storage::clients::ClientRecord;
use crate::storage::static_tokens::StaticTokenRecord;
use crate::storage::{DbError, Tx};

/// How many a client may have.
const MOST: usize = 10;
const DAY_MS: i64 = 86_400_000;
/// How long one counts unless its maker says otherwise.
const USUAL_MS: i64 = 365 * DAY_MS;
/// And how long at most.
const LONGEST_MS: i64 = 3 * 366 * DAY_MS;

/// What may be done in the name of no user.
fn of_no_user() -> impl Iterator<Item = ScopeDefinition> {
    scopes::all().into_iter().filter(|scope| !scope.is_personal)
}

fn expiry(new: &NewToken, now: Timestamp) -> Timestamp {
    new.expires.map_or(now + USUAL_MS, |expires| expires.0)
}

/// What is wrong with a new token.
pub fn mistakes(new: &NewToken, now: Timestamp) -> Vec<FieldError> {
    let mut mistakes = Vec::new();
    let mut wrong = |field: &str, detail: String| mistakes.push(FieldError { field: field.to_owned(), detail });
    let expires = expiry(new, now);
    if expires <= now || expires > now + LONGEST_MS {
        wrong("expires", "must lie in the future, and at most three years ahead".to_owned());
    }
    if let Some(Texts(scopes)) = &new.scopes {
        let known: Vec<&str> = of_no_user().map(|scope| scope.name).collect();
        for (i, _) in scopes.iter().enumerate().filter(|(_, scope)| !known.contains(&scope.as_str())) {
            let right = alternatives(&known);
            wrong(&format!("scopes[{i}]"), format!("must be {right}: others speak of a person"));
        }
        if scopes.is_empty() {
            wrong("scopes", "must name a scope of the client, or be left out".to_owned());
        }
    }
    mistakes
}

fn overview(record: &StaticTokenRecord, now: Timestamp) -> Token {
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

/// The static tokens of a client, without the tokens themselves. Only reads.
pub fn list(tx: &mut Tx<'_>, mandate: &Mandate, client: &str) -> Result<Vec<Token>, ActError> {
    let record = find(tx, mandate, Power::Read, client)?;
    let now = tx.now();
    Ok(tx.static_tokens(record.seq)?.iter().map(|token| overview(token, now)).collect())
}

/// Makes a static token, which is shown this once.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    cx: &oauth::Context<'_>,
    client: &str,
    (new, drawn): (&NewToken, &Drawn),
) -> Result<With<Token, ShownToken>, ActError> {
    let now = Timestamp::of_millis(cx.now);
    let owner = find(tx, mandate, Power::ManageSecrets, client)?;
    ActError::unless_right(mistakes(new, now))?;
    make(tx, cx, &owner, (new, drawn))
}

/// The token that the form before has made, and when. Only reads.
pub fn again(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    client: &str,
    drawn: &Drawn,
) -> Result<Before<With<Token, ShownToken>>, ActError> {
    let (owner, now) = (find(tx, mandate, Power::ManageSecrets, client)?, tx.now());
    let made = tx.static_tokens(owner.seq)?.into_iter().find(|token| token.id == drawn.id);
    let shown = || ShownToken { token: drawn.secret.reveal().to_owned() };
    Ok(made.map(|made| (made.created, With { of: overview(&made, now), with: shown() })))
}

/// Makes a token for the browser that opened a setup link: its id, the token, and when it stops counting.
pub(in crate::services) fn issue(
    tx: &mut Tx<'_>,
    cx: &oauth::Context<'_>,
    owner: &ClientRecord,
    name: &str,
) -> Result<(String, String, Option<Timestamp>), ActError> {
    let new = NewToken { name: Required(Name(name.to_owned())), expires: None, scopes: None };
    let With { of, with } = make(tx, cx, owner, (&new, &Drawn::fresh(oauth::Prefix::StaticToken)))?;
    Ok((of.id, with.token, Some(of.expires.0)))
}

/// Ends a token that a setup link revealed, unless that is done already.
pub(in crate::services) fn revoke_of(tx: &mut Tx<'_>, record: &ClientRecord, token: &str) -> Result<(), DbError> {
    if tx.end_static_token_of(record.seq, token)? {
        let client = &record.client;
        let ended = Act::new(Action::ClientTokenEnded).on_named(client.id.as_str(), &client.name);
        tx.raise(tx.now(), record.account, ended.saying(token.to_owned()));
    }
    Ok(())
}

fn make(
    tx: &mut Tx<'_>,
    cx: &oauth::Context<'_>,
    owner: &ClientRecord,
    (new, drawn): (&NewToken, &Drawn),
) -> Result<With<Token, ShownToken>, ActError> {
    let now = Timestamp::of_millis(cx.now);
    let client = owner.client.id.as_str();
    if owner.account.is_none() && !owner.client.is_key(cx.settings) {
        return Err(ActError::conflict("a client of no account has no static tokens: they would open none"));
    }
    if owner.client.public {
        return Err(ActError::conflict("a public client cannot keep a static token"));
    }
    if owner.client.options.tokens.dpop_bound_access_tokens {
        let detail = "this client's tokens are bound to a key (DPoP), and a static token is not";
        return Err(ActError::conflict(detail));
    }
    let own = owner.client.scopes.only(|scope| of_no_user().any(|known| known.name == scope));
    let scope = match &new.scopes {
        Some(Texts(named)) => Scopes::parse(&named.join(" ")).unwrap_or_default(),
        None if own.is_empty() => Scopes::parse(scopes::PROVISION).unwrap_or_default(),
        None => own,
    };
    if let Some(beyond) = scope.beyond(&owner.client.scopes) {
        return Err(ActError::conflict(format!("the client may not ask for the scope {beyond}")));
    }
    tx.hold_client(owner.seq)?;
    if tx.static_tokens(owner.seq)?.len() >= MOST {
        return Err(ActError::conflict(format!("a client may have {MOST} static tokens; end one first")));
    }
    let grant = oauth::token::own_grant(tx, cx, &owner.client)?;
    let token = drawn.secret.reveal().to_owned();
    let record = StaticTokenRecord {
        id: drawn.id.clone(),
        name: new.name.0.0.clone(),
        scope: scope.to_string(),
        created: now,
        expires: expiry(new, now),
        last_used: None,
        grant: grant.id.number,
    };
    tx.insert_static_token(owner.seq, &cx.keys.fingerprint(&token), &record)?;
    let added = Act::new(Action::ClientTokenAdded).on_named(client, &owner.client.name);
    tx.raise(now, owner.account, added.saying(format!("{}, {}", record.name, record.id)));
    Ok(With { of: overview(&record, now), with: ShownToken { token } })
}

/// Ends a static token; it is refused from the next request on.
pub fn revoke(tx: &mut Tx<'_>, mandate: &Mandate, client: &str, token: &str) -> Result<(), ActError> {
    revoke_credential(tx, mandate, client, token, ("static token", Action::ClientTokenEnded), |tx, client, id| {
        tx.end_static_token_of(client, id)
    })
}
