//! Logging in at an account's SAML provider.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::browser::{Browser, Landed, Landing};
use crate::support::concurrently::all;
use crate::support::saml_documents::{Document, Form, Signer};
use crate::support::saml_provider::{ENTITY_ID, SSO_URL, SamlProvider, request_of};
use crate::support::testing::World;

story!(people_sign_in_at_the_saml_provider_of_their_account, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let service = acme.service_account().await;
    let saml = SamlProvider::of(&world, &acme, json!({})).await;

    let browser = world.browser();
    let page = browser.open(&client.authorization_url("s-1")).await.page();
    let away = browser.press(&page, "Continue with Acme SAML").await;
    let Landing::Left(url) = &away else { panic!("still here") };
    assert!(url.as_str().starts_with("https://id.test/sso?app=1&SAMLRequest="), "{url}");
    let request = request_of(url);
    for part in
        [format!("Destination=\"{SSO_URL}\""), format!(">{}<", saml.audience), format!("URL=\"{}\"", saml.consumer)]
    {
        assert!(request.contains(&part), "{request}");
    }
    let (_, issued) = request.split_once(" IssueInstant=\"").expect("a time");
    assert!(issued.chars().nth(10) == Some('T') && issued.chars().nth(23) == Some('Z'), "{request}");
    let response = saml.answer(&away, "ada@acme.test").response();
    let next = saml.accepted(&response).await;
    // Not in another browser, and looking uses nothing up.
    assert_eq!(world.call(Method::HEAD, &next).await.status, 200);
    let consent = browser.open(&next).await.page();
    assert!(consent.is_consent() && consent.words().contains("ada@acme.test"), "{}", consent.words());
    let code = browser.press(&consent, "Accept access").await.callback().code();
    let tokens = client.exchange(&code).await.expect(200).json();
    assert_eq!(client.introspect(&text(&tokens["access_token"])).await["sub"], ada.id.as_str());

    // The ticket counted once, the response too, in no other browser, and for no other request.
    assert_eq!(browser.open(&next).await.page().answer.status, 403);
    assert!(saml.bring(&response).await.expect(400).page().contains("brought before"));
    let again = Document { in_response_to: saml.answer(&away, "x").in_response_to, ..saml.about("ada@acme.test") };
    assert!(saml.bring(&again.response()).await.expect(400).page().contains("was answered before"));
    let page = browser.open(&client.authorization_url("s-2")).await.page();
    let page = if page.is_consent() { browser.press(&page, "Log in as another user").await.page() } else { page };
    let away = browser.press(&page, "Continue with Acme SAML").await;
    let next = saml.accepted(&saml.answer(&away, "ada@acme.test").response()).await;
    assert_eq!(world.browser().open(&next).await.page().answer.status, 403);
    assert_eq!(browser.open(&next).await.page().answer.status, 403, "a ticket that was shown elsewhere is gone");

    // From now on a person's password opens nothing here; a service account's does.
    let other = world.browser();
    let page = other.open(&client.authorization_url("s-3")).await.page();
    let refused = other.log_in(&page, &ada.user_name, &ada.password).await.page();
    assert!(!refused.is_consent() && refused.words().contains("Acme SAML"), "{}", refused.words());
    assert!(other.log_in(&refused, &service.user_name, &service.password).await.page().is_consent());
});

story!(a_person_begins_at_the_provider_only_where_the_account_allows_it, async |world: World| {
    let acme = world.account("acme").await;
    acme.user("ada@acme.test").role("master_admin").create().await;
    let saml = SamlProvider::of(&world, &acme, json!({})).await;
    let unasked = saml.about("ada@acme.test").response();
    assert!(saml.bring(&unasked).await.expect(400).page().contains("does not let people come"));
    // Also where the account allows it later, that assertion is spent.
    let saml_too = SamlProvider::of(&world, &acme, json!({"idp_initiated": true})).await;
    assert!(saml_too.bring(&unasked).await.expect(400).page().contains("brought before"));
    let browser = world.browser();
    let response = Document { id: "_own".to_owned(), ..saml.about("ada@acme.test") }.signed_response();
    let own = browser.open(&saml.accepted(&response).await).await.page();
    assert_eq!(own.url.as_str(), format!("{}/account", world.gateway.public_url), "and not where RelayState says");
    assert!(own.words().contains("ada@acme.test"), "{}", own.words());

    // By way of the account's own address, which any page may link to.
    let other = world.browser();
    let away = other.open(&saml.login).await;
    let response = Document { id: "_own2".to_owned(), ..saml.answer(&away, "ada@acme.test") }.response();
    let own = other.open(&saml.accepted(&response).await).await.page();
    assert_eq!(own.url.path(), "/account", "{}", own.url);
});

