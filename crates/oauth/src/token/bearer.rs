//! Bearer tokens at a protected resource (RFC 6750).

use crate::constraints::{Thumbprint, TokenConstraints};
use crate::context::Context;
use crate::grant::{EndReason, Grant, GrantId};
use crate::jose::Algorithm;
use crate::protected_resource::ProtectedResource;
use crate::scope::Scopes;
use crate::secret::Prefix;
use crate::store::{Store, StoreError, TokenStatus};
use crate::token::access_token::AccessToken;
use crate::token::dpop::{Proof, ProofError, SpentProof};
use crate::token_id::TokenId;

const GONE: &str =
    "The access ended long ago, or the account or the client it was given to is gone; authenticate again";

const OPERATOR_ENDED_STATIC: &str = "The access was ended by an operator; make a new static token and paste it";

/// A valid access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The grant of the token.
    pub grant: Grant,
    /// The scopes of the token.
    pub scope: Scopes,
    /// The identifier of the token.
    pub token: TokenId,
    /// The time of issue, in milliseconds since the epoch.
    pub issued: i64,
    /// The time of expiry, in milliseconds since the epoch.
    pub expires: i64,
    /// The constraints of the token.
    pub constraints: TokenConstraints,
    /// A use that is to be recorded by a unit of work that may write.
    pub unwritten_use: Option<Use>,
}

/// A use of a token that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Of the static token of this name.
    StaticToken(String),
    /// The first of this generation of a grant's tokens: for [`delivery::note`](crate::token::delivery::note).
    Tokens(GrantId, i32),
}

/// What a request brings along to get in.
#[derive(Debug, Clone, Default)]
pub struct BearerRequest<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The proof of possession, which counts once and does now.
    pub proof: Option<&'a SpentProof>,
}

impl<'a> BearerRequest<'a> {
    /// The token, and whether it comes as one that is bound to a key (RFC 9449 §7.1).
    pub fn token(&self) -> Option<(&'a str, bool)> {
        let (scheme, token) = self.authorization?.trim().split_once(' ')?;
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        (is("bearer") || is("dpop")).then_some((token.trim(), is("dpop")))
    }
}

/// Why a request with a bearer token is refused (§3.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// The request has no token.
    #[error("Send an access token: Authorization: Bearer …")]
    Missing,
    /// The token comes in the URL, or twice.
    #[error("{0}")]
    Malformed(&'static str),
    /// The token is invalid.
    #[error("{0}")]
    Invalid(&'static str),
    /// The token is bound to a key, or comes as if it were, and is invalid, at least in this request (RFC 9449 §7.1).
    #[error("{0}")]
    Unbound(&'static str),
    /// The proof of possession is missing or invalid.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// The token lacks the scope that this resource needs.
    #[error("The access token lacks the scope {0}")]
    InsufficientScope(&'static str),
}

impl BearerError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            BearerError::Malformed(_) => 400,
            BearerError::Missing | BearerError::Invalid(_) | BearerError::Unbound(_) | BearerError::Proof(_) => 401,
            BearerError::InsufficientScope(_) => 403,
        }
    }

    /// The challenge (§3). Without a token it has no error code.
    pub fn www_authenticate(&self) -> String {
        match self {
            BearerError::Missing => "Bearer realm=\"gateway\"".to_owned(),
            BearerError::Malformed(description) => {
                format!("Bearer realm=\"gateway\", error=\"invalid_request\", error_description=\"{description}\"")
            }
            BearerError::Invalid(description) => {
                format!("Bearer realm=\"gateway\", error=\"invalid_token\", error_description=\"{description}\"")
            }
            BearerError::Unbound(description) => dpop_challenge("invalid_token", description),
            BearerError::Proof(error) => dpop_challenge("invalid_dpop_proof", &error.to_string()),
            BearerError::InsufficientScope(scope) => {
                format!("Bearer realm=\"gateway\", error=\"insufficient_scope\", scope=\"{scope}\"")
            }
        }
    }
}

/// RFC 9449 §7.1.
fn dpop_challenge(code: &str, description: &str) -> String {
    let algorithms = Algorithm::NAMES.join(" ");
    format!("DPoP realm=\"gateway\", algs=\"{algorithms}\", error=\"{code}\", error_description=\"{description}\"")
}

/// Whether a proof that came along could be the right one, before it is spent: strangers must not fill what we remember.
pub fn suits(cx: &Context<'_>, presented: &BearerRequest<'_>, proof: &Proof) -> Result<(), BearerError> {
    match presented.token() {
        Some((token, true)) => is_bound(cx, token, proof.key(), proof.is_for(token)),
        _ => Err(BearerError::Missing),
    }
}

