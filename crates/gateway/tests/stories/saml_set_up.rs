//! A SAML provider is set up: by its metadata at an address, by hand in the console; its requests are signed; and what a real browser does
//! between two sites.

use std::sync::{Arc, Mutex, PoisonError};

use gateway::domain::saml::certificate::Certificate;
use reqwest::Method;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use url::Url;

use crate::support::account::{Account, items, text};
use crate::support::browser::Landing;
use crate::support::chromium::Chromium;
use crate::support::console::NO_APP;
use crate::support::saml_documents::{Document, Signer, encoded};
use crate::support::saml_provider::{ENTITY_ID, SSO_URL, SamlProvider, request_of};
use crate::support::testing::World;
use crate::support::web_site::{WebSite, page};

/// Lets a gateway call another server on this machine.
const REACH: (&str, &str) = ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true");

/// A provider's metadata with this certificate.
fn metadata(certificate: &str) -> String {
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ENTITY_ID}\"><IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{SSO_URL}\"/></IDPSSODescriptor></EntityDescriptor>"
    )
}

fn pem(certificate: &str) -> String {
    format!("-----BEGIN CERTIFICATE-----\r\n{certificate}\r\n-----END CERTIFICATE-----\r\n")
}

async fn set(account: &Account, saml: Value) -> Value {
    account.admin(Method::PATCH, "/sign-in").json(&json!({"saml": saml})).await.expect(200).json()
}

/// What is wrong with an address of metadata.
async fn wrong(account: &Account, address: &str) -> String {
    let body = json!({"saml": {"name": "Acme SAML", "metadata_url": address}});
    let told = account.admin(Method::PATCH, "/sign-in").json(&body).await.expect_problem(400);
    let [told] = items(&json!({"items": told["errors"]})).try_into().expect("one mistake");
    assert_eq!(told["field"], "saml.metadata_url", "{told}");
    text(&told["detail"])
}

story!(metadata_is_fetched_when_it_is_given_and_not_again_by_itself, settings = [REACH], async |world: World| {
    let acme = world.account("acme").await;
    acme.user("ada@acme.test").role("admin").create().await;
    let shown = Arc::new(Mutex::new(metadata(&Signer::other().certificate)));
    let now_shown = shown.clone();
    let site = WebSite::start(move |_| page(now_shown.lock().unwrap_or_else(PoisonError::into_inner).as_str()));
    let address = format!("http://{}/app/metadata", site.address);
    let asked = json!({"name": "Acme SAML", "metadata_url": address, "idp_initiated": true});
    let given = set(&acme, asked.clone()).await;
    assert_eq!((&given["saml"]["entity_id"], &given["saml"]["sso_url"]), (&json!(ENTITY_ID), &json!(SSO_URL)));
    assert_eq!(site.visits(), ["/app/metadata"]);

    // The provider changes its certificate. Its metadata says so, and that counts when an operator gives it again.
    let saml = SamlProvider::reading(&world, &acme).await;
    *shown.lock().unwrap_or_else(PoisonError::into_inner) = metadata(&Signer::provider().certificate);
    let refused = saml.bring(&saml.about("ada@acme.test").response()).await.expect(400);
    assert!(refused.page().contains("certificate"), "{}", refused.page());
    set(&acme, json!({"name": "Ours", "idp_initiated": true})).await;
    assert_eq!(site.visits().len(), 1, "neither a log-in nor another change fetches");
    set(&acme, asked).await;
    saml.accepted(&saml.about("ada@acme.test").response()).await;
    assert_eq!(site.visits().len(), 2);
});

