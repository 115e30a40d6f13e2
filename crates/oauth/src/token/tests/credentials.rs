//! How clients say who they are, and what they get in their own name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::{ClientProfile, ClientSecret};
use crate::error::TokenError;
use crate::grant::GrantState;
use crate::scope::Scopes;
use crate::testing::{Pairs, RECORDS_READ, World, changed, code_of, owned};
use crate::token::{TokenRequest, TokenResponse, exchange, exchange_reading};
use crate::tolerance::Tolerances;

const OWN: Pairs<'static> =
    &[("grant_type", "client_credentials"), ("client_id", "acme"), ("client_secret", "acme-secret")];

fn basic(world: &mut World, header: &str, form: Pairs<'_>) -> Result<TokenResponse, TokenError> {
    let form = changed(&[("grant_type", "client_credentials")], form);
    let request = TokenRequest::parse(Some(header), &[], &owned(&form))?;
    world.run(|store, cx| exchange(store, cx, &request)).unwrap()
}

fn header(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[test]
fn attack_38_credentials_come_in_one_way() {
    let mut world = World::new();
    let good = header("acme:acme-secret");
    assert_eq!(code_of(basic(&mut world, &good, &[])), "no error");
    assert_eq!(code_of(basic(&mut world, &good, &[("client_id", "acme")])), "no error");
    assert_eq!(code_of(basic(&mut world, &good, &[("client_id", "other")])), "invalid_request");
    for tolerances in [Tolerances::NONE, Tolerances::EVERY] {
        world.client("acme").tolerances = tolerances;
        assert_eq!(code_of(basic(&mut world, &good, &[("client_secret", "other-secret")])), "invalid_request");
    }
    world.client("acme").tolerances = Tolerances::NONE;
    assert_eq!(code_of(basic(&mut world, &good, &[("client_secret", "acme-secret")])), "invalid_request");
    assert_eq!(code_of(world.token(OWN)), "no error");
}

#[test]
fn attack_39_unknown_clients_and_wrong_secrets_are_answered_alike() {
    let mut world = World::new();
    let answers: Vec<TokenError> = [("acme", "wrong"), ("nobody", "wrong"), ("nobody", "acme-secret"), ("bad id", "x")]
        .into_iter()
        .map(|(id, secret)| world.token(&changed(OWN, &[("client_id", id), ("client_secret", secret)])).err().unwrap())
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].error().wire(), (401, "invalid_client"));
    let by_header = basic(&mut world, &header("acme:wrong"), &[]).err().unwrap();
    assert!(by_header.tried_basic && !answers[0].tried_basic);
    assert_eq!(by_header.text(), answers[0].text());
}

#[test]
fn attack_41_basic_credentials_are_form_decoded_and_nonsense_is_a_401() {
    let mut world = World::new();
    let hard = "p%3A ss+é:/";
    world.client("acme").secrets[0].fingerprint = world.keys.fingerprint(hard);
    let encoded: String = url::form_urlencoded::byte_serialize(hard.as_bytes()).collect();
    assert_eq!(code_of(basic(&mut world, &header(&format!("acme:{encoded}")), &[])), "no error");
    assert_eq!(
        code_of(basic(&mut world, &header(&format!("%61cme:{encoded}")).replace("Basic", "bAsIc"), &[])),
        "no error"
    );
    let long = header(&format!("acme:{}", "x".repeat(10_000)));
    for nonsense in ["", "Basic", "Basic ", "Basic !!!", "Bearer x", "?", &header("no colon"), &header("é:%ff"), &long]
    {
        assert_eq!(code_of(basic(&mut world, nonsense, &[])), "invalid_client", "{nonsense}");
    }
}

#[test]
fn attack_42_secrets_expire_and_several_live_side_by_side() {
    let mut world = World::new();
    let newer = ClientSecret {
        id: "acme-2".to_owned(),
        fingerprint: world.keys.fingerprint("newer-secret"),
        expires: Some(world.now + 1_000),
        last_used: None,
    };
    world.client("acme").secrets.push(newer);
    let by_newer = changed(OWN, &[("client_secret", "newer-secret")]);
    assert_eq!(code_of(world.token(OWN)), "no error");
    assert_eq!(code_of(world.token(&by_newer)), "no error");
    world.wait(1);
    let expired = world.token(&by_newer).err().unwrap();
    assert!(expired.text().contains("expired"), "{expired}");
    assert_eq!(code_of(world.token(OWN)), "no error");
    world.client("acme").secrets.remove(0);
    assert_eq!(code_of(world.token(OWN)), "invalid_client");
}

#[test]
fn attacks_43_and_44_without_a_secret_or_when_disabled_there_is_no_way_in() {
    let mut world = World::new();
    let issued = world.token(OWN).ok().unwrap();
    assert_eq!(code_of(world.token(&changed(OWN, &[("client_secret", "")]))), "invalid_client");
    assert_eq!(code_of(world.token(&changed(OWN, &[("client_id", "")]))), "invalid_client");
    assert_eq!(code_of(basic(&mut world, &header("acme:"), &[])), "invalid_client");
    assert!(world.opens(&issued.access_token));
    world.client("acme").disabled = true;
    assert_eq!(code_of(world.token(OWN)), "invalid_client");
    assert!(!world.opens(&issued.access_token), "its tokens are inactive at once");
}

