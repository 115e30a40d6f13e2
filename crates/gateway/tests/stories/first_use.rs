//! What the first use of a connection's tokens tells: that they arrived, and that the connection takes the place of older ones.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, items, text};
use crate::support::browser::Landed;
use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::oauth_client::{OAuthClient, log_in_if_asked};
use crate::support::testing::World;
use gateway::platform::timestamp::Timestamp;

fn refresh_token(idp: &IdentityProvider) -> String {
    idp.refresh_token.clone().unwrap_or_default()
}

async fn grants(acme: &Account) -> Vec<Value> {
    items(&acme.admin_get("/grants").await)
}

async fn live(acme: &Account) -> usize {
    grants(acme).await.iter().filter(|grant| grant["ended"].is_null()).count()
}

async fn notices(acme: &Account, kind: &str) -> Vec<Value> {
    let all = items(&acme.admin_get("/notices").await);
    all.into_iter().filter(|notice| notice["kind"] == kind).collect()
}

/// The grace period is over for all tokens that were used or spent before.
fn later(world: &World) {
    let mut behind = Behind::of(world);
    behind.execute("UPDATE refresh_tokens SET used = used - 31000");
    behind.execute("UPDATE grants SET delivered_at = delivered_at - 31000");
    behind.execute("UPDATE authorization_codes SET spent = spent - 31000");
}

story!(report_10_a_new_connection_ends_the_old_one_when_it_is_first_used_and_not_before, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let eve = acme.user("eve@acme.test").role("master_admin").with("displayName", json!("Eve Adams")).create().await;
    let page = client.consent_page(&world.browser(), &ada, "1").await;
    assert!(!page.words().contains("Connected already"), "{}", page.words());
    let mut old = client.connect_as(&ada).await;
    old.get("/Users").await.expect(200);
    old.refresh().await;

    // The page says what is connected, by whom and since when.
    let words = client.consent_page(&world.browser(), &eve, "2").await.words();
    for said in ["Connected already", "by ada@acme.test since", "ends when the new connection is first used"] {
        assert!(words.contains(said), "`{said}` in: {words}");
    }
    assert!(!words.contains("never used"), "{words}");

    // A connection that was accepted and never used ends none.
    let unused = client.connect_as(&eve).await;
    let words = client.consent_page(&world.browser(), &eve, "3").await.words();
    assert!(words.contains("by eve@acme.test since") && words.contains("(never used)"), "{words}");
    for _ in 0..2 {
        old.get("/Users").await.expect(200);
        old.refresh().await;
    }
    assert_eq!(live(&acme).await, 2);

    let new = client.connect_as(&eve).await;
    new.get("/Users?count=1").await.expect(200);
    for _ in 0..2 {
        new.get("/Users?count=1").await.expect(200);
        for over in [&old, &unused] {
            over.get("/Users").await.expect_scim_error(401, None);
            over.client.refresh(&refresh_token(over)).await.expect_oauth_error(400, "invalid_grant");
            assert_eq!(client.introspect(&over.access_token).await, json!({"active": false}));
        }
    }
    let ended = grants(&acme).await;
    let ended: Vec<&Value> = ended.iter().filter(|grant| !grant["ended"].is_null()).collect();
    assert!(ended.len() == 2 && ended.iter().all(|grant| text(&grant["end_reason"]).contains("newer connection")));
    let audit = acme.audit().await;
    let replaced: Vec<&Value> = audit.0.iter().filter(|row| row["action"] == "connection.replaced").collect();
    assert_eq!(replaced.len(), 1, "{replaced:?}");
    crate::support::feed::assert_told(&world, "connection.replaced").await;
    crate::support::feed::assert_told(&world, "grant.ended").await;
    assert_eq!(audit.actions().iter().filter(|action| **action == "grant.ended").count(), 2);
    let told = notices(&acme, "connection_replaced").await;
    let users: Vec<&Value> = told.iter().map(|notice| &notice["user"]).collect();
    assert_eq!(users, [&json!(eve.id), &json!(ada.id)], "each owner once: {told:?}");
    let adas = told.iter().find(|notice| notice["user"] == ada.id.as_str()).expect("Ada is told");
    assert!(text(&adas["told"]).contains("Eve Adams accepted the newer one on"), "{adas}");
});

