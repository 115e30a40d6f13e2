use super::*;
use crate::event::Event;
use crate::grant::{EndReason, GrantState};
use crate::testing::{
    CALLBACK, CHALLENGE, EXCHANGE, Pairs, REFRESH, REQUEST, VERIFIER, World, changed, code_of, owned,
};

mod bound;
mod credentials;
mod jwt;
mod refresh;
mod resources;
mod retries;
mod theft;

const PKCE: Pairs<'static> = &[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];

fn exchange_with(world: &mut World, code: &str, changes: Pairs<'_>) -> Result<TokenResponse, TokenError> {
    world.token(&changed(&changed(EXCHANGE, &[("code", code)]), changes))
}

fn live_grants(world: &World) -> usize {
    world.store.grants.iter().filter(|grant| !grant.is_ended()).count()
}

#[test]
fn a_code_becomes_tokens_that_open_the_door() {
    let mut world = World::new();
    let tokens = world.tokens();
    assert_eq!((tokens.expires_in, tokens.scope.to_string().as_str()), (3600, "openid offline records:write"));
    assert!(tokens.access_token.starts_with("gwa_"));
    assert!(tokens.refresh_token.as_ref().is_some_and(|token| token.starts_with("gwr_") && token.len() == 47));
    assert!(world.opens(&tokens.access_token));
    let claims = tokens.id_token.unwrap();
    assert_eq!((&claims["sub"], &claims["iss"]), (&"ada".into(), &"https://id.example".into()));
    assert_eq!(claims["aud"], serde_json::json!(["acme"]));
    assert_eq!(claims["auth_time"], 1_800_000_000);
    assert_eq!(claims["exp"], 1_800_003_600);
    assert!(claims.get("nonce").is_none());
    world.wait(3600);
    assert!(!world.opens(&tokens.access_token));
}

#[test]
fn what_was_asked_for_decides_what_comes_with_the_access_token() {
    #[track_caller]
    fn check(scope: &str, refresh_token: bool, id_token: bool) {
        let mut world = World::new();
        let code = world.code(&[("scope", scope), ("nonce", "n-1")]);
        let tokens = exchange_with(&mut world, &code, &[]).ok().unwrap();
        assert_eq!((tokens.refresh_token.is_some(), tokens.id_token.is_some()), (refresh_token, id_token), "{scope}");
        assert!(tokens.id_token.is_none_or(|claims| claims["nonce"] == "n-1"));
    }
    check("records:write", false, false);
    check("openid records:write", false, true);
    check("offline records:write", true, false);
    check("offline_access records:write", true, false);
    let mut world = World::new();
    world.client("acme").grant_types = vec![GrantType::AuthorizationCode];
    assert!(world.tokens().refresh_token.is_none(), "the client may not refresh");
}

#[test]
fn attack_23_a_wrong_verifier_costs_the_code_and_the_grant() {
    let mut world = World::new();
    let code = world.code(PKCE);
    let wrong = VERIFIER.replace('d', "e");
    assert_eq!(code_of(exchange_with(&mut world, &code, &[("code_verifier", &wrong)])), "invalid_grant");
    assert_eq!(code_of(exchange_with(&mut world, &code, &[("code_verifier", VERIFIER)])), "invalid_grant");
    assert_eq!(live_grants(&world), 0);
    let code = world.code(PKCE);
    assert!(exchange_with(&mut world, &code, &[("code_verifier", VERIFIER)]).is_ok());
}

#[test]
fn attacks_24_and_25_challenge_and_verifier_come_together_or_not_at_all() {
    let mut world = World::new();
    let code = world.code(PKCE);
    assert_eq!(code_of(exchange_with(&mut world, &code, &[])), "invalid_grant");
    let code = world.code(&[]);
    assert_eq!(code_of(exchange_with(&mut world, &code, &[("code_verifier", VERIFIER)])), "invalid_grant");
}

