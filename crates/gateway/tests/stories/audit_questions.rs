//! The audit trail answers: who gave Ana the role, when, through which client, and what it was before; who left this group and by whom.

use reqwest::Method;
use serde_json::{Value, json};

use crate::second_factors::set_up;
use crate::support::account::{items, text};
use crate::support::browser::Landed;
use crate::support::database::Behind;
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

async fn ask(world: &World, question: &str) -> Vec<Value> {
    items(&world.admin_get(&format!("/audit?{question}")).await)
}

story!(who_gave_ana_the_role_is_answered_for_scim_and_the_admin_api_also_after_all_is_deleted, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let id = text(&ana["id"]);
    idp.patch(&ana).replace("role", json!("master_admin")).await.expect(200);
    acme.admin(Method::PATCH, &format!("/users/{id}")).json(&json!({"role": "media_library_user"})).await.expect(200);
    idp.delete(&ana).await.expect(204);
    acme.admin(Method::DELETE, "").await.expect(204);

    let rows = ask(&world, &format!("account={}&target={id}&action=user.patched", acme.id)).await;
    let [by_operator, by_client] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(by_client["changes"]["role"]["after"], "master_admin", "{by_client}");
    assert_eq!(by_operator["changes"]["role"], json!({"before": "master_admin", "after": "media_library_user"}));
    assert!(text(&by_client["actor"]).starts_with("client:") && by_client["actor_name"] == "Okta", "{by_client}");
    assert_eq!(
        (&by_operator["actor"], &by_operator["actor_name"]),
        (&json!("operator:bootstrap"), &json!("bootstrap"))
    );
    for row in &rows {
        assert_eq!((&row["account"], &row["account_name"]), (&json!(acme.id), &json!("acme")), "{row}");
        assert!(row["target_name"].is_string() && row["at"].is_string(), "{row}");
    }
    let deleted = ask(&world, &format!("target={id}&action=user.deleted")).await;
    assert_eq!(deleted[0]["changes"]["userName"], json!({"before": "ana@acme.test", "after": null}), "{deleted:?}");
    let by_that_client = ask(&world, &format!("actor={}&target={id}", text(&by_client["actor"]))).await;
    assert!(by_that_client.len() >= 3 && by_that_client.iter().all(|row| row["actor"] == by_client["actor"]));
});

story!(who_left_a_group_and_by_whom_is_answered_however_they_left, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let (ana, ben) = (idp.create_user(&a_user("ana@acme.test")).await, idp.create_user(&a_user("ben@acme.test")).await);
    let group = idp.create_group("Editors", &[&ana, &ben]).await;
    idp.patch(&group).add("members", json!([{"value": ana["id"]}])).await;
    idp.delete(&ben).await.expect(204);
    acme.admin(Method::DELETE, &format!("/users/{}", text(&ana["id"]))).await.expect(204);
    let rows = ask(&world, &format!("target={}&action=group.membership_changed", text(&group["id"]))).await;
    let [by_operator, by_client, joined] = rows.as_slice() else { panic!("{rows:?}") };
    let left = |row: &Value| text(&row["changes"]["members"]["removed"][0]["id"]);
    assert_eq!((left(by_operator), left(by_client)), (text(&ana["id"]), text(&ben["id"])));
    assert_eq!(by_operator["actor"], "operator:bootstrap");
    assert!(text(&by_client["actor"]).starts_with("client:"), "{by_client}");
    assert_eq!(joined["changes"]["members"]["added"].as_array().map(Vec::len), Some(2), "{joined}");
    assert!(rows.iter().all(|row| row["target_name"] == "Editors"), "{rows:?}");
});

