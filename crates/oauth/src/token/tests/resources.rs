//! Resource indicators (RFC 8707).

use super::*;
use crate::protected_resource::ProtectedResource;
use crate::testing::records;
use crate::token::bearer::{self, BearerError, BearerRequest};

const RECORDS: &str = "https://id.example/records";
const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example/";

fn at(world: &mut World, resource: &ProtectedResource, token: &str) -> Result<(), BearerError> {
    let header = format!("Bearer {token}");
    let presented = BearerRequest { authorization: Some(&header), proof: None };
    world.run(|store, cx| bearer::check(store, cx, &presented, resource)).unwrap().map(drop)
}

fn doors(world: &mut World, token: &str) -> (bool, bool) {
    let userinfo = world.settings.userinfo();
    (at(world, &records(), token).is_ok(), at(world, &userinfo, token).is_ok())
}

fn world() -> World {
    let mut world = World::new();
    world.client("acme").options.tokens.resources = vec![Resource::parse(API).unwrap()];
    world
}

#[test]
fn a_token_is_for_the_resources_that_were_asked_for_and_opens_no_other() {
    let mut world = world();
    let open = |world: &mut World, resources: &[&str]| {
        let mut request: Vec<_> = REQUEST.to_vec();
        request.extend(resources.iter().map(|resource| ("resource", *resource)));
        let request = world.authorize(&request).unwrap();
        let crate::authorize::consent::Acceptance::Redirect(url) = world.accept(&request) else {
            panic!("not accepted")
        };
        let code = crate::testing::parameter(&url, "code").unwrap();
        exchange_with(world, &code, &[]).ok().unwrap()
    };
    for (resources, expected) in [
        (&[][..], (true, true)),
        (&[RECORDS], (true, false)),
        (&[ISSUER], (false, true)),
        (&[RECORDS, ISSUER], (true, true)),
        (&[API], (false, false)),
        (&[API, RECORDS], (true, false)),
    ] {
        let tokens = open(&mut world, resources);
        assert_eq!(doors(&mut world, &tokens.access_token), expected, "{resources:?}");
        // A refresh keeps it, and may narrow it but not widen it (§2.2).
        let again = world.refresh(tokens.refresh_token.as_deref().unwrap()).ok().unwrap();
        assert_eq!(doors(&mut world, &again.access_token), expected, "{resources:?}");
    }
    let both = open(&mut world, &[RECORDS, API]).refresh_token.unwrap();
    let narrowed = changed(REFRESH, &[("refresh_token", &both), ("resource", API)]);
    let narrowed = world.token(&narrowed).ok().unwrap();
    assert_eq!(doors(&mut world, &narrowed.access_token), (false, false));
    let next = narrowed.refresh_token.unwrap();
    let widened = changed(REFRESH, &[("refresh_token", &next), ("resource", ISSUER)]);
    assert_eq!(code_of(world.token(&widened)), "invalid_target");
    let whole = world.refresh(&next).ok().unwrap();
    assert_eq!(doors(&mut world, &whole.access_token), (true, false), "the refresh token kept what was accepted");
}

#[test]
fn attack_62_a_token_for_another_resource_is_refused_in_words() {
    let mut world = world();
    let own = [("grant_type", "client_credentials"), ("client_id", "acme"), ("client_secret", "acme-secret")];
    let token = world.token(&changed(&own, &[("resource", API)])).ok().unwrap().access_token;
    let refused = at(&mut world, &records(), &token).unwrap_err();
    assert_eq!((refused.status(), refused.to_string().as_str()), (401, "The access token is for another resource"));
    let both = [("resource", API), ("resource", RECORDS)];
    let token = world.token(&[&own[..], &both].concat()).ok().unwrap().access_token;
    assert!(world.opens(&token));
}

#[test]
fn what_is_no_resource_or_not_the_clients_is_an_invalid_target() {
    let mut world = world();
    let own = [("grant_type", "client_credentials"), ("client_id", "acme"), ("client_secret", "acme-secret")];
    for bad in ["/records", "https://id.example/records#x", "https://id.example/records/", "https://evil.example/"] {
        assert_eq!(code_of(world.token(&changed(&own, &[("resource", bad)]))), "invalid_target", "{bad}");
        let Err(crate::authorize::Refusal::Redirect(error)) = world.authorize(&changed(REQUEST, &[("resource", bad)]))
        else {
            panic!("{bad} was accepted")
        };
        assert_eq!(error.reason.error(), "invalid_target", "{bad}");
    }
    let other = [("grant_type", "client_credentials"), ("client_id", "other"), ("client_secret", "other-secret")];
    assert_eq!(code_of(world.token(&changed(&other, &[("resource", API)]))), "invalid_target", "it is acme's");
    assert!(world.token(&changed(&own, &[("resource", "")])).is_ok(), "without a value it counts as left out");
    let many: Vec<String> = (0..9).map(|n| format!("https://api.example/{n}")).collect();
    world.client("acme").options.tokens.resources = many.iter().flat_map(|text| Resource::parse(text)).collect();
    let asked: Vec<_> = many.iter().map(|text| ("resource", text.as_str())).collect();
    assert_eq!(code_of(world.token(&[&own[..], &asked].concat())), "invalid_target");
}