#[test]
fn a_public_client_has_no_secret_to_send() {
    let mut world = World::new();
    let form = [("grant_type", "refresh_token"), ("refresh_token", "gwr_x"), ("client_id", "phone")];
    assert_eq!(code_of(world.token(&form)), "invalid_grant", "it is let in, and its token is not");
    assert_eq!(code_of(world.token(&changed(&form, &[("client_secret", "x")]))), "invalid_client");
    let request = TokenRequest::parse(Some(&header("phone:")), &[], &owned(&form)).unwrap();
    assert_eq!(code_of(world.run(|store, cx| exchange(store, cx, &request)).unwrap()), "invalid_grant");
}

#[test]
fn attack_48_client_credentials_give_an_access_token_and_nothing_else() {
    let mut world = World::new();
    let tokens = world.token(&changed(OWN, &[("scope", "openid offline records:write")])).ok().unwrap();
    assert_eq!(tokens.scope.to_string(), "records:write");
    assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none());
    assert!(world.opens(&tokens.access_token));
    assert_eq!(code_of(world.token(&changed(OWN, &[("scope", "openid")]))), "invalid_scope");
    assert_eq!(code_of(world.token(&changed(OWN, &[("scope", "admin")]))), "invalid_scope");
    world.client("acme").has_account = false;
    assert_eq!(code_of(world.token(OWN)), "unauthorized_client");
}

#[test]
fn a_key_needs_no_account_and_opens_only_what_it_is_for() {
    let mut world = World::new();
    world.settings.scopes.push(RECORDS_READ);
    let client = world.client("acme");
    client.has_account = false;
    for scopes in [&mut client.scopes, &mut client.default_scope] {
        *scopes = Scopes::parse("records:read").unwrap();
    }
    let tokens = world.token(OWN).ok().unwrap();
    assert_eq!(tokens.scope.to_string(), "records:read");
    assert!(world.opens(&tokens.access_token), "the resource takes either scope");
    world.client("acme").scopes = Scopes::parse("records:read records:write").unwrap();
    assert_eq!(code_of(world.token(OWN)), "unauthorized_client", "with another scope it is no key");
}

#[test]
fn a_scope_by_another_name_is_the_scope_that_the_profile_says() {
    const RENAMING: ClientProfile = ClientProfile {
        scope_aliases: &[("records", "records:write"), ("records.all", "records:write")],
        ..ClientProfile::GENERIC
    };
    let mut world = World::new();
    assert_eq!(code_of(world.token(&changed(OWN, &[("scope", "records")]))), "invalid_scope");
    world.client("acme").profile = &RENAMING;
    for scope in ["records", "records.all", "records records.all records:write"] {
        let tokens = world.token(&changed(OWN, &[("scope", scope)])).ok().unwrap();
        assert_eq!(tokens.scope.to_string(), "records:write", "{scope}");
    }
}

#[test]
fn a_profile_may_say_how_long_access_tokens_live_and_an_operator_more() {
    const LASTING: ClientProfile = ClientProfile { access_token_seconds: Some(7200), ..ClientProfile::GENERIC };
    let mut world = World::new();
    world.client("acme").profile = &LASTING;
    assert_eq!(world.token(OWN).ok().unwrap().expires_in, 7200);
    world.client("acme").options.access_token_seconds = Some(60);
    assert_eq!(world.token(OWN).ok().unwrap().expires_in, 60);
}

#[test]
fn all_of_a_clients_own_tokens_have_one_grant_until_it_ends() {
    let mut world = World::new();
    let (one, two) = (world.token(OWN).ok().unwrap(), world.token(OWN).ok().unwrap());
    assert_eq!(one.grant, two.grant);
    assert_ne!(one.access_token, two.access_token);
    assert_eq!(world.store.grants.len(), 1);
    world.store.grants[0].state = GrantState::Ended { at: world.now, reason: None };
    assert!(!world.opens(&one.access_token));
    assert_ne!(world.token(OWN).ok().unwrap().grant, one.grant);
}

#[test]
fn issuing_writes_nothing_but_once_an_hour() {
    let mut world = World::new();
    let request = TokenRequest::parse(None, &[], &owned(OWN)).unwrap();
    assert!(request.may_only_read());
    let read = |world: &mut World| world.run(|store, cx| exchange_reading(store, cx, &request)).unwrap();
    assert!(read(&mut world).is_none(), "there is no grant yet");
    assert!(world.store.grants.is_empty() && world.store.events.is_empty());
    world.token(OWN).ok().unwrap();
    let before = format!("{:?}", world.store);
    assert!(read(&mut world).is_some_and(|verdict| verdict.is_ok()));
    assert_eq!(format!("{:?}", world.store), before);
    world.wait(3601);
    assert!(read(&mut world).is_none(), "the secret's last use has to be noted");
    let wrong = TokenRequest::parse(None, &[], &owned(&changed(OWN, &[("client_secret", "x")]))).unwrap();
    let refused = world.run(|store, cx| exchange_reading(store, cx, &wrong)).unwrap();
    assert!(refused.is_some_and(|verdict| code_of(verdict) == "invalid_client"), "a refusal needs no write");
}
