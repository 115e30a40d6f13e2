//! OAuth clients: issuing one, and the sheet of values that an administrator pastes into the identity provider.

use actix_web::web;
use oauth::client::{Mistake, RequestedAuthentication, RequestedTokens};
use oauth::{ClientId, EndReason, RedirectUri};

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::operator::Operator;
use super::page::{Items, Page, PageQuery};
use crate::app::App;
use crate::domain::bodies::changes;
use crate::domain::client::ScimOptions;
use crate::domain::described::{Flat, Name, Required, Sometimes, Texts, Time, With};
use crate::domain::event::{Act, Action};
use crate::domain::ids::ClientKey;
use crate::domain::profiles::AppName;
use crate::domain::registration::Registration;
use crate::http::edge::problem::{FieldError, Problem};
use crate::platform::system;
use crate::services::accounts;
use crate::storage::clients::ClientRecord;
use crate::storage::{DbError, ReadCost, Tx};

mod authentication;
mod described;
mod first_call;
mod lifetimes;
pub(super) mod secrets;
pub(super) mod tokens;
pub(super) mod tolerances;
mod warnings;

use described::{Client, ClientChange, ClientLifetimes, ClientOptions, FirstSecret, NewClient, SetupSheet};

/// The client that a path names.
fn named(tx: &mut Tx<'_>, id: &str) -> Result<ClientRecord, Problem> {
    tx.client_record(id)?.ok_or_else(|| Problem::not_found("client", id))
}

