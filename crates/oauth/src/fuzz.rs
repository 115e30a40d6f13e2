//! What must hold for every input: each function takes untrusted input and panics where a promise is broken. The fuzzers of
//! `fuzz/` call them, and the tests below do.

use crate::authorize::{Refusal, authorize};
use crate::error::TokenError;
use crate::testing::{CALLBACK, World, records};
use crate::token::bearer::{self, BearerRequest};
use crate::token::introspect::IntrospectionRequest;
use crate::token::revoke::RevocationRequest;
use crate::token::{self, TokenRequest};

/// `a=1&b=2` as pairs. What is no form has none.
fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// The wire form of a refusal (RFC 6749 §5.2).
fn refused(error: &TokenError) {
    let fits = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    assert!(error.text().chars().all(fits), "{}", error.text());
    assert!(error.text().len() < 2_000, "{}", error.text().len());
    assert!((400..500).contains(&error.error().wire().0));
}

/// An authorization request is accepted, told on a page, or answered at a URI that is registered.
pub fn authorization_request(query: &str) {
    let mut world = World::new();
    let asked = pairs(query);
    match world.run(|store, cx| authorize(store, cx, &asked)).expect("a store that does not fail") {
        Ok(request) => {
            let sealed = world.run(|_, cx| request.seal(cx));
            let opened = world.run(|_, cx| crate::authorize::AuthorizationRequest::open(cx, &sealed));
            assert_eq!(opened, Some(request), "it survives the browser");
        }
        Err(Refusal::Redirect(error)) => {
            let url = error.url();
            assert!(url.starts_with(CALLBACK), "{url}");
            assert!(url.bytes().all(|byte| matches!(byte, b'!'..=b'~')), "{url}");
        }
        Err(Refusal::Page(reason)) => assert!(!reason.title().is_empty() && !reason.text().is_empty()),
    }
}

/// A request to the token endpoint leads to tokens or to a refusal that fits the wire; so do the other two POST endpoints.
pub fn token_request(authorization: Option<&str>, query: &str, form: &str) {
    let (query, form) = (pairs(query), pairs(form));
    let mut world = World::new();
    match TokenRequest::parse(authorization, &query, &form) {
        Ok(request) => {
            let outcome =
                world.run(|store, cx| token::exchange(store, cx, &request)).expect("a store that does not fail");
            if let Err(error) = outcome {
                refused(&error);
            }
        }
        Err(error) => refused(&error),
    }
    if let Err(error) = RevocationRequest::parse(authorization, &query, &form) {
        refused(&error);
    }
    if let Err(error) = IntrospectionRequest::parse(authorization, &query, &form) {
        refused(&error);
    }
}

/// An `Authorization` header of any shape is answered, by every endpoint that reads one.
pub fn authorization_header(header: &str) {
    token_request(Some(header), "", "grant_type=client_credentials&scope=records:write");
    let mut world = World::new();
    let presented = BearerRequest { authorization: Some(header), proof: None };
    let outcome = world.run(|store, cx| bearer::check(store, cx, &presented, &records())).expect("a store");
    let error = outcome.expect_err("a token cannot be guessed");
    assert!(error.www_authenticate().bytes().all(|byte| matches!(byte, b' '..=b'~')));
    assert!(!world.run(|_, cx| bearer::is_sealed(cx, Some(header))));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Forms in which the parameters of OAuth meet more often than by chance.
    fn any_form() -> impl Strategy<Value = String> {
        let names = prop::sample::select(vec![
            "client_id",
            "client_secret",
            "redirect_uri",
            "response_type",
            "response_mode",
            "scope",
            "state",
            "nonce",
            "prompt",
            "max_age",
            "code_challenge",
            "code_challenge_method",
            "grant_type",
            "code",
            "refresh_token",
            "token",
            "login_hint",
            "x",
            "request",
            "request_uri",
            "code_verifier",
        ]);
        let values = prop_oneof![
            4 => prop::sample::select(vec![
                "acme", "other", "phone", "acme-secret", crate::testing::CALLBACK, "code", "token", "openid", "records:write", "s",
                "none", "login", "S256", "plain", crate::testing::CHALLENGE, crate::testing::VERIFIER, "authorization_code",
                "refresh_token", "client_credentials", "password", "-1", "3600", "gwr_x", "",
            ]).prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        prop::collection::vec((names, values), 0..10)
            .prop_map(|pairs| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
    }

    proptest! {
        #[test]
        fn an_authorization_request_keeps_its_promises(query in any_form()) {
            super::authorization_request(&query);
        }

        #[test]
        fn a_token_request_keeps_its_promises(query in any_form(), form in any_form()) {
            super::token_request(None, "", &form);
            super::token_request(None, &query, &form);
        }

        #[test]
        fn an_authorization_header_keeps_its_promises(header in prop_oneof!["(Basic|bearer|BASIC) [A-Za-z0-9+/=%:]{0,40}", any::<String>()]) {
            super::authorization_header(&header);
        }
    }
}
