//! Bearer tokens at a protected resource (RFC 6750).

use crate::access_token::{AccessToken, TokenId};
use crate::context::Context;
use crate::grant::{Grant, GrantId};
use crate::scope::Scopes;
use crate::secret::Prefix;
use crate::store::{Standing, Store, StoreError};

const GONE: &str = "The account or the client this access was given to is gone";

/// A token that counts at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The grant behind it.
    pub grant: Grant,
    /// What it opens.
    pub scope: Scopes,
    /// Its name.
    pub token: TokenId,
    /// Milliseconds since the epoch.
    pub issued: i64,
    /// Milliseconds since the epoch.
    pub expires: i64,
}

/// Why a token does not open the door (§3.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// There is none.
    #[error("Send an access token: Authorization: Bearer …")]
    Missing,
    /// It does not come as it should: in the URL, or twice.
    #[error("{0}")]
    Malformed(&'static str),
    /// It does not count.
    #[error("{0}")]
    Invalid(&'static str),
    /// It counts, but not here.
    #[error("The access token lacks the scope {0}")]
    InsufficientScope(&'static str),
}

impl BearerError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            BearerError::Malformed(_) => 400,
            BearerError::Missing | BearerError::Invalid(_) => 401,
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
            BearerError::InsufficientScope(scope) => {
                format!("Bearer realm=\"gateway\", error=\"insufficient_scope\", scope=\"{scope}\"")
            }
        }
    }
}

/// Opens the token in an `Authorization` header and asks the store whether it counts. `scope` is what this door needs.
pub fn check(
    store: &mut dyn Store,
    cx: &Context<'_>,
    authorization: Option<&str>,
    scope: &'static str,
) -> Result<Result<Access, BearerError>, StoreError> {
    let Some(presented) = presented(authorization) else { return Ok(Err(BearerError::Missing)) };
    match examine(store, cx, presented)? {
        Ok(access) if access.scope.contains(scope) => Ok(Ok(access)),
        Ok(_) => Ok(Err(BearerError::InsufficientScope(scope))),
        Err(description) => Ok(Err(BearerError::Invalid(description))),
    }
}

/// Whether an `Authorization` header has a token that we sealed: the least that can be asked of a stranger, and it asks
/// nothing of the store. Whether the token counts is [`check`]'s to say.
pub fn is_sealed(cx: &Context<'_>, authorization: Option<&str>) -> bool {
    presented(authorization).is_some_and(|token| AccessToken::open(cx, token).is_some())
}

fn presented(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a token counts; if not, why.
pub(crate) fn examine(
    store: &mut dyn Store,
    cx: &Context<'_>,
    presented: &str,
) -> Result<Result<Access, &'static str>, StoreError> {
    let Some(token) = AccessToken::open(cx, presented) else { return Ok(Err(what_is(presented))) };
    if token.expires <= cx.now {
        return Ok(Err("The access token has expired"));
    }
    let Some(standing) = store.standing(token.grant, &token.id)? else {
        return Ok(Err(GONE));
    };
    Ok(verdict(&standing).map(|()| Access {
        grant: standing.grant,
        scope: token.scope,
        token: token.id,
        issued: token.issued,
        expires: token.expires,
    }))
}

/// Whether a grant counts, whatever token leads to it; if not, why.
pub(crate) fn examine_grant(store: &mut dyn Store, grant: GrantId) -> Result<Result<Grant, &'static str>, StoreError> {
    /// Issued tokens have random ids: this one is nobody's.
    const NO_TOKEN: TokenId = TokenId([0; 16]);
    Ok(match store.standing(grant, &NO_TOKEN)? {
        Some(standing) => verdict(&standing).map(|()| standing.grant),
        None => Err(GONE),
    })
}

/// What was sent instead of an access token, as far as one can see.
fn what_is(presented: &str) -> &'static str {
    match Prefix::of(presented) {
        Some(Prefix::ClientSecret) => "This is a client secret, not an access token; exchange it at the token endpoint",
        Some(Prefix::Code) => "This is an authorization code, not an access token; exchange it at the token endpoint",
        Some(Prefix::RefreshToken) => "This is a refresh token, not an access token; exchange it at the token endpoint",
        Some(Prefix::Operator) => "This is an operator's token for the admin API, not an access token",
        // Microsoft Entra ID sends a token of its own when its field is empty.
        None if presented.starts_with("eyJ") => {
            "This JWT was not issued here; in Microsoft Entra ID, fill in the token endpoint, client identifier and client secret"
        }
        _ => "The access token is not one of ours",
    }
}

fn verdict(standing: &Standing) -> Result<(), &'static str> {
    if !standing.owner_active {
        return Err("The user who accepted access is deactivated or deleted; authenticate again as an active user");
    }
    if standing.grant.ended.is_some() {
        return Err("The access was ended; authenticate again");
    }
    if standing.client_disabled {
        return Err("The client was switched off by an operator");
    }
    if standing.token_revoked {
        return Err("The access token was revoked");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Prefix, generated};
    use crate::world::{EXCHANGE, World, changed};

    fn ask(world: &mut World, header: Option<&str>) -> Result<Access, BearerError> {
        world.run(|store, cx| check(store, cx, header, "provision:scim")).unwrap()
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
            r#"Bearer realm="gateway", error="insufficient_scope", scope="provision:scim""#,
        );
    }

    #[test]
    fn attack_62_no_other_secret_of_ours_opens_the_door() {
        let mut world = World::new();
        let tokens = world.tokens();
        let jwt = "eyJhbGciOiJub25lIn0.eyJhdWQiOiI4YWRmOGU2ZSJ9.".to_owned();
        let mut others: Vec<String> = Prefix::ALL.map(|prefix| generated(prefix, &mut |bytes| bytes.fill(3))).into();
        others.extend([tokens.refresh_token.unwrap(), jwt, "okta-secret".to_owned(), "é\"\\".to_owned()]);
        for other in others {
            let error = ask(&mut world, Some(&format!("Bearer {other}"))).unwrap_err();
            assert_eq!(error.status(), 401, "{other}");
            let description = error.to_string();
            assert!(description.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'), "{description}");
        }
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
        check(|world| world.client("okta").disabled = true, "switched off");
        check(|world| world.store.clients.clear(), "gone");
        check(|world| world.store.grants.clear(), "gone");
        check(|world| world.wait(3600), "expired");
    }
}