story!(report_10_two_new_connections_first_used_at_once_leave_one, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, acme.service_account().await);
    let mut idps = Vec::new();
    for _ in 0..4 {
        idps.push(client.connect_as(&ada).await);
    }
    let newest = idps[3].clone();
    let asked = idps.iter().flat_map(|idp| [idp.clone(), idp.clone()]).enumerate().map(|(n, idp)| async move {
        match n % 4 {
            0 => idp.post("/Users", &a_user(&format!("u{n}@acme.test"))).await.status,
            1 => idp.client.refresh(&refresh_token(&idp)).await.status,
            _ => idp.get("/Users?count=1").await.status,
        }
    });
    let statuses = all(asked.collect()).await;
    assert!(statuses.iter().all(|status| !status.is_server_error()), "{statuses:?}");
    assert_eq!(live(&acme).await, 1);
    newest.get("/Users").await.expect(200);
});

story!(report_10_log_ins_credentials_and_pasted_tokens_are_no_connections, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.generic_client().await, acme.service_account().await);
    let connection = client.connect_as(&ada).await;
    connection.get("/Users").await.expect(200);
    let own = client.connect_by_credentials().await;
    let pasted = client.admin(Method::POST, "/tokens").json(&json!({"name": "one"})).await.expect(201).json();
    let log_in = async || {
        let uri = client.redirect_uri();
        let asked = [
            ("response_type", "code"),
            ("client_id", client.id.as_str()),
            ("redirect_uri", uri.as_str()),
            ("scope", "openid"),
            ("state", "s"),
        ];
        let browser = world.browser();
        // What was accepted for the connection says who they are too, so nothing is asked.
        let landing = browser.open(&client.authorization_url_with(&asked)).await;
        let code = log_in_if_asked(&browser, landing, &ada).await.callback().code();
        text(&client.exchange(&code).await.expect(200).json()["access_token"])
    };
    let who = log_in().await;
    for _ in 0..2 {
        world.get("/userinfo").bearer(&who).await.expect(200);
        own.get("/Users").await.expect(200);
        world.get("/scim/v2/Users").bearer(&text(&pasted["token"])).await.expect(200);
        connection.get("/Users").await.expect(200);
    }
    // The other way round.
    let newer = client.connect_as(&ada).await;
    newer.get("/Users").await.expect(200);
    connection.get("/Users").await.expect_scim_error(401, None);
    world.get("/userinfo").bearer(&who).await.expect(200);
    own.get("/Users").await.expect(200);
    world.get("/scim/v2/Users").bearer(&text(&pasted["token"])).await.expect(200);
});

story!(report_10_a_client_keeps_its_connections_if_it_is_told_to, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, acme.service_account().await);
    assert_eq!(client.record().await["connections"], "replace");
    client.admin(Method::PATCH, "").json(&json!({"connections": "both"})).await.expect_problem(400);
    let kept = client.admin(Method::PATCH, "").json(&json!({"connections": "keep"})).await.expect(200).json();
    assert_eq!(kept["connections"], "keep");
    let first = client.connect_as(&ada).await;
    first.get("/Users").await.expect(200);
    let words = client.consent_page(&world.browser(), &ada, "2").await.words();
    assert!(words.contains("stays beside the new connection"), "{words}");
    let second = client.connect_as(&ada).await;
    for idp in [&second, &first] {
        idp.get("/Users").await.expect(200);
    }
    let usual = client.admin(Method::PATCH, "").json(&json!({"connections": null})).await.expect(200).json();
    assert_eq!(usual["connections"], "replace");
    let third = client.connect_as(&ada).await;
    third.get("/Users").await.expect(200);
    for idp in [&second, &first] {
        idp.get("/Users").await.expect_scim_error(401, None);
    }
});

