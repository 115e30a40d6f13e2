//! Clients are told that a session of their user ended (OpenID Connect Back-Channel Logout 1.0).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::browser::{Browser, Landed};
use crate::support::console::NO_APP;
use crate::support::hook::{Behaviour, Hook, Sent};
use crate::support::jwt::Jwt;
use crate::support::relying_party::RelyingParty;
use crate::support::signal_sender::{REACH, SignalSender, by_email};
use crate::support::testing::World;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A client that is told, and where.
async fn told_party(world: &World) -> (RelyingParty, Hook) {
    let (party, hook) = (RelyingParty::new(world).await, Hook::start());
    let wants = json!({"backchannel_logout_uri": hook.url(), "backchannel_logout_session_required": true});
    let changed = party.client.admin(Method::PATCH, "").json(&wants).await.expect(200).json();
    assert_eq!(changed["backchannel_logout_uri"], hook.url().as_str());
    (party, hook)
}

/// A browser that is logged in to the client, the ID token, and its `sid`.
async fn logged_in(party: &RelyingParty) -> (Browser, String, String) {
    let browser = party.world.browser();
    let tokens = party.tokens(&party.callback(&browser, &[]).await).await;
    let sid = text(&party.id_token(&tokens).await.claims["sid"]);
    (browser, text(&tokens["id_token"]), sid)
}

/// What was sent, believed as a client believes it (§2.6).
async fn believed(party: &RelyingParty, sent: &Sent) -> Value {
    assert_eq!(sent.headers["content-type"], "application/x-www-form-urlencoded");
    let token = sent.body.strip_prefix("logout_token=").unwrap_or_else(|| panic!("{}", sent.body));
    let token = Jwt::read(token);
    token.verify(&party.world.get("/.well-known/jwks.json").await.expect(200).json());
    assert_eq!(token.header["typ"], "logout+jwt");
    let claims = token.claims.clone();
    assert_eq!(claims["iss"], party.world.gateway.public_url.as_str());
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(party.client.id), &json!(party.ada.id)), "{claims}");
    assert_eq!(claims["events"], json!({EVENT: {}}));
    let (issued, expires) = (claims["iat"].as_i64().expect("iat"), claims["exp"].as_i64().expect("exp"));
    assert!(expires > issued && expires <= issued + 120, "{claims}");
    assert!(claims["jti"].is_string() && claims.get("nonce").is_none(), "{claims}");
    claims
}

/// The `n`th that the client is told has to be about this session.
async fn is_told(party: &RelyingParty, hook: &Hook, n: usize, sid: &str) {
    let sent = hook.until(&format!("{n} log-outs are told"), |sent| sent.len() >= n).await;
    let sids: Vec<String> = {
        let mut sids = Vec::new();
        for sent in &sent {
            sids.push(text(&believed(party, sent).await["sid"]));
        }
        sids
    };
    assert!(sids.len() == n && sids[n - 1] == sid, "{sid}: {sids:?}");
}

story!(a_client_is_told_for_whatever_reason_the_session_ends, settings = [REACH], async |world: World| {
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(metadata["backchannel_logout_supported"], true);
    assert_eq!(metadata["backchannel_logout_session_supported"], true);
    let (party, hook) = told_party(&world).await;

    // The client sends the browser.
    let (browser, id_token, sid) = logged_in(&party).await;
    let (other, _, other_sid) = logged_in(&party).await;
    assert_ne!(sid, other_sid);
    browser.open(&party.logout_url(&[("id_token_hint", &id_token)])).await.page();
    is_told(&party, &hook, 1, &sid).await;
    assert!(party.is_logged_in(&other).await, "another session stands");
    // The person does it on our page.
    let page = other.open(&party.logout_url(&[])).await.page();
    other.press(&page, "Log out").await.page();
    is_told(&party, &hook, 2, &other_sid).await;
    // A new password ends all sessions.
    let (_, _, sid) = logged_in(&party).await;
    let password = "a password that is another one";
    party.change_ada(&json!({"password": password})).await.expect(200);
    is_told(&party, &hook, 3, &sid).await;
    let party = RelyingParty {
        ada: crate::support::account::User { password: password.to_owned(), ..party.ada.clone() },
        ..party
    };
    // Universal logout.
    let provider = SignalSender::of(&party.acme).await;
    let (_, _, sid) = logged_in(&party).await;
    provider.asks(&by_email("ada@acme.test")).await.expect(204);
    is_told(&party, &hook, 4, &sid).await;
    // Deactivated, and deleted.
    let (_, _, sid) = logged_in(&party).await;
    party.change_ada(&json!({"active": false})).await.expect(200);
    is_told(&party, &hook, 5, &sid).await;
    party.change_ada(&json!({"active": true})).await.expect(200);
    let (_, _, sid) = logged_in(&party).await;
    party.acme.admin(Method::DELETE, &format!("/users/{}", party.ada.id)).await.expect(204);
    is_told(&party, &hook, 6, &sid).await;
});