story!(a_new_log_in_is_asked_of_the_provider_and_made_sure_of, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    acme.user("ada@acme.test").role("master_admin").create().await;
    let saml = SamlProvider::of(&world, &acme, json!({})).await;
    for (ago, let_in) in [(0, true), (3_600_000, false)] {
        let browser = world.browser();
        let page = browser.open(&format!("{}&prompt=login", client.authorization_url("s-1"))).await.page();
        let away = browser.press(&page, "Continue with Acme SAML").await;
        let Landing::Left(url) = &away else { panic!("still here") };
        assert!(request_of(url).contains(" ForceAuthn=\"true\""));
        let of = saml.answer(&away, "ada@acme.test");
        let response = Document { authenticated: of.now - ago, ..of }.response();
        match let_in {
            true => assert!(browser.open(&saml.accepted(&response).await).await.page().is_consent()),
            false => {
                assert!(saml.bring(&response).await.expect(400).page().contains("did not ask you to log in again"))
            }
        }
    }
});

story!(an_assertion_counts_once_at_all_replicas_together, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    acme.user("ada@acme.test").role("master_admin").create().await;
    let saml = SamlProvider::of(&world, &acme, json!({"idp_initiated": true})).await;
    for round in 0..3 {
        let response = Document { id: format!("_round{round}"), ..saml.about("ada@acme.test") }.response();
        let answers = all((0..6).map(|_| saml.bring(&response)).collect()).await;
        let let_in = answers.iter().filter(|answer| answer.status == 303).count();
        assert_eq!(let_in, 1, "{answers:?}");
    }
});

story!(the_account_is_found_by_the_issuer_where_all_share_one_address, async |world: World| {
    let acme = world.account("acme").await;
    acme.user("ada@acme.test").role("master_admin").create().await;
    let saml = SamlProvider::of(&world, &acme, json!({"idp_initiated": true, "shared_addresses": true})).await;
    let shared = |id: &str| {
        let shared = saml.shared_consumer.clone();
        let audience = format!("{}/saml", world.gateway.public_url);
        let of = saml.about("ada@acme.test");
        Document { id: id.to_owned(), recipient: shared.clone(), destination: shared, audience, ..of }.response()
    };
    let browser = world.browser();
    let answer = saml.bring_to(&saml.shared_consumer, &shared("_1")).await.expect(303);
    let own = browser.open(answer.header("location").expect("a location")).await.page();
    assert!(own.words().contains("ada@acme.test"), "{}", own.words());
    // What is for one address does not count at the other.
    assert!(saml.bring(&shared("_2")).await.expect(400).page().contains("Destination"));
    let own_address = saml.about("ada@acme.test").response();
    assert!(saml.bring_to(&saml.shared_consumer, &own_address).await.expect(400).page().contains("Destination"));
    // Requests name the shared addresses, where the account says so.
    let Landing::Left(url) = world.browser().open(&saml.login).await else { panic!("still here") };
    assert!(request_of(&url).contains(&saml.shared_consumer));
    // Two accounts with one provider have to use their own.
    let other = world.account("other").await;
    SamlProvider::of(&world, &other, json!({"idp_initiated": true})).await;
    let unclear = saml.bring_to(&saml.shared_consumer, &shared("_3")).await.expect(400);
    assert!(unclear.page().contains("more than one account"));
    other.admin(Method::PATCH, "/sign-in").json(&json!({"saml": null})).await.expect(200);
    saml.bring_to(&saml.shared_consumer, &shared("_4")).await.expect(303);
});

