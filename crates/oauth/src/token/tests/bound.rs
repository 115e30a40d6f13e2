//! Tokens that are bound to a key (RFC 9449).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::jose::Jwk;
use crate::testing::records;
use crate::token::bearer::{self, BearerError, BearerRequest};
use crate::token::introspect::{IntrospectionRequest, introspect};

/// A key of a client's.
struct Holder(Ed25519KeyPair);

impl Holder {
    fn new(seed: u8) -> Holder {
        Holder(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())})
    }

    fn thumbprint(&self) -> String {
        Jwk::parse(&self.jwk()).unwrap().thumbprint()
    }

    fn proof(&self, world: &mut World, method: &str, url: &str, token: Option<&str>, jti: &str) -> Proof {
        let mut claims = json!({"htm": method, "htu": url, "iat": world.now / 1000, "jti": jti});
        if let Some(token) = token {
            claims["ath"] = json!(URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes())));
        }
        let header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": self.jwk()});
        let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let text = format!("{text}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(text.as_bytes())));
        world.run(|_, cx| Proof::read(cx, &[&text], method, url)).unwrap().unwrap()
    }

    fn token(&self, world: &mut World, form: Pairs<'_>, jti: &str) -> Result<TokenResponse, TokenError> {
        let proof = self.proof(world, "POST", "https://id.example/oauth2/token", None, jti);
        let request = TokenRequest::parse(None, &[], &owned(form)).unwrap().with_proof(Some(proof));
        world.run(|store, cx| exchange(store, cx, &request)).unwrap()
    }

    fn opens(&self, world: &mut World, scheme: &str, token: &str, jti: &str) -> Result<(), BearerError> {
        let proof = self.proof(world, "GET", "https://id.example/records/1", Some(token), jti);
        let header = format!("{scheme} {token}");
        let presented = BearerRequest { authorization: Some(&header), proof: None };
        world.run(|_, cx| bearer::suits(cx, &presented, &proof))?;
        let spent = world.run(|store, _| proof.spend(store)).unwrap().ok_or(BearerError::Missing)?;
        let presented = BearerRequest { authorization: Some(&header), proof: Some(&spent) };
        world.run(|store, cx| bearer::check(store, cx, &presented, &records())).unwrap().map(drop)
    }
}

const OWN: Pairs<'static> =
    &[("grant_type", "client_credentials"), ("client_id", "acme"), ("client_secret", "acme-secret")];

#[test]
fn attack_90_a_bound_token_opens_the_door_with_its_key_and_not_otherwise() {
    let mut world = World::new();
    let (mine, thiefs) = (Holder::new(1), Holder::new(2));
    let issued = mine.token(&mut world, OWN, "1").ok().unwrap();
    assert_eq!(issued.body(|_| Err::<String, _>(())).unwrap()["token_type"], "DPoP");
    let token = issued.access_token;
    assert!(mine.opens(&mut world, "DPoP", &token, "2").is_ok());
    assert!(mine.opens(&mut world, "dpop", &token, "2").is_err(), "replayed");
    assert!(mine.opens(&mut world, "dpop", &token, "3").is_ok());
    let refused = thiefs.opens(&mut world, "DPoP", &token, "4").unwrap_err();
    assert!(
        refused.www_authenticate().starts_with(
            "DPoP realm=\"gateway\", algs=\"ES256 EdDSA Ed25519 PS256 RS256\", error=\"invalid_dpop_proof\""
        )
    );
    let bearer = BearerRequest { authorization: Some(&format!("Bearer {token}")), proof: None };
    let refused = world.run(|store, cx| bearer::check(store, cx, &bearer, &records())).unwrap().unwrap_err();
    assert!(refused.www_authenticate().contains("error=\"invalid_token\"") && refused.to_string().contains("DPoP"));
    let bare = BearerRequest { authorization: Some(&format!("DPoP {token}")), proof: None };
    let refused = world.run(|store, cx| bearer::check(store, cx, &bare, &records())).unwrap().unwrap_err();
    assert_eq!(refused.status(), 401);
    let free = world.token(OWN).ok().unwrap().access_token;
    assert!(mine.opens(&mut world, "DPoP", &free, "5").unwrap_err().to_string().contains("not bound"));
    let request = changed(&[("token", token.as_str())], &[("client_id", "acme"), ("client_secret", "acme-secret")]);
    let request = IntrospectionRequest::parse(None, &[], &owned(&request)).unwrap();
    let told = world.run(|store, cx| introspect(store, cx, &request)).unwrap().unwrap().answer;
    assert_eq!((&told["token_type"], &told["cnf"]["jkt"]), (&json!("DPoP"), &json!(mine.thumbprint())));
}

