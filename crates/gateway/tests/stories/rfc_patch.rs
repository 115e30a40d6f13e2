//! What RFC 7644 §3.5.2 says of PATCH, statement by statement (`docs/conformance/scim.toml`).

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::{ENTERPRISE, IdentityProvider, PATCH, USER, a_user};
use crate::support::testing::World;

/// Ana, with this beside what the schema requires.
async fn ana(idp: &IdentityProvider, attributes: Value) -> Value {
    let mut body = a_user("ana@acme.test");
    if let (Some(body), Value::Object(attributes)) = (body.as_object_mut(), attributes) {
        body.extend(attributes);
    }
    idp.create_user(&body).await
}

fn op(op: &str, path: &str, value: Value) -> Value {
    json!({"op": op, "path": path, "value": value})
}

story!(point_24_the_message_is_a_patch, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = ana(&idp, json!({})).await;
    let group = idp.create_group("Editors", &[&ana]).await;
    let operation = op("replace", "displayName", json!("x"));
    for resource in [&ana, &group] {
        let kind = text(&resource["meta"]["resourceType"]);
        let path = format!("/{kind}s/{}", text(&resource["id"]));
        for body in [
            json!({"Operations": [operation]}),
            json!({"schemas": [], "Operations": [operation]}),
            json!({"schemas": [USER], "Operations": [operation]}),
            json!({"schemas": "x", "Operations": [operation]}),
            json!({"schemas": [PATCH]}),
            json!({"schemas": [PATCH], "Operations": null}),
            json!({"schemas": [PATCH], "Operations": operation}),
            json!({"schemas": [PATCH], "Operations": [7]}),
            json!({"schemas": [PATCH], "Operations": [{"path": "displayName", "value": "x"}]}),
            json!({"schemas": [PATCH], "Operations": [{"op": "set", "path": "displayName", "value": "x"}]}),
            json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "displayName"}]}),
            json!([operation]),
        ] {
            idp.call(Method::PATCH, &path).scim(&body).await.expect_scim_error(400, Some("invalidSyntax"));
        }
        assert_eq!(&idp.read(resource).await["meta"], &resource["meta"]);
    }
});

story!(point_25_a_failing_operation_leaves_everything_as_it_was, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = ana(&idp, json!({"title": "x", "schemas": [USER, ENTERPRISE], ENTERPRISE: {"department": "News"}})).await;
    let ben = idp.create_user(&a_user("ben@acme.test")).await;
    let group = idp.create_group("Editors", &[&ana]).await;
    let good = vec![
        op("replace", "title", json!("y")),
        op("add", "emails", json!([{"value": "z@acme.test"}])),
        json!({"op": "remove", "path": format!("{ENTERPRISE}:department")}),
        op("replace", "userName", json!("changed@acme.test")),
    ];
    for (bad, scim_type) in [
        (op("replace", "active", json!("perhaps")), "invalidValue"),
        (op("replace", "name..familyName", json!("x")), "invalidPath"),
        (op("replace", "emails[type eq", json!("x")), "invalidFilter"),
        (json!({"op": "remove", "path": "role"}), "mutability"),
        (op("replace", "id", json!("x")), "mutability"),
        (json!({"op": "remove"}), "noTarget"),
        (op("replace", "userName", ben["userName"].clone()), "uniqueness"),
    ] {
        for at in [0, 2, 4] {
            let mut operations = good.clone();
            operations.insert(at, bad.clone());
            if scim_type == "uniqueness" && at < 4 {
                continue; // what counts is the name at the end
            }
            let before = idp.get(&format!("/Users/{}", text(&ana["id"]))).await.expect(200);
            let patch = operations.into_iter().fold(idp.patch(&ana), |patch, operation| patch.operation(operation));
            let status = if scim_type == "uniqueness" { 409 } else { 400 };
            patch.await.expect_scim_error(status, Some(scim_type));
            let after = idp.get(&format!("/Users/{}", text(&ana["id"]))).await.expect(200);
            assert_eq!((after.text(), after.header("etag")), (before.text(), before.header("etag")), "{bad} at {at}");
        }
    }
    let before = idp.get(&format!("/Groups/{}", text(&group["id"]))).await.expect(200).text();
    let patch = idp.patch(&group).add("members", json!([{"value": ben["id"]}])).replace("displayName", "Other");
    patch.remove("members").remove("displayName").await.expect_scim_error(400, Some("mutability"));
    assert_eq!(idp.get(&format!("/Groups/{}", text(&group["id"]))).await.expect(200).text(), before);
});