story!(a_user_is_made_of_a_person_only_where_the_account_says_so, async |world: World| {
    let acme = world.account("acme").await;
    let gone = acme.user("gone@acme.test").role("master_admin").with("active", json!(false)).create().await;
    let saml = SamlProvider::of(&world, &acme, json!({"idp_initiated": true})).await;
    let with = |person: &str, role: &str| {
        let mut of = saml.about(person);
        let attributes = [
            ("role", role),
            ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "Nia"),
            ("active", "false"),
        ];
        of.attributes.extend(attributes.map(|(name, value)| (name.to_owned(), value.to_owned())));
        of.response()
    };
    assert!(saml.bring(&with("nia@acme.test", "admin")).await.expect(400).page().contains("no active user"));
    let saml = SamlProvider::of(&world, &acme, json!({"idp_initiated": true, "create_users": true})).await;
    let with = |id: &str, person: &str, role: &str| {
        let mut of = saml.about(person);
        of.id = id.to_owned();
        let attributes = [
            ("role", role),
            ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "Nia"),
            ("active", "false"),
        ];
        of.attributes.extend(attributes.map(|(name, value)| (name.to_owned(), value.to_owned())));
        of.response()
    };
    // The rules of SCIM hold, and a user who was deactivated stays so.
    let refused = saml.bring(&with("_a", "nia@acme.test", "emperor")).await.expect(400).page();
    assert!(refused.contains("No user could be made of you") && refused.contains("role"), "{refused}");
    let refused = saml.bring(&with("_b", "gone@acme.test", "admin")).await.expect(400).page();
    assert!(refused.contains("no active user"), "{refused}");
    assert!(!gone.id.is_empty());
    for id in ["_c", "_d"] {
        let next = saml.accepted(&with(id, "nia@acme.test", "admin")).await;
        let own = world.browser().open(&next).await.page();
        assert!(own.words().contains("nia@acme.test"), "{}", own.words());
    }
    let found = acme.admin(Method::GET, "/users?filter=userName%20eq%20%22nia@acme.test%22").await.expect(200).json();
    let [nia] = items(&found).try_into().expect("one user");
    assert_eq!(
        (&nia["role"], &nia["active"], &nia["name"]["givenName"]),
        (&json!("admin"), &json!(true), &json!("Nia"))
    );
    assert_eq!(nia["emails"][0]["value"], "nia@acme.test");
});

