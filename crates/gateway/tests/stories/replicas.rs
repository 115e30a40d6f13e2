//! Two processes on one database, taking turns request by request: nothing lives in the memory of one.

use serde_json::json;

use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::entra::EntraJob;
use crate::support::identity_provider::a_user;
use crate::support::okta::{Kind, OktaApp};
use crate::support::testing::World;

story!(two_replicas_are_one_gateway, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let mut idp = acme.connect_identity_provider_as(&ada).await;
    idp.refresh().await;
    let okta = OktaApp::new(Kind::Wizard, idp.clone());
    okta.test_credentials().await;
    let ana = okta.assign("00uANA", "ana@acme.test", json!({"role": "admin"})).await;
    let group = okta.push_group("Editors", &[&ana]).await;
    okta.rename_group(&group, "Editors EU").await;
    assert_eq!(okta.idp.members(&group).await, [text(&ana["id"])]);
    for n in 0..6 {
        okta.idp.create_user(&a_user(&format!("user{n}@acme.test"))).await;
        assert_eq!(okta.import("Users").await.len(), n + 3, "what one wrote the other reads");
    }

    // An ending is immediate on both.
    idp.patch(&ada).replace("active", false).await.expect(200);
    for _ in 0..4 {
        idp.get("/Users").await.expect_scim_error(401, None);
        idp.client
            .refresh(idp.refresh_token.as_deref().unwrap_or_default())
            .await
            .expect_oauth_error(400, "invalid_grant");
    }
});

story!(one_refresh_token_at_two_replicas_has_one_successor, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let token = idp.refresh_token.clone().unwrap_or_default();
    let asked = (0..10).map(|_| {
        let (client, token) = (idp.client.clone(), token.clone());
        async move { text(&client.refresh(&token).await.expect(200).json()["refresh_token"]) }
    });
    let mut successors = all(asked.collect()).await;
    successors.dedup();
    assert_eq!(successors.len(), 1);
});

story!(one_code_at_two_replicas_has_one_answer, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let code = client.authorize(&world.browser(), &acme.service_account().await).await.code();
    let asked = (0..6).map(|_| {
        let (client, code) = (client.clone(), code.clone());
        async move { client.exchange(&code).await.expect(200).json() }
    });
    let answers = all(asked.collect()).await;
    let mut alive = 0;
    for answer in &answers {
        assert_eq!(answer["refresh_token"], answers[0]["refresh_token"]);
        alive += usize::from(client.introspect(&text(&answer["access_token"])).await["active"] == true);
    }
    assert_eq!(alive, 1, "the others were replaced");
});

story!(one_name_at_two_replicas_is_given_once, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let asked = (0..8).map(|n| {
        let idp = idp.clone();
        let name = if n % 2 == 0 { "ana@acme.test" } else { "ANA@acme.test" };
        async move { idp.post("/Users", &a_user(name)).await.status.as_u16() }
    });
    let statuses = all(asked.collect()).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
});

story!(members_added_at_two_replicas_are_all_there, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let entra = EntraJob::connect(&acme).await;
    let group = entra.create_group("Editors").await;
    let mut users = Vec::new();
    for n in 0..12 {
        users.push(entra.create_user(&format!("user{n}"), "reports").await);
    }
    let added = users.iter().map(|user| {
        let (entra, group, user) = (entra.clone(), group.clone(), user.clone());
        async move { entra.change_member("Add", &group, &user).await.status.is_success() }
    });
    assert!(all(added.collect()).await.into_iter().all(|added| added));
    assert_eq!(entra.idp.members(&group).await.len(), 12);
});