story!(point_26_what_is_there_already_is_not_added_and_nothing_moves, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = ana(&idp, json!({"title": "x"})).await;
    let home = json!({"value": "ana@home.test", "type": "home"});
    let added = idp.patch(&ana).add("emails", json!([home])).await.expect(200).json();
    let work = ana["emails"][0].clone();
    assert_eq!(added["emails"], json!([work, home]), "appended");
    assert_ne!(added["meta"]["version"], ana["meta"]["version"]);
    for again in [
        op("add", "emails", json!([home])),
        op("add", "emails", home.clone()),
        op("add", "emails", json!([work, home])),
        op("add", "emails[type eq \"home\"].value", json!("ana@home.test")),
        op("add", "title", json!("x")),
        op("add", "name", json!({"familyName": "Test"})),
        json!({"op": "add", "value": {"emails": [home], "title": "x"}}),
        op("replace", "title", json!("x")),
        json!({"op": "remove", "path": "nickName"}),
        json!({"op": "remove", "path": "emails[type eq \"other\"]"}),
    ] {
        let answer = idp.patch(&ana).operation(again.clone()).await.expect(200);
        assert_eq!(answer.json(), added, "{again}: neither version nor lastModified moves");
    }
    let group = idp.create_group("Editors", &[&ana]).await;
    for again in [op("add", "members", json!([{"value": ana["id"]}])), op("add", "displayName", json!("Editors"))] {
        assert!(idp.patch(&group).operation(again).await.status.is_success());
        assert_eq!(idp.read(&group).await["meta"], group["meta"]);
    }
});

story!(point_27_a_complex_attribute_keeps_what_is_not_named, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let boss = idp.create_user(&a_user("boss@acme.test")).await;
    let name = json!({"givenName": "Ana", "familyName": "Ito", "middleName": "M"});
    let ana = ana(
        &idp,
        json!({"name": name, "schemas": [USER, ENTERPRISE],
        ENTERPRISE: {"department": "News", "manager": {"value": boss["id"]}}}),
    )
    .await;
    for (kind, given) in [("add", "Anna"), ("replace", "Anne")] {
        let patched = idp.patch(&ana).operation(op(kind, "name", json!({"givenName": given}))).await.expect(200).json();
        assert_eq!(patched["name"], json!({"givenName": given, "familyName": "Ito", "middleName": "M"}), "{kind}");
        let operation = json!({"op": kind, "value": {"name": {"familyName": kind}, ENTERPRISE: {"division": kind}}});
        let patched = idp.patch(&ana).operation(operation).await.expect(200).json();
        assert_eq!(patched["name"], json!({"givenName": given, "familyName": kind, "middleName": "M"}), "{kind}");
        let extension = &patched[ENTERPRISE];
        assert_eq!((&extension["department"], &extension["division"]), (&json!("News"), &json!(kind)));
        assert_eq!(extension["manager"]["value"], boss["id"]);
        idp.patch(&ana).replace("name.familyName", "Ito").await.expect(200);
    }
});

story!(point_28_what_cannot_be_removed_is_refused_and_what_is_not_there_is_not, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = ana(&idp, json!({"title": "x"})).await;
    let group = idp.create_group("Editors", &[&ana]).await;
    for resource in [&ana, &group] {
        for pathless in [
            json!({"op": "remove"}),
            json!({"op": "remove", "value": {"title": "x"}}),
            json!({"op": "remove", "path": ""}),
        ] {
            let detail = idp.patch(resource).operation(pathless).await.expect_scim_error(400, Some("noTarget"));
            assert!(detail.contains("path"), "{detail}");
        }
        for path in ["id", "meta", "meta.created"] {
            idp.patch(resource).remove(path).await.expect_scim_error(400, Some("mutability"));
        }
    }
    for path in ["userName", "role", "active", "groups", &format!("{USER}:userName")] {
        let detail = idp.patch(&ana).remove(path).await.expect_scim_error(400, Some("mutability"));
        assert!(detail.contains(path.trim_start_matches(USER).trim_start_matches(':')), "{detail}");
    }
    idp.patch(&group).remove("displayName").await.expect_scim_error(400, Some("mutability"));
    let (user, group_then) = (idp.read(&ana).await, idp.read(&group).await);
    for absent in
        ["members[value eq \"0f6a7c1e-2b83-4f3e-9a6d-1d2c3b4a5e6f\"]", "members[value eq \"nobody\"]", "externalId"]
    {
        assert!(idp.patch(&group).remove(absent).await.status.is_success(), "{absent}");
    }
    let listed = json!({"op": "remove", "path": "members", "value": [{"value": "nobody"}]});
    assert!(idp.patch(&group).operation(listed).await.status.is_success());
    for absent in ["nickName", "emails[type eq \"other\"]", "addresses", &format!("{ENTERPRISE}:manager"), ENTERPRISE] {
        idp.patch(&ana).remove(absent).await.expect(200);
    }
    assert_eq!((idp.read(&ana).await, idp.read(&group).await), (user, group_then), "and nothing changed");
});

