//! What a value means that has not the shape of its attribute: understood where it can mean one thing, refused where it means
//! nothing, and never taken for "nothing at all".

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::identity_provider::{ENTERPRISE, GROUP, IdentityProvider, USER, a_user};
use crate::support::testing::World;

async fn connect(acme: &Account, profile: &str) -> IdentityProvider {
    let body = json!({
        "name": profile, "profile": profile, "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
    });
    acme.client(body).await.connect_by_credentials().await
}

/// How often a client was forgiven something.
async fn forgiven(idp: &IdentityProvider, name: &str) -> Value {
    let list = idp.client.admin(Method::GET, "/tolerances").await.expect(200).json();
    let item = items(&list).into_iter().find(|item| item["name"] == name);
    item.unwrap_or_else(|| panic!("no {name} in {list}"))["forgiven"].clone()
}

fn operation(op: &str, path: &str, value: &Value) -> Value {
    json!({"op": op, "path": path, "value": value})
}

story!(report_2_what_names_no_member_changes_no_group_and_is_refused_in_every_method, async |world: World| {
    let acme = world.account("acme").await;
    for profile in ["okta", "entra", "onelogin", "generic", "strict"] {
        let idp = connect(&acme, profile).await;
        let ana = idp.create_user(&a_user(&format!("ana-{profile}@acme.test"))).await;
        let group = idp.create_group(&format!("Editors of {profile}"), &[&ana]).await;
        let (members, path) = (vec![text(&ana["id"])], format!("/Groups/{}", text(&group["id"])));
        for unreadable in [
            json!([{}]),
            json!([null]),
            json!([{"display": "ana"}]),
            json!([{"value": ""}]),
            json!([{"$ref": "https://elsewhere.test/scim/v2/Users/1"}]),
            json!({"members": [{}]}),
            json!("[{'value': 'x'}]"),
            json!(""),
        ] {
            let whole = json!({"schemas": [GROUP], "displayName": "Editors", "members": unreadable});
            let patches = [
                operation("replace", "members", &unreadable),
                operation("add", "members", &unreadable),
                json!({"op": "replace", "value": {"members": unreadable}}),
            ];
            for patch in &patches {
                let detail =
                    idp.patch(&group).operation(patch.clone()).await.expect_scim_error(400, Some("invalidValue"));
                assert!(profile == "strict" || detail.contains("{\"value\": …}"), "{patch}: {detail}");
            }
            if profile != "strict" {
                let remove = operation("Remove", "members", &unreadable);
                idp.patch(&group).operation(remove).await.expect_scim_error(400, Some("invalidValue"));
            }
            idp.put(&group, &whole).await.expect_scim_error(400, Some("invalidValue"));
            let bulk = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
                "Operations": [{"method": "PUT", "path": path, "data": whole}],
            });
            let answered = idp.post("/Bulk", &bulk).await.expect(200).json();
            assert_eq!(answered["Operations"][0]["status"], "400", "{answered}");
            assert_eq!(idp.members(&group).await, members, "{profile}: {unreadable}");
        }
    }
});

story!(report_2_a_reference_an_attributes_name_and_json_text_are_understood_and_counted, async |world: World| {
    let acme = world.account("acme").await;
    let idp = connect(&acme, "entra").await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let ben = idp.create_user(&a_user("ben@acme.test")).await;
    let group = idp.create_group("Editors", &[&ben]).await;
    let reference = text(&ana["meta"]["location"]);
    assert!(reference.ends_with(&format!("/Users/{}", text(&ana["id"]))), "{reference}");
    let list = json!([{"value": ana["id"]}]);
    for (name, members) in [
        ("reference_for_value", json!([{"$ref": reference}])),
        ("named_again", json!({"members": list})),
        ("json_text", json!(list.to_string())),
    ] {
        assert_eq!(forgiven(&idp, name).await, 0);
        idp.patch(&group).replace("members", members.clone()).await.expect(204);
        assert_eq!(idp.members(&group).await, [text(&ana["id"])], "{members}");
        assert_eq!(forgiven(&idp, name).await, 1, "{name}");
        idp.put(&group, &json!({"schemas": [GROUP], "displayName": "Editors", "members": [{"value": ben["id"]}]}))
            .await
            .expect(200);
        idp.put(&group, &json!({"schemas": [GROUP], "displayName": "Editors", "members": members})).await.expect(200);
        assert_eq!(idp.members(&group).await, [text(&ana["id"])], "{members}");
        idp.patch(&group).operation(operation("Remove", "members", &members)).await.expect(204);
        assert!(idp.members(&group).await.is_empty(), "{members}");
    }
    // The URL of a user below /Groups names no user.
    let wrong = json!([{"$ref": reference.replace("/Users/", "/Groups/")}]);
    let answer = idp.patch(&group).add("members", wrong).await.expect(204);
    assert_eq!(answer.header("skipped-members"), Some(text(&ana["id"]).as_str()));
    assert!(idp.members(&group).await.is_empty());
    let emails = json!([{"value": "new@acme.test", "type": "work"}]);
    idp.patch(&ana).replace("emails", emails.to_string()).await.expect(200);
    assert_eq!(idp.read(&ana).await["emails"], emails);
});