/// Ends one of a client's secrets or tokens: what it is called, and what the audit trail says of it.
async fn end_credential(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    (noun, action): (&'static str, Action),
    end: fn(&mut Tx<'_>, ClientKey, &str) -> Result<bool, DbError>,
) -> Result<NoContent, Problem> {
    app.db
        .write(move |tx| {
            let (client, credential) = path.as_ref();
            let record = named(tx, client)?;
            if !end(tx, record.seq, credential)? {
                return Err(Problem::not_found(noun, credential));
            }
            let ended = Act::new(action).on_named(client, &record.client.name).saying(credential.clone());
            operator.record(tx, record.account, ended);
            Ok(())
        })
        .await?;
    Ok(NoContent)
}

fn representation(app: &App, tx: &mut Tx<'_>, record: &ClientRecord) -> Result<Client, Problem> {
    let account = match record.account {
        Some(seq) => tx.account_at(seq)?,
        None => None,
    };
    let warnings = warnings::of(app, tx, record, account.as_ref())?;
    let client = &record.client;
    let tokens = &client.options.tokens;
    let lives = client.lifetimes(&app.settings);
    let (jwks, jwks_uri) = authentication::keys(client);
    Ok(Client {
        client_id: client.id.as_str().to_owned(),
        name: client.name.clone(),
        profile: client.profile.name,
        account: account.map(|account| account.id),
        okta_app_name: record.okta_app_name.clone(),
        redirect_uris: client.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
        grant_types: client.grant_types.iter().map(|g| g.as_str()).collect(),
        scopes: client.scopes.iter().map(str::to_owned).collect(),
        default_scope: client.default_scope.iter().map(str::to_owned).collect(),
        public: client.public,
        require_pkce: client.require_pkce,
        access_token_format: tokens.access_token_format,
        access_token_signing_alg: tokens.access_token_signing_alg,
        id_token_signed_response_alg: tokens.id_token_signed_response_alg,
        resources: tokens.resources.iter().map(|resource| resource.as_str().to_owned()).collect(),
        require_pushed_authorization_requests: tokens.require_pushed_authorization_requests,
        dpop_bound_access_tokens: tokens.dpop_bound_access_tokens,
        post_logout_redirect_uris: client
            .options
            .post_logout_redirect_uris
            .iter()
            .map(|uri| uri.as_str().to_owned())
            .collect(),
        disabled: client.disabled,
        access_token_seconds: client.options.access_token_seconds,
        refresh_idle_seconds: client.options.refresh_idle_seconds,
        refresh_absolute_seconds: client.options.refresh_absolute_seconds,
        lifetimes: ClientLifetimes {
            access_token_seconds: lives.access_token,
            refresh_idle_seconds: lives.refresh_idle,
            refresh_absolute_seconds: lives.refresh_absolute,
        },
        connections: client.options.connections,
        created: Time(record.created),
        tolerances: tolerances::representation(record),
        secret_lifetime_days: client.options.secret_lifetime_days,
        warnings,
        sheet: sheet(app, client),
        token_endpoint_auth_method: authentication::method(client),
        jwks,
        jwks_uri,
        federation: client.options.authentication.federation.clone(),
    })
}

/// What goes into the seven fields of the identity provider's form, but for the secret.
fn sheet(app: &App, client: &oauth::Client) -> SetupSheet {
    let base = &app.public_url;
    let wanted = ["openid", "offline", "provision:scim"];
    let scope: Vec<&str> = wanted.into_iter().filter(|scope| client.scopes.contains(scope)).collect();
    SetupSheet {
        scim_base_url: app.scim_base.to_string(),
        unique_identifier_field: "userName",
        token_url: format!("{base}/oauth2/token"),
        authorization_url: format!("{base}/oauth2/auth?scope={}", scope.join(" ")),
        authorization_url_encoded: format!("{base}/oauth2/auth?scope={}", scope.join("%20").replace(':', "%3A")),
        client_id: client.id.as_str().to_owned(),
    }
}

/// What the body says about the registration; `None` where it says nothing.
fn registration(options: &ClientOptions, authentication: RequestedAuthentication) -> Registration {
    let texts = |texts: &Option<Texts>| texts.as_ref().map(|texts| texts.0.clone());
    Registration {
        profile: None,
        okta_app_name: options.okta_app_name.value().map(|name| name.0.clone()),
        client: oauth::client::Registration {
            redirect_uris: texts(&options.redirect_uris),
            grant_types: options.grant_types.as_ref().map(|checked| checked.0.0.clone()),
            scopes: options.scopes.as_ref().map(|checked| checked.0.0.clone()),
            default_scope: options.default_scope.as_ref().map(|checked| checked.0.0.clone()),
            public: None,
            require_pkce: options.require_pkce,
            tokens: RequestedTokens {
                access_token_format: options.access_token_format.as_ref().map(|checked| checked.0.0.clone()),
                access_token_signing_alg: options.access_token_signing_alg.as_ref().map(|checked| checked.0.0.clone()),
                id_token_signed_response_alg: options
                    .id_token_signed_response_alg
                    .as_ref()
                    .map(|checked| checked.0.0.clone()),
                resources: texts(&options.resources),
                require_pushed_authorization_requests: options.require_pushed_authorization_requests,
                dpop_bound_access_tokens: options.dpop_bound_access_tokens,
            },
            post_logout_redirect_uris: texts(&options.post_logout_redirect_uris),
            authentication,
            ..oauth::client::Registration::default()
        },
    }
}

fn invalid(mistakes: Vec<Mistake>) -> Problem {
    Problem::invalid(mistakes.into_iter().map(|m| FieldError { field: m.field, detail: m.detail }).collect())
}

pub(super) async fn create_in_account(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    body: Body<NewClient>,
) -> Result<Created<With<Client, FirstSecret>>, Problem> {
    create(operator, &app, Some(account.into_inner()), body).await
}

pub(super) async fn create_shared(
    operator: Operator,
    app: web::Data<App>,
    body: Body<NewClient>,
) -> Result<Created<With<Client, FirstSecret>>, Problem> {
    create(operator, &app, None, body).await
}

async fn create(
    operator: Operator,
    app: &App,
    account: Option<String>,
    mut body: Body<NewClient>,
) -> Result<Created<With<Client, FirstSecret>>, Problem> {
    let (draft, mistakes) = (&body.draft, &mut body.mistakes);
    let options = &draft.options.0;
    let proofs = authentication::Asked::of(options);
    let mut asked = registration(options, proofs.alone());
    asked.profile = draft.profile.as_ref().map(|profile| profile.0.0.clone());
    asked.client.public = draft.public;
    let secret_days = secrets::asked_days(&options.secret_lifetime_days, asked.profile.as_deref(), mistakes);
    let tried = proofs.try_addresses(app, mistakes).await;
    let checked = asked.check(&app.settings, app.config.oauth.allow_okta_internal_http);
    for Mistake { field, detail } in checked.as_ref().err().into_iter().flatten() {
        mistakes.note(field, detail);
    }
    let NewClient { name: Required(Name(name)), options: Flat(options), .. } = body.finish()?;
    let registered = checked.map_err(invalid)?;
    let id = ClientId::new(system::new_client_id()).expect("a generated id is one");
    let mut scim = ScimOptions::default();
    tolerances::apply(options.tolerances.as_ref(), &mut scim.tolerances);
    let mut record = ClientRecord {
        seq: ClientKey::NO_ROW,
        account: None,
        okta_app_name: registered.okta_app_name.map(|name| name.as_str().to_owned()),
        created: app.clock.now(),
        client: oauth::Client {
            id,
            name,
            public: registered.client.public,
            secrets: Vec::new(),
            redirect_uris: registered.client.redirect_uris,
            grant_types: registered.client.grant_types,
            scopes: registered.client.scopes,
            default_scope: registered.client.default_scope,
            profile: registered.profile.of_clients(),
            require_pkce: registered.client.require_pkce,
            disabled: false,
            has_account: account.is_some(),
            options: oauth::client::Options {
                tokens: registered.client.tokens,
                post_logout_redirect_uris: registered.client.post_logout_redirect_uris,
                authentication: registered.client.authentication,
                secret_lifetime_days: secret_days.flatten(),
                ..oauth::client::Options::default()
            },
            tolerances: oauth::Tolerances::NONE, // they follow from the rest
        },
        scim,
    };
    lifetimes::set(&options, &mut record.client.options);
    let expires = secrets::expiry(app, &record.client, record.created);
    let secret =
        secrets::is_of_use(&record.client).then(|| oauth::generated(oauth::Prefix::ClientSecret, &mut system::fill));
    let fingerprint = secret.as_deref().map(|secret| app.keys.fingerprint(secret));
    let work = app.clone();
    let location = format!("{}/admin/clients/{}", app.public_url, record.client.id);
    let mut of = app
        .db
        .write(move |tx| {
            let mut record = record.clone();
            record.account = match &account {
                Some(id) => Some(accounts::find(tx, id)?.seq),
                None => None,
            };
            tx.insert_client(&mut record)?;
            if let Some(fingerprint) = &fingerprint {
                let id = system::new_uuid();
                tx.insert_client_secret(record.seq, &id, fingerprint, None, record.created, expires)?;
            }
            let client = &record.client;
            let created = Act::new(Action::ClientCreated).on_named(client.id.as_str(), &client.name);
            operator.record(tx, record.account, created);
            representation(&work, tx, &record)
        })
        .await?;
    of.warnings.extend(tried);
    let client_secret_expires = Sometimes(secret.is_some().then(|| expires.map(Time)));
    let with = FirstSecret { client_secret: Sometimes(secret), client_secret_expires };
    Ok(Created { body: With { of, with }, location: Some(location) })
}

pub(super) async fn list_of_account(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Client>>, Problem> {
    list(&app, Some(account.into_inner()), query.0.into()).await
}

pub(super) async fn list_shared(
    _: Operator,
    app: web::Data<App>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Client>>, Problem> {
    list(&app, None, query.0.into()).await
}

async fn list(app: &App, account: Option<String>, page: Page) -> Result<web::Json<Items<Client>>, Problem> {
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let account = match &account {
                Some(id) => Some(accounts::find(tx, id)?.seq),
                None => None,
            };
            let records = tx.clients_after(account, page.after.unwrap_or(0), page.limit)?;
            let items =
                records.iter().map(|record| representation(&work, tx, record)).collect::<Result<_, Problem>>()?;
            Ok::<_, Problem>(page.answer(items, records.last().map(|record| record.seq.into())))
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn get(_: Operator, app: web::Data<App>, id: web::Path<String>) -> Result<web::Json<Client>, Problem> {
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let record = named(tx, &id)?;
            representation(&work, tx, &record)
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    mut body: Body<ClientChange>,
) -> Result<web::Json<Client>, Problem> {
    let proofs = authentication::Asked::of(&body.draft.options.0);
    let asked = registration(&body.draft.options.0, proofs.alone());
    let secret_days = secrets::asked_days(&body.draft.options.0.secret_lifetime_days, None, &mut body.mistakes);
    let tried = proofs.try_addresses(&app, &mut body.mistakes).await;
    let ClientChange { name, disabled, options: Flat(options), .. } = body.finish()?;
    let forgets_app = options.okta_app_name.is_named();
    let work = app.clone();
    let mut answer = app
        .db
        .write(move |tx| {
            let mut record = named(tx, &id)?;
            let before = representation(&work, tx, &record)?;
            // What the body leaves out stays as it is; the whole is checked again.
            let client = &record.client;
            let texts = |list: Vec<&str>| Some(list.into_iter().map(str::to_owned).collect::<Vec<_>>());
            let derived = record.okta_app_name.as_deref().map(AppName::parse).and_then(Result::ok);
            let derived = derived.map(|app| app.redirect_uris(true)).unwrap_or_default();
            let own_uris: Vec<&RedirectUri> = client.redirect_uris.iter().filter(|u| !derived.contains(u)).collect();
            let after_logout = &client.options.post_logout_redirect_uris;
            let whole = Registration {
                profile: Some(client.profile.name.to_owned()),
                okta_app_name: match forgets_app {
                    true => asked.okta_app_name.clone(),
                    false => record.okta_app_name.clone(),
                },
                client: oauth::client::Registration {
                    redirect_uris: asked
                        .client
                        .redirect_uris
                        .clone()
                        .or_else(|| texts(own_uris.iter().map(|uri| uri.as_str()).collect())),
                    grant_types: asked
                        .client
                        .grant_types
                        .clone()
                        .or_else(|| texts(client.grant_types.iter().map(|g| g.as_str()).collect())),
                    scopes: asked.client.scopes.clone().or_else(|| texts(client.scopes.iter().collect())),
                    default_scope: asked
                        .client
                        .default_scope
                        .clone()
                        .or_else(|| texts(client.default_scope.iter().collect())),
                    public: Some(client.public),
                    require_pkce: asked.client.require_pkce.or(Some(client.require_pkce)),
                    tokens: asked.client.tokens.clone(),
                    tokens_before: client.options.tokens.clone(),
                    post_logout_redirect_uris: asked
                        .client
                        .post_logout_redirect_uris
                        .clone()
                        .or_else(|| texts(after_logout.iter().map(RedirectUri::as_str).collect())),
                    authentication: proofs.over(client),
                    uris_before: own_uris
                        .iter()
                        .map(|uri| (*uri).clone())
                        .chain(after_logout.iter().cloned())
                        .collect(),
                    ..oauth::client::Registration::default()
                },
            };
            let registered =
                whole.check(&work.settings, work.config.oauth.allow_okta_internal_http).map_err(invalid)?;
            record.okta_app_name = registered.okta_app_name.map(|name| name.as_str().to_owned());
            record.client.redirect_uris = registered.client.redirect_uris;
            record.client.grant_types = registered.client.grant_types;
            record.client.scopes = registered.client.scopes;
            record.client.default_scope = registered.client.default_scope;
            record.client.require_pkce = registered.client.require_pkce;
            record.client.options.tokens = registered.client.tokens;
            record.client.options.post_logout_redirect_uris = registered.client.post_logout_redirect_uris;
            record.client.options.authentication = registered.client.authentication;
            if let Some(days) = secret_days {
                record.client.options.secret_lifetime_days = days;
            }
            if let Some(Name(name)) = &name {
                record.client.name.clone_from(name);
            }
            let action = match disabled {
                Some(true) if !record.client.disabled => Action::ClientDisabled,
                Some(false) if record.client.disabled => Action::ClientEnabled,
                _ => Action::ClientChanged,
            };
            record.client.disabled = disabled.unwrap_or(record.client.disabled);
            let said = tolerances::apply(options.tolerances.as_ref(), &mut record.scim.tolerances);
            lifetimes::set(&options, &mut record.client.options);
            tx.update_client(&record)?;
            let after = representation(&work, tx, &record)?;
            let changed = Act::new(action).on_named(record.client.id.as_str(), &record.client.name).saying(said);
            operator.record(tx, record.account, changed.changing(changes(&before, &after)));
            Ok::<_, Problem>(after)
        })
        .await?;
    answer.warnings.extend(tried);
    Ok(web::Json(answer))
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<NoContent, Problem> {
    app.db
        .write(move |tx| {
            let record = named(tx, &id)?;
            let deleted = Act::new(Action::ClientDeleted).on_named(id.as_str(), &record.client.name);
            operator.record(tx, record.account, deleted);
            tx.end_grants_of_client(record.seq, tx.now(), EndReason::ClientDeleted)?;
            tx.delete_client(record.seq)?;
            Ok::<_, Problem>(())
        })
        .await?;
    Ok(NoContent)
}