fn is_bound(cx: &Context<'_>, token: &str, key: &Thumbprint, is_for: bool) -> Result<(), BearerError> {
    let bound = AccessToken::open(cx, token).ok_or_else(|| BearerError::Unbound(what_is(token)))?.constraints.key;
    match bound {
        None => Err(BearerError::Unbound("The access token is not bound to a key; send it as Bearer")),
        Some(bound) if bound != *key => Err(BearerError::Proof(ProofError("it is by another key than the token's"))),
        Some(_) if !is_for => Err(BearerError::Proof(ProofError("its ath is not the hash of this access token"))),
        Some(_) => Ok(()),
    }
}

/// Opens the token and asks the store whether it counts at this resource.
pub fn check(
    store: &mut dyn Store,
    cx: &Context<'_>,
    presented: &BearerRequest<'_>,
    resource: &ProtectedResource,
) -> Result<Result<Access, BearerError>, StoreError> {
    let Some((token, is_dpop)) = presented.token() else { return Ok(Err(BearerError::Missing)) };
    if is_dpop {
        let proven = match presented.proof {
            Some(proof) => is_bound(cx, token, proof.key(), proof.is_for(token)),
            None => Err(BearerError::Proof(ProofError("there is none; send one in the DPoP header"))),
        };
        if let Err(refused) = proven {
            return Ok(Err(refused));
        }
    }
    Ok(match examine(store, cx, token)? {
        Ok(access) if access.constraints.key.is_some() && !is_dpop => {
            Err(BearerError::Unbound("The access token is bound to a key; send it as DPoP, with a proof by that key"))
        }
        Ok(access) if !access.constraints.admit(&resource.uri) => {
            Err(BearerError::Invalid("The access token is for another resource"))
        }
        Ok(access) if access.scope.contains(resource.scope) => Ok(access),
        Ok(_) => Err(BearerError::InsufficientScope(resource.scope)),
        Err(description) if is_dpop => Err(BearerError::Unbound(description)),
        Err(description) => Err(BearerError::Invalid(description)),
    })
}

/// Whether an `Authorization` header has a token that we sealed: the least that can be asked of a stranger, and it asks
/// nothing of the store. Whether the token counts is [`check`]'s to say.
pub fn is_sealed(cx: &Context<'_>, authorization: Option<&str>) -> bool {
    let presented = BearerRequest { authorization, proof: None };
    presented.token().is_some_and(|(token, _)| AccessToken::open(cx, token).is_some())
}

/// The grant of a token that we sealed and when it expires, whether or not it counts: to say whose token was refused.
pub fn sealed_grant(cx: &Context<'_>, authorization: Option<&str>) -> Option<(GrantId, i64)> {
    let presented = BearerRequest { authorization, proof: None };
    let (token, _) = presented.token()?;
    AccessToken::open(cx, token).map(|token| (token.grant, token.expires))
}

/// Whether a token counts; if not, why.
pub(crate) fn examine(
    store: &mut dyn Store,
    cx: &Context<'_>,
    presented: &str,
) -> Result<Result<Access, &'static str>, StoreError> {
    if Prefix::of(presented) == Some(Prefix::StaticToken) {
        return examine_static(store, cx, presented);
    }
    let Some(token) = AccessToken::open(cx, presented) else { return Ok(Err(what_is(presented))) };
    if token.expires <= cx.now {
        return Ok(Err("The access token has expired"));
    }
    let answer = token.link.map_or(TokenId::NONE, |link| link.id(token.grant));
    let status = match status(store, token.grant, &token.id, &answer)? {
        Ok(status) => status,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let news = token.link.filter(|link| !status.grant.has_delivered(link.generation));
    Ok(Ok(Access {
        scope: status.grant.opens(&token.scope),
        grant: status.grant,
        token: token.id,
        issued: token.issued,
        expires: token.expires,
        constraints: token.constraints,
        unwritten_use: news.map(|link| Use::Tokens(token.grant, link.generation)),
    }))
}

fn examine_static(
    store: &mut dyn Store,
    cx: &Context<'_>,
    presented: &str,
) -> Result<Result<Access, &'static str>, StoreError> {
    let fingerprint = cx.keys.fingerprint(presented);
    let Some(token) = store.static_token(&fingerprint)? else {
        return Ok(Err("The static token was ended, or was never one of ours; make a new one and paste it"));
    };
    if token.expires <= cx.now {
        return Ok(Err("The static token has expired; make a new one and paste it"));
    }
    if let Some(refusal) = verdict(store, &token.status)? {
        let refusal = match store.end_reason(token.status.grant.id)? {
            Some(EndReason::Operator) if token.status.grant.ended.is_some() => OPERATOR_ENDED_STATIC,
            _ => refusal,
        };
        return Ok(Err(refusal));
    }
    let news = token.use_is_news(cx.now).then(|| token.id.clone());
    let id = fingerprint.as_bytes().first_chunk().copied().unwrap_or_default();
    Ok(Ok(Access {
        grant: token.status.grant,
        scope: token.scope,
        token: TokenId(id),
        issued: token.created,
        expires: token.expires,
        constraints: TokenConstraints::default(),
        unwritten_use: news.map(Use::StaticToken),
    }))
}

