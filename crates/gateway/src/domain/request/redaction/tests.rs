use scim::Registry;
use serde_json::{Value, json};

use super::*;

/// What stands for a secret here. It looks like nothing.
const SECRET: &str = "correct horse battery";

fn of_scim(form: Form, body: &Value) -> (Value, Replaced) {
    let registry = Registry::standard();
    let mut redactor = ScimRedactor::new(&registry);
    let kept = redactor.body(form, body);
    (kept, redactor.replaced)
}

#[track_caller]
fn hides(form: Form, body: Value) {
    let (kept, replaced) = of_scim(form, &body);
    assert!(!kept.to_string().contains(SECRET), "{body}\n{kept}");
    assert!(replaced.anything, "{body}");
}

#[test]
fn a_password_is_replaced_wherever_a_body_may_have_it() {
    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    for value in [
        json!(SECRET),
        json!([SECRET]),
        json!({"value": SECRET}),
        json!([{"value": SECRET, "type": SECRET}]),
        json!({"a": {"b": [SECRET, {"c": SECRET}]}}),
        json!({SECRET: 1}),
    ] {
        for name in [
            "password",
            "PassWord",
            "Password",
            "pass_word",
            "userPassword",
            "newPassword",
            "passwd",
            "clientSecret",
            "api-key",
            "pwd",
            "jwt",
            "secretQuestion",
            "accessToken",
            "favouriteThing",
            "urn:ietf:params:scim:schemas:core:2.0:User:password",
            "urn:ietf:params:scim:schemas:extension:vendor:2.0:User:anything",
            "password.value",
            "password[type eq \"x\"].value",
        ] {
            hides(Form::Resource, json!({"schemas": [USER], "userName": "ana", name: value}));
            hides(Form::Resource, json!({USER: {name: value}}));
            hides(Form::Resource, json!({"name": {name: value}, "emails": [{name: value}]}));
            hides(Form::Patch, json!({"Operations": [{"op": "replace", "path": name, "value": value}]}));
            hides(Form::Patch, json!({"operations": {"OP": "replace", "PATH": name, "Value": value}}));
            hides(Form::Patch, json!({"Operations": [{"op": "add", "value": {name: value}}]}));
            hides(Form::Patch, json!({"Operations": [{"op": "add", "value": [{name: value}]}]}));
            hides(Form::Patch, json!({name: value}));
            for (method, data) in [
                ("POST", json!({name: value})),
                ("PUT", json!({name: value})),
                ("patch", json!({"Operations": [{"op": "replace", "path": name, "value": value}]})),
            ] {
                hides(Form::Bulk, json!({"Operations": [{"method": method, "path": "/Users", "data": data}]}));
            }
        }
        hides(Form::Resource, value.clone());
        hides(Form::Patch, json!({"Operations": [value]}));
        hides(Form::Bulk, json!({"Operations": [{"data": value}]}));
    }
}

#[test]
fn what_is_written_as_a_text_is_read_as_what_it_is() {
    let inner = json!({"userName": "ana", "password": SECRET}).to_string();
    hides(Form::Patch, json!({"Operations": [{"op": "add", "value": inner}]}));
    hides(Form::Resource, json!({"displayName": inner}));
    hides(Form::Resource, json!({"displayName": format!("{{\"password\": \"{SECRET}")}));
    for text in [
        format!("password={SECRET}"),
        format!("Password: {SECRET}"),
        format!("my passwordHash is '{SECRET}', pwd eq {SECRET}"),
        format!("https://ana:{SECRET}@acme.test/"),
        format!("https://acme.test/?code={SECRET}"),
        format!("gws_{SECRET}"),
        format!("-----BEGIN PRIVATE KEY----- {SECRET}"),
    ] {
        hides(Form::Resource, json!({"displayName": text}));
        hides(Form::Patch, json!({"Operations": [{"op": "replace", "path": "displayName", "value": text}]}));
        hides(Form::Resource, json!({"schemas": [text]}));
        hides(Form::Patch, json!({"Operations": [{"op": text, "path": "displayName", "value": 1}]}));
    }
}