story!(report_4_a_remove_with_a_value_takes_nothing_that_is_not_stored, async |world: World| {
    let acme = world.account("acme").await;
    for profile in ["okta", "entra", "generic"] {
        let idp = connect(&acme, profile).await;
        let mut body = a_user(&format!("ana-{profile}@acme.test"));
        body["displayName"] = json!("Ana");
        body["emails"] = json!([{"value": "a@acme.test", "type": "work", "primary": true}]);
        body[ENTERPRISE] = json!({"manager": {"value": "2"}});
        let ana = idp.create_user(&body).await;
        let kept = idp.read(&ana).await;
        for (path, value) in [
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", json!("1")),
            ("manager", json!([{"$ref": null, "value": "1"}])),
            ("displayName", json!("Ben")),
            ("emails[type eq \"work\"].value", json!("b@acme.test")),
            ("name", json!({"givenName": "Nobody"})),
        ] {
            idp.patch(&ana).operation(operation("Remove", path, &value)).await.expect(200);
            assert_eq!(idp.read(&ana).await, kept, "{path}");
        }
        idp.patch(&ana)
            .operation(operation("Remove", "manager", &json!([{"$ref": null, "value": "2"}])))
            .operation(operation("Remove", "displayName", &json!("ana")))
            .operation(operation("Remove", "emails[type eq \"work\"].value", &json!("A@acme.test")))
            .await
            .expect(200);
        let now = idp.read(&ana).await;
        assert_eq!((now.get(ENTERPRISE), now.get("displayName"), now.get("emails")), (None, None, None), "{now}");
    }
});

story!(report_5_the_shapes_of_entra_hold_at_every_attribute_and_in_every_method, async |world: World| {
    let acme = world.account("acme").await;
    let idp = connect(&acme, "entra").await;
    let acme_urn = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
    let wrapped = |value: &str| json!([{"$ref": null, "value": value}]);
    let body = json!({
        "schemas": [USER, ENTERPRISE, acme_urn], "userName": wrapped("ana@acme.test"), "displayName": wrapped("Ana"),
        "active": wrapped("True"), "roles": [{"primary": "True", "value": "reports"}], "name.givenName": "Ana",
        (ENTERPRISE): {"manager": wrapped("boss"), "department": wrapped("News")},
    });
    let ana = idp.post("/Users", &body).await.expect(201).json();
    assert_eq!(
        (&ana["role"], &ana["displayName"], &ana["name"]["givenName"]),
        (&json!("reports"), &json!("Ana"), &json!("Ana"))
    );
    assert_eq!(ana[ENTERPRISE], json!({"manager": {"value": "boss"}, "department": "News"}));
    let put = idp.put(&ana, &body).await.expect(200).json();
    assert_eq!(put["meta"]["version"], ana["meta"]["version"], "the same again changes nothing");

    let changed = idp
        .patch(&ana)
        .replace("title", wrapped("Editor"))
        .replace(&format!("{ENTERPRISE}.employeeNumber"), "4711")
        .operation(operation("Remove", &format!("{ENTERPRISE}:manager[value eq \"boss\"]"), &json!(null)))
        .replace("roles[primary eq \"True\"].value", "billing")
        .await
        .expect(200);
    assert_eq!(changed.header("ignored-attributes"), None);
    let changed = changed.json();
    assert_eq!((&changed["title"], &changed["role"]), (&json!("Editor"), &json!("billing")), "{changed}");
    assert_eq!(changed[ENTERPRISE], json!({"department": "News", "employeeNumber": "4711"}));
    let changed = idp.patch(&ana).replace(&format!("{acme_urn}:role"), "admin").await.expect(200).json();
    assert_eq!(changed["role"], "admin");
    let role = json!({"userName": "ben@acme.test", (acme_urn): {"role": "reports"}});
    assert_eq!(idp.post("/Users", &role).await.expect(201).json()["role"], "reports");
    // Another vendor's client has no such mapping.
    let okta = connect(&acme, "okta").await;
    let unchanged = okta.patch(&ana).replace("roles[primary eq \"True\"].value", "reports").await.expect(200).json();
    assert_eq!(unchanged["role"], "admin");
});

story!(report_5_what_was_ignored_is_named_in_a_header, async |world: World| {
    let acme = world.account("acme").await;
    let idp = connect(&acme, "generic").await;
    let mut body = a_user("ana@acme.test");
    body["shoeSize"] = json!(42);
    body["emails"][0]["mail"] = json!("x");
    body["meta"] = json!({"resourceType": "User"});
    let created = idp.post("/Users", &body).await.expect(201);
    let named = created.header("ignored-attributes").expect("a header");
    assert!(named.contains("shoeSize") && named.contains("emails.mail") && !named.contains("meta"), "{named}");
    let ana = created.json();
    assert_eq!(idp.put(&ana, &body).await.expect(200).header("ignored-attributes").map(str::len), Some(named.len()));
    let patched = idp
        .patch(&ana)
        .replace("dispalyName", "x")
        .merge(json!({"a\r\nSet-Cookie: x=1": 1, "title": "Editor"}))
        .await
        .expect(200);
    assert_eq!(patched.header("ignored-attributes"), Some("dispalyName, a%0D%0ASet-Cookie: x=1"));
    assert_eq!(patched.header("set-cookie"), None);
    let group = idp.create_group("Editors", &[]).await;
    let patched = idp.patch(&group).replace("dispalyName", "x").await.expect(204);
    assert_eq!(patched.header("ignored-attributes"), Some("dispalyName"));
    assert_eq!(idp.patch(&group).replace("displayName", "x").await.expect(204).header("ignored-attributes"), None);
    let many = (0..200).fold(idp.patch(&ana), |patch, n| patch.replace(&format!("n{n}"), "x"));
    let patched = many.await.expect(200);
    let named = patched.header("ignored-attributes").expect("a header");
    assert!(named.ends_with("n19, ...") && named.len() < 2100, "{named}");
    let strict = connect(&acme, "strict").await;
    strict.patch(&ana).replace("dispalyName", "x").await.expect_scim_error(400, Some("invalidPath"));
});