story!(metadata_that_cannot_be_had_is_refused_in_words, settings = [REACH], async |world: World| {
    let acme = world.account("acme").await;
    let site = WebSite::start(|path| match path {
        "/elsewhere" => Some((302, "Location: /metadata\r\n".to_owned(), Vec::new())),
        "/missing" => Some((404, String::new(), b"not here".to_vec())),
        "/page" => page("<html><body>Sign in</body></html>"),
        "/latin" => page([b'<', 0xe9, b'>']),
        "/large" => page(vec![b' '; 2 << 20]),
        "/doctype" => page(format!("<!DOCTYPE a [<!ENTITY e \"x\">]>{}", metadata(&Signer::provider().certificate))),
        "/silent" => None,
        _ => page(metadata("AAAA")),
    });
    for (path, why) in [
        ("/elsewhere", "redirects"),
        ("/missing", "404"),
        ("/page", "no identity provider"),
        ("/latin", "UTF-8"),
        ("/large", "KiB"),
        ("/doctype", "document type"),
        ("/silent", "no answer came"),
        ("/other", "certificate"),
    ] {
        let told = wrong(&acme, &format!("http://{}{path}", site.address)).await;
        assert!(told.contains(why), "{path}: {told}");
    }
    assert_eq!(site.visits().len(), 8, "each was asked for once: {:?}", site.visits());
    assert_eq!(acme.admin_get("/sign-in").await["saml"], Value::Null);
});

story!(metadata_is_not_fetched_from_within_the_network, async |world: World| {
    let acme = world.account("acme").await;
    let site = WebSite::start(|_| page(metadata(&Signer::provider().certificate)));
    let port = site.address.port();
    for address in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        "https://10.0.0.1/metadata".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::1]/metadata".to_owned(),
        "file:///etc/passwd".to_owned(),
        "https://ada:secret@id.test/metadata".to_owned(),
    ] {
        let told = wrong(&acme, &address).await;
        assert!(!told.is_empty() && !told.contains("secret"), "{address}: {told}");
    }
    assert_eq!(site.visits(), Vec::<String>::new());
});

story!(a_saml_provider_is_set_up_by_hand_in_the_console, settings = [NO_APP], async |world: World| {
    let acme = world.account("acme").await;
    acme.user("ada@acme.test").role("admin").create().await;
    let nora = world.operator("nora@vendor.test", "csm").await;
    let path = format!("/accounts/{}/sign-in", acme.id);
    let both = format!("{}\r\n{}", pem(&Signer::other().certificate), pem(&Signer::provider().certificate));
    let by_hand = [
        ("with_saml", "yes"),
        ("saml_name", "Acme SAML"),
        ("saml_entity_id", ENTITY_ID),
        ("saml_sso_url", SSO_URL),
        ("saml_certificates", both.as_str()),
        ("saml_idp_initiated", "yes"),
    ];
    for (field, value, why) in [
        ("saml_sso_url", "javascript:alert(1)", "The single sign-on URL must be an https URL"),
        ("saml_entity_id", "", "The entity ID is missing"),
        ("saml_certificates", "nonsense", "The certificates have a mistake: number 1 is no X.509 certificate"),
        ("saml_certificates", "", "The certificates is missing"),
    ] {
        let typed = by_hand.map(|(name, given)| (name, if name == field { value } else { given }));
        let told = nora.press(&nora.open(&path).await, "Save", &typed).await;
        let words = told.words();
        assert!(words.contains("Nothing was saved") && words.contains(why), "{field}: {words}");
    }
    let saved = nora.press(&nora.open(&path).await, "Save", &by_hand).await;
    assert!(saved.words().contains("is saved"), "{}", saved.words());
    for part in [ENTITY_ID, SSO_URL, "a certificate until"] {
        assert!(saved.words().contains(part), "{part}: {}", saved.words());
    }
    let kept = acme.admin_get("/sign-in").await["saml"].clone();
    assert_eq!(items(&json!({"items": kept["certificates"]})).len(), 2, "{kept}");
    let saml = SamlProvider::reading(&world, &acme).await;
    saml.accepted(&saml.about("ada@acme.test").response()).await;

    // What is left empty stays, and requests are signed where that is ticked.
    let certificates = format!("{}/saml/certificate", world.gateway.public_url);
    assert!(!saved.words().contains(&certificates));
    let again = nora.press(&saved, "Save", &[("saml_sign_requests", "yes")]).await;
    assert!(again.words().contains("is saved") && again.answer.text().contains(&certificates), "{}", again.words());
    let changed = acme.admin_get("/sign-in").await["saml"].clone();
    assert_eq!((&changed["certificates"], &changed["sign_requests"]), (&kept["certificates"], &json!(true)));
    world.get(&certificates).await.expect(200);
});

