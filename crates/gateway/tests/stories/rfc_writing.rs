//! What RFC 7643 and RFC 7644 §3.3 and §3.5.1 say of creating and replacing, statement by statement
//! (`docs/conformance/scim.toml`).

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::browser::Landed;
use crate::support::identity_provider::{ENTERPRISE, GROUP, PATCH, USER, a_user};
use crate::support::oauth_client::log_in_if_asked;
use crate::support::testing::World;

/// A user with this beside what the schema requires.
fn user(name: &str, attributes: Value) -> Value {
    let mut body = a_user(&format!("{name}@acme.test"));
    if let (Some(body), Value::Object(attributes)) = (body.as_object_mut(), attributes) {
        body.extend(attributes);
    }
    body
}

story!(point_16_a_creation_is_answered_with_the_whole_and_its_place, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let body = user(
        "ana",
        json!({"id": "mine", "groups": [{"value": "g"}], "schemas": [USER, ENTERPRISE],
        "meta": {"resourceType": "Printer", "created": "1999-01-01T00:00:00Z", "version": "W/\"9\"", "location": "http://x"},
        ENTERPRISE: {"department": "News"}}),
    );
    let answer = idp.post("/Users", &body).await.expect(201);
    let made = answer.json();
    let location = format!("{}/Users/{}", idp.client.sheet("scim_base_url"), text(&made["id"]));
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(made["meta"]["location"], location);
    assert!(location.starts_with("http"), "absolute: {location}");
    assert_eq!(
        world.get(&location).bearer(&idp.access_token).await.expect(200).json(),
        made,
        "the whole, at its place"
    );
    assert_eq!((&made["meta"]["resourceType"], &made[ENTERPRISE]["department"]), (&json!("User"), &json!("News")));
    assert!(made["id"] != "mine" && made.get("groups").is_none() && made["meta"]["version"] != "W/\"9\"", "{made}");
    assert!(!text(&made["meta"]["created"]).starts_with("1999"), "{made}");

    let answer = idp.post("/Groups", &json!({"schemas": [GROUP], "displayName": "G", "id": "mine"})).await.expect(201);
    let group = answer.json();
    assert_eq!(answer.header("location"), group["meta"]["location"].as_str());
    assert_eq!(world.get(&text(&group["meta"]["location"])).bearer(&idp.access_token).await.expect(200).json(), group);
});

story!(point_18_a_put_creates_nothing, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let neighbour = world.account("globex").await.connected_identity_provider().await;
    let theirs = text(&neighbour.create_user(&a_user("ana@globex.test")).await["id"]);
    for id in ["0f6a7c1e-2b83-4f3e-9a6d-1d2c3b4a5e6f", "ana@acme.test", "x", theirs.as_str()] {
        idp.put(&format!("/Users/{id}"), &a_user("ana@acme.test")).await.expect_scim_error(404, None);
        let group = json!({"schemas": [GROUP], "displayName": "G"});
        idp.put(&format!("/Groups/{id}"), &group).await.expect_scim_error(404, None);
    }
    assert_eq!(idp.names("userName sw \"ana\"").await, [""; 0]);
    assert_eq!(idp.list("/Groups").await["totalResults"], 0);
    assert_eq!(neighbour.names("userName sw \"ana\"").await, ["ana@globex.test"]);
});

