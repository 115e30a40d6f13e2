use super::*;
use crate::authorize::consent::{self, Acceptance};
use crate::event::Event;
use crate::testing::{CALLBACK, CHALLENGE, ISSUER, Pairs, REQUEST, World, changed, parameter};

/// What becomes of the usual request with some changes: `ok`, `page`, or the error code in a redirect.
fn outcome(world: &mut World, changes: Pairs<'_>) -> String {
    match world.authorize(&changed(REQUEST, changes)) {
        Ok(_) => "ok".to_owned(),
        Err(Refusal::Page(reason)) => {
            assert!(!reason.title().is_empty() && reason.text().len() > 10);
            "page".to_owned()
        }
        Err(Refusal::Redirect(error)) => {
            let url = error.url();
            assert!(url.starts_with(CALLBACK), "only ever to the registered URI: {url}");
            assert_eq!(parameter(&url, "iss").as_deref(), Some(ISSUER));
            parameter(&url, "error").unwrap()
        }
    }
}

#[track_caller]
fn check(changes: Pairs<'_>, expected: &str) {
    assert_eq!(outcome(&mut World::new(), changes), expected, "{changes:?}");
}

#[test]
fn the_usual_request_is_understood() {
    let mut world = World::new();
    let request =
        world.authorize(&changed(REQUEST, &[("nonce", "n"), ("login_hint", "ada"), ("max_age", "60")])).unwrap();
    assert_eq!(request.client_name, "The client acme");
    assert_eq!(request.scope.to_string(), "openid offline records:write");
    assert_eq!((request.state.as_deref(), request.nonce.as_deref()), (Some("s-1"), Some("n")));
    assert_eq!((request.login_hint.as_deref(), request.max_age), (Some("ada"), Some(60)));
    assert!(request.redirect_uri_was_sent && request.id.len() == 32);
    assert_ne!(request.id, world.authorize(REQUEST).unwrap().id);
}

#[test]
fn attacks_1_and_2_an_unknown_client_or_redirect_uri_is_told_on_a_page() {
    check(&[("client_id", "")], "page");
    check(&[("client_id", "nobody")], "page");
    check(&[("client_id", "not a client id")], "page");
    check(&[("redirect_uri", "https://evil.example/cb")], "page");
    let mut world = World::new();
    world.client("acme").disabled = true;
    assert_eq!(outcome(&mut world, &[]), "page");
}

#[test]
fn attacks_3_and_4_redirect_uris_are_compared_byte_by_byte() {
    for uri in [
        "https://idp.example/cb",
        "https://idp.example/cb?x=%7E",
        "https://idp.example/cb?x=~",
        "https://idp.example/cb?x=%7e/x",
        "https://idp.example/cb?x=%7e&a=b",
        "https://idp.example/cb?x=%7e#f",
        "https://idp.example/CB?x=%7e",
        "https://idp.example:443/cb?x=%7e",
        "https://idp.example:8443/cb?x=%7e",
        "http://idp.example/cb?x=%7e",
        "https://idp.example/cb/?x=%7e",
        "https://idp.example/%2e%2e/cb?x=%7e",
        "https://idp.example@evil.example/cb?x=%7e",
        "HTTPS://idp.example/cb?x=%7e",
        " https://idp.example/cb?x=%7e",
    ] {
        check(&[("redirect_uri", uri)], "page");
    }
    check(&[("redirect_uri", CALLBACK)], "ok");
}

#[test]
fn attack_6_without_a_redirect_uri_only_a_single_registered_one_will_do() {
    let mut world = World::new();
    let request = world.authorize(&changed(REQUEST, &[("redirect_uri", "")])).unwrap();
    assert_eq!(request.redirect_uri.as_str(), CALLBACK);
    assert!(!request.redirect_uri_was_sent);
    world.client("acme").redirect_uris.push(RedirectUri::register("https://idp.example/other").unwrap());
    assert_eq!(outcome(&mut world, &[("redirect_uri", "")]), "page");
    world.client("acme").redirect_uris.clear();
    assert_eq!(outcome(&mut world, &[("redirect_uri", "")]), "page");
    assert_eq!(outcome(&mut world, &[]), "page");
}

