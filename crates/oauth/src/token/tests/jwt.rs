//! Access tokens that are JWTs (RFC 9068).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::jose::{Jwk, Jws};
use crate::testing::{public_key, signed};

fn jwt_client(world: &mut World) {
    let tokens = &mut world.client("acme").options.tokens;
    tokens.access_token_format = AccessTokenFormat::Jwt;
    tokens.access_token_signing_alg = SigningAlgorithm::EdDsa;
}

fn header() -> Value {
    json!({"typ": "at+jwt", "alg": "EdDSA", "kid": "k-1"})
}

fn sign(unsigned: &UnsignedJwt) -> Result<String, ()> {
    Ok(signed(&json!({"typ": unsigned.typ, "alg": unsigned.algorithm.as_str(), "kid": "k-1"}), &unsigned.claims))
}

#[test]
fn a_jwt_says_what_rfc_9068_asks_for_and_is_as_revocable_as_any() {
    let mut world = World::new();
    jwt_client(&mut world);
    let tokens = world.tokens();
    assert!(tokens.has_to_be_signed() && tokens.access_token.is_empty());
    let text = tokens.body(sign).unwrap()["access_token"].as_str().unwrap().to_owned();
    let claims = tokens.jwt.as_ref().unwrap().claims.clone();
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("https://id.example"), &json!("ada")));
    assert_eq!(claims["aud"], json!(["https://id.example/records", "https://id.example"]));
    assert_eq!((&claims["client_id"], &claims["scope"]), (&json!("acme"), &json!("openid offline records:write")));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(1_800_000_000), &json!(1_800_003_600)));
    assert_eq!(claims["auth_time"], 1_800_000_000);
    assert!(claims["jti"].as_str().is_some_and(|id| id.len() == 22));
    assert!(world.opens(&text));
    world.store.inactive.push("ada".to_owned());
    assert!(!world.opens(&text), "the person behind it is gone");
    world.store.inactive.clear();
    world.wait(3600);
    assert!(!world.opens(&text), "it has expired");

    let own = [("grant_type", "client_credentials"), ("client_id", "acme"), ("client_secret", "acme-secret")];
    let own = world.token(&own).ok().unwrap();
    let claims = own.jwt.as_ref().unwrap().claims.clone();
    assert_eq!((&claims["sub"], claims.get("auth_time")), (&json!("acme"), None));
    assert_eq!(claims["aud"], json!(["https://id.example/records"]));
    let text = own.body(sign).unwrap()["access_token"].as_str().unwrap().to_owned();
    assert!(world.opens(&text));
    let revocation = [("token", text.as_str()), ("client_id", "acme"), ("client_secret", "acme-secret")];
    let revocation = crate::token::revoke::RevocationRequest::parse(None, &[], &owned(&revocation)).unwrap();
    world.run(|store, cx| crate::token::revoke::revoke(store, cx, &revocation)).unwrap().unwrap();
    assert!(!world.opens(&text), "it was revoked alone");
}

#[test]
fn attack_62_a_jwt_opens_nothing_unless_everything_about_it_is_right() {
    let mut world = World::new();
    jwt_client(&mut world);
    let claims = world.tokens().jwt.unwrap().claims;
    let other = world.tokens().jwt.unwrap().claims;
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let head = |name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        header
    };
    assert!(world.opens(&signed(&header(), &claims)));
    assert!(world.opens(&signed(&head("typ", json!("application/at+jwt")), &claims)), "RFC 7515 section 4.1.9");
    for (what, text) in [
        ("an ID token", signed(&head("typ", json!("JWT")), &claims)),
        ("a proof", signed(&head("typ", json!("dpop+jwt")), &claims)),
        ("alg none", signed(&head("alg", json!("none")), &claims)),
        ("HS256 with the public key", signed(&head("alg", json!("HS256")), &claims)),
        ("an algorithm that the key is not for", signed(&head("alg", json!("ES256")), &claims)),
        ("an unknown kid", signed(&head("kid", json!("k-2")), &claims)),
        ("no kid", signed(&json!({"typ": "at+jwt", "alg": "EdDSA"}), &claims)),
        ("an unknown crit", signed(&head("crit", json!(["b64"])), &claims)),
        ("a key that it brings along", signed(&json!({"typ": "at+jwt", "alg": "EdDSA", "jwk": public_key()}), &claims)),
        ("another issuer", signed(&header(), &with("iss", json!("https://id.example/")))),
        ("another token's record", signed(&header(), &with("grant", other["grant"].clone()))),
        ("no record", signed(&header(), &with("grant", Value::Null))),
        ("another name", signed(&header(), &with("jti", json!("x")))),
        ("no signature", signed(&header(), &claims).rsplit_once('.').unwrap().0.to_owned() + "."),
    ] {
        assert!(!world.opens(&text), "{what}");
    }
    // Its content or its record alone, as if they were tokens.
    let record = claims["grant"].as_str().unwrap().to_owned();
    assert!(!world.opens(&record) && !world.opens(&format!("gwa_{record}")));
    // What it says is for others; to us the record counts, so that a stolen signing key alone opens nothing more.
    let text = signed(&header(), &with("scope", json!("admin")));
    assert!(world.opens(&text));
    let touched = text.replacen(&URL_SAFE_NO_PAD.encode(header().to_string()), &URL_SAFE_NO_PAD.encode("{}"), 1);
    assert!(!world.opens(&touched));
}

#[test]
fn attack_62_an_id_token_is_no_access_token() {
    let mut world = World::new();
    world.client("acme").options.tokens.id_token_signed_response_alg = SigningAlgorithm::EdDsa;
    let tokens = world.tokens();
    let body = tokens.body(sign).unwrap();
    assert_eq!(body["access_token"], tokens.access_token.as_str());
    let id_token = body["id_token"].as_str().unwrap();
    let jws = Jws::parse(id_token).unwrap();
    let claims = jws.verified_by([&Jwk::parse(&public_key()).unwrap()]).unwrap();
    assert_eq!(claims.subject(), Some("ada"));
    // SHA-512, of which the left half is 32 bytes.
    assert_eq!(claims.text("at_hash").map(str::len), Some(43));
    assert!(jws.is_typed("JWT") && !world.opens(id_token));
}
