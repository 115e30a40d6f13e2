//! Users who are created again after they were deactivated: restored or refused, as the account says. Another user's record is never
//! restored in their place.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::concurrently::all;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

fn user(external_id: &str, user_name: &str) -> Value {
    let mut body = a_user(user_name);
    body["externalId"] = json!(external_id);
    body
}

async fn gone(idp: &IdentityProvider, external_id: &str, user_name: &str) -> Value {
    let made = idp.create_user(&user(external_id, user_name)).await;
    idp.patch(&made).replace("active", false).await.expect(200);
    made
}

async fn policy(acme: &Account, policy: &str) {
    let now = acme.admin(Method::PATCH, "").json(&json!({"inactive_match": policy})).await.expect(200).json();
    assert_eq!(now["inactive_match"], policy);
}

story!(who_was_deactivated_and_is_created_again_follows_the_policy_of_the_account, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    assert_eq!(acme.admin_get("").await["inactive_match"], "restore");
    let ana = gone(&idp, "00uANA", "ana@acme.test").await;
    let editors = idp.create_group("Editors", &[&ana]).await;

    policy(&acme, "conflict").await;
    for body in [user("00uX", "ANA@acme.test"), user("00uANA", "x@acme.test")] {
        let detail = idp.post("/Users", &body).await.expect_scim_error(409, Some("uniqueness"));
        assert!(detail.contains(&text(&ana["id"])) && detail.contains("deactivated"), "{detail}");
    }
    policy(&acme, "restore").await;
    let answer = idp.post("/Users", &user("00uANA", "ana.ito@acme.test")).await.expect(201);
    assert_eq!(answer.header("location"), ana["meta"]["location"].as_str());
    let again = answer.json();
    assert_eq!(
        (&again["id"], &again["active"], &again["meta"]["version"]),
        (&ana["id"], &json!(true), &json!("W/\"3\""))
    );
    assert_eq!(again["groups"][0]["value"], editors["id"], "{again}");
    assert_eq!(acme.audit().await.actions()[..3], ["access.widened", "user.activated", "user.restored"]);
    acme.admin(Method::PATCH, "").json(&json!({"inactive_match": "sometimes"})).await.expect_problem(400);
});

story!(no_create_restores_a_record_that_can_log_in_or_that_is_the_consoles, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    acme.admin(Method::PATCH, "").json(&json!({"service_accounts": "writable"})).await.expect(200);
    // A service account and a person with a password, both known to the identity provider, and one who is not.
    let robot = acme.user("robot@acme.test").service_account().create().await;
    let person = acme.user("person@acme.test").create().await;
    let mut console = acme.user("console@acme.test");
    console.body.as_object_mut().expect("an object").remove("password");
    let console = console.attempt().await.expect(201).json();
    for id in [&robot.id, &person.id] {
        idp.patch(&format!("/Users/{id}")).replace("active", false).await.expect(200);
    }
    let path = format!("/users/{}", text(&console["id"]));
    acme.admin(Method::PATCH, &path).json(&json!({"active": false})).await.expect(200);
    for name in ["robot@acme.test", "PERSON@acme.test", "console@acme.test"] {
        let mut taking = user("00uTHIEF", name);
        taking["role"] = json!("master_admin");
        let detail = idp.post("/Users", &taking).await.expect_scim_error(409, Some("uniqueness"));
        assert!(detail.contains("not restored"), "{detail}");
        let there = &idp.found("/Users", &format!("userName eq \"{name}\"")).await[0];
        assert_eq!((&there["active"], &there["role"]), (&json!(false), &json!("media_library_user")), "{there}");
    }
    // Said in so many words, it is done; and nothing that ended comes back.
    idp.patch(&person).replace("active", true).await.expect(200);
    // An operator who creates a user means a new one.
    let gone = gone(&idp, "00uGONE", "gone@acme.test").await;
    let problem = acme.user("gone@acme.test").attempt().await.expect_problem(409);
    assert!(problem.to_string().contains(&text(&gone["id"])), "{problem}");
});

story!(report_7_an_external_id_that_several_share_names_no_user, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = gone(&idp, "00uANA", "ana@acme.test").await;
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "POST", "path": "/Users", "bulkId": "b", "data": user("00uX", "bo@acme.test")}]});
    idp.post("/Bulk", &bulk).await.expect(200);
    let bo = idp.found("/Users", "userName eq \"bo@acme.test\"").await[0].clone();
    idp.patch(&bo).replace("externalId", "00uANA").replace("active", false).await.expect(200);
    // Two deactivated users of one externalId, and a new userName with it.
    let cas = idp.post("/Users", &user("00uANA", "cas@acme.test")).await.expect(201).json();
    assert!(cas["id"] != ana["id"] && cas["id"] != bo["id"]);
    // Two and an active one; and in a bulk request, and under the other policy.
    policy(&acme, "conflict").await;
    idp.post("/Users", &user("00uANA", "dan@acme.test")).await.expect(201);
    policy(&acme, "restore").await;
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "POST", "path": "/Users", "bulkId": "b", "data": user("00uANA", "eve@acme.test")}]});
    assert_eq!(idp.post("/Bulk", &bulk).await.expect(200).json()["Operations"][0]["status"], "201");
    // The userName says who it is, as before.
    let back = idp.post("/Users", &user("00uANA", "ANA@acme.test")).await.expect(201).json();
    assert_eq!((&back["id"], &back["active"]), (&ana["id"], &json!(true)));
    // One record that is active.
    let fay = idp.create_user(&user("00uFAY", "fay@acme.test")).await;
    let gus = idp.post("/Users", &user("00uFAY", "gus@acme.test")).await.expect(201).json();
    assert_ne!(gus["id"], fay["id"]);
    let hal = gone(&idp, "00uHAL", "hal@acme.test").await;
    let back = idp.post("/Users", &user("00uFAY", "hal@acme.test")).await.expect(201).json();
    assert_eq!(back["id"], hal["id"]);
});

story!(who_is_created_again_many_times_at_once_is_restored_once, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = gone(&idp, "00uANA", "ana@acme.test").await;
    let asked = (0..8).map(|n| {
        let idp = idp.clone();
        let body = if n % 2 == 0 { user("00uANA", "ana@acme.test") } else { user("00uOTHER", "ANA@acme.test") };
        async move { idp.post("/Users", &body).await.status.as_u16() }
    });
    let statuses = all(asked.collect()).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
    let found = idp.found("/Users", "userName eq \"ana@acme.test\"").await;
    assert_eq!((found.len(), &found[0]["id"], &found[0]["active"]), (1, &ana["id"], &json!(true)));
});