#[test]
fn attack_90_a_proof_for_another_token_opens_nothing() {
    let mut world = World::new();
    let mine = Holder::new(1);
    let one = mine.token(&mut world, OWN, "1").ok().unwrap().access_token;
    let two = mine.token(&mut world, OWN, "2").ok().unwrap().access_token;
    for for_token in [Some(two.as_str()), None] {
        let proof = mine.proof(&mut world, "GET", "https://id.example/records/1", for_token, "3");
        let header = format!("DPoP {one}");
        let presented = BearerRequest { authorization: Some(&header), proof: None };
        let refused = world.run(|_, cx| bearer::suits(cx, &presented, &proof)).unwrap_err();
        assert!(refused.to_string().contains("ath"), "{refused}");
    }
    assert!(world.store.proofs.len() == 2, "what could not be right is not remembered");
}

#[test]
fn attack_90_the_token_endpoint_wants_fresh_proofs_from_those_who_must_have_them() {
    let mut world = World::new();
    let mine = Holder::new(1);
    assert!(mine.token(&mut world, OWN, "1").is_ok());
    assert_eq!(code_of(mine.token(&mut world, OWN, "1")), "invalid_dpop_proof");
    world.client("acme").options.tokens.dpop_bound_access_tokens = true;
    assert_eq!(code_of(world.token(OWN)), "invalid_dpop_proof");
    assert!(mine.token(&mut world, OWN, "2").is_ok());
    let wrong = changed(OWN, &[("client_secret", "wrong")]);
    assert_eq!(code_of(mine.token(&mut world, &wrong, "3")), "invalid_client");
    assert!(mine.token(&mut world, OWN, "3").is_ok(), "strangers do not fill what is remembered");
}

#[test]
fn attack_90_a_public_clients_refresh_token_is_bound_and_a_confidential_ones_is_not() {
    let (mine, thiefs) = (Holder::new(1), Holder::new(2));
    let mut world = World::new();
    let phone = [("client_id", "phone"), ("client_secret", "")];
    let code = world.code(&[&phone[..1], PKCE].concat());
    let exchange = [&[("code", code.as_str()), ("code_verifier", VERIFIER)][..], &phone].concat();
    let first = mine.token(&mut world, &changed(EXCHANGE, &exchange), "1").ok().unwrap();
    let first = first.refresh_token.unwrap();
    let refresh = changed(REFRESH, &[&[("refresh_token", first.as_str())][..], &phone].concat());
    assert_eq!(code_of(world.token(&refresh)), "invalid_grant");
    assert_eq!(code_of(thiefs.token(&mut world, &refresh, "2")), "invalid_grant");
    let second = mine.token(&mut world, &refresh, "3").ok().unwrap().refresh_token.unwrap();
    let refresh = changed(REFRESH, &[&[("refresh_token", second.as_str())][..], &phone].concat());
    assert_eq!(code_of(thiefs.token(&mut world, &refresh, "4")), "invalid_grant", "along the whole chain");
    assert!(mine.token(&mut world, &refresh, "5").is_ok(), "and nothing has ended");

    let mut world = World::new();
    let code = world.code(&[]);
    let first = mine.token(&mut world, &changed(EXCHANGE, &[("code", &code)]), "1").ok().unwrap();
    let first = first.refresh_token.unwrap();
    let refresh = changed(REFRESH, &[("refresh_token", &first)]);
    let other = thiefs.token(&mut world, &refresh, "2").ok().unwrap().access_token;
    assert!(thiefs.opens(&mut world, "DPoP", &other, "3").is_ok(), "it proved itself by its secret, with a new key");
}

