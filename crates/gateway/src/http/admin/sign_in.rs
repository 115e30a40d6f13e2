//! Who may log in how: what operators decide for an account, and what they do for a user who lost a way to log in.

use actix_web::web;
use scim::schema::USER;
use scim::{Id, Store};

use super::answer::NoContent;
use super::body::Body;
use super::lookup;
use super::operator::{Operator, changes};
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::described::{Line, Patch, Required, answer, body, part};
use crate::domain::event::{Act, Action};
use crate::domain::sealing;
use crate::domain::sign_in as domain;
use crate::domain::sign_in::{MatchBy, Passwords, SecondFactor, SignInProvider};
use crate::http::edge::problem::Problem;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::second_factor;
use crate::services::sign_in::{Owner, upstream};
use crate::storage::{DbError, ReadCost, Tx};

body! {
    /// A change of who may log in how. What it leaves out stays.
    pub(super) struct SignInChange {
        /// Who may use a password. `null` means all users; with an OpenID provider it means service accounts only.
        passwords: Patch<Passwords>,
        /// Whether users with a password need an authenticator app too; `null` for `offered`.
        second_factor: Patch<SecondFactor>,
        /// The OpenID provider that users log in at; `null` for none.
        provider: Patch<NewProvider>,
    }
    example {
        "second_factor": "required",
        "provider": {
            "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "client_secret": "…",
            "match_by": "verified_email"
        }
    }
}

body! {
    /// An OpenID provider.
    pub(super) struct NewProvider {
        /// What users read: “Continue with …”.
        name: Required<Line>,
        /// The issuer, as its discovery document writes it.
        issuer: Required<Line>,
        /// The gateway's client ID there.
        client_id: Required<Line>,
        /// The gateway's client secret there. It is never answered, and may be left out while the issuer stays.
        client_secret: Option<Line>,
        /// How a user is found here the first time; `verified_email` if nothing is said.
        match_by: Option<MatchBy>,
    }
    example {
        "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "client_secret": "…",
        "match_by": "verified_email"
    }
}
part!(NewProvider);

answer! {
    /// Who may log in how.
    pub(super) struct SignIn {
        /// Who may use a password.
        passwords: Passwords,
        /// Whether users with a password need an authenticator app too.
        second_factor: SecondFactor,
        /// The OpenID provider that users log in at.
        provider: Option<ServiceProvider>,
    }
    example {
        "passwords": "service_accounts", "second_factor": "required",
        "provider": {
            "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "match_by": "verified_email",
            "redirect_uri": "https://gateway.example/login/callback"
        }
    }
}

answer! {
    /// An OpenID provider, without the secret.
    pub(super) struct ServiceProvider {
        /// What users read: “Continue with …”.
        name: String,
        /// The issuer.
        issuer: String,
        /// The gateway's client ID there.
        client_id: String,
        /// How a user is found here the first time.
        match_by: MatchBy,
        /// What has to be registered there as the redirect URI.
        redirect_uri: String,
    }
    example {
        "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "match_by": "verified_email",
        "redirect_uri": "https://gateway.example/login/callback"
    }
}

/// A provider as it is asked for. Without a secret it keeps the one it has.
#[derive(Debug, Clone)]
struct ProviderChange {
    asked: NewProvider,
    sealed_secret: Option<String>,
}

/// What a body changes; what it leaves out stays.
#[derive(Debug, Clone)]
struct Change {
    passwords: Option<Option<Passwords>>,
    second_factor: Option<SecondFactor>,
    provider: Option<Option<ProviderChange>>,
}