story!(point_29_replacing_what_is_not_there_adds_it_or_has_no_target, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = ana(&idp, json!({})).await;
    let patch = idp.patch(&ana).replace("title", "Editor").replace("name.middleName", "M");
    let patch = patch.replace(&format!("{ENTERPRISE}:department"), "News").replace("roles", json!([{"value": "r"}]));
    let now = patch.await.expect(200).json();
    assert_eq!((&now["title"], &now["name"]["middleName"]), (&json!("Editor"), &json!("M")));
    assert_eq!((&now[ENTERPRISE]["department"], &now["roles"]), (&json!("News"), &json!([{"value": "r"}])));
    // A filter that does not say what the new value would be.
    for path in [
        "emails[value co \"@nowhere\"].type",
        "emails[type eq \"home\" or type eq \"other\"].value",
        "emails[not (type eq \"work\")]",
        "phoneNumbers[value pr].type",
    ] {
        let detail = idp.patch(&ana).replace(path, "x").await.expect_scim_error(400, Some("noTarget"));
        assert!(detail.contains("filter"), "{detail}");
    }
    assert_eq!(idp.read(&ana).await, now);
    // Where it does say, identity providers mean "create it": a tolerance.
    let strict = acme.strict_identity_provider().await;
    let unmatched = strict.patch(&ana).replace("emails[type eq \"home\"].value", "ana@home.test").await;
    unmatched.expect_scim_error(400, Some("noTarget"));
    assert_eq!(
        strict.patch(&ana).replace("nickName", "A").remove("nickName").await.expect(200).json()["emails"],
        now["emails"]
    );
    let now = idp.read(&ana).await;
    let then = idp.patch(&ana).replace("emails[type eq \"home\"].value", "ana@home.test").await.expect(200).json();
    assert_eq!((&then["emails"][0], &then["title"]), (&now["emails"][0], &now["title"]));
    assert_eq!(then["emails"][1], json!({"type": "home", "value": "ana@home.test"}));
});

story!(point_30_a_filter_replaces_whole_values_or_a_part_of_each, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let address = |kind: &str, city: &str| json!({"type": kind, "locality": city, "country": "US"});
    let there = json!([address("work", "A"), address("home", "B"), address("home", "C")]);
    let ana = ana(&idp, json!({"addresses": there})).await;
    let patched = idp.patch(&ana).replace("addresses[type eq \"home\"].locality", "D").await.expect(200).json();
    assert_eq!(
        patched["addresses"],
        json!([address("work", "A"), address("home", "D"), address("home", "D")]),
        "a part of each"
    );
    let patched = idp.patch(&ana).replace("addresses.country", "JP").await.expect(200).json();
    assert!(patched["addresses"].as_array().is_some_and(|all| all.iter().all(|a| a["country"] == "JP")), "of all");
    let new = json!({"type": "work", "region": "Kanto"});
    let patched = idp.patch(&ana).replace("addresses[locality eq \"A\"]", new.clone()).await.expect(200).json();
    assert_eq!(patched["addresses"][0], new, "the whole value: nothing of the old one stays");
    let patched =
        idp.patch(&ana).replace("addresses[type eq \"home\"]", json!({"type": "other", "locality": "E"})).await;
    assert_eq!(
        patched.expect(200).json()["addresses"],
        json!([new, {"type": "other", "locality": "E"}]),
        "equal values are one"
    );
});

