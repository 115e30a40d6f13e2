//! An identity provider tells of security events by push (Shared Signals: CAEP and RISC, RFC 8935).

use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::browser::Landed;
use crate::support::key_server::SigningKey;
use crate::support::signal_sender::{REACH, SignalSender, by_email};
use crate::support::testing::World;

const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const ENABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-enabled";
const COMPROMISED: &str = "https://schemas.openid.net/secevent/risc/event-type/credential-compromise";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

async fn told(world: &World, account: &str, action: &str) -> Vec<Value> {
    items(&world.admin_get(&format!("/audit?account={account}&action={action}")).await)
}

story!(a_session_that_was_revoked_there_is_over_here_at_every_replica, settings = [REACH], async |world: World| {
    world.add_replica().await;
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let provider = SignalSender::of(&acme).await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let ben = acme.user("ben@acme.test").role("master_admin").create().await;
    let twin = other.user("ada@acme.test").role("master_admin").create().await;
    let (bens, theirs) =
        (acme.connect_identity_provider_as(&ben).await, other.connect_identity_provider_as(&twin).await);
    let complex =
        json!({"format": "complex", "user": by_email("ada@acme.test"), "device": {"format": "opaque", "id": "d"}});
    for (event, subject) in
        [(REVOKED, by_email("ada@acme.test")), (REVOKED, complex), (COMPROMISED, by_email("ada@acme.test"))]
    {
        let ours = acme.connect_identity_provider_as(&ada).await;
        let token = provider.signed("secevent+jwt", &provider.event(event, &subject, &json!({})));
        assert_eq!(provider.pushes(&token).await.expect(202).body.len(), 0);
        for _ in 0..2 {
            ours.get("/Users").await.expect_scim_error(401, None);
            bens.get("/Users").await.expect(200);
            theirs.get("/Users").await.expect(200);
        }
        // Delivered again it is taken, and ends nothing that began since.
        let since = acme.connect_identity_provider_as(&ada).await;
        provider.pushes(&token).await.expect(202);
        since.get("/Users").await.expect(200);
    }
    let received = told(&world, &acme.id, "signal.received").await;
    assert_eq!(received.len(), 3, "{received:?}");
    assert!(received.iter().all(|row| row["target"] == ada.id.as_str()), "{received:?}");
});

story!(a_user_who_is_disabled_there_cannot_log_in_until_enabled, settings = [REACH], async |world: World| {
    let acme = world.account("acme").await;
    let provider = SignalSender::of(&acme).await;
    let idp = acme.connected_identity_provider().await;
    let client = acme.okta_client().await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let ours = acme.connect_identity_provider_as(&ada).await;
    let logs_in = async || {
        let browser = world.browser();
        let page = browser.open(&client.authorization_url("s")).await.page();
        browser.log_in(&page, &ada.user_name, &ada.password).await.page()
    };
    assert!(logs_in().await.is_consent());
    let subject = by_email("ada@acme.test");
    for again in [true, false] {
        provider.tells(DISABLED, &subject).await.expect(202);
        ours.get("/Users").await.expect(401);
        let page = logs_in().await;
        assert!(!page.is_consent() && page.words().contains("has disabled your account"), "{}", page.words());
        // SCIM's own word stands: the user is as provisioned.
        assert_eq!(acme.admin_get(&format!("/users/{}", ada.id)).await["active"], true);
        match again {
            true => drop(provider.tells(ENABLED, &subject).await.expect(202)),
            // Or provisioning activates the user anew.
            false => {
                idp.patch(&ada).replace("active", false).await.expect(200);
                idp.patch(&ada).replace("active", true).await.expect(200);
            }
        }
        assert!(logs_in().await.is_consent());
    }
});

