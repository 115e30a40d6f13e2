use crate::error::ErrorCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;
use crate::client::{Authentication, Federation};
use crate::jose::Jwks;
use crate::testing::{ISSUER, Pairs, World, changed, code_of, owned};
use crate::token::introspect::{IntrospectionRequest, introspect};
use crate::token::revoke::{RevocationRequest, revoke};
use crate::token::{TokenRequest, TokenResponse, exchange, exchange_reading};

/// Seconds.
const NOW: i64 = 1_800_000_000;
const TENANT: &str = "https://login.issuer.example/acme/v2.0";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn key_set(seed: u8, kid: &str) -> Jwks {
    let x = encode(pair(seed).public_key().as_ref());
    Jwks::registered(&json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid}]})).unwrap()
}

fn signed(seed: u8, header: Value, claims: &Value) -> String {
    let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    format!("{text}.{}", encode(pair(seed).sign(text.as_bytes())))
}

fn by_acme(claims: &Value) -> String {
    signed(7, json!({"alg": "EdDSA", "kid": "k"}), claims)
}

/// Good claims, with changes; `null` takes out.
fn claims(changes: Value) -> Value {
    let mut claims = json!({"iss": "acme", "sub": "acme", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": "j-1"});
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// `acme` has a key of its own, and no use for its secret.
fn world() -> World {
    let mut world = World::new();
    world.client("acme").options.authentication = Authentication {
        method: AuthMethod::PrivateKeyJwt,
        keys: Some(ClientKeys::Jwks(key_set(7, "k"))),
        federation: None,
    };
    world
}

fn form<'a>(assertion: &'a str, changes: Pairs<'a>) -> Vec<(&'a str, &'a str)> {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
        ("scope", "records:write"),
    ];
    changed(&form, changes)
}

fn ask(world: &mut World, assertion: &str) -> Result<TokenResponse, TokenError> {
    world.token(&form(assertion, &[]))
}

#[track_caller]
fn refused(world: &mut World, assertion: &str, said: &str) {
    let error = ask(world, assertion).err().expect("a refusal");
    assert_eq!(error.error(), ErrorCode::InvalidClient, "{error}");
    assert!(error.text().contains(said), "{error}");
    assert!(world.store.assertions.is_empty(), "what is refused uses nothing up");
}

#[test]
fn a_signed_assertion_stands_in_for_a_secret_once() {
    let mut world = world();
    let assertion = by_acme(&claims(json!({})));
    assert!(ask(&mut world, &assertion).is_ok());
    let again = ask(&mut world, &assertion).err().unwrap();
    assert!(again.text().contains("used before"), "{again}");
    for audience in
        [json!([ISSUER]), json!(format!("{ISSUER}/oauth2/token")), json!([format!("{ISSUER}/oauth2/token")])]
    {
        let assertion = by_acme(&claims(json!({"aud": audience, "jti": audience.to_string()})));
        assert!(ask(&mut world, &assertion).is_ok(), "{audience}");
    }
    let beside = by_acme(&claims(json!({"jti": "j-2"})));
    assert_eq!(code_of(world.token(&form(&beside, &[("client_id", "acme")]))), "no error");
    let other = by_acme(&claims(json!({"jti": "j-3"})));
    assert_eq!(code_of(world.token(&form(&other, &[("client_id", "other")]))), "invalid_client");
}

#[test]
fn attack_50_an_assertion_with_any_mistake_is_refused() {
    let mut world = world();
    for (change, said) in [
        (json!({"aud": "https://id.example.evil"}), "aud"),
        (json!({"aud": "https://id.example/"}), "aud"),
        (json!({"aud": []}), "aud"),
        (json!({"aud": null}), "aud"),
        (json!({"sub": "other"}), "no keys are registered"),
        (json!({"iss": "other"}), "no keys are registered"),
        (json!({"exp": NOW - 30}), "expired"),
        (json!({"exp": null}), "no exp"),
        (json!({"exp": NOW + 631}), "too far"),
        (json!({"nbf": NOW + 31}), "in the future"),
        (json!({"iat": NOW + 31}), "in the future"),
        (json!({"jti": null}), "jti"),
        (json!({"jti": ""}), "jti"),
    ] {
        let claims = claims(change.clone());
        let said = if claims["sub"] == "other" { "" } else { said };
        refused(&mut world, &by_acme(&claims), said);
    }
    let good = claims(json!({}));
    refused(&mut world, &signed(8, json!({"alg": "EdDSA", "kid": "k"}), &good), "signature");
    for kid in ["../../etc/passwd", "' OR 1=1 --", "https://evil.example/keys", "K"] {
        refused(&mut world, &signed(7, json!({"alg": "EdDSA", "kid": kid}), &good), "no key");
    }
    for alg in ["none", "HS256", "ES512"] {
        refused(&mut world, &signed(7, json!({"alg": alg, "kid": "k"}), &good), "alg");
    }
    refused(&mut world, &signed(7, json!({"alg": "ES256", "kid": "k"}), &good), "no key");
    refused(&mut world, &signed(7, json!({"alg": "EdDSA", "kid": "k", "crit": ["exp"]}), &good), "crit");
    let own = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair(8).public_key().as_ref())});
    let bringing = json!({"alg": "EdDSA", "jwk": own, "jku": "https://evil.example/", "x5u": "https://evil.example/"});
    refused(&mut world, &signed(8, bringing, &good), "signature");
    for garbage in ["x", "a.b.c", "gws_secret", &"A".repeat(8192)] {
        refused(&mut world, garbage, "compact form");
    }
    let nobody = by_acme(&claims(json!({"iss": "nobody", "sub": "nobody"})));
    refused(&mut world, &nobody, "no client");
    let no_subject = by_acme(&claims(json!({"sub": null})));
    refused(&mut world, &no_subject, "iss and sub");
    assert!(ask(&mut world, &by_acme(&good)).is_ok(), "after all that, the good one still counts");
}