/// The grant, if it is valid apart from any token of it; otherwise why not.
pub(crate) fn examine_grant(store: &mut dyn Store, grant: GrantId) -> Result<Result<Grant, &'static str>, StoreError> {
    Ok(status(store, grant, &TokenId::NONE, &TokenId::NONE)?.map(|status| status.grant))
}

/// What decides about a token of this grant, if it counts; if not, why.
fn status(
    store: &mut dyn Store,
    grant: GrantId,
    token: &TokenId,
    answer: &TokenId,
) -> Result<Result<TokenStatus, &'static str>, StoreError> {
    let Some(status) = store.token_status(grant, token, answer)? else {
        return Ok(Err(store.end_reason(grant)?.map_or(GONE, EndReason::refusal)));
    };
    Ok(match verdict(store, &status)? {
        Some(refusal) => Err(refusal),
        None => Ok(status),
    })
}

/// What was sent instead of an access token, as far as one can see.
fn what_is(presented: &str) -> &'static str {
    match Prefix::of(presented) {
        Some(Prefix::ClientSecret) => "This is a client secret, not an access token; exchange it at the token endpoint",
        Some(Prefix::Code) => "This is an authorization code, not an access token; exchange it at the token endpoint",
        Some(Prefix::RefreshToken) => "This is a refresh token, not an access token; exchange it at the token endpoint",
        Some(Prefix::Operator) => "This is an operator's token for the admin API, not an access token",
        // Some identity providers send a token of their own when their form has no token endpoint.
        None if presented.starts_with("eyJ") => {
            "This JWT is not an access token that was issued here; in the identity provider, fill in the token endpoint, client identifier and client secret"
        }
        _ => "The access token is not one of ours",
    }
}

