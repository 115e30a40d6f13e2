//! Users over the wire: what is refused and how, what is forgiven, what is answered.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::entra::EntraJob;
use crate::support::identity_provider::{ENTERPRISE, USER, a_user};
use crate::support::testing::World;

story!(a_role_outside_the_list_is_refused_in_words, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut user = a_user("ana@acme.test");
    user["role"] = json!("superuser");
    let detail = idp.post("/Users", &user).await.expect_scim_error(400, Some("invalidValue"));
    for said in ["role", "superuser", "master_admin", "media_library_user"] {
        assert!(detail.contains(said), "`{said}` in: {detail}");
    }
    user["role"] = json!("admin");
    user["product_environments"] = json!(["acme-prod", "elsewhere"]);
    let detail = idp.post("/Users", &user).await.expect_scim_error(400, Some("invalidValue"));
    for said in ["product_environments", "elsewhere", "acme-prod", "acme-stage"] {
        assert!(detail.contains(said), "`{said}` in: {detail}");
    }
    assert_eq!(idp.names(r#"userName eq "ana@acme.test""#).await, [""; 0], "a refused user is not there");

    user["product_environments"] = json!(["acme-prod"]);
    let ana = idp.create_user(&user).await;
    idp.patch(&ana).replace("role", "superuser").await.expect_scim_error(400, Some("invalidValue"));
    idp.patch(&ana)
        .add("product_environments", json!(["elsewhere"]))
        .await
        .expect_scim_error(400, Some("invalidValue"));
    let now = idp.read(&ana).await;
    assert_eq!((&now["role"], &now["meta"]), (&json!("admin"), &ana["meta"]), "a refused patch leaves no trace");
});

story!(a_user_needs_a_role, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut user = a_user("ana@acme.test");
    user.as_object_mut().and_then(|user| user.remove("role"));
    let detail = idp.post("/Users", &user).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("role") && detail.contains("master_admin"), "{detail}");
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    idp.patch(&ana).remove("role").await.expect_scim_error(400, Some("mutability"));
    idp.put(&ana, &user).await.expect_scim_error(400, Some("invalidValue"));
});

story!(what_is_not_known_is_ignored, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut user = a_user("ana@acme.test");
    user["favouriteColour"] = json!("teal");
    user["urn:example:unknown:2.0:User"] = json!({"a": {"b": [1]}});
    user["name"]["dynasty"] = json!("Ito");
    user["id"] = json!("mine");
    user["meta"] = json!({"resourceType": "User", "created": "1999-01-01T00:00:00Z", "version": "W/\"x\""});
    user["groups"] = json!([{"value": "nobody"}]);
    user["password"] = json!("r4nd0m-Xy");
    let ana = idp.create_user(&user).await;
    assert_ne!(ana["id"], "mine");
    for unknown in ["favouriteColour", "urn:example:unknown:2.0:User", "password", "groups"] {
        assert!(ana.get(unknown).is_none(), "{unknown} in {ana}");
    }
    let patched = idp.patch(&ana).merge(json!({"favouriteColour": "red", "displayName": "Ana"})).await;
    assert!(patched.status.is_success(), "{}", patched.text());
    assert_eq!(idp.read(&ana).await["displayName"], "Ana");
    // An identity provider that puts back what it read, and one that has nothing to say.
    let read = idp.read(&ana).await;
    let put = idp.put(&ana, &read).await.expect(200).json();
    assert_eq!(put["meta"], read["meta"], "nothing changed, so nothing says it did");
});

story!(point_17_a_user_name_is_unique_in_any_letter_case, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let again = idp.post("/Users", &a_user("ANA@acme.test")).await;
    let detail = again.expect_scim_error(409, Some("uniqueness"));
    assert!(detail.contains("userName"), "{detail}");
    let joe = idp.create_user(&a_user("joe@acme.test")).await;
    idp.patch(&joe).replace("userName", "Ana@Acme.Test").await.expect_scim_error(409, Some("uniqueness"));
    idp.put(&joe, &a_user("ana@acme.test")).await.expect_scim_error(409, Some("uniqueness"));
    // Its owner may change its spelling, and a deleted user's is free.
    let respelt = idp.patch(&ana).replace("userName", "Ana@acme.test").await;
    assert!(respelt.status.is_success(), "{}", respelt.text());
    idp.delete(&ana).await.expect(204);
    idp.delete(&ana).await.expect_scim_error(404, None);
    idp.create_user(&a_user("ANA@acme.test")).await;
});

story!(booleans_may_be_words, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut user = a_user("ana@acme.test");
    user["active"] = json!("True");
    let ana = idp.create_user(&user).await;
    assert_eq!(ana["active"], true);
    for (value, expected) in
        [(json!("False"), false), (json!(true), true), (json!([false]), false), (json!("true"), true)]
    {
        let patched = idp.patch(&ana).operation(json!({"op": "Replace", "path": "active", "value": value})).await;
        assert!(patched.status.is_success(), "{value}: {}", patched.text());
        assert_eq!(idp.read(&ana).await["active"], expected, "{value}");
    }
    let bodiless = idp.patch(&ana).merge(json!({"active": "false"})).await;
    assert!(bodiless.status.is_success(), "{}", bodiless.text());
    assert_eq!(idp.read(&ana).await["active"], false);
    idp.patch(&ana).replace("active", "perhaps").await.expect_scim_error(400, Some("invalidValue"));
});

story!(null_empty_and_absent_are_one, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut user = a_user("ana@acme.test");
    (user["nickName"], user["title"]) = (json!(""), json!(null));
    let ana = idp.create_user(&user).await;
    assert!(ana.get("nickName").is_none() && ana.get("title").is_none(), "{ana}");
    let patched = idp.patch(&ana).replace("emails", json!([])).replace("displayName", json!(null)).await;
    assert!(patched.status.is_success(), "{}", patched.text());
    assert!(idp.read(&ana).await.get("emails").is_none());
    assert_eq!(idp.names("userName sw \"ana\" and not (emails pr)").await, ["ana@acme.test"]);
});

