//! The life of a grant: how long it lasts, under whom, and how it ends, all at once and for good.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::account::{Account, User, items, text};
use crate::support::database::Behind;
use crate::support::identity_provider::{IdentityProvider, PATCH, a_user};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// So many workers notice at the same moment that the access token has run out.
const WORKERS: usize = 1000;

/// All of them refresh with the same token, at once. Gives the successor.
async fn race(client: &OAuthClient, token: &str) -> String {
    let mut racers = JoinSet::new();
    for _ in 0..WORKERS {
        racers.spawn(client.refresh(token).attempt());
    }
    let mut successors = Vec::with_capacity(WORKERS);
    while let Some(answer) = racers.join_next().await {
        let answer = answer.expect("a racer arrives").expect("an answer");
        successors.push(text(&answer.expect(200).json()["refresh_token"]));
    }
    assert_eq!(successors.len(), WORKERS);
    successors.sort_unstable();
    successors.dedup();
    assert_eq!(successors.len(), 1, "all answers have the same token");
    successors.remove(0)
}

story!(attack_54_a_thousand_refreshes_at_once_leave_one_living_chain, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut token = idp.refresh_token.clone().unwrap_or_default();
    for replicas in 1..=2 {
        if replicas == 2 {
            world.add_replica().await;
        }
        token = race(&idp.client, &token).await;
        let mut behind = Behind::of(&world);
        assert_eq!(behind.number("SELECT COUNT(*) AS n FROM refresh_tokens WHERE used IS NULL"), 1, "one live link");
        let links = "SELECT COUNT(*) AS n FROM refresh_tokens";
        assert_eq!(behind.number(links), 2 * i64::from(replicas), "and no fork");
        // The honest client goes on.
        let next = idp.client.refresh(&token).await.expect(200).json();
        IdentityProvider::new(idp.client.clone(), &next).get("/Users?count=1").await.expect(200);
        token = text(&next["refresh_token"]);
    }
});

/// Grants like the first one, so many, made behind the gateway's back.
fn multiply_grants(behind: &mut Behind, times: i64) {
    behind.execute(&format!(
        "INSERT INTO grants (client, account, owner, owner_id, scope, created) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {times}) \
         SELECT g.client, g.account, g.owner, g.owner_id, g.scope, g.created \
         FROM n, (SELECT * FROM grants WHERE owner IS NOT NULL ORDER BY seq LIMIT 1) AS g"
    ));
}

story!(ending_two_thousand_grants_is_one_small_write, async |world: World| {
    const MANY: i64 = 2000;
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    let mut behind = Behind::of(&world);
    multiply_grants(&mut behind, MANY);
    let rows = "SELECT COUNT(*) AS n FROM audit";
    let before = behind.number(rows);
    acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&json!({"active": false})).await.expect(200);
    // What was written: the user, three rows of the audit trail, and the ending. No grant and no token.
    assert_eq!(behind.number(rows) - before, 3);
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM endings"), 1);
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM grants WHERE ended IS NOT NULL"), 0);
    for _ in 0..4 {
        idp.get("/Users").await.expect_scim_error(401, None);
    }
    let listed = items(&acme.admin_get("/grants?limit=1000").await);
    let tells = |grant: &Value| grant["ended"].is_string() && grant["end_reason"] == "its owner was deactivated";
    assert!(listed.len() == 1000 && listed.iter().all(tells), "{}", listed[0]);
    // The worker writes it down, a batch at a time.
    let mut batches = 0;
    while behind.work(|tx| tx.settle_endings(300)) > 0 {
        batches += 1;
    }
    assert!(batches >= 7, "{batches}");
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM grants WHERE ended IS NULL"), 0);
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM endings"), 0);
    assert!(items(&acme.admin_get("/grants?limit=1000").await).iter().all(tells));

    // So for a client, and for an account.
    acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&json!({"active": true})).await.expect(200);
    let (one, two) = (acme.generic_client().await, acme.generic_client().await);
    let (first, second) = (one.connect_as(&ada).await, two.connect_as(&ada).await);
    behind.execute(&format!("UPDATE grants SET ended = NULL WHERE seq < {MANY}")); // many open ones again
    let before = behind.number(rows);
    one.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    for _ in 0..2 {
        first.get("/Users").await.expect_scim_error(401, None);
        second.get("/Users").await.expect(200);
    }
    one.admin(Method::DELETE, "").await.expect(204);
    acme.admin(Method::DELETE, "").await.expect(204);
    assert_eq!(behind.number(rows) - before, 3, "an act is a row");
    for _ in 0..2 {
        second.get("/Users").await.expect_scim_error(401, None);
        two.refresh(second.refresh_token.as_deref().unwrap_or_default())
            .await
            .expect_oauth_error(401, "invalid_client");
    }
});