#[test]
fn filters_and_paths_about_a_secret_lose_what_they_compare_with() {
    let registry = Registry::standard();
    for filter in [
        format!("password eq \"{SECRET}\""),
        format!("userName eq \"ana\" and PASSWORD co \"{SECRET}\""),
        format!("password eq \"{SECRET}"),
        "password eq hunter2".to_owned(),
        format!("urn:ietf:params:scim:schemas:core:2.0:User:password sw \"{SECRET}\""),
        format!("emails[password eq \"{SECRET}\"]"),
        format!("colour eq \"{SECRET}\""),
        format!("\"{SECRET}\""),
    ] {
        let mut redactor = ScimRedactor::new(&registry);
        let kept = redactor.pairs(&[("filter".to_owned(), filter.clone())]);
        let told = format!("{kept:?}");
        assert!(!told.contains("horse") && !told.contains("hunter2"), "{filter}: {told}");
        assert!(redactor.replaced.matters, "{filter}");
        hides_path(&filter);
    }
    for kept in [
        "userName eq \"ana@acme.test\"",
        "emails[type eq \"work\" and value co \"@\"] or not (active eq true)",
        "meta.lastModified gt \"2026\"",
    ] {
        let mut redactor = ScimRedactor::new(&registry);
        let pairs = [("filter".to_owned(), kept.to_owned()), ("count".to_owned(), "10".to_owned())];
        assert_eq!((redactor.pairs(&pairs), redactor.replaced), (pairs.to_vec(), Replaced::default()));
    }
    let mut redactor = ScimRedactor::new(&registry);
    for name in ["access_token", "token", "x", "cursor", "count", "sortOrder"] {
        let kept = redactor.pairs(&[(name.to_owned(), SECRET.to_owned())]);
        assert_eq!(kept, [(name.to_owned(), REPLACED.to_owned())]);
    }
    assert_eq!(redactor.pairs(&[(format!("password={SECRET}"), String::new())])[0].0, UNNAMED);
}

fn hides_path(path: &str) {
    let body = json!({"Operations": [{"op": "remove", "path": path}]});
    let (kept, _) = of_scim(Form::Patch, &body);
    assert!(!kept.to_string().contains("horse"), "{kept}");
}

#[test]
fn what_is_declared_and_no_secret_is_kept_to_the_letter() {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ana@acme.test", "externalId": "00u1", "active": "True",
        "name": {"givenName": "Ana", "familyName": "Bauer"}, "emails": [{"value": "ana@acme.test", "type": "work", "primary": true}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Press", "manager": {"value": "b"}},
        "name.formatted": "Ana Bauer", "meta": {"resourceType": "User"}, "title": null,
    });
    assert_eq!(of_scim(Form::Resource, &user), (user.clone(), Replaced::default()));
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b@acme.test"},
        {"op": "add", "path": "members", "value": [{"value": "1", "display": "Ana"}]},
        {"op": "remove", "path": "members[value eq \"1\"]"},
        {"op": "replace", "value": {"active": false, "name.givenName": "A"}},
        {"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Press"},
    ]});
    assert_eq!(of_scim(Form::Patch, &patch), (patch.clone(), Replaced::default()));
    let bulk = json!({"failOnErrors": 1, "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": user}, {"method": "DELETE", "path": "/Users/2"},
        {"method": "PATCH", "path": "/Groups/3", "data": {"Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:1"}]}]}},
    ]});
    assert_eq!(of_scim(Form::Bulk, &bulk), (bulk.clone(), Replaced::default()));
    let search = json!({"filter": "userName sw \"a\"", "attributes": ["userName"], "startIndex": 1, "count": 10, "sortBy": "userName"});
    assert_eq!(of_scim(Form::Search, &search), (search.clone(), Replaced::default()));
    hides(Form::Search, json!({"filter": format!("password eq \"{SECRET}\"")}));
    hides(Form::Search, json!({"cursor": SECRET, "anything": [SECRET]}));
}

#[test]
fn what_replaces_a_value_has_its_form_and_decides_nothing() {
    let (kept, replaced) =
        of_scim(Form::Resource, &json!({"password": SECRET, "colour": {"shade": [1, true, null, SECRET, ""]}}));
    assert_eq!(kept, json!({"password": REPLACED, "colour": {UNNAMED: [0, true, null, REPLACED, ""]}}));
    assert_eq!(replaced, Replaced { anything: true, matters: false });
    let (_, replaced) = of_scim(Form::Resource, &json!({"userName": "gwa_abc"}));
    assert!(replaced.matters);
}