story!(a_new_log_in_in_the_same_browser_tells_no_client_to_log_out, settings = [REACH], async |world: World| {
    let (party, hook) = told_party(&world).await;
    let (browser, _, sid) = logged_in(&party).await;
    let again = party.tokens(&party.callback(&browser, &[("prompt", "login")]).await).await;
    let (newer, id_token) = (text(&party.id_token(&again).await.claims["sid"]), text(&again["id_token"]));
    assert_ne!(sid, newer);
    // A client that registered nothing is told nothing, and has no sid.
    let plain = party
        .acme
        .client(
            json!({"name": "Plain", "redirect_uris": ["https://plain.test/cb"], "grant_types": ["authorization_code"],
        "scopes": ["openid"], "default_scope": ["openid"]}),
        )
        .await;
    let code = plain.authorize(&browser, &party.ada).await.code();
    let tokens = plain.exchange(&code).await.expect(200).json();
    assert!(party.id_token(&tokens).await.claims.get("sid").is_none());
    assert_eq!(hook.sent().len(), 0);
    browser.open(&party.logout_url(&[("id_token_hint", &id_token)])).await.page();
    let sent = hook.until("both names of the session are told", |sent| sent.len() >= 2).await;
    let mut sids = Vec::new();
    for sent in &sent {
        sids.push(text(&believed(&party, sent).await["sid"]));
    }
    sids.sort();
    let mut expected = vec![sid, newer];
    expected.sort();
    assert_eq!(sids, expected);
});

story!(
    a_client_that_does_not_answer_is_told_again_and_after_a_day_no_more,
    moving_clock,
    settings = [REACH],
    async |world: World| {
        let (party, hook) = told_party(&world).await;
        let mut refused = 0;
        hook.answers(move |_| {
            refused += 1;
            Behaviour::Status(if refused < 3 { 500 } else { 200 }, "")
        });
        // It expires, and no request says so.
        let (_, _, sid) = logged_in(&party).await;
        world.alter("UPDATE sessions SET expires = 1");
        world.alter("UPDATE relying_parties SET expires = 1");
        let mut behind = crate::support::database::Behind::of(&world);
        let now = gateway::platform::timestamp::Timestamp::of_millis(world.now());
        behind.work(|tx| tx.sweep_expired(now, now, 100));
        hook.until("the first try", |sent| sent.len() == 1).await;
        world.pass(Duration::from_secs(10));
        hook.until("the second", |sent| sent.len() == 2).await;
        world.pass(Duration::from_secs(600));
        let sent = hook.until("the third, which is taken", |sent| sent.len() == 3).await;
        let mut jtis = Vec::new();
        for sent in &sent {
            let claims = believed(&party, sent).await;
            assert_eq!(claims["sid"], sid.as_str());
            jtis.push(text(&claims["jti"]));
        }
        jtis.dedup();
        assert_eq!(jtis.len(), 3, "each try is a token of its own");
        // Given up.
        hook.answers(|_| Behaviour::Status(503, ""));
        let (_, _, _) = logged_in(&party).await;
        party.change_ada(&json!({"active": false})).await.expect(200);
        hook.until("a try", |sent| sent.len() == 4).await;
        let given_up = format!("/audit?account={}&action=logout.undeliverable", party.acme.id);
        for n in 5..60 {
            world.pass(Duration::from_secs(3 * 3600));
            let told = async || !items(&world.admin_get(&given_up).await).is_empty();
            let again =
                crate::refusal_codes::until(async || (told().await || hook.sent().len() >= n).then_some(())).await;
            assert!(again.is_some(), "neither tried nor given up");
            if told().await {
                break;
            }
        }
        let trail = items(&world.admin_get(&given_up).await);
        assert!(trail.len() == 1 && text(&trail[0]["detail"]).contains("503"), "{trail:?}");
        let count = hook.sent().len();
        assert!((5..=20).contains(&count), "{count} tries in a day");
    }
);