#[test]
fn attacks_29_and_30_a_code_used_twice_ends_all_it_led_to() {
    let mut world = World::new();
    let code = world.code(&[]);
    let first = exchange_with(&mut world, &code, &[]).ok().unwrap();
    let bystander = world.tokens();
    let later = world.refresh(first.refresh_token.as_deref().unwrap()).ok().unwrap();
    assert_eq!(code_of(exchange_with(&mut world, &code, &[])), "invalid_grant");
    assert!(!world.opens(&first.access_token) && !world.opens(&later.access_token));
    assert_eq!(code_of(world.refresh(later.refresh_token.as_deref().unwrap())), "invalid_grant");
    assert!(world.opens(&bystander.access_token), "other grants stand");
    assert!(world.store.events.iter().any(|event| {
        matches!(event, Event::GrantEnded { grant, reason: EndReason::CodeReused } if *grant == first.grant)
    }));
}

#[test]
fn module_code_reuse_30_seconds_later_is_still_recognized() {
    let mut world = World::new();
    let code = world.code(&[]);
    let tokens = exchange_with(&mut world, &code, &[]).ok().unwrap();
    world.wait(30);
    assert!(world.opens(&tokens.access_token));
    assert_eq!(code_of(exchange_with(&mut world, &code, &[])), "invalid_grant");
    assert!(!world.opens(&tokens.access_token));
}

#[test]
fn attack_31_a_code_is_good_for_a_minute() {
    for (seconds, expected) in [(59, "no error"), (60, "invalid_grant")] {
        let mut world = World::new();
        let code = world.code(&[]);
        world.wait(seconds);
        assert_eq!(code_of(exchange_with(&mut world, &code, &[])), expected);
        assert_eq!(live_grants(&world) == 1, seconds == 59);
    }
}

#[test]
fn attack_32_another_clients_code_is_refused_and_stays_good() {
    let mut world = World::new();
    let code = world.code(&[]);
    let other = [("client_id", "other"), ("client_secret", "other-secret")];
    assert_eq!(code_of(exchange_with(&mut world, &code, &other)), "invalid_grant");
    assert!(matches!(world.store.events.last(), Some(Event::ForeignToken { client, .. }) if client == "other"));
    assert!(exchange_with(&mut world, &code, &[]).is_ok());
}

#[test]
fn attack_33_the_redirect_uri_is_named_again_if_it_was_named() {
    #[track_caller]
    fn check(asked: &str, exchanged: &str, expected: &str) {
        let mut world = World::new();
        let code = world.code(&[("redirect_uri", asked)]);
        assert_eq!(code_of(exchange_with(&mut world, &code, &[("redirect_uri", exchanged)])), expected);
    }
    check(CALLBACK, CALLBACK, "no error");
    check(CALLBACK, "", "invalid_grant");
    check(CALLBACK, "https://idp.example/cb", "invalid_grant");
    check("", "", "no error");
    check("", CALLBACK, "no error");
    check("", "https://evil.example/", "invalid_grant");
}

#[test]
fn attack_34_no_code_token_or_secret_is_stored_in_clear() {
    let mut world = World::new();
    let code = world.code(&[]);
    let tokens = exchange_with(&mut world, &code, &[]).ok().unwrap();
    let dump = format!("{:?}", world.store);
    for secret in [&code, &tokens.access_token, tokens.refresh_token.as_ref().unwrap(), "acme-secret"] {
        let secret = secret.trim_start_matches("gwc_").trim_start_matches("gwr_").trim_start_matches("gwa_");
        assert!(!dump.contains(secret), "{secret}");
    }
    assert_ne!(world.code(&[]), world.code(&[]));
}

#[test]
fn a_grant_that_ended_before_its_code_was_used_gives_nothing() {
    let mut world = World::new();
    let code = world.code(&[]);
    world.store.grants[0].state = GrantState::Ended { at: world.now, reason: None };
    assert_eq!(code_of(exchange_with(&mut world, &code, &[])), "invalid_grant");
}