#[test]
fn of_a_message_of_oauth_only_words_of_the_protocol_are_kept() {
    let mut redactor = OAuthRedactor { client: "abc", replaced: Replaced::default() };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let kept = redactor.pairs(&[
        pair("grant_type", "refresh_token"),
        pair("client_id", "abc"),
        pair("scope", &format!("openid {SECRET}")),
        pair("redirect_uri", &format!("https://u:{SECRET}@acme.test/cb?code={SECRET}#{SECRET}")),
        pair("grant_type", SECRET),
        pair("client_id", SECRET),
        pair(SECRET, SECRET),
    ]);
    assert_eq!(&kept[..2], [pair("grant_type", "refresh_token"), pair("client_id", "abc")]);
    assert_eq!(kept[3], pair("redirect_uri", "https://acme.test/cb?(replaced)"));
    for name in [
        "client_secret",
        "client_assertion",
        "code",
        "code_verifier",
        "code_challenge",
        "refresh_token",
        "token",
        "password",
        "username",
        "state",
        "nonce",
        "login_hint",
        "id_token_hint",
        "request",
        "request_uri",
        "assertion",
        "max_age",
        "resource",
        "totp",
        "device_code",
    ] {
        assert_eq!(redactor.pairs(&[pair(name, SECRET)])[0].1, REPLACED, "{name}");
    }
    let kept = format!("{kept:?}");
    assert!(!kept.contains("horse"), "{kept}");
    let answer = json!({"access_token": SECRET, "refresh_token": SECRET, "id_token": SECRET, "token_type": "Bearer", "expires_in": 600,
        "scope": "openid", "error": "invalid_grant", "error_description": "the code is unknown", "request_uri": SECRET, "cnf": {"jkt": SECRET},
        "error_uri": [SECRET]});
    let kept = redactor.answer(&answer);
    assert_eq!(
        (&kept["token_type"], &kept["scope"], &kept["error"]),
        (&json!("Bearer"), &json!("openid"), &json!("invalid_grant"))
    );
    assert_eq!(kept["error_description"], "the code is unknown");
    assert!(!kept.to_string().contains("horse"), "{kept}");
}

#[test]
fn of_headers_only_those_are_kept_by_which_a_message_is_read() {
    let mut replaced = Replaced::default();
    for (name, value) in [
        ("Content-Type", "application/scim+json; charset=utf-8"),
        ("Accept", "application/json, */*"),
        ("If-Match", "W/\"12\""),
        ("If-None-Match", "*"),
        ("Content-Length", "12"),
        ("User-Agent", "Okta SCIM Client 1.0.0"),
        ("User-Agent", "python-requests/2.31.0"),
    ] {
        let kept = request_header(name, value, &mut replaced).map(|(_, value)| value.replace(", ", "; "));
        assert_eq!(kept.as_deref(), Some(value.replace(", ", "; ").as_str()), "{name}");
    }
    assert_eq!(replaced, Replaced::default());
    for name in [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "DPoP",
        "X-Api-Key",
        "X-Auth-Token",
        "Referer",
        "Origin",
        "X-Forwarded-For",
        "User-Agent",
        "Content-Type",
        "Accept",
        "If-Match",
        "If-None-Match",
        "Idempotency-Key",
        "Content-Length",
        "Content-Encoding",
        "Host",
    ] {
        let (_, kept) = request_header(name, "hunter2 correct9horse", &mut replaced).expect("its name");
        assert!(!kept.contains("hunter2") && !kept.contains("horse"), "{name}: {kept}");
    }
    assert_eq!(request_header("gws_secret", "1", &mut replaced), None);
    assert_eq!(
        answer_header("Set-Cookie", SECRET, &mut replaced),
        Some(("set-cookie".to_owned(), REPLACED.to_owned()))
    );
    let located = answer_header("Location", &format!("https://acme.test/cb?code={SECRET}"), &mut replaced);
    assert_eq!(located, Some(("location".to_owned(), "https://acme.test/cb?(replaced)".to_owned())));
}

#[test]
fn what_a_refusal_repeats_of_a_filter_is_left_out() {
    let told = |text: &str| without_quotations(text);
    assert_eq!(
        told("at character 10: `eq \"a b\"` should not be here; `and` may be missing"),
        "at character 10: `(replaced)` should not be here; `(replaced)` may be missing"
    );
    assert_eq!(told("\"a\" and `b"), "\"(replaced)\" and `(replaced)");
    assert_eq!(told("nothing"), "nothing");
}