#[test]
fn attacks_7_and_8_the_only_response_is_a_code_in_the_query() {
    check(&[("response_type", "")], "invalid_request");
    for other in ["token", "id_token", "code token", "code id_token", "none", "Code"] {
        check(&[("response_type", other)], "unsupported_response_type");
    }
    check(&[("response_mode", "query")], "ok");
    for other in ["fragment", "form_post", "query.jwt"] {
        check(&[("response_mode", other)], "invalid_request");
    }
    let mut world = World::new();
    world.client("acme").grant_types.retain(|grant_type| *grant_type != GrantType::AuthorizationCode);
    assert_eq!(outcome(&mut world, &[]), "unauthorized_client");
}

#[test]
fn attack_9_a_parameter_that_stands_twice_is_refused() {
    let mut world = World::new();
    for (name, value) in REQUEST.iter().copied().chain([("prompt", "login"), ("code_challenge", "x")]) {
        let mut pairs = changed(REQUEST, &[(name, value)]);
        pairs.push((name, value));
        let refusal = world.authorize(&pairs).unwrap_err();
        match (name, refusal) {
            ("client_id" | "redirect_uri", Refusal::Page { .. }) => {}
            (_, Refusal::Redirect(error)) => {
                assert_eq!(error.reason.error(), "invalid_request", "{name}");
                assert_eq!(error.state.is_none(), name == "state");
                assert_eq!(
                    error.description().contains("identity provider"),
                    name == "scope",
                    "{}",
                    error.description()
                );
            }
            (_, page) => panic!("{name}: {page:?}"),
        }
    }
}

#[test]
fn attack_10_unknown_and_empty_parameters_are_ignored() {
    check(&[("claims_locales", "de"), ("display", "popup"), ("foo", "bar"), ("acr_values", "1 2")], "ok");
    let mut world = World::new();
    let mut pairs = REQUEST.to_vec();
    pairs.extend([
        ("foo", "1"),
        ("foo", "2"),
        ("prompt", ""),
        ("request", ""),
        ("code_challenge", ""),
        ("max_age", ""),
    ]);
    assert!(world.authorize(&pairs).is_ok());
}

/// Where the browser goes when another request with this state is denied.
fn denied(world: &mut World, state: &str) -> String {
    let request = world.authorize(&changed(REQUEST, &[("state", state)])).unwrap();
    world.run(|store, cx| consent::deny(store, cx, &request)).unwrap().unwrap()
}

#[test]
fn attack_11_the_state_comes_back_as_it_was() {
    let state = format!("{}\r\nSet-Cookie: x=1\"<script>&iss=evil 😀+%00", "é".repeat(400));
    let mut world = World::new();
    let request = world.authorize(&changed(REQUEST, &[("state", &state)])).unwrap();
    let Acceptance::Redirect(accepted) = world.accept(&request) else { panic!("not accepted") };
    let denied = denied(&mut world, &request.state.unwrap_or_default());
    for url in [accepted, denied] {
        assert_eq!(parameter(&url, "state").as_deref(), Some(state.as_str()));
        assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
        assert_eq!(parameter(&url, "x").as_deref(), Some("~"), "the registered query is kept");
    }
}

#[test]
fn attack_12_every_answer_names_the_issuer() {
    let mut world = World::new();
    let request = world.authorize(&changed(REQUEST, &[("state", "")])).unwrap();
    let Acceptance::Redirect(accepted) = world.accept(&request) else { panic!("not accepted") };
    let denied = denied(&mut world, &request.state.unwrap_or_default());
    for url in [&accepted, &denied] {
        assert_eq!(parameter(url, "iss").as_deref(), Some(ISSUER));
        assert_eq!(parameter(url, "state"), None);
    }
    assert!(parameter(&accepted, "code").is_some_and(|code| code.starts_with("gwc_") && code.len() == 47));
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));
}

