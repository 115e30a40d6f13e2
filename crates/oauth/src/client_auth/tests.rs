use super::*;
use crate::error::ErrorCode;
use crate::testing::{Pairs, World, changed, code_of, owned};
use crate::token::revoke::{RevocationRequest, revoke};
use crate::tolerance::{Needs, Tolerances};

fn basic_header(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn attack_41_basic_is_form_decoded_and_nonsense_is_refused() {
    let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
    assert_eq!(basic(&header("a%3Ab:c%20d+e")), Some(("a:b".into(), "c d e".into())));
    assert_eq!(basic(&header("plain:x%zz")), Some(("plain".into(), "x%zz".into())));
    assert_eq!(basic(&header("no colon")), None);
    assert_eq!(basic("Basic !!!"), None);
    assert_eq!(basic("Bearer abc"), None);
    assert_eq!(basic("basic"), None);
}

#[test]
fn report_18_what_else_stands_in_the_header_does_not_spoil_a_proof_in_the_body() {
    let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let in_body = [("client_id", "acme"), ("client_secret", "acme-secret")];
    let ask = |world: &mut World, header: &str, form: Pairs<'_>| {
        let form = owned(&[&[("token", "x")], form].concat());
        let request = RevocationRequest::parse(Some(header), &[], &form);
        code_of(request.and_then(|request| world.run(|store, cx| revoke(store, cx, &request)).unwrap()))
    };
    let mut world = World::new();
    for stray in ["Bearer gwa_x", "Bearer", "Negotiate abc", "Digest x", "Basic", "Basic !!!", "Basic AAAA", "", "?"] {
        assert_eq!(ask(&mut world, stray, &in_body), "no error", "{stray}");
        assert_eq!(ask(&mut world, stray, &[("client_id", "phone")]), "no error", "{stray}: a public client");
        assert_eq!(ask(&mut world, stray, &in_body[..1]), "invalid_client", "{stray}: no proof at all");
        assert_eq!(ask(&mut world, stray, &changed(&in_body, &[("client_secret", "x")])), "invalid_client", "{stray}");
        assert_eq!(ask(&mut world, stray, &[]), "invalid_client", "{stray}: no client");
    }
    for proxys in [header("squid:password"), header("squid:"), header("é:x")] {
        assert_eq!(ask(&mut world, &proxys, &in_body), "no error");
        assert_eq!(ask(&mut world, &proxys, &[("client_id", "phone")]), "no error");
        assert_eq!(ask(&mut world, &proxys, &in_body[..1]), "invalid_request", "nothing proves acme");
        assert_eq!(ask(&mut world, &proxys, &[("client_id", "nobody")]), "invalid_request");
    }
    // Two clients of ours, right or wrong.
    for other in ["other:other-secret", "other:x", "phone:"].map(header) {
        assert_eq!(ask(&mut world, &other, &in_body), "invalid_request");
    }
    assert_eq!(ask(&mut world, &header("other:other-secret"), &[("client_id", "phone")]), "invalid_request");
    world.client("acme").options.authentication.method = AuthMethod::ClientSecretPost;
    assert_eq!(ask(&mut world, &header("squid:password"), &in_body), "no error");
    world.client("acme").options.authentication.method = AuthMethod::ClientSecretBasic;
    assert_eq!(ask(&mut world, &header("squid:password"), &in_body), "invalid_client");
}