story!(report_10_a_shared_client_replaces_within_an_account_only, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let body = json!({"name": "Shared", "profile": "generic", "redirect_uris": ["https://shared.test/cb"],
        "scopes": ["openid", "offline", "provision:scim"], "default_scope": ["offline", "provision:scim"]});
    let client = OAuthClient::new(&world, world.admin(Method::POST, "/clients").json(&body).await.expect(201).json());
    let (ada, joe) = (acme.service_account().await, orchard.service_account().await);
    let (ours, theirs) = (client.connect_as(&ada).await, client.connect_as(&joe).await);
    for idp in [&ours, &theirs, &ours] {
        idp.get("/Users").await.expect(200);
    }
    let again = client.connect_as(&ada).await;
    again.get("/Users").await.expect(200);
    ours.get("/Users").await.expect_scim_error(401, None);
    theirs.get("/Users").await.expect(200);
});

story!(hardening_2_a_thief_who_follows_ends_the_connection_and_is_told_of, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let mut idp = acme.connect_identity_provider_as(&ada).await;
    let stolen = refresh_token(&idp);
    idp.refresh().await;
    idp.get("/Users").await.expect(200);
    later(&world);
    idp.client.refresh(&stolen).await.expect_oauth_error(400, "invalid_grant");
    for _ in 0..2 {
        idp.get("/Users").await.expect_scim_error(401, None);
        idp.client.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
    }
    let row = acme.audit().await.last().clone();
    assert_eq!((&row["action"], &row["detail"]), (&json!("grant.ended"), &json!("a refresh token was used again")));
    let told = notices(&acme, "token_stolen").await;
    assert_eq!((told.len(), &told[0]["user"]), (1, &json!(ada.id)), "{told:?}");
    assert!(text(&told[0]["told"]).contains("may have been copied"), "{told:?}");
});

story!(hardening_2_a_thief_who_goes_first_is_found_at_the_clients_next_refresh, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    idp.get("/Users").await.expect(200);
    let mut thief = idp.clone();
    thief.refresh().await;
    thief.get("/Users").await.expect(200);
    later(&world);
    idp.client.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
    thief.get("/Users").await.expect_scim_error(401, None);
});

story!(
    hardening_2_an_answer_that_was_lost_is_given_again_at_any_time_and_its_access_tokens_die,
    async |world: World| {
        world.add_replica().await;
        let acme = world.account("acme").await;
        let mut idp = acme.connected_identity_provider().await;
        idp.get("/Users").await.expect(200);
        let lost = idp.client.refresh(&refresh_token(&idp)).await.expect(200).json();
        let lost = IdentityProvider::new(idp.client.clone(), &lost);
        // A fortnight passes, and the worker has been there.
        let mut behind = Behind::of(&world);
        behind.execute("UPDATE refresh_tokens SET used = used - 1209600000");
        behind.work(|tx| {
            tx.sweep_expired(Timestamp::of_millis(world.now()), Timestamp::of_millis(world.now() - 7 * 86_400_000), 500)
        });
        let before = idp.clone();
        idp.refresh().await;
        assert_eq!(refresh_token(&idp), refresh_token(&lost), "one chain");
        for _ in 0..2 {
            let said = lost.get("/Users").await.expect_scim_error(401, None);
            assert!(said.contains("replaced"), "{said}");
            assert_eq!(idp.client.introspect(&lost.access_token).await, json!({"active": false}));
            before.get("/Users").await.expect(200);
            idp.get("/Users").await.expect(200);
        }
        assert!(acme.audit().await.actions().contains(&"grant.answered_again"));
        for _ in 0..3 {
            idp.refresh().await;
            idp.get("/Users").await.expect(200);
            lost.get("/Users").await.expect_scim_error(401, None);
        }
        assert!(notices(&acme, "token_stolen").await.is_empty());
    }
);

