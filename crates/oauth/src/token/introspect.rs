//! Token introspection (RFC 7662).

use serde_json::{Value, json};

use crate::client::Client;
use crate::client_auth::{ClientCredentials, ClientRequest, Credentials, Proven, identify};
use crate::constraints::TokenConstraints;
use crate::context::Context;
use crate::error::{TokenError, TokenRefusal, Verdict};
use crate::grant::{Grant, GrantId, Subject};
use crate::scope::Scopes;
use crate::store::{Store, StoreError};
use crate::token::bearer::{self, LookUp, examine, examine_grant};
use crate::token::refresh_token::expiry;

/// A request that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntrospectionRequest {
    credentials: Credentials,
    token: String,
}

impl IntrospectionRequest {
    /// Reads a request (§2.1). `token_type_hint` is not needed: our tokens say what they are.
    pub fn parse(
        authorization: Option<&str>,
        query: &[(String, String)],
        form: &[(String, String)],
    ) -> Result<IntrospectionRequest, TokenError> {
        let request = ClientRequest { authorization, query, form };
        request.check(&["token"])?;
        let token = request.get("token").ok_or(TokenRefusal::ParameterMissing { name: "token" })?.to_owned();
        Ok(IntrospectionRequest { credentials: request.credentials()?, token })
    }
}

impl IntrospectionRequest {
    /// What will be looked up about the token, if it is an access token that may count.
    pub fn will_look_up(&self, cx: &Context<'_>) -> Option<LookUp> {
        bearer::wanted(cx, &self.token)
    }
}

impl ClientCredentials for IntrospectionRequest {
    fn credentials(&mut self) -> &mut Credentials {
        &mut self.credentials
    }
}

/// What is answered about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// The answer (§2.2).
    pub answer: Value,
    /// What an active access token is of, for claims beyond the protocol's.
    pub of: Option<IntrospectedGrant>,
}

/// What an active access token is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntrospectedGrant {
    /// The grant.
    pub grant: GrantId,
    /// The resource owner, if there is one.
    pub subject: Option<Subject>,
    /// The scopes of the token.
    pub scope: Scopes,
}

/// The state of a token, for the client to which it was issued, and of an access token also for the client that
/// [answers for](crate::client::TokenOptions::introspects) a resource that the token is meant for. Writes nothing but the use of a client
/// assertion. The answer is `{"active": false}` for any other client, and for invalid tokens (§2.2).
pub fn introspect(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    request: &IntrospectionRequest,
) -> Verdict<Introspection> {
    let client = match identify(store, cx, &request.credentials)? {
        // §2.1 requires authentication against token scanning, and a public client cannot authenticate.
        Ok((client, Proven::Nothing)) => {
            return Ok(Err(TokenRefusal::ClientPublic { client: client.id.to_string() }.into()));
        }
        Ok((client, Proven::Secret(_) | Proven::Assertion)) => client,
        Err(refused) => return Ok(Err(refused)),
    };
    let inactive = || Introspection { answer: json!({"active": false}), of: None };
    let mut constraints = TokenConstraints::default();
    let known = match examine(store, cx, &request.token)? {
        Ok(access) => {
            constraints = access.constraints;
            let kind = if constraints.key.is_some() { "DPoP" } else { "Bearer" };
            Some((access.grant, access.scope, access.issued, access.expires, kind))
        }
        Err(_) => refresh_token(store, cx, &client, &request.token)?,
    };
    let Some((grant, scope, issued, expires, kind)) = known else { return Ok(Ok(inactive())) };
    let of_login = grant.of_login();
    let Grant { id, client: owner, subject, .. } = grant;
    let own = &client.options.tokens.introspects;
    let is_meant_for_it = constraints.resources.iter().any(|resource| own.contains(resource));
    if owner != client.id && !(is_meant_for_it && store.is_within_reach(&client.id, id)?) {
        return Ok(Ok(inactive()));
    }
    let mut answer = json!({
        "active": true,
        "scope": scope.to_string(),
        "client_id": owner.as_str(),
        "token_type": kind,
        "iat": issued / 1000,
        "exp": expires / 1000,
        "iss": cx.settings.issuer,
        "sub": subject.as_ref().map_or(owner.as_str(), |subject| subject.as_str()),
    });
    if let Some(answer) = answer.as_object_mut() {
        answer.extend(of_login);
    }
    if !constraints.resources.is_empty() {
        answer["aud"] = json!(constraints.resources);
    }
    if let Some(key) = &constraints.key {
        answer["cnf"] = json!({"jkt": key.as_str()});
    }
    if kind == "refresh_token" {
        // A refresh token has no type in the sense of RFC 6749 §7.1.
        if let Some(members) = answer.as_object_mut() {
            members.remove("token_type");
        }
    }
    let of = (kind != "refresh_token").then_some(IntrospectedGrant { grant: id, subject, scope });
    Ok(Ok(Introspection { answer, of }))
}

