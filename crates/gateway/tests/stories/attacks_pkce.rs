//! Attacks on PKCE (RFC 7636, RFC 9700 §2.1.1 and §4.8): a code is good only with its verifier.

use serde_json::json;

use crate::support::account::{Account, User};
use crate::support::browser::Landed;
use crate::support::http::Answer;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const S256: [(&str, &str); 2] = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];

/// A client, and a user who accepts.
struct Scene {
    client: OAuthClient,
    ada: User,
}

impl Scene {
    async fn new(acme: &Account) -> Scene {
        Scene { client: acme.generic_client().await, ada: acme.service_account().await }
    }

    fn url(&self, challenge: &[(&str, &str)]) -> String {
        let uri = self.client.redirect_uri();
        let asked = [("response_type", "code"), ("client_id", self.client.id.as_str()), ("redirect_uri", uri.as_str())];
        self.client.authorization_url_with(&[&asked[..], challenge].concat())
    }

    async fn code(&self, challenge: &[(&str, &str)]) -> String {
        let browser = self.client.world.browser();
        let page = browser.open(&self.url(challenge)).await.page();
        let page = browser.log_in(&page, &self.ada.user_name, &self.ada.password).await.page();
        browser.press(&page, "Accept access").await.callback().code()
    }

    async fn exchange(&self, code: &str, verifier: Option<&str>) -> Answer {
        let uri = self.client.redirect_uri();
        let mut asked = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &uri)];
        asked.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        self.client.token(&asked).await
    }

    async fn refused(&self, challenge: &[(&str, &str)]) {
        let callback = self.client.world.browser().open(&self.url(challenge)).await.callback();
        assert_eq!(callback.parameter("error").as_deref(), Some("invalid_request"), "{challenge:?}: {}", callback.0);
    }
}

story!(attack_23_a_wrong_verifier_costs_the_code, async |world: World| {
    let scene = Scene::new(&world.account("acme").await).await;
    let code = scene.code(&S256).await;
    scene.exchange(&code, Some(&VERIFIER.replace('d', "e"))).await.expect_oauth_error(400, "invalid_grant");
    scene.exchange(&code, Some(VERIFIER)).await.expect_oauth_error(400, "invalid_grant");
    let code = scene.code(&S256).await;
    scene.exchange(&code, Some(VERIFIER)).await.expect(200);
});

story!(attack_24_a_challenge_wants_its_verifier, async |world: World| {
    let scene = Scene::new(&world.account("acme").await).await;
    for verifier in [None, Some("")] {
        let code = scene.code(&S256).await;
        scene.exchange(&code, verifier).await.expect_oauth_error(400, "invalid_grant");
    }
});

story!(attack_25_a_verifier_without_a_challenge_is_a_downgrade, async |world: World| {
    let scene = Scene::new(&world.account("acme").await).await;
    let code = scene.code(&[]).await;
    scene.exchange(&code, Some(VERIFIER)).await.expect_oauth_error(400, "invalid_grant");
});

story!(attacks_26_and_28_the_only_method_is_s256_over_43_characters, async |world: World| {
    let scene = Scene::new(&world.account("acme").await).await;
    scene.refused(&[("code_challenge", VERIFIER), ("code_challenge_method", "plain")]).await;
    scene.refused(&[("code_challenge", CHALLENGE)]).await;
    scene.refused(&[("code_challenge", CHALLENGE), ("code_challenge_method", "s256")]).await;
    scene.refused(&[("code_challenge_method", "S256")]).await;
    let (short, long) = (&CHALLENGE[1..], "a".repeat(129));
    for bad in [short, &format!("{CHALLENGE}x"), &long, &CHALLENGE.replace('-', "+"), &CHALLENGE.replace('-', "=")] {
        scene.refused(&[("code_challenge", bad), ("code_challenge_method", "S256")]).await;
    }
});

story!(attack_27_who_must_use_pkce_cannot_leave_it_out, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let uris = ["http://127.0.0.1/callback"];
    for body in [
        json!({"name": "Command line", "public": true, "redirect_uris": uris, "grant_types": ["authorization_code"]}),
        json!({"name": "Careful", "require_pkce": true, "redirect_uris": uris}),
        json!({"name": "Strict", "profile": "strict", "redirect_uris": uris}),
    ] {
        let scene = Scene { client: acme.client(body).await, ada: ada.clone() };
        scene.refused(&[]).await;
    }
    // Okta sends none: allowed, bound to the secret and the exact URI, and written down.
    let scene = Scene { client: acme.okta_client().await, ada };
    let code = scene.code(&[]).await;
    scene.exchange(&code, None).await.expect(200);
    assert!(acme.audit().await.actions().contains(&"grant.without_pkce"));
});
