//! Who may sign in how: what operators decide for an account, and what they do for somebody who lost a way in.

use actix_web::{HttpResponse, web};
use scim::schema::USER;
use scim::{Id, Store};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::input::Input;
use super::lookup;
use super::operator::{Operator, changes};
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::event::{Act, Action};
use crate::domain::sealing;
use crate::domain::sign_in::{MatchBy, Passwords, SecondFactor, SignIn, SignInProvider};
use crate::http::edge::problem::Problem;
use crate::platform::system;
use crate::storage::{DbError, ReadCost, Tx};

/// What a body says about it; what it leaves out stays.
#[derive(Debug, Clone, Default)]
struct Change {
    passwords: Option<Option<Passwords>>,
    second_factor: Option<SecondFactor>,
    provider: Option<Option<ProviderChange>>,
}

/// A provider as it is asked for. Without a secret it keeps the one it has.
#[derive(Debug, Clone)]
struct ProviderChange {
    name: String,
    issuer: String,
    client_id: String,
    sealed_secret: Option<String>,
    match_by: MatchBy,
}

fn read(app: &App, input: &mut Input) -> Change {
    let mut change = Change::default();
    if input.names("passwords") {
        let value = input.take("passwords").unwrap_or_default();
        change.passwords = Some(word(input, "passwords", &value, "everybody or service_accounts"));
    }
    if input.names("second_factor") {
        let value = input.take("second_factor").unwrap_or_default();
        change.second_factor = Some(word(input, "second_factor", &value, "offered or required").unwrap_or_default());
    }
    if input.names("provider") {
        match input.take("provider") {
            None => change.provider = Some(None),
            Some(Value::Object(provider)) => change.provider = read_provider(app, input, provider).map(Some),
            Some(_) => input.mistake("provider", "must be an object, or null for none"),
        }
    }
    change
}

fn read_provider(app: &App, input: &mut Input, mut given: Map<String, Value>) -> Option<ProviderChange> {
    let mut text = |input: &mut Input, name: &str, needed: bool| match given.remove(name) {
        Some(Value::String(text))
            if !text.trim().is_empty() && text.len() <= 2048 && !text.chars().any(char::is_control) =>
        {
            Some(text.trim().to_owned())
        }
        None | Some(Value::Null) if !needed => None,
        _ => {
            input.mistake(format!("provider.{name}"), "must be text of 1 to 2048 characters");
            None
        }
    };
    let name = text(input, "name", true);
    let issuer = text(input, "issuer", true);
    let client_id = text(input, "client_id", true);
    let secret = text(input, "client_secret", false);
    if let Some(Err(why)) = issuer.as_deref().map(|issuer| app.outbound.url(issuer)) {
        input.mistake("provider.issuer", why);
    }
    let match_by = given.remove("match_by").and_then(|value| {
        word(input, "provider.match_by", &value, "verified_email, email, preferred_username or subject")
    });
    for unknown in given.keys() {
        input.mistake(
            format!("provider.{unknown}"),
            "is not a setting; there are name, issuer, client_id, client_secret and match_by",
        );
    }
    let sealed_secret = secret.map(|secret| {
        let mut nonce = [0; 24];
        system::fill(&mut nonce);
        app.keys.seal(sealing::SIGN_IN_SECRET, nonce, secret.as_bytes())
    });
    Some(ProviderChange {
        name: name?,
        issuer: issuer?,
        client_id: client_id?,
        sealed_secret,
        match_by: match_by.unwrap_or_default(),
    })
}

/// One of a few words; `null` is the default.
fn word<T: DeserializeOwned>(input: &mut Input, field: &str, value: &Value, words: &str) -> Option<T> {
    let read = Option::<T>::deserialize(value);
    read.unwrap_or_else(|_| {
        input.mistake(field, format!("must be {words}"));
        None
    })
}