story!(
    point_19_a_put_cannot_change_what_is_ours_or_immutable,
    settings = [("GATEWAY__ATTRIBUTES__FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories/attributes.toml"))],
    async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let ana = idp.create_user(&user("ana", json!({"badge": "gold"}))).await;
        let group = idp.create_group("Editors", &[&ana]).await;
        let mut body = user("ana", json!({"badge": "gold", "id": group["id"], "groups": [], "title": "Editor"}));
        body["meta"] = json!({"version": "W/\"77\"", "created": "1999-01-01T00:00:00Z", "resourceType": "Group"});
        let put = idp.put(&ana, &body).await.expect(200).json();
        assert_eq!((&put["id"], &put["badge"], &put["title"]), (&ana["id"], &json!("gold"), &json!("Editor")));
        assert_eq!((&put["meta"]["created"], &put["meta"]["version"]), (&ana["meta"]["created"], &json!("W/\"2\"")));
        assert_eq!(put["groups"][0]["value"], group["id"]);

        let detail =
            idp.put(&ana, &user("ana", json!({"badge": "silver"}))).await.expect_scim_error(400, Some("mutability"));
        assert!(detail.contains("badge"), "{detail}");
        assert_eq!(idp.read(&ana).await["title"], "Editor", "nothing of a refused request is kept");
        idp.patch(&ana).replace("badge", "silver").await.expect_scim_error(400, Some("mutability"));
        let put = idp.put(&ana, &user("ana", json!({}))).await.expect(200).json();
        assert_eq!(put["badge"], "gold", "left out, it stays");
        // One that has no value yet may get one.
        let ben = idp.create_user(&user("ben", json!({}))).await;
        assert_eq!(idp.put(&ben, &user("ben", json!({"badge": "silver"}))).await.expect(200).json()["badge"], "silver");
    }
);

story!(point_20_what_a_put_leaves_out_is_cleared_but_for_what_stays, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let full = user(
        "ana",
        json!({"title": "Editor", "nickName": "A", "active": false, "externalId": "x1",
        "phoneNumbers": [{"value": "1"}], "schemas": [USER, ENTERPRISE], ENTERPRISE: {"department": "News"}}),
    );
    let ana = idp.create_user(&full).await;
    let least = json!({"schemas": [USER], "userName": "ana@acme.test", "role": "reports"});
    let put = idp.put(&ana, &least).await.expect(200).json();
    let mut expected =
        json!({"schemas": [USER], "id": ana["id"], "userName": "ana@acme.test", "role": "reports", "active": false});
    expected["meta"] = put["meta"].clone();
    assert_eq!(put, expected, "`active` stays, the rest is cleared");
    assert_eq!(idp.put(&ana, &least).await.expect(200).json(), put, "and the same again");
    assert_eq!(idp.read(&ana).await, put);

    let group = idp.create_group("Editors", &[&ana]).await;
    idp.put(&group, &json!({"schemas": [GROUP], "displayName": "Editors"})).await.expect(200);
    assert_eq!(idp.members(&group).await, [""; 0], "members are cleared too");

    // A password was never the identity provider's: it stays.
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let body = json!({"schemas": [USER], "userName": "ada@acme.test", "role": "master_admin"});
    idp.put(&ada, &body).await.expect(200);
    let (browser, client) = (world.browser(), acme.okta_client().await);
    let page = log_in_if_asked(&browser, browser.open(&client.authorization_url("1")).await, &ada).await.page();
    assert!(page.answer.text().contains("Accept access"), "{}", page.answer.text());
});

story!(point_21_null_an_empty_array_and_absence_are_one, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    for nothing in [json!(null), json!([])] {
        let body = user("ana", json!({"emails": nothing, "title": null, "name": null, "nickName": "A"}));
        let ana = idp.create_user(&body).await;
        assert!(["emails", "title", "name"].iter().all(|name| ana.get(name).is_none()), "{ana}");
        let whole = user("ana", json!({"title": "x", "phoneNumbers": [{"value": "1"}], "nickName": "A"}));
        assert_eq!(idp.put(&ana, &whole).await.expect(200).json()["phoneNumbers"][0]["value"], "1");
        let put = user("ana", json!({"emails": nothing, "phoneNumbers": nothing, "title": null, "nickName": "A"}));
        let put = idp.put(&ana, &put).await.expect(200).json();
        assert!(["emails", "phoneNumbers", "title"].iter().all(|name| put.get(name).is_none()), "{put}");
        idp.put(&ana, &whole).await.expect(200);
        let patch =
            idp.patch(&ana).replace("emails", nothing.clone()).merge(json!({"phoneNumbers": nothing, "title": null}));
        let patched = patch.await.expect(200).json();
        assert!(["emails", "phoneNumbers", "title"].iter().all(|name| patched.get(name).is_none()), "{patched}");
        assert_eq!(idp.read(&ana).await, patched);
        assert_eq!(idp.names("nickName eq \"A\" and not (emails pr) and not (title pr)").await, ["ana@acme.test"]);
        idp.delete(&ana).await.expect(204);
    }
});