story!(attributes_are_chosen_on_every_answer, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let members = |user: &Value| -> Vec<String> {
        let mut names: Vec<String> = user.as_object().into_iter().flat_map(|o| o.keys().cloned()).collect();
        names.sort();
        names
    };
    let few = idp.read(&format!("{path}?attributes=USERNAME,name.familyName")).await;
    assert_eq!(members(&few), ["id", "name", "schemas", "userName"]);
    assert_eq!(few["name"], json!({"familyName": "Test"}));
    let most = idp.read(&format!("{path}?excludedAttributes=emails,id,meta")).await;
    assert!(most.get("emails").is_none() && most.get("id").is_some(), "{most}");
    let urn = idp.read(&format!("{path}?attributes={USER}:userName")).await;
    assert_eq!(urn["userName"], "ana@acme.test");
    let listed = idp.list("/Users?attributes=userName&filter=userName+eq+%22ana@acme.test%22").await;
    assert_eq!(members(&listed["Resources"][0]), ["id", "schemas", "userName"]);
    let patched = idp.patch(&format!("{path}?attributes=displayName")).replace("displayName", "Ana").await.expect(200);
    assert_eq!(members(&patched.json()), ["displayName", "id", "schemas"]);
    let both = idp.get(&format!("{path}?attributes=id&excludedAttributes=name")).await;
    both.expect(400).scim_error();
});

story!(a_stale_version_does_not_win, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let read = idp.get(&path).await.expect(200);
    let version = read.header("etag").unwrap_or_default().to_owned();
    assert_eq!(read.json()["meta"]["version"].as_str(), Some(version.as_str()));
    assert!(version.starts_with("W/\""), "{version}");
    let not_modified = idp.get(&path).header("if-none-match", &version).await.expect(304);
    assert!(not_modified.body.is_empty());
    let mut body = a_user("ana@acme.test");
    body["displayName"] = json!("First");
    idp.put(&path, &body).header("if-match", &version).await.expect(200);
    body["displayName"] = json!("Second");
    idp.put(&path, &body).header("if-match", &version).await.expect_scim_error(412, None);
    idp.delete(&path).header("if-match", &version).await.expect_scim_error(412, None);
    assert_eq!(idp.read(&ana).await["displayName"], "First");
    idp.put(&path, &body).header("if-match", "*").await.expect(200);
});

story!(entra_provisions_users_in_its_own_way, async |world: World| {
    let acme = world.account("acme").await;
    let entra = EntraJob::connect(&acme).await;
    entra.test_connection().await;
    let idp = &entra.idp;
    let ravi = entra.create_user("ravi", "admin").await;
    assert_eq!(ravi[ENTERPRISE]["department"], "News");
    for filter in [
        r#"userName eq "RAVI@orchard.test""#,
        r#"externalId eq "ravi""#,
        r#"emails[type eq "work"].value eq "ravi@orchard.test""#,
    ] {
        assert_eq!(idp.names(filter).await, ["ravi@orchard.test"], "{filter}");
    }
    assert_eq!(idp.names(r#"externalId eq "RAVI""#).await, [""; 0], "externalId is case-exact");

    let manager = entra.create_user("boss", "admin").await;
    let patched = idp
        .patch(&ravi)
        .operation(json!({"op": "Replace", "path": "displayName", "value": "Ravi K. Menon"}))
        .operation(json!({"op": "Replace", "path": "name.familyName", "value": "Menon-Shah"}))
        .operation(json!({"op": "Add", "path": "emails[type eq \"work\"].value", "value": "ravi.ms@orchard.test"}))
        .operation(json!({"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44 7700 900123"}))
        .operation(json!({"op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "Sport"}))
        .operation(json!({"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": manager["id"]}))
        .await;
    assert!(patched.status.is_success(), "{}", patched.text());
    let now = idp.read(&ravi).await;
    assert_eq!(now["displayName"], "Ravi K. Menon");
    assert_eq!(now["name"]["familyName"], "Menon-Shah");
    assert_eq!(now["emails"].as_array().map(Vec::len), Some(1));
    assert_eq!(now["emails"][0]["value"], "ravi.ms@orchard.test");
    assert_eq!(now["phoneNumbers"].as_array().map(Vec::len), Some(2), "{now}");
    assert_eq!(now[ENTERPRISE]["department"], "Sport");
    assert_eq!(now[ENTERPRISE]["manager"]["value"], manager["id"]);
    let (ravi_id, boss_id) = (text(&ravi["id"]), text(&manager["id"]));
    let reports_to = format!(r#"id eq "{ravi_id}" and manager eq "{boss_id}""#);
    assert_eq!(idp.found("/Users", &reports_to).await.len(), 1);

    entra.set_active(&ravi, false).await;
    assert_eq!(idp.names(r#"userName eq "ravi@orchard.test""#).await.len(), 1, "found while inactive");
    entra.set_active(&ravi, true).await;
    idp.delete(&ravi).await.expect(204);
    idp.delete(&ravi).await.expect_scim_error(404, None);
});

story!(asking_with_head_tells_of_a_user_and_changes_nothing, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let path = format!("/Users/{}", ana["id"].as_str().expect("an id"));
    let answer = idp.call(Method::HEAD, &path).await.expect(200);
    assert_eq!(answer.text(), "");
    idp.call(Method::OPTIONS, &path).await.expect(405);
    assert_eq!(idp.read(&ana).await["userName"], "ana@acme.test");
});