impl Change {
    /// Makes the change.
    fn apply(&self, tx: &mut Tx<'_>, account: &mut Account) -> Result<(), Problem> {
        let seq = account.seq;
        let sign_in = &mut account.options.sign_in;
        if let Some(passwords) = self.passwords {
            sign_in.passwords = passwords;
        }
        if let Some(second_factor) = self.second_factor {
            sign_in.second_factor = second_factor;
        }
        match &self.provider {
            None => {}
            Some(None) => {
                sign_in.provider = None;
                tx.set_upstream_secret(seq, None)?;
            }
            Some(Some(asked)) => {
                let known = sign_in.provider.take().filter(|known| known.issuer == asked.issuer);
                match (&asked.sealed_secret, known) {
                    (Some(sealed), _) => tx.set_upstream_secret(seq, Some(sealed))?,
                    (None, Some(_)) => {}
                    (None, None) => return Err(Problem::field("provider.client_secret", "is missing")),
                }
                sign_in.provider = Some(SignInProvider {
                    name: asked.name.clone(),
                    issuer: asked.issuer.clone(),
                    client_id: asked.client_id.clone(),
                    match_by: asked.match_by,
                });
            }
        }
        Ok(())
    }
}

/// As an operator reads it: never the secret.
fn representation(app: &App, sign_in: &SignIn) -> Value {
    let passwords = match sign_in.allows_password(false) {
        true => Passwords::Everybody,
        false => Passwords::ServiceAccounts,
    };
    json!({
        "passwords": passwords,
        "second_factor": sign_in.second_factor,
        "provider": sign_in.provider.as_ref().map(|provider| json!({
            "name": provider.name,
            "issuer": provider.issuer,
            "client_id": provider.client_id,
            "match_by": provider.match_by,
            "redirect_uri": format!("{}/login/callback", app.public_url),
        })),
    })
}

/// `GET …/accounts/{account}/sign-in`
pub(super) async fn get(_: Operator, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let account = app.db.read(ReadCost::Point, move |tx| lookup::account(tx, &id)).await?;
    Ok(HttpResponse::Ok().json(representation(&app, &account.options.sign_in)))
}

/// `PATCH …/accounts/{account}/sign-in`
pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    mut input: Input,
) -> Result<HttpResponse, Problem> {
    let change = read(&app, &mut input);
    input.finish()?;
    let work = app.clone();
    let answer = app
        .db
        .write(move |tx| {
            let mut account = lookup::locked_account(tx, &id)?;
            let before = representation(&work, &account.options.sign_in);
            change.apply(tx, &mut account)?;
            let after = representation(&work, &account.options.sign_in);
            tx.update_account(&account)?.map_err(|_| Problem::conflict("the account's name was taken meanwhile"))?;
            let changed = Act::new(Action::AccountSignInChanged).on_named(&account.id, &account.name);
            operator.record(tx, Some(account.seq), changed.changing(changes(&before, &after)));
            Ok::<_, Problem>(after)
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// The number of a user that a path names, and their account's.
fn user(tx: &mut Tx<'_>, account: &str, user: &str) -> Result<(i64, i64), Problem> {
    let account = lookup::account(tx, account)?.seq;
    let id = Id::new(user).ok_or_else(|| Problem::not_found("user", user))?;
    let found = tx.in_account(account, system::now(), false).get(USER, &id)?;
    Ok((account, found.ok_or_else(|| Problem::not_found("user", user))?.handle.0))
}

/// `DELETE …/users/{user}/second-factor`: their telephone is lost. They log in with their password alone, until they set up another.
pub(super) async fn remove_second_factor(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let what = ("second factor of user", Action::SecondFactorRemoved);
    take_away(operator, app, path, what, |tx, user| tx.remove_second_factor(user)).await
}

/// `DELETE …/users/{user}/upstream-identity`: whoever signs in next under a name of theirs at the provider is who they are.
pub(super) async fn release_identity(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let what = ("upstream identity of user", Action::UpstreamIdentityReleased);
    take_away(operator, app, path, what, |tx, user| tx.release_upstream_identities(user)).await
}

/// Takes something away from the user that a path names: what it is called, and what the audit trail says of it.
async fn take_away(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    (noun, action): (&'static str, Action),
    remove: fn(&mut Tx<'_>, i64) -> Result<bool, DbError>,
) -> Result<HttpResponse, Problem> {
    app.db
        .write(move |tx| {
            let (account, resource) = user(tx, &path.0, &path.1)?;
            if !remove(tx, resource)? {
                return Err(Problem::not_found(noun, &path.1));
            }
            operator.record(tx, Some(account), Act::new(action).on(&path.1));
            Ok(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
