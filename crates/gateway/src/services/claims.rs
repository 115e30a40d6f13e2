//! What tokens, introspection and `/userinfo` say beyond the protocol: of which account a token is, and with the scope `access` what its user
//! may do, as it is resolved at that moment.
//!
//! A token travels in headers, so a long list stays out of it: `_claim_names` then says of the claim where it is to be had, in the manner of
//! distributed claims (OpenID Connect Core §5.6.2). Of a token that is `/userinfo`; of `/userinfo`, where lists may be long, the resource itself.

use oauth::introspect::{IntrospectedGrant, Introspection};
use oauth::token::TokenResponse;
use oauth::{GrantId, Scopes, Settings, Subject};
use scim::schema::USER;
use scim::store::Stored;
use scim::{Id, Store};
use serde_json::{Map, Value, json};

use super::resolution::{Candidate, current_terms, memberships};
use crate::domain::account::Account;
use crate::domain::scopes::ACCESS;
use crate::storage::{DbError, Tx};

/// The claims, for the metadata.
pub const NAMES: [&str; 6] = ["account", "account_id", "role", "environments", "every_environment", "groups"];

/// The lists among the claims, each with its room in a token in bytes of JSON. Both and the rest of a token leave a header of 8 KiB room.
const LISTS: [(&str, usize); 2] = [("environments", 768), ("groups", 1536)];
/// So many groups are read for a token: more have no room in it.
const GROUPS_OF_TOKEN: usize = 50;
/// So many groups or environments does `/userinfo` list.
const LISTED: usize = 1000;

/// Where claims are had that have no room.
struct Elsewhere<'a> {
    name: &'a str,
    endpoint: String,
}

/// Adds the claims to what is issued, where that is readable to its client.
pub fn add_to(tx: &mut Tx<'_>, settings: &Settings, issued: &mut TokenResponse) -> Result<(), DbError> {
    if issued.jwt.is_none() && issued.id_token.is_none() {
        return Ok(());
    }
    let Some(account) = account_of(tx, issued.grant)? else { return Ok(()) };
    let claims = of_token(tx, settings, &account, issued.subject.as_ref(), &issued.scope)?;
    if let Some(id_token) = issued.id_token.as_mut()
        && let Some(sid) = tx.sid_of_grant(issued.grant)?
    {
        id_token["sid"] = json!(sid);
    }
    let signed = issued.jwt.as_mut().map(|jwt| &mut jwt.claims);
    for own in signed.into_iter().chain(issued.id_token.as_mut()).filter_map(Value::as_object_mut) {
        own.extend(claims.clone());
    }
    Ok(())
}

/// What is answered about a token, with the claims.
pub fn introspected(tx: &mut Tx<'_>, settings: &Settings, told: Introspection) -> Result<Value, DbError> {
    let Introspection { mut answer, of } = told;
    let Some(IntrospectedGrant { grant, subject, scope }) = of else { return Ok(answer) };
    if let Some(account) = account_of(tx, grant)? {
        let claims = of_token(tx, settings, &account, subject.as_ref(), &scope)?;
        if let Some(own) = answer.as_object_mut() {
            own.extend(claims);
        }
    }
    Ok(answer)
}

/// The account of a grant. That of a token that was looked up just now is at hand.
fn account_of(tx: &mut Tx<'_>, grant: GrantId) -> Result<Option<Account>, DbError> {
    match tx.account_of_token(grant) {
        Some(account) => Ok(account),
        None => match tx.account_of_grant(grant)? {
            Some(account) => tx.account_at(account),
            None => Ok(None),
        },
    }
}