story!(requests_are_signed_where_the_account_says_so, async |world: World| {
    world.add_replica().await;
    let (acme, plain) = (world.account("acme").await, world.account("plain").await);
    let own = async |account: &Account| {
        let told = account.admin_get("/sign-in").await["saml_addresses"].clone();
        (text(&told["metadata_url"]), text(&told["certificate_url"]))
    };
    let (metadata_url, certificate_url) = own(&acme).await;
    let unsigned = SamlProvider::of(&world, &plain, json!({})).await;
    world.get(&certificate_url).await.expect(404);
    assert!(world.get(&metadata_url).await.expect(200).text().contains("AuthnRequestsSigned=\"false\""));

    let saml = SamlProvider::of(&world, &acme, json!({"sign_requests": true})).await;
    let published = world.get(&certificate_url).await.expect(200);
    assert_eq!(published.header("content-type"), Some("application/x-pem-file"));
    let certificate = Certificate::read(&published.text()).expect("a certificate");
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate.key.bytes);
    for _ in 0..2 {
        // At either replica.
        let told = world.get(&metadata_url).await.expect(200).text();
        assert!(told.contains("AuthnRequestsSigned=\"true\"") && told.contains(&certificate.base64), "{told}");
        let Landing::Left(url) = world.browser().open(&saml.login).await else { panic!("still here") };
        let query = url.query().expect("a query");
        let (signed, signature) = query.split_once("&Signature=").expect("a signature");
        let (_, signed) = signed.split_once("SAMLRequest=").expect("a request");
        let signed = format!("SAMLRequest={signed}");
        let pairs: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(pairs, ["app", "SAMLRequest", "SigAlg", "Signature"], "{signature}");
        let value = url.query_pairs().find(|(name, _)| name == "Signature").expect("a signature").1;
        let value = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, value.as_bytes());
        key.verify(signed.as_bytes(), &value.expect("base64")).expect("verified");
        assert!(request_of(&url).contains(&saml.consumer));
    }
    // No other account's requests are, and its metadata says so.
    let (metadata_url, _) = own(&plain).await;
    assert!(world.get(&metadata_url).await.expect(200).text().contains("AuthnRequestsSigned=\"false\""));
    let Landing::Left(url) = world.browser().open(&unsigned.login).await else { panic!("still here") };
    assert!(!url.query().unwrap_or_default().contains("Signature"), "{url}");
});