story!(where_a_client_is_told_is_looked_at_like_every_address, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    for uri in
        ["http://rp.test/out", "https://rp.test/out#x", "https://10.0.0.1/out", "https://169.254.169.254/", "out"]
    {
        let refused =
            client.admin(Method::PATCH, "").json(&json!({ "backchannel_logout_uri": uri })).await.expect_problem(400);
        assert_eq!(refused["errors"][0]["field"], "backchannel_logout_uri", "{uri}: {refused}");
    }
    let set = json!({"backchannel_logout_uri": "https://rp.test/out?a=b"});
    client.admin(Method::PATCH, "").json(&set).await.expect(200);
    let gone = client.admin(Method::PATCH, "").json(&json!({"backchannel_logout_uri": null})).await.expect(200).json();
    assert_eq!(gone["backchannel_logout_uri"], Value::Null);
});

story!(
    a_client_is_told_when_its_users_session_was_left_alone_for_too_long,
    moving_clock,
    settings = [REACH, ("GATEWAY__OAUTH__SESSION_IDLE_MINUTES", "10")],
    async |world: World| {
        let (party, hook) = told_party(&world).await;
        let mut behind = crate::support::database::Behind::of(&world);
        let mut looks = || {
            let now = gateway::platform::timestamp::Timestamp::of_millis(world.now());
            while behind.work(|tx| tx.tell_of_idle(now, now - 600_000, 100)) > 0 {}
            behind.work(|tx| tx.sweep_expired(now, now - 600_000, 100));
        };
        let (used, _, used_sid) = logged_in(&party).await;
        let (_, _, left_sid) = logged_in(&party).await;
        looks();
        for _ in 0..3 {
            world.pass(Duration::from_secs(300));
            assert!(party.is_logged_in(&used).await, "it is used");
            looks();
        }
        is_told(&party, &hook, 1, &left_sid).await;
        // A log-in in the same browser takes the place of the one before, and is left alone in its turn.
        let again = party.tokens(&party.callback(&used, &[("prompt", "login")]).await).await;
        let again = text(&party.id_token(&again).await.claims["sid"]);
        looks();
        world.pass(Duration::from_secs(601));
        assert!(!party.is_logged_in(&used).await);
        looks();
        let sent = hook.until("both names are told", |sent| sent.len() >= 3).await;
        let mut sids = Vec::new();
        for sent in &sent[1..] {
            sids.push(text(&believed(&party, sent).await["sid"]));
        }
        sids.sort();
        let mut expected = vec![used_sid, again];
        expected.sort();
        assert_eq!(sids, expected);
    }
);

story!(where_a_client_is_told_stands_in_the_console, settings = [NO_APP], async |world: World| {
    let (party, nora) = (RelyingParty::new(&world).await, world.operator("nora@vendor.test", "csm").await);
    // An application's, which users log in to; a connection for provisioning has no use for it.
    let scopes = json!({"scopes": ["openid", "profile"], "default_scope": ["openid"]});
    party.client.admin(Method::PATCH, "").json(&scopes).await.expect(200);
    let path = format!("/clients/{}/settings", party.client.id);
    let told = async || {
        let client = party.client.admin(Method::GET, "").await.expect(200).json();
        (client["backchannel_logout_uri"].clone(), client["backchannel_logout_session_required"].clone())
    };
    let wrong = nora
        .press(&nora.open(&path).await, "Save settings", &[("backchannel_logout_uri", "https://10.0.0.1/out")])
        .await;
    assert!(wrong.words().contains("The back-channel logout URI"), "{}", wrong.words());
    let uri = "https://rp.test/out";
    let typed = [("backchannel_logout_uri", uri), ("logout_session", "yes")];
    nora.press(&nora.open(&path).await, "Save settings", &typed).await;
    assert_eq!(told().await, (json!(uri), json!(true)));
    assert!(nora.open(&path).await.answer.text().contains(uri));
    nora.press(&nora.open(&path).await, "Save settings", &[("backchannel_logout_uri", "")]).await;
    assert_eq!(told().await.0, Value::Null);
    let okta = party.acme.okta_client().await;
    let page = nora.open(&format!("/clients/{}/settings", okta.id)).await;
    assert!(!page.answer.text().contains("backchannel_logout_uri"));
});