#[test]
fn attack_36_of_the_url_only_the_scope_counts() {
    fn parsed(query: Pairs<'_>, form: Pairs<'_>) -> &'static str {
        code_of(TokenRequest::parse(None, &owned(query), &owned(form)))
    }
    let form = changed(REFRESH, &[("refresh_token", "gwr_x")]);
    for name in ["client_secret", "client_id", "code", "refresh_token", "grant_type", "code_verifier", "redirect_uri"] {
        assert_eq!(parsed(&[(name, "x")], &form), "invalid_request", "{name}");
    }
    let scope = |scope| changed(&form, &[("scope", scope)]);
    assert_eq!(parsed(&[("scope", "openid"), ("tenant", "x")], &form), "no error");
    assert_eq!(parsed(&[("scope", "openid")], &scope("openid")), "no error");
    assert_eq!(parsed(&[("scope", "openid")], &scope("offline")), "invalid_request");
    assert_eq!(parsed(&[("scope", "openid"), ("scope", "openid")], &form), "invalid_request");
    assert_eq!(parsed(&[], &scope("a\"b")), "invalid_scope");
}

#[test]
fn attack_45_grant_types_are_known_and_allowed_or_refused() {
    let mut world = World::new();
    for unknown in ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "Refresh_token"] {
        assert_eq!(code_of(world.token(&changed(REFRESH, &[("grant_type", unknown)]))), "unsupported_grant_type");
    }
    assert_eq!(code_of(world.token(&changed(REFRESH, &[("grant_type", "")]))), "invalid_request");
    let tokens = world.tokens();
    world.client("acme").grant_types = vec![GrantType::ClientCredentials];
    assert_eq!(code_of(world.refresh(tokens.refresh_token.as_deref().unwrap())), "unauthorized_client");
    assert_eq!(code_of(exchange_with(&mut world, "gwc_x", &[])), "unauthorized_client");
    world.client("acme").grant_types = vec![GrantType::AuthorizationCode];
    let own = changed(REFRESH, &[("grant_type", "client_credentials")]);
    assert_eq!(code_of(world.token(&own)), "unauthorized_client");
}

#[test]
fn attack_47_doubled_monstrous_and_missing_parameters_are_refused() {
    let mut world = World::new();
    for (name, value) in EXCHANGE.iter().copied().chain([("code", "gwc_x"), ("scope", "openid")]) {
        let mut form = changed(EXCHANGE, &[("code", "gwc_x")]);
        form.retain(|(n, _)| *n != name);
        form.extend([(name, value), (name, value)]);
        assert_eq!(code_of(world.token(&form)), "invalid_request", "{name}");
    }
    for (name, value) in [("code", "a\0b"), ("code", "")] {
        assert_eq!(code_of(exchange_with(&mut world, "x", &[(name, value)])), "invalid_request");
    }
    let long = "x".repeat(8 << 10);
    for (name, value) in [("code", long.as_str()), ("foo", &long), (&long, "x"), ("code_verifier", &long)] {
        assert_eq!(
            code_of(exchange_with(&mut world, "x", &[(name, value)])),
            "invalid_grant",
            "report 15: not for its length"
        );
    }
    assert_eq!(code_of(world.token(REFRESH)), "invalid_request");
    assert_eq!(code_of(world.token(&[])), "invalid_request");
    assert_eq!(code_of(exchange_with(&mut world, "\u{202e}é\"\\", &[])), "invalid_grant");
}

#[test]
fn nothing_secret_shows_in_what_is_logged_of_a_request() {
    let form = owned(&changed(EXCHANGE, &[("code", "gwc_code"), ("code_verifier", VERIFIER)]));
    let logged = format!("{:?}", TokenRequest::parse(None, &[], &form));
    assert!(!logged.contains("acme-secret") && !logged.contains("gwc_code") && !logged.contains(VERIFIER), "{logged}");
    assert!(!REQUEST.is_empty());
}