async fn with_co_owner(acme: &Account) -> (User, User) {
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let eve = acme.user("eve@acme.test").role("master_admin").create().await;
    let changed = acme.admin(Method::PATCH, "").json(&json!({"co_owner": eve.id})).await.expect(200).json();
    assert_eq!(changed["co_owner"], eve.id.as_str());
    (ada, eve)
}

story!(a_connection_passes_to_the_co_owner_when_its_owner_leaves, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let (ada, eve) = with_co_owner(&acme).await;
    let client = acme.generic_client().await;
    let page = client.consent_page(&world.browser(), &ada, "s").await;
    assert!(page.words().contains("passes to the co-owner"), "{}", page.words());
    let mut idp = client.connect_as(&ada).await;
    let leaves: [(&str, Value); 2] = [("active", json!(false)), ("role", json!("reports"))];
    assert_eq!(idp.read("/Me").await["id"], ada.id.as_str());
    world.get("/userinfo").bearer(&idp.access_token).await.expect(200);

    // Ada is deactivated by the very connection that lives under her.
    idp.patch(&ada).replace(leaves[0].0, leaves[0].1.clone()).await.expect(200);
    for _ in 0..2 {
        idp.get("/Users").await.expect(200);
        assert_eq!(idp.read("/Me").await["id"], eve.id.as_str());
        let told = client.introspect(&idp.access_token).await;
        assert_eq!((&told["active"], told["sub"].as_str()), (&json!(true), Some(eve.id.as_str())), "{told}");
        // Ada accepted claims about Ada, not about Eve.
        let refused = world.get("/userinfo").bearer(&idp.access_token).await.expect(403);
        assert!(refused.header("www-authenticate").is_some_and(|v| v.contains("insufficient_scope")));
    }
    let tokens = client.refresh(idp.refresh_token.as_deref().unwrap_or_default()).await.expect(200).json();
    assert!(
        text(&tokens["scope"]).contains("provision:scim") && !text(&tokens["scope"]).contains("openid"),
        "{tokens}"
    );
    idp = IdentityProvider::new(client.clone(), &tokens);
    let grant = items(&acme.admin_get("/grants").await).remove(0);
    assert_eq!((grant["user"].as_str(), &grant["ended"]), (Some(eve.id.as_str()), &json!(null)), "{grant}");
    assert!(grant["rebound"].is_string(), "{grant}");
    let audit = acme.audit().await;
    let row = audit.0.iter().find(|row| row["action"] == "grant.rebound").expect("it is recorded");
    assert!(text(&row["detail"]).contains(&ada.id) && text(&row["detail"]).contains(&eve.id), "{row}");
    assert!(!audit.actions().contains(&"grants.ended"), "nothing ended");
    crate::support::feed::assert_told(&world, "grant.rebound").await;

    // Ada comes back, and what is Eve's now stays so; then Eve loses her role, and no co-owner is left.
    idp.patch(&ada).replace("active", true).await.expect(200);
    assert_eq!(idp.read("/Me").await["id"], eve.id.as_str());
    idp.patch(&eve).replace(leaves[1].0, leaves[1].1.clone()).await.expect(200);
    for _ in 0..2 {
        idp.get("/Users").await.expect_scim_error(401, None);
    }
    acme.admin(Method::PATCH, &format!("/users/{}", eve.id)).json(&json!({"role": "master_admin"})).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
});

