use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn key(value: Value) -> Jwk {
    Jwk::parse(&value).unwrap()
}

/// RFC 7515, appendix A.2.
fn rsa() -> Value {
    json!({"kty": "RSA", "e": "AQAB", "n": concat!(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs",
        "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV",
        "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    )})
}

const RS256: &str = concat!(
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQ",
    "jbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqt",
    "FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
);

/// RFC 7515, appendix A.3.
fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
}

const ES256: &str = concat!(
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
);

/// RFC 8037, appendix A.
fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

#[test]
fn signatures_of_the_rfcs_are_verified() {
    for (text, value) in [(RS256, rsa()), (ES256, p256())] {
        let claims = Jws::parse(text).unwrap().verified_by([&key(value)]).unwrap();
        assert_eq!((claims.issuer(), claims.expires()), (Some("joe"), Some(1_300_819_380_000)));
    }
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    assert!(key(ed25519()).verifies(Algorithm::EdDsa, message, &signature));
    assert!(!key(ed25519()).verifies(Algorithm::EdDsa, b"something else", &signature));
}

#[test]
fn thumbprints_are_those_of_the_rfcs_and_ignore_other_members() {
    let n = concat!(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst",
        "n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr",
        "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    );
    let of_7638 = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
    assert_eq!(key(of_7638.clone()).thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(key(ed25519()).thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let mut padded = vec![0];
    padded.extend(URL_SAFE_NO_PAD.decode(n).unwrap());
    let again = key(json!({"kty": "RSA", "n": encode(padded), "e": "AQAB"}));
    assert_eq!(again.thumbprint(), key(of_7638).thumbprint(), "zeros in front are forgiven and change nothing");
}

#[test]
fn keys_come_back_from_storage_as_they_were() {
    for value in [rsa(), p256(), ed25519()] {
        let mut named = value;
        named["kid"] = "née".into();
        let key = key(named);
        let stored = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<Jwk>(&stored).unwrap(), key);
        let set = Jwks::registered(&json!({"keys": [key.to_value()]})).unwrap();
        assert_eq!(serde_json::from_str::<Jwks>(&serde_json::to_string(&set).unwrap()).unwrap(), set);
    }
}

#[test]
fn attack_50_algorithms_are_ours_and_suit_the_key() {
    let with_header = |header: Value| format!("{}.{}.{}", encode(header.to_string()), encode("{}"), encode("x"));
    for alg in [json!("none"), json!("None"), json!("HS256"), json!("ES384"), json!("es256"), json!(1), json!(null)] {
        assert_eq!(Jws::parse(&with_header(json!({"alg": alg}))).unwrap_err(), JoseError::Algorithm, "{alg}");
    }
    assert_eq!(Jws::parse(&with_header(json!({"typ": "JWT"}))).unwrap_err(), JoseError::Algorithm);
    for crit in [json!(["b64"]), json!([]), json!("exp")] {
        let header = json!({"alg": "ES256", "crit": crit, "b64": false});
        assert_eq!(Jws::parse(&with_header(header)).unwrap_err(), JoseError::Critical);
    }
    let es256 = Jws::parse(ES256).unwrap();
    assert_eq!(es256.verified_by([&key(rsa()), &key(ed25519())]).unwrap_err(), JoseError::NoKey);
    assert_eq!(es256.verified_by([]).unwrap_err(), JoseError::NoKey);
    let mut for_pss = rsa();
    for_pss["alg"] = "PS256".into();
    assert_eq!(Jws::parse(RS256).unwrap().verified_by([&key(for_pss)]).unwrap_err(), JoseError::NoKey);
    let pss = RS256.replacen("eyJhbGciOiJSUzI1NiJ9", &encode(r#"{"alg":"PS256"}"#), 1);
    assert_eq!(Jws::parse(&pss).unwrap().verified_by([&key(rsa())]).unwrap_err(), JoseError::Signature);
}

#[test]
fn attack_50_what_is_touched_is_not_believed() {
    let es256 = key(p256());
    for place in [25, 60, 130, 180] {
        let mut touched = ES256.to_owned().into_bytes();
        touched[place] = if touched[place] == b'A' { b'B' } else { b'A' };
        let touched = String::from_utf8(touched).unwrap();
        let answer = Jws::parse(&touched).and_then(|jws| jws.verified_by([&es256]));
        assert!(answer.is_err(), "{place}");
    }
    let (signed, _) = ES256.rsplit_once('.').unwrap();
    for signature in ["", "AA", &encode([0; 64]), &encode([0xff; 64])] {
        let text = format!("{signed}.{signature}");
        assert_eq!(Jws::parse(&text).unwrap().verified_by([&es256]).unwrap_err(), JoseError::Signature);
    }
}

#[test]
fn what_is_no_jws_is_refused_in_words() {
    let long = "A".repeat(20_000);
    let five = format!("{ES256}.x.y");
    let padded = format!("{ES256}=");
    let trailing_bits = "eyJhbGciOiJFUzI1NiJ9.e30.AB";
    let list = format!("{}.{}.x", encode("[]"), encode("{}"));
    for bad in ["", ".", "..", "...", "a.b", "é.é.é", &long, &five, &padded, trailing_bits, &list] {
        assert!(matches!(Jws::parse(bad).unwrap_err(), JoseError::Malformed(_)), "{bad}");
    }
}

#[test]
fn the_type_is_compared_as_a_media_type() {
    let typed = |typ: Value| format!("{}.e30.", encode(json!({"alg": "ES256", "typ": typ}).to_string()));
    for (typ, same) in
        [(json!("at+jwt"), true), (json!("application/AT+JWT"), true), (json!("JWT"), false), (json!(1), false)]
    {
        assert_eq!(Jws::parse(&typed(typ)).unwrap().is_typed("at+jwt"), same);
    }
    assert!(!Jws::parse(ES256).unwrap().is_typed("at+jwt"));
}

#[test]
fn private_keys_and_keys_that_are_of_no_use_are_refused() {
    #[track_caller]
    fn check(change: Value, expected: fn(&JwkError) -> bool) {
        let mut value = p256();
        value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let mistake = Jwk::parse(&value).unwrap_err();
        assert!(expected(&mistake), "{mistake:?}");
    }
    let private = |e: &JwkError| *e == JwkError::Private;
    let unsupported = |e: &JwkError| matches!(e, JwkError::Unsupported(_));
    let malformed = |e: &JwkError| matches!(e, JwkError::Malformed(_));
    check(json!({"d": "x"}), private);
    check(json!({"kty": "oct", "k": "x"}), private);
    check(json!({"use": "enc"}), unsupported);
    check(json!({"key_ops": ["sign"]}), unsupported);
    check(json!({"alg": "RS256"}), unsupported);
    check(json!({"alg": "none"}), unsupported);
    check(json!({"crv": "P-384"}), unsupported);
    check(json!({"kty": "AKP"}), unsupported);
    check(json!({"x": "AA"}), malformed);
    check(json!({"y": "!"}), malformed);
    check(json!({"y": null}), malformed);
    check(json!({"kid": 7}), malformed);
    check(json!({"kid": "k".repeat(257)}), malformed);
    assert!(Jwk::parse(&json!({"kty": "RSA", "n": encode([0xff; 128]), "e": "AQAB"})).is_err(), "1024 bits");
    assert!(Jwk::parse(&json!({"kty": "RSA", "n": encode([0xff; 2048]), "e": "AQAB"})).is_err(), "16384 bits");
    for e in ["AQ", "Ag", "", "AQAAAAAAAAAB"] {
        assert!(Jwk::parse(&json!({"kty": "RSA", "n": encode([0xff; 256]), "e": e})).is_err(), "{e}");
    }
    assert!(Jwk::parse(&json!("key")).is_err());
    let other =
        json!({"use": "sig", "key_ops": ["verify"], "alg": "ES256", "x5c": ["MII"], "x5u": "https://evil.example/"});
    let mut value = p256();
    value.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    assert!(Jwk::parse(&value).is_ok());
}

#[test]
fn a_set_given_to_us_must_be_right_and_one_that_others_keep_is_read_leniently() {
    let mistake = |value: Value| Jwks::registered(&value).unwrap_err();
    assert_eq!(mistake(json!({})).0, "");
    assert_eq!(mistake(json!({"keys": []})).0, "");
    assert_eq!(mistake(json!({"keys": [p256(), {"kty": "oct", "k": "x"}]})).0, "keys[1]");
    assert_eq!(mistake(json!({"keys": [p256(), rsa()]})).0, "keys[1]", "two without a name are not to be told apart");
    let many: Vec<Value> = (0..=MAX_KEYS).map(|_| p256()).collect();
    assert_eq!(mistake(json!({"keys": many})).0, "keys");

    let named = |mut value: Value, kid: &str| {
        value["kid"] = kid.into();
        value
    };
    let listed = json!({"keys": [named(p256(), "a"), named(rsa(), "a"), named(ed25519(), "b"), {"kty": "AKP"}, 7]});
    let set = Jwks::published(&listed).unwrap();
    assert_eq!(set.iter().map(Jwk::kid).collect::<Vec<_>>(), [Some("a"), Some("b")]);
    assert_eq!(set.named(Some("b")).count(), 1);
    assert_eq!(set.named(Some("../../b' OR 1=1")).count(), 0);
    assert_eq!(set.named(None).count(), 2);
    assert_eq!(Jwks::published(&json!({"keys": [p256(), {"kty": "EC", "d": "x"}]})), None);
    assert_eq!(Jwks::published(&json!({"keys": [{"kty": "AKP"}]})), None);
    assert_eq!(Jwks::published(&json!([])), None);
    let unnamed = Jwks::published(&json!({"keys": [p256()]})).unwrap();
    assert_eq!(unnamed.named(Some("any")).count(), 1, "a key without a name may be meant by any");
}

fn claims(value: Value) -> Result<Claims, JoseError> {
    let text = format!("{}.{}.", encode(r#"{"alg":"ES256"}"#), encode(value.to_string()));
    Jws::parse(&text).unwrap().unverified_claims()
}

#[test]
fn attack_89_times_have_a_leeway_and_no_token_lasts_too_long() {
    let at = |value: Value| claims(value).unwrap().check_times(1_000_000_000, 30, Some(600));
    assert_eq!(at(json!({"exp": 1_000_100})), Ok(()));
    assert_eq!(at(json!({"exp": 1_000_100.5, "iat": 1_000_030, "nbf": 1_000_030})), Ok(()));
    assert_eq!(at(json!({"exp": 999_971})), Ok(()));
    assert_eq!(at(json!({"exp": 999_970})), Err(JoseError::Expired));
    assert_eq!(at(json!({"exp": 1_000_630})), Ok(()));
    assert_eq!(at(json!({"exp": 1_000_631})), Err(JoseError::TooLong));
    assert_eq!(at(json!({"exp": i64::MAX})), Err(JoseError::TooLong));
    assert_eq!(at(json!({"exp": i64::MIN})), Err(JoseError::Expired));
    assert_eq!(at(json!({"exp": 1e300})), Err(JoseError::TooLong));
    assert_eq!(at(json!({})), Err(JoseError::NoExpiry));
    assert_eq!(at(json!({"exp": 1_000_100, "nbf": 1_000_031})), Err(JoseError::NotYet));
    assert_eq!(at(json!({"exp": 1_000_100, "iat": 1_000_031})), Err(JoseError::NotYet));
    let long = claims(json!({"exp": 9_000_000})).unwrap();
    assert_eq!(long.check_times(1_000_000_000, 30, None), Ok(()));
}

#[test]
fn registered_claims_have_their_types() {
    for bad in
        [json!({"iss": 1}), json!({"sub": null}), json!({"exp": "1"}), json!({"aud": 1}), json!({"aud": ["a", 1]})]
    {
        assert_eq!(claims(bad), Err(JoseError::ClaimType));
    }
    assert!(matches!(claims(json!([])), Err(JoseError::Malformed(_))));
    let both = claims(json!({"aud": ["a", "b"], "sub": "s", "jti": "j", "groups": [1]})).unwrap();
    assert_eq!((both.audience(), both.subject(), both.id()), (vec!["a", "b"], Some("s"), Some("j")));
    assert_eq!(claims(json!({"aud": "a"})).unwrap().audience(), ["a"]);
    assert!(claims(json!({})).unwrap().audience().is_empty());
}

#[test]
fn keys_made_here_and_now_fit_their_signatures_and_no_others() {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
    let ed = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let point = ec.public_key().as_ref();
    let ec_key = key(json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])}));
    let ed_key = key(json!({"kty": "OKP", "crv": "Ed25519", "x": encode(ed.public_key().as_ref())}));
    let token = |alg: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let signed = format!("{}.{}", encode(json!({"alg": alg, "kid": "k"}).to_string()), encode(r#"{"sub":"s"}"#));
        format!("{signed}.{}", encode(sign(signed.as_bytes())))
    };
    let by_ec = token("ES256", &|message| ec.sign(&random, message).unwrap().as_ref().to_vec());
    let by_ed = token("EdDSA", &|message| ed.sign(message).as_ref().to_vec());
    let by_its_newer_name = token("Ed25519", &|message| ed.sign(message).as_ref().to_vec());
    let keys = [key(rsa()), key(p256()), key(ed25519()), ec_key.clone(), ed_key.clone()];
    for text in [&by_ec, &by_ed, &by_its_newer_name] {
        let jws = Jws::parse(text).unwrap();
        assert_eq!(jws.verified_by(&keys).unwrap().subject(), Some("s"), "the right one is found among others");
        assert_eq!(jws.verified_by(&keys[..3]).unwrap_err(), JoseError::Signature);
        assert_eq!(jws.kid(), Some("k"));
    }
}

#[test]
fn refusals_can_travel_in_an_error_description() {
    let all = [
        JoseError::Malformed("x"),
        JoseError::Algorithm,
        JoseError::Critical,
        JoseError::NoKey,
        JoseError::Signature,
        JoseError::Expired,
        JoseError::NoExpiry,
        JoseError::TooLong,
        JoseError::NotYet,
        JoseError::ClaimType,
    ];
    for error in all {
        assert!(error.to_string().bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'), "{error}");
    }
}