#[test]
fn attack_13_no_error_is_sent_to_a_uri_that_is_not_registered() {
    let evil = ("redirect_uri", "https://evil.example/");
    check(&[evil, ("prompt", "none"), ("scope", "everything")], "page");
    check(&[evil, ("response_type", "token")], "page");
    check(&[evil, ("request", "x")], "page");
}

#[test]
fn attack_15_a_scope_beyond_the_clients_is_refused() {
    check(&[("scope", "records:write admin")], "invalid_scope");
    check(&[("scope", "a\"b")], "invalid_scope");
    check(&[("scope", "offline_access")], "ok");
    let mut world = World::new();
    world.client("acme").scopes = Scopes::parse("records:write").unwrap();
    assert_eq!(outcome(&mut world, &[("scope", "openid")]), "invalid_scope");
    assert_eq!(outcome(&mut world, &[("scope", "offline")]), "invalid_scope");
    let by_default = World::new().authorize(&changed(REQUEST, &[("scope", "")])).unwrap();
    assert_eq!(by_default.scope.to_string(), "offline records:write");
}

#[test]
fn attacks_16_and_17_prompt_and_max_age_are_understood_or_refused() {
    check(&[("prompt", "none login")], "invalid_request");
    check(&[("prompt", "dance")], "invalid_request");
    for bad in ["-1", "abc", "1.5", "99999999999999999999999"] {
        check(&[("max_age", bad)], "invalid_request");
    }
    let request = World::new().authorize(&changed(REQUEST, &[("prompt", "login consent"), ("max_age", "0")])).unwrap();
    assert_eq!(request.prompt, Prompt { login: true, consent: true, ..Prompt::default() });
    assert_eq!(request.max_age, Some(0));
}

#[test]
fn attack_17_a_log_in_is_old_at_the_moment_of_the_request_and_never_after_one_for_it() {
    #[track_caller]
    fn check(changes: Pairs<'_>, age_ms: i64, accepted: bool) {
        let mut world = World::new();
        let request = world.authorize(&changed(REQUEST, changes)).unwrap();
        let ada = Subject::new("ada");
        assert_eq!(request.accepts_login(&ada, world.now - age_ms), accepted, "{changes:?} after {age_ms} ms");
        world.wait(1700);
        assert!(request.accepts_login(&ada, world.now), "a log-in for the request itself, made slowly");
        let sealed = world.run(|_, cx| request.seal(cx));
        let reopened = world.run(|_, cx| AuthorizationRequest::open(cx, &sealed)).unwrap();
        assert_eq!(reopened.accepts_login(&ada, request.issued - age_ms), accepted, "what is asked for travels along");
    }
    check(&[], 8 * 3_600_000, true);
    check(&[("prompt", "login")], 1, false);
    check(&[("prompt", "login consent")], 1, false);
    check(&[("prompt", "consent")], 1, true);
    check(&[("prompt", "select_account")], 1, true);
    check(&[("max_age", "0")], 1, false);
    check(&[("max_age", "1")], 1_000, true);
    check(&[("max_age", "1")], 1_001, false);
    check(&[("max_age", "10000")], 9_999_000, true);
    check(&[("max_age", "18446744073709551615")], i64::MAX / 2, true);
    check(&[("max_age", "10000"), ("prompt", "login")], 1, false);
}

#[test]
fn attack_18_only_the_person_who_was_hinted_at_may_answer() {
    let mut world = World::new();
    let mut request = world.authorize(&changed(REQUEST, &[("id_token_hint", "x.y.z")])).unwrap();
    assert_eq!(request.id_token_hint.take().as_deref(), Some("x.y.z"));
    assert!(request.accepts_login(&Subject::new("bob"), 0), "nothing of an unread hint is believed");
    request.expected = Some(Subject::new("ada"));
    let sealed = world.run(|_, cx| request.seal(cx));
    let request = world.run(|_, cx| AuthorizationRequest::open(cx, &sealed)).unwrap();
    assert!(request.accepts_login(&Subject::new("ada"), 0));
    assert!(!request.accepts_login(&Subject::new("bob"), world.now));
}