story!(hardening_2_eight_workers_refresh_and_use_at_once_and_a_later_one_is_a_thief, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    idp.get("/Users").await.expect(200);
    let workers = (0..8).map(|_| {
        let mut worker = idp.clone();
        async move {
            worker.refresh().await;
            worker.get("/Users?count=1").await.expect(200);
            worker
        }
    });
    let workers = all(workers.collect()).await;
    for worker in &workers {
        assert_eq!(refresh_token(worker), refresh_token(&workers[0]));
        worker.get("/Users?count=1").await.expect(200);
    }
    let mut answered = 0;
    for _ in 0..40 {
        answered += usize::from(idp.client.refresh(&refresh_token(&idp)).await.status.is_success());
    }
    assert!(answered <= 16, "{answered} more");
    assert_eq!(live(&acme).await, 1, "too many is no theft");
    workers[7].get("/Users?count=1").await.expect(200);
    later(&world);
    idp.client.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
    assert_eq!(live(&acme).await, 0);
});

story!(hardening_2_a_use_is_written_once_and_reading_writes_nothing_more, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    client.admin(Method::PATCH, "").json(&json!({"access_token_format": "jwt"})).await.expect(200);
    let mut idp = client.connect_as(&acme.service_account().await).await;
    let mut behind = Behind::of(&world);
    for generation in 0..2 {
        // Only a look is no use.
        assert_eq!(client.introspect(&idp.access_token).await["active"], true);
        assert_eq!(
            behind.number("SELECT CAST(COALESCE(MAX(delivered), -1) AS BIGINT) AS n FROM grants"),
            generation - 1
        );
        idp.get("/Users?count=1").await.expect(200);
        assert_eq!(behind.number("SELECT CAST(MAX(delivered) AS BIGINT) AS n FROM grants"), generation);
        behind.execute("UPDATE grants SET delivered_at = 7");
        for _ in 0..3 {
            idp.get("/Users?count=1").await.expect(200);
            idp.post("/Users", &json!({})).await.expect(400);
        }
        assert_eq!(behind.number("SELECT MAX(delivered_at) AS n FROM grants"), 7);
        idp.refresh().await;
    }
    // What is refused is a use too.
    idp.get("/Users/nobody").await.expect(404);
    assert_eq!(behind.number("SELECT CAST(MAX(delivered) AS BIGINT) AS n FROM grants"), 2);
});

async fn code(acme: &Account, ada: &User) -> (OAuthClient, String) {
    let client = acme.generic_client().await;
    let code = client.authorize(&acme.world.browser(), ada).await.code();
    (client, code)
}

story!(hardening_9_a_code_whose_answer_was_lost_is_exchanged_again, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let (client, code) = code(&acme, &ada).await;
    let lost = IdentityProvider::new(client.clone(), &client.exchange(&code).await.expect(200).json());
    let again = client.exchange(&code).await.expect(200).json();
    assert_eq!(text(&again["refresh_token"]), refresh_token(&lost), "one chain");
    assert!(again["id_token"].is_string(), "the whole answer: {again}");
    let idp = IdentityProvider::new(client.clone(), &again);
    let said = lost.get("/Users").await.expect_scim_error(401, None);
    assert!(said.contains("replaced"), "{said}");
    idp.get("/Users").await.expect(200);
    assert_eq!(live(&acme).await, 1);
    // A caller who comes when it is in use is not the one who lost an answer.
    client.exchange(&code).await.expect_oauth_error(400, "invalid_grant");
    idp.get("/Users").await.expect_scim_error(401, None);
    assert_eq!(live(&acme).await, 0);
});

story!(hardening_9_a_code_is_not_exchanged_again_later_or_with_less_proof, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let (client, first) = code(&acme, &ada).await;
    client.exchange(&first).await.expect(200);
    later(&world);
    client.exchange(&first).await.expect_oauth_error(400, "invalid_grant");
    assert_eq!(live(&acme).await, 0, "as ever");

    let (client, second) = code(&acme, &ada).await;
    client.exchange(&second).await.expect(200);
    let other =
        [("grant_type", "authorization_code"), ("code", second.as_str()), ("redirect_uri", "https://evil.test/cb")];
    client.token(&other).await.expect_oauth_error(400, "invalid_grant");
    client.exchange(&second).await.expect_oauth_error(400, "invalid_grant");
    assert_eq!(live(&acme).await, 0);
});