/// Why a grant does not count, or a token of it; `None` if it does. The reason it ended says more than the state its owner is in now.
fn verdict(store: &mut dyn Store, status: &TokenStatus) -> Result<Option<&'static str>, StoreError> {
    if status.grant.ended.is_some() {
        let reason = store.end_reason(status.grant.id)?;
        return Ok(Some(reason.map_or("The access was ended; authenticate again", EndReason::refusal)));
    }
    Ok(if !status.owner_active {
        Some("The user who accepted access is deactivated or deleted; authenticate again as an active user")
    } else if status.client_disabled {
        Some("The client was switched off by an operator")
    } else if status.token_revoked {
        Some("The access token was revoked")
    } else if status.answer_superseded {
        Some("The access token was replaced: the request that led to it was made again before it was used")
    } else {
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Prefix, generated};
    use crate::testing::{EXCHANGE, World, changed, records};

    fn ask(world: &mut World, header: Option<&str>) -> Result<Access, BearerError> {
        let presented = BearerRequest { authorization: header, proof: None };
        world.run(|store, cx| check(store, cx, &presented, &records())).unwrap()
    }

    #[test]
    fn attack_60_each_refusal_has_its_status_and_challenge() {
        #[track_caller]
        fn check(error: &BearerError, status: u16, challenge: &str) {
            assert_eq!((error.status(), error.www_authenticate().as_str()), (status, challenge));
        }
        let mut world = World::new();
        check(&ask(&mut world, None).unwrap_err(), 401, r#"Bearer realm="gateway""#);
        check(
            &ask(&mut world, Some("Bearer gwa_x")).unwrap_err(),
            401,
            r#"Bearer realm="gateway", error="invalid_token", error_description="The access token is not one of ours""#,
        );
        let code = world.code(&[("scope", "openid")]);
        let token = world.token(&changed(EXCHANGE, &[("code", &code)])).ok().unwrap().access_token;
        check(
            &ask(&mut world, Some(&format!("Bearer {token}"))).unwrap_err(),
            403,
            r#"Bearer realm="gateway", error="insufficient_scope", scope="records:write""#,
        );
    }

    #[test]
    fn attack_62_no_other_secret_of_ours_opens_the_door() {
        let mut world = World::new();
        let tokens = world.tokens();
        let jwt = "eyJhbGciOiJub25lIn0.eyJhdWQiOiI4YWRmOGU2ZSJ9.".to_owned();
        let mut others: Vec<String> = Prefix::ALL.map(|prefix| generated(prefix, &mut |bytes| bytes.fill(3))).into();
        others.extend([tokens.refresh_token.unwrap(), jwt, "acme-secret".to_owned(), "é\"\\".to_owned()]);
        for other in others {
            let error = ask(&mut world, Some(&format!("Bearer {other}"))).unwrap_err();
            assert_eq!(error.status(), 401, "{other}");
            let description = error.to_string();
            assert!(description.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'), "{description}");
        }
    }

    #[test]
    fn a_static_token_opens_the_door_until_it_expires_or_is_ended() {
        let mut world = World::new();
        let (header, id) = (format!("Bearer {}", world.static_token("t-1")), Some(Use::StaticToken("t-1".to_owned())));
        let access = ask(&mut world, Some(&header)).unwrap();
        assert_eq!((access.grant.client.as_str(), access.grant.subject, access.unwritten_use), ("acme", None, id));
        world.store.static_tokens[0].1.last_used = Some(world.now - 3_600_000);
        assert_eq!(ask(&mut world, Some(&header)).unwrap().unwritten_use, None, "noted to the hour");

        let said = |world: &mut World| ask(world, Some(&header)).unwrap_err().to_string();
        world.client("acme").disabled = true;
        assert!(said(&mut world).contains("switched off"));
        world.client("acme").disabled = false;
        world.client("acme").scopes = Scopes::parse("openid").unwrap();
        assert!(said(&mut world).contains("lacks the scope"), "it opens no more than its client may ask for");
        world.client("acme").scopes = Scopes::parse("records:write").unwrap();
        world.store.grants[0].ended = Some(1);
        assert!(said(&mut world).contains("was ended"));
        world.store.grants[0].ended = None;
        assert!(ask(&mut world, Some(&header)).is_ok());
        world.wait(86_400);
        assert!(said(&mut world).contains("expired"));
        world.store.static_tokens.clear();
        assert!(said(&mut world).contains("never one of ours"));
    }

    #[test]
    fn attack_66_headers_of_any_shape_are_answered() {
        let mut world = World::new();
        let token = world.tokens().access_token;
        for good in [format!("bearer {token}"), format!("BEARER   {token} "), format!(" Bearer {token}")] {
            assert!(ask(&mut world, Some(&good)).is_ok(), "{good}");
        }
        let long = "x".repeat(10_000);
        for bad in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            token.clone(),
            "?".to_owned(),
            format!("Basic {token}"),
            format!("Bearer{token}"),
            format!("Bearer {token} {token}"),
            format!("Bearer {token}{long}"),
            format!("Bearer {}", token.to_uppercase()),
            long,
        ] {
            assert_eq!(ask(&mut world, Some(&bad)).unwrap_err().status(), 401, "{bad}");
        }
    }

    #[test]
    fn a_token_counts_as_long_as_all_behind_it_does() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut World), said: &str) {
            let mut world = World::new();
            let header = format!("Bearer {}", world.tokens().access_token);
            let access = ask(&mut world, Some(&header)).unwrap();
            assert_eq!(access.grant.subject.unwrap().as_str(), "ada");
            change(&mut world);
            let error = ask(&mut world, Some(&header)).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        check(|world| world.store.grants[0].ended = Some(1), "was ended");
        check(|world| world.store.inactive.push("ada".to_owned()), "deactivated");
        check(|world| world.client("acme").disabled = true, "switched off");
        check(|world| world.store.clients.clear(), "was deleted");
        check(|world| world.store.grants.clear(), "gone");
        check(|world| world.wait(3600), "expired");
    }

    #[test]
    fn report_19_a_refusal_says_why_the_access_ended() {
        for reason in EndReason::ALL {
            let mut world = World::new();
            let tokens = world.tokens();
            let header = format!("Bearer {}", tokens.access_token);
            let now = world.now;
            world.store.end_grant(GrantId(1), now, reason).unwrap();
            // What became of the owner since is not the reason.
            world.store.inactive.push("ada".to_owned());
            let error = ask(&mut world, Some(&header)).unwrap_err();
            assert_eq!((error.status(), error.to_string().as_str()), (401, reason.refusal()));
            let refresh_token = tokens.refresh_token.unwrap();
            let refused = world.refresh(&refresh_token).err().unwrap();
            assert_eq!(refused.description, reason.refusal());
        }
        let mut world = World::new();
        let header = format!("Bearer {}", world.static_token("t-1"));
        world.store.end_grant(GrantId(1), 1, EndReason::Operator).unwrap();
        assert_eq!(ask(&mut world, Some(&header)).unwrap_err().to_string(), OPERATOR_ENDED_STATIC);
    }
}