fn of_token(
    tx: &mut Tx<'_>,
    settings: &Settings,
    account: &Account,
    subject: Option<&Subject>,
    scope: &Scopes,
) -> Result<Map<String, Value>, DbError> {
    let mut claims = Map::from_iter([("account_id".to_owned(), json!(account.id))]);
    let user = subject.filter(|_| scope.contains(ACCESS)).and_then(|subject| Id::new(subject.as_str()));
    let Some(user) = user else { return Ok(claims) };
    let Some(user) = tx.in_account(account.seq, tx.now(), false).get(USER, &user)? else { return Ok(claims) };
    claims.extend(of_access(tx, account, &user, GROUPS_OF_TOKEN)?);
    let too_long = LISTS.iter().filter(|(name, room)| match claims.get(*name) {
        Some(list) => list.to_string().len() > *room,
        None => true,
    });
    let userinfo = format!("{}/userinfo", settings.issuer);
    let too_long: Vec<&str> = too_long.map(|(name, _)| *name).collect();
    elsewhere(
        &mut claims,
        &[Elsewhere { name: "userinfo", endpoint: userinfo }],
        too_long.iter().map(|name| (*name, "userinfo")),
    );
    Ok(claims)
}

/// What `/userinfo` says with the scope `access`.
pub fn of_userinfo(
    tx: &mut Tx<'_>,
    account: &Account,
    user: &Stored,
    (scim_base, admin_url): (&str, &str),
) -> Result<Map<String, Value>, DbError> {
    let mut claims = of_access(tx, account, user, LISTED)?;
    let (id, short) =
        (user.resource.id.as_str(), |list: &Value| list.as_array().is_none_or(|list| list.len() <= LISTED));
    let missing = |claims: &Map<String, Value>, name: &str| claims.get(name).is_none_or(|list| !short(list));
    let sources = [
        Elsewhere { name: "scim", endpoint: format!("{scim_base}/Users/{id}?attributes=groups") },
        Elsewhere { name: "admin", endpoint: format!("{admin_url}/admin/accounts/{}/users/{id}/access", account.id) },
    ];
    let of = [("groups", "scim"), ("environments", "admin")];
    let moved: Vec<(&str, &str)> = of.into_iter().filter(|(name, _)| missing(&claims, name)).collect();
    elsewhere(&mut claims, &sources, moved.into_iter());
    Ok(claims)
}

/// Takes lists out, and says where each is.
fn elsewhere<'a>(
    claims: &mut Map<String, Value>,
    sources: &[Elsewhere<'_>],
    moved: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let mut names = Map::new();
    for (claim, source) in moved {
        claims.remove(claim);
        names.insert(claim.to_owned(), json!(source));
    }
    if names.is_empty() {
        return;
    }
    let used = sources.iter().filter(|source| names.values().any(|name| name == source.name));
    let used: Map<String, Value> =
        used.map(|source| (source.name.to_owned(), json!({"endpoint": source.endpoint}))).collect();
    claims.insert("_claim_names".to_owned(), Value::Object(names));
    claims.insert("_claim_sources".to_owned(), Value::Object(used));
}

/// What a user may do, and which groups they are in, directly or through others; the groups are left out if there are more than `most`.
fn of_access(tx: &mut Tx<'_>, account: &Account, user: &Stored, most: usize) -> Result<Map<String, Value>, DbError> {
    let terms = current_terms(tx, account)?;
    let candidate = Candidate::of(user, tx.grant_policy().attribute());
    let memberships = memberships(tx, account.seq, std::slice::from_ref(&candidate), true)?;
    let access = candidate.access(&memberships, &terms, None);
    let environments: Vec<&String> = access.environments.keys().collect();
    let mut claims = Map::new();
    if let Some((role, _)) = &access.role {
        claims.insert("role".to_owned(), json!(role));
    }
    claims.insert("environments".to_owned(), json!(environments));
    claims.insert("every_environment".to_owned(), json!(access.every));
    let groups: Vec<i64> = memberships.of(candidate.seq, None).into_keys().collect();
    if groups.len() <= most {
        let mut named = tx.groups_by_seq(account.seq, &groups)?;
        named.sort_by(|one, other| (&one.display, &one.id).cmp(&(&other.display, &other.id)));
        let shown: Vec<Value> =
            named.into_iter().map(|group| json!({"value": group.id, "display": group.display})).collect();
        claims.insert("groups".to_owned(), json!(shown));
    }
    Ok(claims)
}