story!(each_error_of_a_push_is_one_of_the_rfc, settings = [REACH], async |world: World| {
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let provider = SignalSender::of(&acme).await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let ours = acme.connect_identity_provider_as(&ada).await;
    let subject = by_email("ada@acme.test");
    let set = |more: Value| provider.event(REVOKED, &subject, &more);
    let signed = |more: Value| provider.signed("secevent+jwt", &set(more));
    let forger = SigningKey::p256("sig-1");
    let forged = forger.jwt_with(&json!({"alg": "ES256", "typ": "secevent+jwt", "kid": "sig-1"}), &set(json!({})));
    for (token, code) in [
        ("nonsense".to_owned(), "invalid_request"),
        (provider.signed("JWT", &set(json!({}))), "invalid_request"),
        (provider.signed("global-token-revocation+jwt", &set(json!({}))), "invalid_request"),
        (signed(json!({"iat": 1})), "invalid_request"),
        (signed(json!({"jti": null})), "invalid_request"),
        (signed(json!({"events": {}})), "invalid_request"),
        (signed(json!({"events": null})), "invalid_request"),
        (signed(json!({"iss": "https://evil.test"})), "invalid_issuer"),
        (signed(json!({"aud": provider.endpoint})), "invalid_audience"),
        (forged, "invalid_key"),
    ] {
        let refused = provider.pushes(&token).await.expect(400).json();
        assert_eq!(refused["err"], code, "{refused}");
        assert!(refused["description"].is_string(), "{refused}");
    }
    let typed = world.post(&provider.events).body("application/json", signed(json!({}))).await.expect(400).json();
    assert_eq!(typed["err"], "invalid_request");
    let elsewhere = world.post(&provider.events.replace(&acme.id, &other.id));
    let elsewhere = elsewhere.body("application/secevent+jwt", signed(json!({}))).await.expect(400).json();
    assert_eq!(elsewhere["err"], "access_denied");
    ours.get("/Users").await.expect(200);

    // What nothing follows from is taken, and stands in the trail.
    let unknown =
        provider.tells("https://schemas.openid.net/secevent/caep/event-type/device-compliance-change", &subject);
    unknown.await.expect(202);
    provider.tells(VERIFICATION, &json!({"format": "opaque", "id": "stream-1"})).await.expect(202);
    provider.tells(REVOKED, &by_email("eve@acme.test")).await.expect(202);
    provider.tells(REVOKED, &json!({"format": "did", "url": "did:x"})).await.expect(202);
    ours.get("/Users").await.expect(200);
    let said: Vec<String> =
        told(&world, &acme.id, "signal.received").await.iter().map(|row| text(&row["detail"])).collect();
    for part in ["device-compliance-change: nothing", "verification: nothing", "no user in acme", "is not understood"] {
        assert!(said.iter().any(|said| said.contains(part)), "{part}: {said:?}");
    }
    // An audience that was agreed on.
    let change = json!({"signals": {"issuer": provider.issuer, "audience": "https://stream.test/7"}});
    acme.admin(reqwest::Method::PATCH, "/sign-in").json(&change).await.expect(200);
    let meant = signed(json!({"aud": "https://stream.test/7"}));
    provider.pushes(&meant).await.expect(202);
    ours.get("/Users").await.expect(401);
});

story!(what_began_after_a_session_was_revoked_stands, moving_clock, settings = [REACH], async |world: World| {
    let acme = world.account("acme").await;
    let provider = SignalSender::of(&acme).await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let client = acme.okta_client().await;
    let asks = async |browser: &crate::support::browser::Browser| {
        browser.open(&client.authorization_url("s")).await.page().is_consent()
    };
    let browser = async || {
        let browser = world.browser();
        let page = browser.open(&client.authorization_url("s")).await.page();
        assert!(browser.log_in(&page, &ada.user_name, &ada.password).await.page().is_consent());
        browser
    };
    let tell = async |event: &str, more: Value, claims: Value| {
        let mut claims = claims;
        claims["events"] = json!({event: more});
        provider.pushes(&provider.set(event, &by_email("ada@acme.test"), &claims).1).await.expect(202);
    };
    let start = world.now() / 1000;
    let (early, first) = (browser().await, acme.connect_identity_provider_as(&ada).await);
    world.pass(std::time::Duration::from_secs(600));
    let (late, second) = (browser().await, acme.connect_identity_provider_as(&ada).await);

    // It happened between the two, and is told now: in seconds, as the specification says, and in milliseconds, as its examples do.
    for (timestamp, claims) in [
        (json!({"event_timestamp": start + 60}), json!({})),
        (json!({"event_timestamp": (start + 60) * 1000}), json!({})),
        (json!({}), json!({"toe": start + 60})),
        (json!({}), json!({"iat": start + 60})),
    ] {
        tell(REVOKED, timestamp, claims).await;
        assert!(!asks(&early).await && asks(&late).await);
        first.get("/Users").await.expect(401);
        second.get("/Users").await.expect(200);
    }
    let rows = told(&world, &acme.id, "sessions.revoked").await;
    assert!(rows.iter().all(|row| text(&row["detail"]).contains("what began by")), "{rows:?}");
    // A log-in within the minute by which clocks may differ is not spared.
    tell(REVOKED, json!({"event_timestamp": start + 595}), json!({})).await;
    assert!(!asks(&late).await);
    second.get("/Users").await.expect(401);
    // Who may know the password may have used it since.
    world.pass(std::time::Duration::from_secs(600));
    let (last, third) = (browser().await, acme.connect_identity_provider_as(&ada).await);
    tell(COMPROMISED, json!({"event_timestamp": start}), json!({})).await;
    assert!(!asks(&last).await);
    third.get("/Users").await.expect(401);
    // What was told earlier, and happened later, is not taken back by what is told late.
    let mut behind = crate::support::database::Behind::of(&world);
    let signed_out = behind.number("SELECT MAX(signed_out) AS n FROM user_signals");
    tell(REVOKED, json!({"event_timestamp": start}), json!({})).await;
    assert_eq!(behind.number("SELECT MAX(signed_out) AS n FROM user_signals"), signed_out);
});