story!(users_are_matched_by_what_the_account_says, async |world: World| {
    let acme = world.account("acme").await;
    acme.user("ada")
        .role("admin")
        .with("emails", json!([{"value": "ada@acme.test"}]))
        .with("externalId", json!("00u1"))
        .create()
        .await;
    let sent = |saml: &SamlProvider, id: &str| {
        let mut of = saml.about("x@acme.test");
        of.id = id.to_owned();
        of.attributes = vec![("mail".to_owned(), "ada@acme.test".to_owned()), ("uid".to_owned(), "00u1".to_owned())];
        of.response()
    };
    for (n, (attribute, match_by, found)) in [
        (json!("mail"), "email", true),
        (json!("mail"), "user_name", false),
        (json!("uid"), "external_id", true),
        (Value::Null, "email", false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut more = json!({"idp_initiated": true, "match_by": match_by});
        if !attribute.is_null() {
            more["attribute"] = attribute.clone();
        }
        let saml = SamlProvider::of(&world, &acme, more).await;
        let answer = saml.bring(&sent(&saml, &format!("_{n}"))).await;
        assert_eq!(answer.status, if found { 303 } else { 400 }, "{attribute} {match_by}");
    }
});

story!(a_provider_is_given_by_its_metadata_or_by_hand_and_may_change_its_certificate, async |world: World| {
    let acme = world.account("acme").await;
    acme.user("ada@acme.test").role("admin").create().await;
    let key = |certificate: &str| {
        format!(
            "<KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
        )
    };
    let metadata = |keys: &str| {
        format!(
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ENTITY_ID}\"><IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}<SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{SSO_URL}\"/></IDPSSODescriptor></EntityDescriptor>"
        )
    };
    let set = async |saml: Value| acme.admin(Method::PATCH, "/sign-in").json(&json!({"saml": saml})).await;
    let other = &Signer::other().certificate;
    let both = format!("{}{}", key(other), key(&Signer::provider().certificate));
    let given =
        set(json!({"name": "Acme SAML", "metadata": metadata(&both), "idp_initiated": true})).await.expect(200).json();
    assert_eq!((&given["saml"]["entity_id"], &given["saml"]["sso_url"]), (&json!(ENTITY_ID), &json!(SSO_URL)));
    assert_eq!(items(&json!({"items": given["saml"]["certificates"]})).len(), 2, "{given}");
    let saml = SamlProvider::of(&world, &acme, json!({"idp_initiated": true})).await;
    saml.accepted(&saml.about("ada@acme.test").response()).await;
    // What is left out stays; what is wrong is named.
    let kept = set(json!({"name": "Ours"})).await.expect(200).json();
    assert_eq!((&kept["saml"]["entity_id"], &kept["saml"]["idp_initiated"]), (&json!(ENTITY_ID), &json!(false)));
    let wrong = [
        (json!({"name": "A", "metadata": "<a/>"}), "saml.metadata", "no identity provider"),
        (json!({"name": "A", "metadata": metadata("")}), "saml.metadata", "no certificate"),
        (json!({"name": "A", "metadata": "x", "metadata_url": "https://id.test"}), "saml.metadata_url", "one of both"),
        (json!({"name": "A", "metadata_url": "http://10.0.0.1/"}), "saml.metadata_url", "https"),
        (
            json!({"name": "A", "metadata": metadata(&both), "entity_id": "x"}),
            "saml.entity_id",
            "stands in the metadata",
        ),
        (json!({"name": "A", "certificates": ["x"]}), "saml.certificates[0]", "base64"),
        (json!({"name": "A", "certificates": []}), "saml.certificates", "must be 1 to 10"),
        (json!({"name": "A", "sso_url": "javascript:alert(1)"}), "saml.sso_url", "https"),
        (json!({"name": "A", "match_by": "shoe_size"}), "saml.match_by", "user_name"),
    ];
    for (body, field, why) in wrong {
        let told = set(body).await.expect_problem(400);
        let told = told["errors"].to_string();
        assert!(told.contains(field) && told.contains(why), "{told}");
    }
    let trail = format!("/audit?account={}&action=account.sign_in_changed", acme.id);
    let trail = world.admin(Method::GET, &trail).await.expect(200).json();
    assert!(items(&trail).len() >= 3, "{trail}");
    assert!(!trail.to_string().contains(other), "a fingerprint says which certificate it was");
});

story!(what_a_provider_has_to_know_is_published, async |world: World| {
    let acme = world.account("acme").await;
    let told = acme.admin(Method::GET, "/sign-in").await.expect(200).json();
    let told = |name: &str| text(&told["saml_addresses"][name]);
    let own = world.get(&told("metadata_url")).await.expect(200);
    assert_eq!(own.header("content-type"), Some("application/samlmetadata+xml"));
    for part in [
        told("audience"),
        told("single_sign_on_url"),
        told("other_single_sign_on_url"),
        "nameid-format:emailAddress".to_owned(),
    ] {
        assert!(own.text().contains(&part), "{part}: {}", own.text());
    }
    let shared = world.get("/saml/metadata").await.expect(200).text();
    assert!(
        shared.contains(&told("shared_audience")) && shared.contains(&told("other_single_sign_on_url")),
        "{shared}"
    );
    world.get("/saml/nothing/metadata").await.expect(404);
    world.get("/saml/nothing/login").await.expect(400);
});

story!(a_response_is_taken_as_a_form_and_not_in_an_address, async |world: World| {
    let acme = world.account("acme").await;
    let saml = SamlProvider::of(&world, &acme, json!({"idp_initiated": true})).await;
    let browser: Browser = world.browser();
    let page = browser.open(&format!("{}?SAMLResponse=x", saml.consumer)).await.page();
    assert_eq!(page.answer.status, 405);
    // A form that is too large is not read to its end.
    let large = [("SAMLResponse", "A".repeat(5 << 20))];
    assert_eq!(world.post(&saml.consumer).form(&large).await.status, 413);
    let weak = Document { form: Form::sha1(), ..saml.about("ada@acme.test") }.response();
    assert!(saml.bring(&weak).await.expect(400).page().contains("SHA-1"));
});