#[test]
fn report_18_white_space_around_a_secret_is_told_whether_or_not_the_rest_is_right() {
    let mut world = World::new();
    let mut told = |id: &str, secret: &str| {
        let form = owned(&[("token", "x"), ("client_id", id), ("client_secret", secret)]);
        let request = RevocationRequest::parse(None, &[], &form).unwrap();
        let error = world.run(|store, cx| revoke(store, cx, &request)).unwrap().unwrap_err();
        assert_eq!(error.error(), ErrorCode::InvalidClient);
        assert!(error.text().is_ascii() && !error.text().contains("acme"), "{error}");
        error.text()
    };
    for (id, secret, said) in [
        ("acme", "acme-secret\n", "secret was sent with white space or a line break after it"),
        ("acme", "acme-secret\r\n", "after it"),
        ("acme", "acme-secret ", "after it"),
        ("acme", "acme-secret\u{a0}", "after it"),
        ("acme", "acme-secret\u{200b}", "after it"),
        ("acme", "\tacme-secret", "before it"),
        ("acme", "\u{feff}acme-secret", "before it"),
        ("acme\n", "acme-secret", "client ID was sent"),
    ] {
        let right = told(id, secret);
        assert!(right.contains(said), "{right}");
        assert_eq!(told(id, &secret.replace("acme", "xxxx")), right);
        assert_eq!(told(&id.replace("acme", "xxxx"), secret), right);
    }
}

#[test]
fn report_21_identical_credentials_in_both_places_count_once_where_that_is_forgiven() {
    let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let in_body = [("client_id", "acme"), ("client_secret", "acme-secret")];
    let ask = |world: &mut World, header: &str, form: Pairs<'_>| {
        let form = owned(&[&[("token", "x")], form].concat());
        let request = match RevocationRequest::parse(Some(header), &[], &form) {
            Ok(request) => request,
            Err(error) => return (error.error().wire().1, Needs::default()),
        };
        world.run(|store, cx| (code_of(revoke(store, cx, &request).unwrap()), cx.needs.clone()))
    };
    let both = |forgiven| match forgiven {
        true => Tolerances::NONE.with(Tolerance::CredentialsTwice),
        false => Tolerances::NONE,
    };
    let mut world = World::new();
    for forgiven in [true, false] {
        world.client("acme").tolerances = both(forgiven);
        let code = if forgiven { "no error" } else { "invalid_request" };
        for header in [header("acme:acme-secret"), header("acme:%61cme%2Dsecret")] {
            for form in [&in_body[..], &in_body[1..]] {
                let (said, needs) = ask(&mut world, &header, form);
                assert_eq!((said, needs.client.as_ref().map(ClientId::as_str)), (code, Some("acme")));
                assert_eq!((needs.forgiven, needs.missed), (both(forgiven), both(!forgiven)));
            }
        }
        // Each alone is no deviation, nor is a name without a secret beside a secret.
        for (header, form) in
            [("acme:acme-secret", &[][..]), ("acme:acme-secret", &in_body[..1]), ("acme:", &in_body[1..])]
        {
            assert_eq!(ask(&mut world, &basic_header(header), form), ("no error", Needs::default()));
        }
    }
    world.client("acme").tolerances = Tolerances::EVERY;
    for (basic, secret) in [("acme:acme-secret", "x"), ("acme:x", "acme-secret"), ("acme:x", "y")] {
        let form = [("client_id", "acme"), ("client_secret", secret)];
        assert_eq!(ask(&mut world, &header(basic), &form).0, "invalid_request", "they differ");
    }
    let wrong = [("client_id", "acme"), ("client_secret", "x")];
    assert_eq!(ask(&mut world, &header("acme:x"), &wrong), ("invalid_client", Needs::default()), "twice wrong");
    for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
        world.client("acme").options.authentication.method = method;
        assert_eq!(ask(&mut world, &header("acme:acme-secret"), &in_body).0, "no error", "{method:?} is among them");
    }
}

#[test]
fn attack_36_and_38_secrets_in_the_url_or_in_two_places_are_refused() {
    let query = pairs(&[("client_secret", "x")]);
    let posted = ClientRequest { authorization: None, query: &query, form: &[] };
    assert!(posted.check(&["client_secret"]).is_err());
    let form = pairs(&[("client_secret", "x")]);
    let posted = ClientRequest { authorization: Some("Basic YTpi"), query: &[], form: &form };
    assert_eq!(posted.credentials().unwrap_err().error(), ErrorCode::InvalidRequest);
}
