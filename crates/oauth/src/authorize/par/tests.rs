use super::*;
use crate::authorize::AuthorizationRequest;
use crate::testing::{Pairs, REQUEST, World, changed, code_of, owned};

const SECRET: (&str, &str) = ("client_secret", "acme-secret");

fn try_push(world: &mut World, form: Pairs<'_>) -> Result<Pushed, TokenError> {
    let request = PushRequest::parse(None, &[], &owned(form), None)?;
    world.run(|store, cx| push(store, cx, &request)).unwrap()
}

fn pushed(world: &mut World, changes: Pairs<'_>) -> String {
    let form = changed(&changed(REQUEST, &[SECRET]), changes);
    let pushed = try_push(world, &form).unwrap();
    assert_eq!(pushed.expires_in, 90);
    pushed.request_uri
}

fn come(world: &mut World, pairs: Pairs<'_>) -> Result<AuthorizationRequest, String> {
    world.authorize(pairs).map_err(|refusal| match refusal {
        Refusal::Page(reason) => reason.title().to_owned(),
        Refusal::Redirect(error) => error.reason.error().to_owned(),
    })
}

#[test]
fn attack_92_a_pushed_request_counts_once_and_nothing_beside_it_counts() {
    let mut world = World::new();
    let uri = pushed(&mut world, &[("state", "mine")]);
    assert!(uri.starts_with(URN));
    let evil = [
        ("client_id", "acme"),
        ("request_uri", uri.as_str()),
        ("state", "evil"),
        ("scope", "admin"),
        ("redirect_uri", "https://evil.example/"),
    ];
    let request = come(&mut world, &evil).unwrap();
    assert_eq!((request.state.as_deref(), request.redirect_uri.as_str()), (Some("mine"), crate::testing::CALLBACK));
    assert_eq!(request.scope.to_string(), "openid offline records:write");
    assert_eq!(come(&mut world, &evil), Err("This link has been used".to_owned()));
}

#[test]
fn attack_92_a_reference_is_its_clients_own_and_for_a_minute_and_a_half() {
    let mut world = World::new();
    let uri = pushed(&mut world, &[]);
    let as_client = |id| [("client_id", id), ("request_uri", uri.as_str())];
    assert!(come(&mut world, &as_client("other")).is_err());
    assert!(come(&mut world, &[("request_uri", uri.as_str())]).is_err(), "no client_id");
    assert!(come(&mut world, &[&as_client("acme")[..], &as_client("acme")[..1]].concat()).is_err(), "two of them");
    assert!(come(&mut world, &as_client("acme")).is_ok(), "others could not use it up");
    let late = pushed(&mut world, &[]);
    world.wait(90);
    assert!(come(&mut world, &[("client_id", "acme"), ("request_uri", late.as_str())]).is_err());
    let guessed = format!("{URN}{}", "A".repeat(43));
    assert!(come(&mut world, &[("client_id", "acme"), ("request_uri", guessed.as_str())]).is_err());
    assert!(!format!("{:?}", world.store).contains(uri.trim_start_matches(URN)), "it is kept as a fingerprint");
}

#[test]
fn attack_20_other_request_uris_are_refused_as_ever() {
    let mut world = World::new();
    let request = changed(REQUEST, &[("request_uri", "https://evil.example/request.jwt")]);
    assert_eq!(come(&mut world, &request), Err("request_uri_not_supported".to_owned()));
}

#[test]
fn attack_92_a_client_that_must_push_is_not_heard_otherwise() {
    let mut world = World::new();
    world.client("acme").options.tokens.require_pushed_authorization_requests = true;
    assert_eq!(come(&mut world, REQUEST), Err("invalid_request".to_owned()));
    let uri = pushed(&mut world, &[]);
    assert!(come(&mut world, &[("client_id", "acme"), ("request_uri", uri.as_str())]).is_ok());
}

#[test]
fn what_would_be_refused_in_the_browser_is_refused_at_once() {
    #[track_caller]
    fn check(changes: Pairs<'_>, code: &str) {
        let mut world = World::new();
        let form = changed(&changed(REQUEST, &[SECRET]), changes);
        assert_eq!(code_of(try_push(&mut world, &form)), code);
        assert!(world.store.pushed.is_empty());
    }
    check(&[("client_secret", "wrong")], "invalid_client");
    check(&[("redirect_uri", "https://evil.example/“x”")], "invalid_request");
    check(&[("response_type", "token")], "unsupported_response_type");
    check(&[("scope", "admin")], "invalid_scope");
    check(&[("resource", "https://evil.example/")], "invalid_target");
    check(&[("request", "eyJ")], "request_not_supported");
    check(&[("code_challenge_method", "S256")], "invalid_request");
    check(&[("request_uri", "urn:x")], "invalid_request");
    let mut world = World::new();
    let twice = [&changed(REQUEST, &[SECRET])[..], &[("scope", "openid")]].concat();
    assert_eq!(code_of(try_push(&mut world, &twice)), "invalid_request");
}

#[test]
fn the_secret_that_came_with_the_push_is_not_kept_and_the_client_is_looked_at_again() {
    let mut world = World::new();
    let uri = pushed(&mut world, &[]);
    let plain = world.keys.open(PURPOSE, &world.store.pushed[0].parameters).unwrap();
    assert!(!String::from_utf8(plain).unwrap().contains("acme-secret"));
    world.client("acme").disabled = true;
    assert!(come(&mut world, &[("client_id", "acme"), ("request_uri", uri.as_str())]).is_err());
}