type Known = (Grant, Scopes, i64, i64, &'static str);

/// A refresh token is active as long as its grant is valid and it is the last of its chain.
fn refresh_token(
    store: &mut dyn Store,
    cx: &Context<'_>,
    client: &Client,
    presented: &str,
) -> Result<Option<Known>, StoreError> {
    let Some((token, grant)) = store.refresh_token(&cx.keys.fingerprint(presented))? else { return Ok(None) };
    let expires = expiry(&client.lifetimes(cx.settings), &token, &grant);
    if token.used.is_some() || expires <= cx.now {
        return Ok(None);
    }
    let stands = examine_grant(store, grant.id)?.is_ok();
    let scope = grant.opens(&grant.scope);
    Ok(stands.then_some((grant, scope, token.created, expires, "refresh_token")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_auth::ClientRequest;
    use crate::constraints::Resource;
    use crate::grant::GrantState;
    use crate::testing::{Pairs, World, changed, code_of, owned};

    const ACME: Pairs<'static> = &[("client_id", "acme"), ("client_secret", "acme-secret")];

    fn ask(world: &mut World, form: Pairs<'_>) -> Result<Value, TokenError> {
        let request = IntrospectionRequest::parse(None, &[], &owned(&changed(ACME, form)))?;
        world.run(|store, cx| introspect(store, cx, &request)).unwrap().map(|introspected| introspected.answer)
    }

    fn is_active(world: &mut World, token: &str) -> bool {
        let answer = ask(world, &[("token", token)]).unwrap();
        let active = answer["active"].as_bool().unwrap();
        assert!(active || answer == json!({"active": false}), "no more is said: {answer}");
        active
    }

    #[test]
    fn a_client_learns_what_its_tokens_are() {
        let mut world = World::new();
        let tokens = world.tokens();
        let expected = json!({
            "active": true, "scope": "openid offline records:write", "client_id": "acme", "token_type": "Bearer",
            "iat": 1_800_000_000, "exp": 1_800_003_600, "iss": "https://id.example", "sub": "ada",
            "auth_time": 1_800_000_000, "acr": "https://refeds.org/profile/mfa", "amr": ["pwd", "otp", "mfa"],
        });
        assert_eq!(ask(&mut world, &[("token", &tokens.access_token)]), Ok(expected));
        let refresh_token = tokens.refresh_token.unwrap();
        let answer = ask(&mut world, &[("token", &refresh_token), ("token_type_hint", "x")]).unwrap();
        assert_eq!((&answer["active"], answer.get("token_type")), (&json!(true), None));
        assert_eq!((&answer["auth_time"], &answer["amr"][0]), (&json!(1_800_000_000), &json!("pwd")));
        let own = changed(ACME, &[("grant_type", "client_credentials")]);
        let own = world.token(&own).ok().unwrap().access_token;
        let own = ask(&mut world, &[("token", &own)]).unwrap();
        assert_eq!(
            (&own["sub"], own.get("auth_time"), own.get("acr")),
            (&json!("acme"), None, None),
            "no person logged in"
        );
    }

    #[test]
    fn a_static_token_is_known_to_its_client() {
        let mut world = World::new();
        let token = world.static_token("t-1");
        let expected = json!({
            "active": true, "scope": "records:write", "client_id": "acme", "token_type": "Bearer",
            "iat": 1_800_000_000, "exp": 1_800_086_400, "iss": "https://id.example", "sub": "acme",
        });
        assert_eq!(ask(&mut world, &[("token", &token)]), Ok(expected));
        world.wait(86_400);
        assert!(!is_active(&mut world, &token));
    }

    #[test]
    fn attack_64_what_does_not_count_is_inactive_and_nothing_more() {
        let mut world = World::new();
        let tokens = world.tokens();
        let first = tokens.refresh_token.unwrap();
        let second = world.refresh(&first).ok().unwrap().refresh_token.unwrap();
        for token in ["x", "gwa_x", "gwr_x", "é", "eyJ.e.", first.as_str()] {
            assert!(!is_active(&mut world, token), "{token}");
        }
        assert!(is_active(&mut world, &second) && is_active(&mut world, &tokens.access_token));
        world.store.inactive.push("ada".to_owned());
        assert!(!is_active(&mut world, &second) && !is_active(&mut world, &tokens.access_token));
        world.store.inactive.clear();
        world.wait(3600);
        assert!(is_active(&mut world, &second) && !is_active(&mut world, &tokens.access_token));
        world.store.grants[0].state = GrantState::Ended { at: 1, reason: None };
        assert!(!is_active(&mut world, &second));
    }

    #[test]
    fn attack_63_another_clients_tokens_are_inactive() {
        let mut world = World::new();
        let tokens = world.tokens();
        let other = [("client_id", "other"), ("client_secret", "other-secret")];
        for token in [tokens.access_token, tokens.refresh_token.unwrap()] {
            let answer = ask(&mut world, &changed(&other, &[("token", &token)]));
            assert_eq!(answer, Ok(json!({"active": false})));
        }
    }

    #[test]
    fn who_answers_for_a_resource_learns_of_the_tokens_that_are_meant_for_it() {
        const API: &str = "https://api.example/";
        let mut world = World::new();
        let resources = || vec![Resource::parse(API).unwrap()];
        world.client("acme").options.tokens.resources = resources();
        let plain = world.tokens().access_token;
        let own = [("client_id", "acme"), ("client_secret", "acme-secret"), ("grant_type", "client_credentials")];
        let meant = world.token(&changed(&own, &[("resource", API)])).ok().unwrap().access_token;
        let other = [("client_id", "other"), ("client_secret", "other-secret")];
        let asked = |world: &mut World, token: &str| ask(world, &changed(&other, &[("token", token)])).unwrap();
        assert_eq!(asked(&mut world, &meant), json!({"active": false}), "it answers for no resource yet");
        world.client("other").options.tokens.introspects = resources();
        let known = asked(&mut world, &meant);
        assert_eq!(
            (&known["active"], &known["client_id"], &known["aud"]),
            (&json!(true), &json!("acme"), &json!([API]))
        );
        assert_eq!(
            asked(&mut world, &plain),
            json!({"active": false}),
            "a token that names no resource is for none elsewhere"
        );
        world.client("acme").disabled = true;
        assert_eq!(asked(&mut world, &meant), json!({"active": false}));
    }

    #[test]
    fn attack_64_no_client_asks_without_a_secret() {
        let mut world = World::new();
        let anonymous = [("token", "x"), ("client_id", ""), ("client_secret", "")];
        for form in [&[("token", "x"), ("client_secret", "wrong")][..], &anonymous] {
            assert_eq!(code_of(ask(&mut world, form)), "invalid_client");
        }
        let public = [("token", "x"), ("client_id", "phone"), ("client_secret", "")];
        assert_eq!(code_of(ask(&mut world, &public)), "invalid_client");
        assert_eq!(code_of(ask(&mut world, &[])), "invalid_request");
        assert!(
            ClientRequest { authorization: None, query: &owned(&[("token", "x")]), form: &[] }
                .check(&["token"])
                .is_err()
        );
    }

    #[test]
    fn introspection_writes_nothing() {
        let mut world = World::new();
        let tokens = world.tokens();
        world.client("acme").secrets[0].last_used = None;
        let before = format!("{:?}", world.store);
        for token in [tokens.access_token.as_str(), tokens.refresh_token.as_deref().unwrap(), "x"] {
            is_active(&mut world, token);
        }
        assert_eq!(format!("{:?}", world.store), before);
    }
}