story!(the_key_that_signs_requests_is_replaced_while_providers_know_both_certificates, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let step = |step: &str| {
        let output = world.command(&["keys", "saml", step], &[]);
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(Certificate::read(&said(&output.stdout)).expect("a certificate").base64),
            false => Err(said(&output.stderr)),
        }
    };
    assert!(step("announce").expect_err("no key").contains("no account has its requests signed"));
    let saml = SamlProvider::of(&world, &acme, json!({"sign_requests": true})).await;
    let addresses = acme.admin_get("/sign-in").await["saml_addresses"].clone();
    let certificate = async || {
        let pem = world.get(&text(&addresses["certificate_url"])).await.expect(200).text();
        Certificate::read(&pem).expect("a certificate")
    };
    let first = certificate().await;
    // Which of these certificates the metadata has, at each replica, and whether the first of them signs.
    let stands = async |told: &[&Certificate], not: Option<&str>| {
        for _ in 0..2 {
            let metadata = world.get(&text(&addresses["metadata_url"])).await.expect(200).text();
            assert_eq!(metadata.matches("<ds:X509Certificate>").count(), told.len(), "{metadata}");
            assert!(told.iter().all(|certificate| metadata.contains(&certificate.base64)), "{metadata}");
            assert!(not.is_none_or(|not| !metadata.contains(not)), "{metadata}");
            let Landing::Left(url) = world.browser().open(&saml.login).await else { panic!("still here") };
            let (signed, _) = url.query().and_then(|query| query.split_once("&Signature=")).expect("a signature");
            let signed = format!("SAMLRequest={}", signed.split_once("SAMLRequest=").expect("a request").1);
            let value = url.query_pairs().find(|(name, _)| name == "Signature").expect("a signature").1;
            let value =
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, value.as_bytes()).expect("base64");
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &told[0].key.bytes);
            key.verify(signed.as_bytes(), &value).expect("signed with the first");
        }
    };
    stands(&[&first], None).await;
    for (early, why) in [("switch", "no next key"), ("withdraw", "no certificate before")] {
        assert!(step(early).expect_err(early).contains(why), "{early}");
    }
    let announced = step("announce").expect("announced");
    assert_eq!(step("announce").expect("again"), announced, "one next key");
    let next = Certificate::read(&announced).expect("a certificate");
    assert_ne!(next.base64, first.base64);
    stands(&[&first, &next], None).await;
    assert_eq!(step("switch").expect("it signs"), announced);
    assert_eq!(certificate().await.base64, announced);
    stands(&[&next, &first], None).await;
    assert!(step("announce").expect_err("still before").contains("withdraw it first"));
    step("withdraw").expect("withdrawn");
    stands(&[&next], Some(&first.base64)).await;
    let trail = items(&world.admin_get("/audit?action=saml.request_key_replaced").await);
    assert_eq!(trail.len(), 3, "{trail:?}");
});

story!(a_real_browser_comes_back_from_another_site_as_who_began, async |world: World| {
    let Some(chromium) = Chromium::start("saml").await else { return };
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    acme.user("ada@acme.test").role("master_admin").create().await;
    let saml = SamlProvider::of(&world, &acme, json!({"idp_initiated": true})).await;
    let saml = Arc::new(saml);
    // Another site, for a browser: cookies that are the gateway's own are not sent from there.
    let provider = saml.clone();
    let site = WebSite::start(move |path| {
        let url = Url::parse("https://id.test").expect("a URL").join(path).expect("a path");
        let document = match url.path() {
            "/sso" => provider.answer(&Landing::Left(url), "ada@acme.test"),
            "/dashboard" => Document { id: "_tile".to_owned(), ..provider.about("ada@acme.test") },
            _ => return Some((404, String::new(), Vec::new())),
        };
        page(format!(
            r#"<form method="post" action="{}"><input type="hidden" name="SAMLResponse" value="{}"></form><script>document.forms[0].submit()</script>"#,
            provider.consumer,
            encoded(&document.response())
        ))
    });
    let there = format!("http://localhost:{}", site.address.port());
    set(&acme, json!({"name": "Acme SAML", "sso_url": format!("{there}/sso"), "idp_initiated": true})).await;

    chromium.open(&client.authorization_url("s-1")).await;
    chromium.press("Continue with Acme SAML").await;
    chromium.until("the consent page", "return document.body.innerText.includes('Accept access')").await;
    assert!(chromium.words().await.contains("ada@acme.test"));
    // From the provider's own page, in a browser that knows nothing.
    chromium.forget().await;
    chromium.open(&format!("{there}/dashboard")).await;
    chromium.until("the own page", "return location.pathname.endsWith('/account')").await;
    assert!(chromium.words().await.contains("ada@acme.test"));
    assert!(site.visits().iter().any(|path| path.starts_with("/sso?SAMLRequest=")), "{:?}", site.visits());
    chromium.finish();
});