#[test]
fn attack_20_request_objects_are_refused_by_their_codes() {
    check(&[("request", "eyJhbGciOiJub25lIn0..")], "request_not_supported");
    check(&[("request_uri", "http://169.254.169.254/")], "request_uri_not_supported");
}

#[test]
fn attacks_26_to_28_challenges_are_s256_and_compulsory_for_some() {
    let s256 = ("code_challenge_method", "S256");
    check(&[("code_challenge", CHALLENGE), s256], "ok");
    check(&[("code_challenge", CHALLENGE)], "invalid_request");
    check(&[("code_challenge", CHALLENGE), ("code_challenge_method", "plain")], "invalid_request");
    check(&[s256], "invalid_request");
    let (short, long) = (&CHALLENGE[1..], "a".repeat(129));
    for bad in [short, &long, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"] {
        check(&[("code_challenge", bad), s256], "invalid_request");
    }
    check(&[("client_id", "phone")], "invalid_request");
    check(&[("client_id", "phone"), ("code_challenge", CHALLENGE), s256], "ok");
    let mut world = World::new();
    world.client("acme").require_pkce = true;
    assert_eq!(outcome(&mut world, &[]), "invalid_request");
}

#[test]
fn attack_27_accepting_without_pkce_leaves_a_note() {
    let s256 = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    for (changes, noted) in [(&[][..], true), (&s256[..], false)] {
        let mut world = World::new();
        world.code(changes);
        let notes =
            world.store.events.iter().filter(|event| matches!(event, Event::AcceptedWithoutPkce { .. })).count();
        assert_eq!(notes == 1, noted);
    }
}

#[test]
fn attack_47_what_no_client_can_mean_is_told_to_it() {
    for name in ["state", "nonce", "login_hint", "scope", "resource", "prompt", "id_token_hint"] {
        for value in ["a\0b", "a\u{fffd}b"] {
            check(&[(name, value)], "invalid_request");
        }
    }
    for name in ["client_id", "redirect_uri"] {
        check(&[(name, "a\0b")], "page");
        check(&[(name, "a\u{fffd}b")], "page");
    }
    check(&[("unknown", "a\0b\u{fffd}")], "ok");
}

#[test]
fn report_15_a_parameter_may_be_long_and_one_that_is_not_known_is_ignored() {
    let long = "x".repeat(8 << 10);
    let mut world = World::new();
    let request = world
        .authorize(&changed(REQUEST, &[("state", &long), ("nonce", &long), ("claims", &long), (&long, &long)]))
        .unwrap();
    assert_eq!((request.state.as_deref(), request.nonce.as_deref()), (Some(long.as_str()), Some(long.as_str())));
    let sealed = world.run(|_, cx| request.seal(cx));
    assert!(sealed.len() < MAX_LENGTH, "it fits into a URL");
    assert_eq!(world.run(|_, cx| AuthorizationRequest::open(cx, &sealed)), Some(request));
    for name in ["claims", "acr_values", "ui_locales", "display", "vendor", "login_hint", "id_token_hint"] {
        check(&[(name, &long)], "ok");
    }
}