story!(questions_to_the_audit_trail_combine_and_page, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    for n in 0..7 {
        acme.user(&format!("user{n}@acme.test")).create().await;
        orchard.user(&format!("user{n}@orchard.test")).create().await;
    }
    // Some rows are sealed when they are asked for, and the others wait for their seal.
    let mut behind = Behind::of(&world);
    let keys = behind.keys();
    let now = gateway::platform::clock::Clock::of_the_machine().now();
    behind.work(|tx| tx.seal_audit(&keys, now, 9, None)).expect("rows to seal");
    for question in [
        format!("account={}&action=user.created", acme.id),
        format!("account={}&actor=operator:bootstrap&action=user.created", acme.id),
        format!("account={}&action=user.created&from=2020-01-01T00:00:00Z&to=2999-01-01T00:00:00%2B01:00", acme.id),
    ] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = world.admin_get(&format!("/audit?{question}&limit=3{after}")).await;
            seen.extend(items(&page));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 7, "{question}");
        assert!(seen.iter().all(|row| row["account"] == acme.id && row["action"] == "user.created"), "{seen:?}");
    }
    assert_eq!(ask(&world, "action=user.created&limit=50").await.len(), 14);
    let of_all = ask(&world, "limit=500").await;
    behind.seal();
    assert_eq!(ask(&world, "limit=500").await, of_all, "the seal changes no answer");
    assert_eq!(ask(&world, "to=2020-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(ask(&world, "actor=operator:nobody").await.len(), 0);
    for (question, field, says) in [
        ("action=user.create", "action", "user.created"),
        ("action=unicorn.seen", "action", "user.patched"),
        ("actor=ana", "actor", "client:ID"),
        ("target=", "target", "id"),
        ("from=yesterday", "from", "RFC 3339"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to", "after `from`"),
        ("after=x", "after", "next"),
    ] {
        let problem = world.admin(Method::GET, &format!("/audit?{question}")).await.expect_problem(400);
        assert!(text(&problem["errors"][0]["field"]).ends_with(field), "{problem}");
        assert!(text(&problem["errors"][0]["detail"]).contains(says), "{problem}");
    }
    world.admin(Method::GET, "/audit?account=nobody").await.expect_problem(404);
});

story!(acts_in_a_browser_are_found_by_who_acted_and_on_what, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").with("displayName", json!("Ada Lovelace")).create().await;
    let client = acme.okta_client().await;
    client.connect_as(&ada).await;
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let form = browser.open(&format!("{}/account/password", world.gateway.public_url)).await.page();
    let mut changed = form.form_with_button("Change the password").expect("a form");
    for name in ["password", "again"] {
        assert!(changed.fill_in(name, "four unrelated words 4711"), "{}", form.words());
    }
    browser.submit(&form, &changed, &changed.pairs(changed.buttons.first())).await.page();
    browser.press(&page, "End this connection").await.page();

    let by_ada = ask(&world, &format!("actor=user:{}&limit=100", ada.id)).await;
    for row in &by_ada {
        assert_eq!((&row["actor_name"], &row["account"]), (&json!("Ada Lovelace"), &json!(acme.id)), "{row}");
        assert!(row["address"].is_string() && row["target"].is_string(), "{row}");
    }
    let grant = text(&items(&acme.admin_get("/grants").await)[0]["id"]);
    for (action, target) in [("grant.created", &grant), ("user.login_changed", &ada.id), ("grant.ended", &grant)] {
        let rows = ask(&world, &format!("actor=user:{}&action={action}", ada.id)).await;
        assert_eq!(rows.len(), 1, "{action} in {by_ada:?}");
        assert_eq!(ask(&world, &format!("account={}&target={target}&action={action}", acme.id)).await, rows);
    }
    // What an operator changes has its values of before and after; what she accepted has her as its owner.
    let given = json!({"role": "media_library_user"});
    acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&given).await.expect(200);
    let rows = ask(&world, &format!("target={}&action=user.patched", ada.id)).await;
    assert_eq!(
        rows[0]["changes"]["role"],
        json!({"before": "master_admin", "after": "media_library_user"}),
        "{rows:?}"
    );
});

story!(no_secret_is_in_the_audit_trail, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let mut idp = acme.connected_identity_provider().await;
    let mut body = a_user("ana@acme.test");
    body["password"] = json!("planted-by-scim-4711");
    let ana = idp.create_user(&body).await;
    idp.patch(&ana).replace("password", json!("planted-again-4711")).await;
    let user = acme.user("ben@acme.test").with("password", json!("planted-by-admin-4711")).create().await;
    let changed = json!({"password": "planted-anew-by-admin-4711"});
    acme.admin(Method::PATCH, &format!("/users/{}", user.id)).json(&changed).await.expect(200);
    let path = format!("/clients/{}/secrets", client.id);
    let added = world.admin(Method::POST, &path).json(&json!({})).await.expect(201).json();
    let operator =
        world.admin(Method::POST, "/operators").json(&json!({"name": "csm", "role": "csm"})).await.expect(201).json();
    let answered = [&added["client_secret"], &operator["token"]].map(text);
    let mut secrets: Vec<(&str, String)> = ["client secret", "operator's token"].into_iter().zip(answered).collect();

    // An authenticator app, its recovery codes, and a log-in by one of them.
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let (app, codes) = set_up(&world, &ada).await;
    let browser = world.browser();
    let page = browser.open(&client.authorization_url("1")).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    for (typed, is_right) in [("000-wrong-code-000", false), (codes[0].as_str(), true)] {
        let mut form = page.forms().into_iter().find(|form| form.has_input("code")).expect("a form");
        form.fill_in("code", typed);
        let page = browser.submit(&page, &form, &form.pairs(form.buttons.first())).await.page();
        assert_eq!(page.is_consent(), is_right, "{}", page.words());
        secrets.push(("typed code", typed.to_owned()));
    }
    secrets.push(("secret of the app", app.0.text()));
    secrets.extend(codes.into_iter().map(|code| ("recovery code", code)));
    secrets.push(("session", browser.cookie("gateway_session").expect("a session")));

    // Tokens: issued, refreshed, revoked, pasted.
    for _ in 0..2 {
        secrets.push(("access token", idp.access_token.clone()));
        secrets.push(("refresh token", idp.refresh_token.clone().expect("a refresh token")));
        idp.refresh().await;
    }
    idp.client.revoke(&idp.access_token).await.expect(200);
    secrets.push(("revoked token", idp.access_token.clone()));
    let expires = "2027-01-01T00:00:00Z";
    let pasted = client.admin(Method::POST, "/tokens").json(&json!({"name": "x", "expires": expires}));
    secrets.push(("static token", text(&pasted.await.expect(201).json()["token"])));

    Behind::of(&world).seal();
    let trail = world.admin_get("/audit?limit=1000").await.to_string();
    for action in ["second_factor.set_up", "second_factor.failed", "second_factor.recovery_code_used", "token"] {
        assert!(trail.contains(action), "{action} in {trail}");
    }
    for (what, secret) in secrets {
        assert!(secret.len() > 15, "{what} is a secret");
        assert!(!trail.contains(&secret), "the {what} is in the trail");
        let compact: String = secret.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        assert!(!trail.contains(&compact), "the {what} is in the trail");
    }
    assert!(!trail.contains("4711"), "a password is in the trail");
});