story!(a_connection_passes_on_deletion_too_and_only_to_a_user_who_may_own_it, async |world: World| {
    let acme = world.account("acme").await;
    let (ada, eve) = with_co_owner(&acme).await;
    let idp = acme.generic_client().await.connect_as(&ada).await;
    idp.delete(&ada).await.expect(204);
    assert_eq!(idp.read("/Me").await["id"], eve.id.as_str());

    for (name, change) in [("joe", json!({"active": false})), ("zoe", json!({"role": "reports"}))] {
        let next = acme.user(&format!("{name}@acme.test")).role("master_admin").create().await;
        acme.admin(Method::PATCH, "").json(&json!({"co_owner": next.id})).await.expect(200);
        acme.admin(Method::PATCH, &format!("/users/{}", next.id)).json(&change).await.expect(200);
        let bob = acme.user(&format!("before-{name}@acme.test")).role("master_admin").create().await;
        let idp = acme.generic_client().await.connect_as(&bob).await;
        acme.admin(Method::DELETE, &format!("/users/{}", bob.id)).await.expect(204);
        idp.get("/Users").await.expect_scim_error(401, None);
        // Nor can such a one be named.
        let problem = acme.admin(Method::PATCH, "").json(&json!({"co_owner": next.id})).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "co_owner", "{problem}");
    }
    let stranger = world.account("orchard").await.service_account().await;
    for unfit in [stranger.id.as_str(), "unknown"] {
        acme.admin(Method::PATCH, "").json(&json!({"co_owner": unfit})).await.expect_problem(400);
    }
    let cleared = acme.admin(Method::PATCH, "").json(&json!({"co_owner": null})).await.expect(200).json();
    assert_eq!(cleared["co_owner"], json!(null));
});

story!(a_connection_may_be_kept_from_ending_itself, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let idp = acme.generic_client().await.connect_as(&ada).await;
    let refuse = json!({"own_deactivation": "refuse"});
    assert_eq!(acme.admin_get("").await["own_deactivation"], "allow");
    acme.admin(Method::PATCH, "").json(&refuse).await.expect(200);
    acme.admin(Method::PATCH, "").json(&json!({"own_deactivation": "maybe"})).await.expect_problem(400);

    let detail = idp.patch(&ada).replace("active", false).await.expect_scim_error(403, None);
    assert!(detail.contains("co-owner") && detail.contains("service account"), "{detail}");
    idp.patch(&ada).replace("role", "reports").await.expect_scim_error(403, None);
    idp.delete(&ada).await.expect_scim_error(403, None);
    let mut body = idp.read(&ada).await;
    body["active"] = json!(false);
    idp.put(&ada, &body).await.expect_scim_error(403, None);
    let me = idp.read("/Me").await;
    assert_eq!((&me["active"], &me["role"]), (&json!(true), &json!("master_admin")), "nothing was changed");

    // In a bulk request only that operation fails.
    let off = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": false}]});
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": a_user("one@acme.test")},
        {"method": "PATCH", "path": format!("/Users/{}", ada.id), "data": off},
        {"method": "POST", "path": "/Users", "bulkId": "2", "data": a_user("two@acme.test")},
    ]});
    let done = idp.post("/Bulk", &bulk).await.expect(200).json();
    let statuses: Vec<_> = items(&json!({"items": done["Operations"]})).iter().map(|o| text(&o["status"])).collect();
    assert_eq!(statuses, ["201", "403", "201"]);

    // Others may go, operators may do it, another connection may, and with a co-owner it is no ending.
    let bob = acme.user("bob@acme.test").role("master_admin").create().await;
    idp.patch(&bob).replace("active", false).await.expect(200);
    acme.admin(Method::PATCH, &format!("/users/{}", bob.id)).json(&json!({"active": true})).await.expect(200);
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": bob.id})).await.expect(200);
    Behind::of(&world).work(|tx| tx.settle_endings(100));
    idp.patch(&ada).replace("active", false).await.expect(200);
    assert_eq!(idp.read("/Me").await["id"], bob.id.as_str());
    let by_itself = acme.generic_client().await.connect_by_credentials().await;
    by_itself.patch(&bob).replace("active", false).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
});

story!(the_consent_page_says_how_long_a_connection_lasts, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let ada = acme.service_account().await;
    let words = client.consent_page(&world.browser(), &ada, "s").await.words();
    assert!(words.contains("not used for 180 days."), "{words}");
    let lives = json!({"refresh_idle_seconds": 43_200, "refresh_absolute_seconds": 30 * 86_400});
    client.admin(Method::PATCH, "").json(&lives).await.expect(200);
    let words = client.consent_page(&world.browser(), &ada, "s").await.words();
    assert!(words.contains("not used for 12 hours, and after 30 days at the latest."), "{words}");
    let entra = json!({"name": "Entra", "profile": "entra", "access_token_seconds": 7200});
    let entra = acme.client(entra).await;
    assert_eq!(entra.client_credentials().await.expect(200).json()["expires_in"], 7200);
});