story!(point_22_schemas_say_what_a_resource_has, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let schemas = |given: Value| user("ana", json!({"schemas": given}));
    for given in [
        json!([USER]),
        json!([USER, USER, ENTERPRISE, USER]),
        json!([ENTERPRISE, USER]),
        json!([USER, "urn:example:unknown:2.0:User"]),
        json!([USER.to_uppercase()]),
    ] {
        let ana = idp.create_user(&schemas(given.clone())).await;
        assert_eq!(ana["schemas"], json!([USER]), "{given}: the extension has no value");
        idp.delete(&ana).await.expect(204);
    }
    // Not named in the request, yet there.
    let ana = idp.create_user(&user("ana", json!({ENTERPRISE: {"department": "News"}}))).await;
    assert_eq!(ana["schemas"], json!([USER, ENTERPRISE]));
    let patched = idp.patch(&ana).remove(&format!("{ENTERPRISE}:department")).await.expect(200).json();
    assert_eq!((&patched["schemas"], patched.get(ENTERPRISE)), (&json!([USER]), None));
    let patched = idp.patch(&ana).add(&format!("{ENTERPRISE}:division"), "EU").await.expect(200).json();
    assert_eq!(patched["schemas"], json!([USER, ENTERPRISE]));
    for given in [json!([GROUP]), json!([PATCH]), json!([7]), json!({}), json!([GROUP, ENTERPRISE])] {
        for detail in [
            idp.post("/Users", &schemas(given.clone())).await.expect_scim_error(400, Some("invalidSyntax")),
            idp.put(&ana, &schemas(given.clone())).await.expect_scim_error(400, Some("invalidSyntax")),
        ] {
            assert!(detail.contains(USER), "{given}: {detail}");
        }
    }
    let user_as_group = json!({"schemas": [USER], "displayName": "G"});
    idp.post("/Groups", &user_as_group).await.expect_scim_error(400, Some("invalidSyntax"));
    // To the letter, the base schema is named.
    let strict = acme.strict_identity_provider().await;
    for given in [json!(null), json!([]), json!([ENTERPRISE]), json!(["urn:scim:schemas:core:1.0"]), json!(["urn:x"])] {
        let detail = strict.put(&ana, &schemas(given.clone())).await.expect_scim_error(400, Some("invalidSyntax"));
        assert!(detail.contains(USER), "{given}: {detail}");
    }
    strict.put(&ana, &schemas(json!(["urn:x", ENTERPRISE, USER]))).await.expect(200);
});

story!(point_23_names_in_bodies_match_in_any_letter_case, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let body = json!({"SCHEMAS": [USER], "USERNAME": "ana@acme.test", "Role": "reports", "name": {"GIVENNAME": "Ana"},
        "Emails": [{"VALUE": "ana@acme.test", "Type": "work", "PRIMARY": true}], "ACTIVE": false,
        (ENTERPRISE.to_uppercase()): {"DEPARTMENT": "News"}});
    let ana = idp.create_user(&body).await;
    let expected = json!({"schemas": [USER, ENTERPRISE], "id": ana["id"], "meta": ana["meta"], "userName": "ana@acme.test",
        "role": "reports", "name": {"givenName": "Ana"}, "active": false, ENTERPRISE: {"department": "News"},
        "emails": [{"value": "ana@acme.test", "type": "work", "primary": true}]});
    assert_eq!(ana, expected, "and are answered as the schema spells them");
    let patched =
        idp.patch(&ana).merge(json!({"TITLE": "Editor", "NAME": {"familyname": "Ito"}})).await.expect(200).json();
    assert_eq!(
        (&patched["title"], &patched["name"]),
        (&json!("Editor"), &json!({"givenName": "Ana", "familyName": "Ito"}))
    );
    let patched = idp.patch(&ana).replace("NickName", "A").replace("Name.FAMILYNAME", "Sato").await.expect(200).json();
    assert_eq!((&patched["nickName"], &patched["name"]["familyName"]), (&json!("A"), &json!("Sato")));
    let group =
        idp.post("/Groups", &json!({"Schemas": [GROUP], "DISPLAYNAME": "G", "MEMBERS": [{"VALUE": ana["id"]}]}));
    assert_eq!(idp.members(&group.await.expect(201).json()).await, [text(&ana["id"])]);
});