/// The change, with the secret sealed.
fn read(app: &App, mut body: Body<SignInChange>) -> Result<Change, Problem> {
    if let Some(Required(Line(issuer))) = body.draft.provider.value().map(|provider| &provider.issuer)
        && !issuer.is_empty()
        && let Err(why) = app.outbound.url(issuer)
    {
        body.mistakes.note("provider.issuer", why);
    }
    let change = body.finish()?;
    let sealed = |secret: &Line| {
        let mut nonce = [0; 24];
        system::fill(&mut nonce);
        app.keys.seal(sealing::SIGN_IN_SECRET, nonce, secret.0.as_bytes())
    };
    let provider = |asked: &NewProvider| ProviderChange {
        sealed_secret: asked.client_secret.as_ref().map(sealed),
        asked: asked.clone(),
    };
    Ok(Change {
        passwords: change.passwords.change().map(Option::<&Passwords>::copied),
        second_factor: change.second_factor.change().map(|factor| factor.copied().unwrap_or_default()),
        provider: change.provider.change().map(|asked| asked.map(provider)),
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
            Some(Some(ProviderChange { asked, sealed_secret })) => {
                let known = sign_in.provider.take().filter(|known| known.issuer == asked.issuer.0.0);
                match (sealed_secret, known) {
                    (Some(sealed), _) => tx.set_upstream_secret(seq, Some(sealed))?,
                    (None, Some(_)) => {}
                    (None, None) => return Err(Problem::field("provider.client_secret", "is missing")),
                }
                sign_in.provider = Some(SignInProvider {
                    name: asked.name.0.0.clone(),
                    issuer: asked.issuer.0.0.clone(),
                    client_id: asked.client_id.0.0.clone(),
                    match_by: asked.match_by.unwrap_or_default(),
                });
            }
        }
        Ok(())
    }
}

/// As an operator reads it: never the secret.
fn representation(app: &App, sign_in: &domain::SignIn) -> SignIn {
    let passwords = match sign_in.allows_password(false) {
        true => Passwords::Everybody,
        false => Passwords::ServiceAccounts,
    };
    let provider = sign_in.provider.as_ref().map(|provider| ServiceProvider {
        name: provider.name.clone(),
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        match_by: provider.match_by,
        redirect_uri: format!("{}/login/callback", app.public_url),
    });
    SignIn { passwords, second_factor: sign_in.second_factor, provider }
}

/// `GET …/accounts/{account}/sign-in`
pub(super) async fn get(_: Operator, app: web::Data<App>, id: web::Path<String>) -> Result<web::Json<SignIn>, Problem> {
    let account = app.db.read(ReadCost::Point, move |tx| lookup::account(tx, &id)).await?;
    Ok(web::Json(representation(&app, &account.options.sign_in)))
}

/// `PATCH …/accounts/{account}/sign-in`
pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    body: Body<SignInChange>,
) -> Result<web::Json<SignIn>, Problem> {
    let change = read(&app, body)?;
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
    Ok(web::Json(answer))
}

/// The user that a path names.
fn user(tx: &mut Tx<'_>, account: &str, user: &str) -> Result<Owner, Problem> {
    let account = lookup::account(tx, account)?.seq;
    let id = Id::new(user).ok_or_else(|| Problem::not_found("user", user))?;
    let found = tx.in_account(account, tx.now(), false).get(USER, &id)?;
    let resource = found.ok_or_else(|| Problem::not_found("user", user))?.handle.0;
    Ok(Owner { account, resource, id: user.to_owned() })
}

/// `DELETE …/users/{user}/second-factor`: their telephone is lost. They log in with their password alone, until they set up another.
pub(super) async fn remove_second_factor(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    release(operator, app, path, "second factor of user", second_factor::release).await
}

/// `DELETE …/users/{user}/upstream-identity`: the next to log in at the provider under a name of theirs is who they are.
pub(super) async fn release_identity(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    release(operator, app, path, "upstream identity of user", upstream::release).await
}

/// Takes a way to log in from the user that a path names; what it is called is for the refusal where there is none.
async fn release(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    noun: &'static str,
    release: fn(&mut Tx<'_>, &Owner, Timestamp) -> Result<bool, DbError>,
) -> Result<NoContent, Problem> {
    app.db
        .write(move |tx| {
            let owner = user(tx, &path.0, &path.1)?;
            operator.sign(tx);
            let now = tx.now();
            match release(tx, &owner, now)? {
                true => Ok(NoContent),
                false => Err(Problem::not_found(noun, &path.1)),
            }
        })
        .await
}