#[test]
fn attack_38_an_assertion_comes_alone_and_complete() {
    let mut world = world();
    let assertion = by_acme(&claims(json!({})));
    let code = |world: &mut World, changes: Pairs<'_>| code_of(world.token(&form(&assertion, changes)));
    assert_eq!(code(&mut world, &[("client_secret", "acme-secret")]), "invalid_request");
    assert_eq!(code(&mut world, &[("client_assertion_type", "")]), "invalid_request");
    assert_eq!(code(&mut world, &[("client_assertion", "")]), "invalid_request");
    assert_eq!(code(&mut world, &[("client_assertion_type", "urn:saml")]), "invalid_client");
    let header = "Basic YWNtZTphY21lLXNlY3JldA==";
    let both = TokenRequest::parse(Some(header), &[], &owned(&form(&assertion, &[])));
    assert_eq!(code_of(both), "invalid_request");
    let in_url = TokenRequest::parse(None, &owned(&[("client_assertion", "x")]), &owned(&form(&assertion, &[])));
    assert_eq!(code_of(in_url), "invalid_request");
    let long = "A".repeat(8193);
    assert_eq!(code(&mut world, &[("client_assertion", &long)]), "invalid_request");
}

#[test]
fn attack_40_a_client_proves_itself_by_its_own_method_only() {
    let basic = "Basic YWNtZTphY21lLXNlY3JldA==";
    let own = [("grant_type", "client_credentials"), ("scope", "records:write")];
    let posted = changed(&own, &[("client_id", "acme"), ("client_secret", "acme-secret")]);
    let assertion = by_acme(&claims(json!({})));
    let asserted = form(&assertion, &[]);
    for (method, allowed) in [
        (AuthMethod::Any, [true, true, true]),
        (AuthMethod::ClientSecretBasic, [true, false, false]),
        (AuthMethod::ClientSecretPost, [false, true, false]),
        (AuthMethod::PrivateKeyJwt, [false, false, true]),
    ] {
        let mut world = world();
        world.client("acme").options.authentication.method = method;
        let requests = [(Some(basic), &own[..]), (None, &posted), (None, &asserted)];
        for ((header, form), allowed) in requests.into_iter().zip(allowed) {
            let request = TokenRequest::parse(header, &[], &owned(form)).unwrap();
            let answer = world.run(|store, cx| exchange(store, cx, &request)).unwrap();
            let expected = if allowed { "no error" } else { "invalid_client" };
            assert_eq!(code_of(answer), expected, "{method:?} {form:?}");
        }
    }
}

#[test]
fn a_public_or_disabled_client_has_no_assertion_to_send() {
    let mut world = world();
    world.client("acme").disabled = true;
    assert_eq!(code_of(ask(&mut world, &by_acme(&claims(json!({}))))), "invalid_client");
    let mut world = self::world();
    world.client("acme").public = true;
    assert_eq!(code_of(ask(&mut world, &by_acme(&claims(json!({}))))), "invalid_client");
}

#[test]
fn all_endpoints_take_assertions_and_none_takes_one_twice() {
    let mut world = world();
    let token = ask(&mut world, &by_acme(&claims(json!({"jti": "a"})))).ok().unwrap().access_token;
    let introspection = by_acme(&claims(json!({"jti": "b"})));
    let form =
        |assertion| owned(&[("token", &token), ("client_assertion_type", TYPE), ("client_assertion", assertion)]);
    let request = IntrospectionRequest::parse(None, &[], &form(&introspection)).unwrap();
    let answer = world.run(|store, cx| introspect(store, cx, &request)).unwrap().unwrap().answer;
    assert_eq!(answer["active"], true);
    let again = RevocationRequest::parse(None, &[], &form(&introspection)).unwrap();
    assert_eq!(code_of(world.run(|store, cx| revoke(store, cx, &again)).unwrap()), "invalid_client");
    let fresh = by_acme(&claims(json!({"jti": "c"})));
    let request = RevocationRequest::parse(None, &[], &form(&fresh)).unwrap();
    assert_eq!(code_of(world.run(|store, cx| revoke(store, cx, &request)).unwrap()), "no error");
    assert!(!world.opens(&token));
}