#[test]
fn hardening_2_a_public_client_with_a_key_has_the_grace_and_a_thief_without_it_nothing() {
    let (mine, thiefs) = (Holder::new(1), Holder::new(2));
    let mut world = World::new();
    let phone = [("client_id", "phone"), ("client_secret", "")];
    let code = world.code(&[&phone[..1], PKCE].concat());
    let exchange = [&[("code", code.as_str()), ("code_verifier", VERIFIER)][..], &phone].concat();
    let exchange = changed(EXCHANGE, &exchange);
    let first = mine.token(&mut world, &exchange, "1").ok().unwrap();
    let again = mine.token(&mut world, &exchange, "2").ok().unwrap();
    assert_eq!(first.refresh_token, again.refresh_token);
    assert!(mine.opens(&mut world, "DPoP", &first.access_token, "3").unwrap_err().to_string().contains("replaced"));
    let first = again.refresh_token.unwrap();
    let refresh = changed(REFRESH, &[&[("refresh_token", first.as_str())][..], &phone].concat());
    let one = mine.token(&mut world, &refresh, "4").ok().unwrap();
    let grant = one.grant;
    world.run(|store, cx| crate::token::delivery::note(store, cx, grant, 1)).unwrap();
    let two = mine.token(&mut world, &refresh, "5").ok().unwrap();
    for (token, jti) in [(one.access_token, "6"), (two.access_token, "7")] {
        assert!(mine.opens(&mut world, "DPoP", &token, jti).is_ok());
    }
    assert_eq!(code_of(thiefs.token(&mut world, &refresh, "8")), "invalid_grant");
    assert_eq!(live_grants(&world), 1, "without the key a stolen token ends nothing");
    world.wait(30);
    assert_eq!(code_of(mine.token(&mut world, &refresh, "9")), "invalid_grant");
    assert_eq!(live_grants(&world), 0);

    // Another key is not the client that exchanged the code.
    let mut world = World::new();
    let code = world.code(&[&phone[..1], PKCE].concat());
    let exchange = [&[("code", code.as_str()), ("code_verifier", VERIFIER)][..], &phone].concat();
    let exchange = changed(EXCHANGE, &exchange);
    assert!(mine.token(&mut world, &exchange, "1").is_ok());
    assert_eq!(code_of(thiefs.token(&mut world, &exchange, "2")), "invalid_grant");
    assert_eq!(live_grants(&world), 0);
}

#[test]
fn attack_90_a_code_is_bound_to_the_key_that_the_request_named() {
    let (mine, thiefs) = (Holder::new(1), Holder::new(2));
    for (holder, expected) in [(Some(&mine), "no error"), (Some(&thiefs), "invalid_grant"), (None, "invalid_grant")] {
        let mut world = World::new();
        let code = world.code(&[("dpop_jkt", &mine.thumbprint())]);
        let form = changed(EXCHANGE, &[("code", &code)]);
        let answer = match holder {
            Some(holder) => holder.token(&mut world, &form, "1"),
            None => world.token(&form),
        };
        assert_eq!(code_of(answer), expected);
    }
    let refused = World::new().authorize(&changed(REQUEST, &[("dpop_jkt", "short")]));
    assert!(
        matches!(refused, Err(crate::authorize::Refusal::Redirect(error)) if error.reason.error() == "invalid_request")
    );
}