story!(point_31_one_value_is_primary, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let two = json!([{"value": "a@acme.test", "primary": true}, {"value": "b@acme.test", "primary": true}]);
    let mut body = a_user("ben@acme.test");
    body["emails"] = two.clone();
    let detail = idp.post("/Users", &body).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("primary"), "{detail}");
    let ana = ana(&idp, json!({"emails": [{"value": "a@acme.test", "type": "work", "primary": true}, {"value": "b@acme.test", "type": "home"}]})).await;
    idp.put(&ana, &body).await.expect_scim_error(400, Some("invalidValue"));
    let primaries = |user: &Value| -> Vec<String> {
        let emails = user["emails"].as_array().into_iter().flatten();
        emails.filter(|email| email["primary"] == true).map(|email| text(&email["value"])).collect()
    };
    for (operation, expected) in [
        (op("add", "emails", json!([{"value": "c@acme.test", "primary": true}])), "c@acme.test"),
        (op("replace", "emails[type eq \"home\"].primary", json!(true)), "b@acme.test"),
        (op("add", "emails[value eq \"a@acme.test\"].primary", json!("True")), "a@acme.test"),
        (
            op("replace", "emails[type eq \"home\"]", json!({"value": "d@acme.test", "type": "home", "primary": true})),
            "d@acme.test",
        ),
        (json!({"op": "add", "value": {"emails": [{"value": "e@acme.test", "primary": true}]}}), "e@acme.test"),
    ] {
        let patched = idp.patch(&ana).operation(operation.clone()).await.expect(200).json();
        assert_eq!(primaries(&patched), [expected], "{operation}");
    }
    let before = idp.read(&ana).await;
    for contradiction in [
        op("add", "emails", two.clone()),
        op("replace", "emails", two),
        op("replace", "emails[value co \"acme\"].primary", json!(true)),
        op("replace", "emails.primary", json!(true)),
    ] {
        idp.patch(&ana).operation(contradiction).await.expect_scim_error(400, Some("invalidValue"));
    }
    assert_eq!(idp.read(&ana).await, before);
});

story!(point_32_paths_of_every_form_are_understood, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let boss = idp.create_user(&a_user("boss@acme.test")).await;
    let home = json!({"type": "home", "locality": "A", "primary": true});
    let ana = ana(&idp, json!({"addresses": [home, {"type": "home", "locality": "B"}]})).await;
    let patch = idp
        .patch(&ana)
        .replace(&format!("{ENTERPRISE}:department"), "News")
        .replace(&format!("{ENTERPRISE}:manager.value"), boss["id"].clone())
        .replace(&format!("{USER}:name.familyName"), "Ito")
        .replace(&format!("{USER}:title"), "Editor")
        .replace("emails[type eq \"work\"].value", "ana@work.test")
        .replace("addresses[type eq \"home\" and primary eq true].locality", "C")
        .add(&format!("{USER}:phoneNumbers[type eq \"mobile\"].value"), "1")
        .add(&format!("{USER}:emails[type eq \"home\" and primary eq false]"), json!({"value": "ana@home.test"}))
        .add(ENTERPRISE, json!({"division": "EU"}));
    let now = patch.await.expect(200).json();
    assert_eq!(now[ENTERPRISE]["department"], "News");
    assert_eq!((&now[ENTERPRISE]["division"], &now[ENTERPRISE]["manager"]["value"]), (&json!("EU"), &boss["id"]));
    assert_eq!((&now["name"]["familyName"], &now["title"]), (&json!("Ito"), &json!("Editor")));
    assert_eq!(
        (&now["emails"][0]["value"], &now["emails"][1]["value"]),
        (&json!("ana@work.test"), &json!("ana@home.test"))
    );
    assert_eq!((&now["addresses"][0]["locality"], &now["addresses"][1]["locality"]), (&json!("C"), &json!("B")));
    assert_eq!(now["phoneNumbers"], json!([{"type": "mobile", "value": "1"}]));
    // Understood, and refused because a manager's name is the manager's.
    let read_only = idp.patch(&ana).replace(&format!("{ENTERPRISE}:manager.displayName"), "x").await;
    read_only.expect_scim_error(400, Some("mutability"));
    for malformed in [
        "name..familyName",
        ".title",
        "emails[",
        "emails]",
        "title[",
        "emails[type eq \"work\"]value",
        "a b",
        ":title",
        "emails[type eq \"work\"].value.x",
    ] {
        let answer = idp.patch(&ana).replace(malformed, "x").await.expect(400);
        let scim_type = text(&answer.json()["scimType"]);
        assert!(["invalidPath", "invalidFilter"].contains(&scim_type.as_str()), "{malformed}: {}", answer.text());
        answer.scim_error();
    }
    assert_eq!(idp.read(&ana).await, now);
    let patch = idp.patch(&ana).remove(&format!("{ENTERPRISE}:manager")).remove(&format!("{USER}:name.familyName"));
    let now =
        patch.remove("addresses[type eq \"home\" and primary eq true]").remove(ENTERPRISE).await.expect(200).json();
    assert!(now.get(ENTERPRISE).is_none() && now["name"].get("familyName").is_none(), "{now}");
    assert_eq!(now["addresses"], json!([{"type": "home", "locality": "B"}]));
});