#[test]
fn an_assertion_of_its_own_is_noted_so_it_takes_a_write() {
    let mut world = world();
    let first = by_acme(&claims(json!({"jti": "a"})));
    assert!(ask(&mut world, &first).is_ok());
    let next = by_acme(&claims(json!({"jti": "b"})));
    let mut request = TokenRequest::parse(None, &[], &owned(&form(&next, &[]))).unwrap();
    assert!(request.has_assertion());
    assert!(world.run(|store, cx| exchange_reading(store, cx, &request)).unwrap().is_none());
    assert_eq!(world.store.assertions.len(), 1);
}

fn federated() -> World {
    let mut world = World::new();
    world.client("acme").options.authentication = Authentication {
        method: AuthMethod::PrivateKeyJwt,
        keys: None,
        federation: Some(Federation {
            issuer: TENANT.to_owned(),
            subject: "sync-fabric".to_owned(),
            audience: "api://app".to_owned(),
            jwks_uri: None,
        }),
    };
    world
}

fn vouched(changes: Value) -> Value {
    let mut all =
        json!({"iss": TENANT, "sub": "sync-fabric", "aud": "api://app", "exp": NOW + 3900, "nbf": NOW, "jti": null});
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims(all)
}

fn supplied(world: &mut World, claims: &Value, client: &str, supply: Supply) -> Result<TokenResponse, TokenError> {
    let assertion = signed(9, json!({"alg": "EdDSA", "kid": "m"}), claims);
    let mut request = TokenRequest::parse(None, &[], &owned(&form(&assertion, &[("client_id", client)])))?;
    let wanted = world.run(|store, cx| request.keys_wanted(store, cx)).unwrap();
    if let Some((source, kid)) = wanted {
        assert_eq!((&source, kid.as_deref()), (&KeySource::Issuer(TENANT.to_owned()), Some("m")));
        request.supply(source, supply);
    }
    world.run(|store, cx| exchange(store, cx, &request)).unwrap()
}

fn tenants_keys() -> Supply {
    Supply::Keys(Arc::new(key_set(9, "m")))
}

#[test]
fn a_trusted_issuer_vouches_for_a_client_as_often_as_its_token_lasts() {
    let mut world = federated();
    for _ in 0..2 {
        assert!(supplied(&mut world, &vouched(json!({})), "acme", tenants_keys()).is_ok());
    }
    assert!(supplied(&mut world, &vouched(json!({"aud": "app"})), "acme", tenants_keys()).is_ok());
    assert!(world.store.assertions.is_empty());
    for (change, said) in [
        (json!({"iss": "https://login.issuer.example/other/v2.0"}), "no keys are registered"),
        (json!({"sub": "somebody"}), "sub"),
        (json!({"aud": "api://other"}), "aud"),
        (json!({"aud": ISSUER}), "aud"),
        (json!({"exp": NOW - 31}), "expired"),
        (json!({"exp": NOW + 90_000}), "too far"),
        (json!({"nbf": NOW + 31}), "in the future"),
    ] {
        let error = supplied(&mut world, &vouched(change), "acme", tenants_keys()).err().unwrap();
        assert!(error.error() == ErrorCode::InvalidClient && error.text().contains(said), "{error}");
    }
    for client in ["other", "phone", "nobody", "sync-fabric"] {
        let refused = supplied(&mut world, &vouched(json!({})), client, tenants_keys());
        assert_eq!(code_of(refused), "invalid_client", "{client}");
    }
}

#[test]
fn keys_that_cannot_be_had_or_are_not_the_clients_any_more_are_no_keys() {
    let mut world = federated();
    let failed = Supply::Failed("the server answered 503".to_owned());
    let error = supplied(&mut world, &vouched(json!({})), "acme", failed).err().unwrap();
    assert!(error.text().contains("503"), "{error}");
    let foreign = Supply::Keys(Arc::new(key_set(8, "m")));
    assert_eq!(code_of(supplied(&mut world, &vouched(json!({})), "acme", foreign)), "invalid_client");

    let assertion = signed(9, json!({"alg": "EdDSA", "kid": "m"}), &vouched(json!({})));
    let mut request = TokenRequest::parse(None, &[], &owned(&form(&assertion, &[("client_id", "acme")]))).unwrap();
    request.supply(KeySource::JwksUri("https://elsewhere.example/".to_owned()), tenants_keys());
    let error = world.run(|store, cx| exchange(store, cx, &request)).unwrap().err().unwrap();
    assert!(error.text().contains("replaced"), "{error}");
}

#[test]
fn what_an_identity_provider_signs_to_end_access_is_no_client_assertion() {
    for typ in ["global-token-revocation+jwt", "secevent+jwt", "application/secevent+jwt", "logout+jwt"] {
        let text = signed(7, json!({"alg": "EdDSA", "kid": "k", "typ": typ}), &claims(json!({})));
        let refused = Assertion::parse(&text).err().expect("it is of another kind");
        assert!(refused.text().contains("which is no client assertion"), "{}", refused.text());
    }
    for typ in ["JWT", "client-authentication+jwt", "at+jwt"] {
        let text = signed(7, json!({"alg": "EdDSA", "kid": "k", "typ": typ}), &claims(json!({})));
        assert!(Assertion::parse(&text).is_ok(), "{typ}");
    }
}