story!(point_45_ids_are_ours_and_external_ids_the_clients, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let ana = idp.create_user(&user("ana", json!({"id": "mine", "externalId": " 00u-ÄB/c?d "}))).await;
        assert_eq!(ana["externalId"], " 00u-ÄB/c?d ", "as it was sent");
        let id = text(&ana["id"]);
        assert!(id != "mine" && !id.to_lowercase().contains("bulkid") && !ids.contains(&id), "{id}");
        assert_eq!(idp.put(&ana, &user("ana", json!({"id": "mine"}))).await.expect(200).json()["id"], ana["id"]);
        idp.patch(&ana).replace("id", "mine").await.expect_scim_error(400, Some("mutability"));
        idp.patch(&ana).merge(json!({"id": "mine", "title": "x"})).await.expect(200);
        assert_eq!(idp.read(&ana).await["id"], ana["id"]);
        idp.delete(&ana).await.expect(204);
        idp.get(&format!("/Users/{id}")).await.expect_scim_error(404, None);
        ids.push(id);
    }
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": user("ana", json!({"externalId": "X"}))}]});
    let made = idp.post("/Bulk", &bulk).await.expect(200).json();
    assert!(!text(&made["Operations"][0]["location"]).to_lowercase().contains("bulkid"), "{made}");

    // Each account has external ids of its own.
    let neighbour = world.account("globex").await.connected_identity_provider().await;
    neighbour.create_user(&user("joe", json!({"externalId": "X"}))).await;
    assert_eq!(idp.names("externalId eq \"X\"").await, ["ana@acme.test"]);
    assert_eq!(neighbour.names("externalId eq \"X\"").await, ["joe@acme.test"]);
});

story!(point_46_a_password_is_seen_nowhere_and_groups_are_computed, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    const SECRET: &str = "r4nd0m-Xy-97531";
    let ana = idp.create_user(&user("ana", json!({"password": SECRET}))).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let mut said = vec![ana.to_string()];
    for answer in [
        idp.post("/Users?attributes=password", &user("ben", json!({"password": SECRET}))).await.expect(201),
        idp.put(&path, &user("ana", json!({"password": SECRET}))).await.expect(200),
        idp.patch(&format!("{path}?attributes=password")).replace("password", SECRET).await.expect(200),
        idp.patch(&path).merge(json!({"password": SECRET, "title": "x"})).await.expect(200),
        idp.get(&format!("{path}?attributes=password,userName")).await.expect(200),
        idp.get("/Users?attributes=password").await.expect(200),
        idp.get(&format!("/Users?filter=password+eq+%22{SECRET}%22")).await.expect(400),
        idp.get("/Users?filter=password+pr").await.expect(400),
        idp.get("/Users?sortBy=password").await.expect(400),
        idp.post("/Users", &user("cem", json!({"password": {"value": SECRET}}))).await.expect(400),
        idp.post("/Users", &user("cem", json!({"password": [SECRET, SECRET]}))).await.expect(400),
        idp.post("/Users", &user("ana", json!({"password": SECRET}))).await.expect(409),
        idp.patch(&path).replace("password", json!({"value": SECRET})).await.expect(400),
        idp.patch(&path).replace(&format!("password[value eq \"{SECRET}\"]"), "x").await.expect(400),
    ] {
        assert!(answer.status.is_client_error() || answer.json().get("password").is_none(), "{}", answer.text());
        said.push(answer.text());
    }
    said.push(json!(acme.audit().await.0).to_string());
    said.push(world.logs());
    assert!(said.iter().all(|text| !text.contains(SECRET)), "{:?}", said.iter().find(|text| text.contains(SECRET)));
    let schema = idp.read(&format!("/Schemas/{USER}")).await;
    let declared = |name: &str| {
        let attributes = schema["attributes"].as_array().into_iter().flatten();
        attributes.clone().find(|attribute| attribute["name"] == name).cloned().unwrap_or_default()
    };
    let password = declared("password");
    assert_eq!((&password["mutability"], &password["returned"]), (&json!("writeOnly"), &json!("never")));

    let group = idp.create_group("Editors", &[&ana]).await;
    assert_eq!(declared("groups")["mutability"], "readOnly");
    let shown = idp.read(&ana).await["groups"].clone();
    let reference = format!("{}/Groups/{}", idp.client.sheet("scim_base_url"), text(&group["id"]));
    assert_eq!(shown, json!([{"value": group["id"], "$ref": reference, "type": "direct", "display": "Editors"}]));
    idp.patch(&ana).replace("groups", json!([])).await.expect_scim_error(400, Some("mutability"));
    idp.patch(&ana)
        .remove(&format!("groups[value eq \"{}\"]", text(&group["id"])))
        .await
        .expect_scim_error(400, Some("mutability"));
    idp.put(&ana, &user("ana", json!({"groups": [{"value": "other"}]}))).await.expect(200);
    idp.patch(&ana).merge(json!({"groups": []})).await.expect(200);
    assert_eq!(idp.read(&ana).await["groups"], shown);
    idp.patch(&group).remove("members").await;
    assert!(idp.read(&ana).await.get("groups").is_none());
});