#[test]
fn report_15_what_is_wrong_is_told_to_the_client_with_its_code_and_state() {
    let (long, huge) = ("x".repeat(8 << 10), "x".repeat(21 << 10));
    for (name, value, code) in [
        ("request", long.as_str(), "request_not_supported"),
        ("request_uri", &long, "request_uri_not_supported"),
        ("registration", &long, "registration_not_supported"),
        ("registration", "{}", "registration_not_supported"),
        ("prompt", &long, "invalid_request"),
        ("max_age", &long, "invalid_request"),
        ("response_type", &long, "unsupported_response_type"),
        ("response_mode", &long, "invalid_request"),
        ("code_challenge", &long, "invalid_request"),
        ("scope", &long, "invalid_scope"),
        ("resource", &long, "invalid_target"),
        ("dpop_jkt", &long, "invalid_request"),
        ("nonce", &huge, "invalid_request"),
        ("login_hint", &huge, "invalid_request"),
        ("nonce", &"\u{1}".repeat(8 << 10), "invalid_request"),
    ] {
        let refusal = World::new().authorize(&changed(REQUEST, &[(name, value)])).unwrap_err();
        let Refusal::Redirect(error) = refusal else { panic!("{name}: {refusal:?}") };
        assert_eq!((error.reason.error(), error.state.as_deref()), (code, Some("s-1")), "{name}");
        assert!(error.description().len() < 500, "{name}");
    }
    // The client and its redirect URI come first: what cannot be trusted is told on a page, however long the rest is.
    for wrong in [("client_id", "nobody"), ("redirect_uri", "https://evil.example/"), ("client_id", long.as_str())] {
        check(&[wrong, ("request", &long), ("nonce", &huge)], "page");
    }
    // What is too long to be carried goes back all the same.
    check(&[("state", &huge)], "invalid_request");
}

#[test]
fn attack_67_a_request_is_answered_once_and_leaves_one_grant() {
    let mut world = World::new();
    let request = world.authorize(REQUEST).unwrap();
    let accepted = world.accept(&request);
    assert!(matches!(accepted, Acceptance::Redirect(_)));
    assert_eq!(world.accept(&request), accepted, "the same again");
    assert_eq!(world.store.grants.iter().filter(|grant| !grant.is_ended()).count(), 1);
    assert_eq!(world.store.codes.len(), 1);
}

#[test]
fn attack_71_two_requests_are_answered_side_by_side() {
    let mut world = World::new();
    let (one, two) = (world.authorize(REQUEST).unwrap(), world.authorize(REQUEST).unwrap());
    assert!(matches!(world.accept(&two), Acceptance::Redirect(_)));
    assert!(matches!(world.accept(&one), Acceptance::Redirect(_)));
}

#[test]
fn what_was_allowed_when_the_page_was_opened_must_still_be_when_it_is_answered() {
    fn answer(change: impl FnOnce(&mut World)) -> String {
        let mut world = World::new();
        let request = world.authorize(REQUEST).unwrap();
        change(&mut world);
        let answer = world.accept(&request);
        assert!(world.store.grants.is_empty() && world.store.codes.is_empty());
        match answer {
            Acceptance::Redirect(url) | Acceptance::Refused { url, .. } => parameter(&url, "error").unwrap(),
            Acceptance::Unanswerable => "no redirect".to_owned(),
            Acceptance::Answered(earlier) => panic!("{earlier:?}"),
        }
    }
    assert_eq!(answer(|world| world.client("acme").disabled = true), "unauthorized_client");
    assert_eq!(answer(|world| world.client("acme").scopes = Scopes::default()), "invalid_scope");
    assert_eq!(answer(|world| world.client("acme").redirect_uris.clear()), "no redirect");
    assert_eq!(answer(|world| world.store.clients.clear()), "no redirect");
}

#[test]
fn a_sealed_request_comes_back_whole_for_half_an_hour() {
    let mut world = World::new();
    let pairs = changed(REQUEST, &[("code_challenge", CHALLENGE), ("code_challenge_method", "S256"), ("nonce", "é")]);
    let request = world.authorize(&pairs).unwrap();
    let sealed = world.run(|_, cx| request.seal(cx));
    let open = |world: &mut World, text: &str| world.run(|_, cx| AuthorizationRequest::open(cx, text));
    assert_eq!(open(&mut world, &sealed), Some(request));
    assert_eq!(open(&mut world, &sealed[1..]), None);
    let token = world.tokens().access_token;
    assert_eq!(open(&mut world, &token[4..]), None, "an access token is no request");
    world.wait(1799);
    assert!(open(&mut world, &sealed).is_some());
    world.wait(1);
    assert_eq!(open(&mut world, &sealed), None);
}
