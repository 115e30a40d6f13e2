use serde_json::{Value, json};

use super::*;
use crate::testing::{World, public_key, signed};

const URL: &str = "https://id.example/oauth2/token";

fn header() -> Value {
    json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": public_key()})
}

fn claims() -> Value {
    json!({"htm": "POST", "htu": URL, "iat": 1_800_000_000, "jti": "p-1"})
}

fn read(texts: &[&str]) -> Result<Option<Proof>, ProofError> {
    World::new().run(|_, cx| Proof::read(cx, texts, "POST", URL))
}

#[test]
fn a_proof_names_its_key_and_counts_once() {
    let mut world = World::new();
    let text = signed(&header(), &claims());
    let spend = |world: &mut World| {
        let proof = world.run(|_, cx| Proof::read(cx, &[&text], "POST", URL)).unwrap().unwrap();
        world.run(|store, _| proof.spend(store)).unwrap()
    };
    let thumbprint = Jwk::parse(&public_key()).unwrap().thumbprint();
    assert_eq!(spend(&mut world).map(|proof| proof.key().as_str().to_owned()), Some(thumbprint));
    assert_eq!(spend(&mut world), None, "attack 90: replayed");
    assert_eq!(read(&[]), Ok(None));
}

#[test]
fn attack_90_a_proof_is_for_one_method_url_and_time_and_signed_by_the_key_in_it() {
    #[track_caller]
    fn check(header: &Value, claims: &Value, said: Option<&str>) {
        let read = read(&[&signed(header, claims)]);
        match said {
            None => assert!(read.is_ok_and(|proof| proof.is_some())),
            Some(said) => assert!(read.unwrap_err().to_string().contains(said)),
        }
    }
    let with = |base: Value, name: &str, value: Value| {
        let mut changed = base;
        changed[name] = value;
        changed
    };
    let claim = |name: &str, value: Value| with(claims(), name, value);
    check(&header(), &claims(), None);
    for htu in ["https://id.example/oauth2/token?x=1#y", "HTTPS://ID.example:443/oauth2/./token"] {
        check(&header(), &claim("htu", json!(htu)), None);
    }
    for htu in [
        "http://id.example/oauth2/token",
        "https://id.example/oauth2/par",
        "https://evil.example/oauth2/token",
        "/oauth2/token",
    ] {
        check(&header(), &claim("htu", json!(htu)), Some("htu"));
    }
    check(&header(), &claim("htm", json!("GET")), Some("htm"));
    check(&header(), &claim("htm", json!("post")), Some("htm"));
    for near in [-40, -10, 10, 40] {
        check(&header(), &claim("iat", json!(1_800_000_000 + near)), None);
    }
    for far in [-300, -41, 41, 300, -1_800_000_000] {
        check(&header(), &claim("iat", json!(1_800_000_000 + far)), Some("iat"));
    }
    check(&header(), &claim("iat", json!(1e300)), Some("iat"));
    check(&header(), &claim("iat", Value::Null), Some("type"));
    check(&header(), &claim("jti", json!("")), Some("jti"));
    check(&header(), &claim("jti", json!("x".repeat(300))), Some("jti"));
    check(&with(header(), "alg", json!("Ed25519")), &claims(), None);
    check(&with(header(), "typ", json!("JWT")), &claims(), Some("typ"));
    check(&with(header(), "alg", json!("none")), &claims(), Some("signed with"));
    check(&with(header(), "alg", json!("HS256")), &claims(), Some("signed with"));
    check(&with(header(), "alg", json!("ES256")), &claims(), Some("signature"));
    check(&with(header(), "jwk", Value::Null), &claims(), Some("jwk"));
    check(&with(header(), "jwk", with(public_key(), "d", json!("AAAA"))), &claims(), Some("jwk"));
    let other = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    check(&with(header(), "jwk", other), &claims(), Some("signature"));
    let good = signed(&header(), &claims());
    assert!(read(&[&good, &good]).unwrap_err().to_string().contains("more than one"));
    for bad in ["", "x", "a.b.c", "?", &"x".repeat(5000)] {
        assert!(read(&[bad]).is_err(), "{bad}");
    }
}