story!(point_47_a_group_has_a_name, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    for nameless in [
        json!({"schemas": [GROUP]}),
        json!({"schemas": [GROUP], "displayName": ""}),
        json!({"schemas": [GROUP], "displayName": " "}),
    ] {
        let detail = idp.post("/Groups", &nameless).await.expect_scim_error(400, Some("invalidValue"));
        assert!(detail.contains("displayName is required"), "{detail}");
    }
    let group = idp.create_group("Editors", &[]).await;
    idp.put(&group, &json!({"schemas": [GROUP]})).await.expect_scim_error(400, Some("invalidValue"));
    idp.patch(&group).remove("displayName").await.expect_scim_error(400, Some("mutability"));
    assert_eq!(idp.read(&group).await["displayName"], "Editors");
    let schema = idp.read(&format!("/Schemas/{GROUP}")).await;
    let mut declared = schema["attributes"].as_array().into_iter().flatten();
    assert_eq!(
        declared.find(|attribute| attribute["name"] == "displayName").map(|a| a["required"].clone()),
        Some(json!(true))
    );
});

story!(point_48_a_member_is_replaced_never_edited, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let ben = idp.create_user(&a_user("ben@acme.test")).await;
    let group = idp.create_group("Editors", &[&ana]).await;
    let element = format!("members[value eq \"{}\"]", text(&ana["id"]));
    for (sub, value) in
        [("value", ben["id"].clone()), ("type", json!("Group")), ("$ref", json!("http://x")), ("display", json!("x"))]
    {
        idp.patch(&group)
            .replace(&format!("{element}.{sub}"), value.clone())
            .await
            .expect_scim_error(400, Some("mutability"));
        idp.patch(&group).replace(&format!("members.{sub}"), value).await.expect_scim_error(400, Some("mutability"));
        idp.patch(&group).remove(&format!("{element}.{sub}")).await.expect_scim_error(400, Some("mutability"));
    }
    let member = idp.read(&group).await["members"][0].clone();
    assert_eq!((&member["value"], &member["type"]), (&ana["id"], &json!("User")));
    let reference = world.get(&text(&member["$ref"])).bearer(&idp.access_token).await.expect(200).json();
    assert_eq!(reference["id"], ana["id"], "the reference leads to the resource");
    // Another element in its place is no edit.
    let swap = idp.patch(&group).remove(&element).add("members", json!([{"value": ben["id"]}]));
    assert!(swap.await.status.is_success());
    assert_eq!(idp.members(&group).await, [text(&ben["id"])]);
    let schema = idp.read(&format!("/Schemas/{GROUP}")).await;
    let members = schema["attributes"].as_array().into_iter().flatten().find(|a| a["name"] == "members").cloned();
    for sub in members.unwrap_or_default()["subAttributes"].as_array().into_iter().flatten() {
        let expected = if sub["name"] == "display" { "readOnly" } else { "immutable" };
        assert_eq!(sub["mutability"], expected, "{sub}");
    }
});