story!(point_33_a_patch_that_names_attributes_is_answered_with_them, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = ana(&idp, json!({})).await;
    let group = idp.create_group("Editors", &[]).await;
    let (user, group_path) = (format!("/Users/{}", text(&ana["id"])), format!("/Groups/{}", text(&group["id"])));
    for path in [user, group_path.clone()] {
        for query in
            ["attributes=displayName", "attributes=displayName,meta.version", "excludedAttributes=members,groups"]
        {
            for name in ["New", "New"] {
                // The second one changes nothing, and is answered all the same.
                let answer = idp.patch(&format!("{path}?{query}")).replace("displayName", name).await.expect(200);
                assert_eq!(answer.media_type(), "application/scim+json");
                assert_eq!(answer.json()["displayName"], "New", "{path}?{query}");
            }
        }
    }
    let added = idp.patch(&format!("{group_path}?attributes=members")).add("members", json!([{"value": ana["id"]}]));
    assert_eq!(added.await.expect(200).json()["members"][0]["value"], ana["id"]);
    // Otherwise a group's answer is spared: its member list may be long.
    let bare = idp.patch(&group_path).replace("displayName", "Newer").await.expect(204);
    assert!(bare.body.is_empty() && bare.header("etag").is_some());
});

story!(point_34_a_value_without_a_path_has_attributes_and_extensions_as_keys, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = ana(&idp, json!({})).await;
    let value = json!({"title": "Editor", "name": {"givenName": "Anna"}, "phoneNumbers": [{"value": "1", "type": "work"}],
        ENTERPRISE: {"department": "News", "manager": {"value": "m"}}});
    let now = idp.patch(&ana).operation(json!({"op": "add", "value": value})).await.expect(200).json();
    assert_eq!(
        (&now["title"], &now["name"]["givenName"], &now["name"]["familyName"]),
        (&json!("Editor"), &json!("Anna"), &json!("Test"))
    );
    assert_eq!(now["phoneNumbers"], value["phoneNumbers"]);
    assert_eq!((&now[ENTERPRISE]["department"], &now[ENTERPRISE]["manager"]["value"]), (&json!("News"), &json!("m")));
    assert_eq!(now["schemas"], json!([USER, ENTERPRISE]));
    let value =
        json!({"title": "Chief", "phoneNumbers": [{"value": "2"}], (ENTERPRISE.to_uppercase()): {"division": "EU"}});
    let now = idp.patch(&ana).operation(json!({"op": "replace", "value": value})).await.expect(200).json();
    assert_eq!(
        (&now["title"], &now["phoneNumbers"]),
        (&json!("Chief"), &json!([{"value": "2"}])),
        "replaced, not appended"
    );
    assert_eq!((&now[ENTERPRISE]["department"], &now[ENTERPRISE]["division"]), (&json!("News"), &json!("EU")));
    for no_object in [json!("x"), json!(7), json!([]), json!([{"title": "x"}]), json!(null)] {
        let operation = json!({"op": "replace", "value": no_object});
        idp.patch(&ana).operation(operation).await.expect_scim_error(400, Some("invalidSyntax"));
    }
    assert_eq!(idp.read(&ana).await, now);
});
