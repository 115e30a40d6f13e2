//! What RFC 7644 §3.4 says of queries, statement by statement (`docs/conformance/scim.toml`).

use chrono::{DateTime, FixedOffset, SecondsFormat};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::{ENTERPRISE, GROUP, IdentityProvider, LIST, USER, a_user};
use crate::support::testing::World;

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// A user with this beside what the schema requires.
async fn user(idp: &IdentityProvider, name: &str, attributes: Value) -> Value {
    let mut body = a_user(&format!("{name}@acme.test"));
    if let (Some(body), Value::Object(attributes)) = (body.as_object_mut(), attributes) {
        body.extend(attributes);
    }
    idp.create_user(&body).await
}

/// Who a filter finds, among the users made here, without their domain.
async fn found(idp: &IdentityProvider, filter: &str) -> String {
    let names = idp.names(filter).await;
    let names: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix("@acme.test")).collect();
    names.into_iter().filter(|name| *name != "scim").collect::<Vec<_>>().join(" ")
}

async fn check(idp: &IdentityProvider, filter: &str, expected: &str) {
    assert_eq!(found(idp, filter).await, expected, "{filter}");
}

async fn refused(idp: &IdentityProvider, filter: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
    idp.get(&format!("/Users?{query}")).await.expect_scim_error(400, Some("invalidFilter"))
}

fn keys(resource: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = resource.as_object().into_iter().flat_map(|o| o.keys().map(String::as_str)).collect();
    keys.sort_unstable();
    keys
}

story!(point_1_a_query_without_a_match_is_an_empty_list, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    for path in [
        "/Groups",
        "/Users?filter=userName+eq+%22nobody%22",
        "/Users?filter=id+eq+%22nobody%22",
        "/Users?filter=title+co+%22x%22+and+not+(title+co+%22x%22)",
        "/Groups?filter=members+eq+%22nobody%22",
        "/Users?filter=userName+eq+%22nobody%22&sortBy=title&startIndex=7",
    ] {
        let list = idp.list(path).await;
        assert_eq!((&list["totalResults"], &list["Resources"]), (&json!(0), &json!([])), "{path}: {list}");
    }
    let search = json!({"schemas": [SEARCH], "filter": "userName eq \"nobody\""});
    let list = idp.post("/Users/.search", &search).await.expect(200).json();
    assert_eq!((&list["schemas"], &list["totalResults"]), (&json!([LIST]), &json!(0)));
    let list = idp.get("/Users?cursor=&filter=userName+eq+%22nobody%22").await.expect(200).json();
    assert_eq!((&list["schemas"], &list["totalResults"]), (&json!([LIST]), &json!(0)));
});

story!(point_4_names_operators_and_urns_mean_the_same_in_any_letter_case, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    user(&idp, "ana", json!({"schemas": [USER, ENTERPRISE], ENTERPRISE: {"department": "News"}})).await;
    user(&idp, "ben", json!({"active": false})).await;
    for (filter, expected) in [
        (r#"USERNAME Eq "ana@acme.test""#.to_owned(), "ana"),
        (r#"username EQ "ana@acme.test" AND NOT (Active eq FALSE)"#.to_owned(), "ana"),
        (r#"Name.GIVENNAME Sw "a" Or NAME.givenname SW "b""#.to_owned(), "ana ben"),
        (r#"EMAILS[Type EQ "WORK"].VALUE Eq "ben@acme.test""#.to_owned(), "ben"),
        (format!("{}:USERNAME eq \"ana@acme.test\"", USER.to_uppercase()), "ana"),
        (format!("{}:userName eq \"ana@acme.test\"", USER.to_lowercase()), "ana"),
        (format!("{}:DEPARTMENT Pr", ENTERPRISE.to_uppercase()), "ana"),
        (format!("{}:department eq \"news\"", ENTERPRISE.to_lowercase()), "ana"),
    ] {
        check(&idp, &filter, expected).await;
    }
});

story!(point_5_text_compares_as_its_attribute_says, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = user(&idp, "ana", json!({"externalId": "Abc", "product_environments": ["acme-prod"]})).await;
    let id = text(&ana["id"]);
    for (filter, expected) in [
        (r#"userName eq "ANA@ACME.TEST""#, "ana"),
        (r#"userName sw "AN""#, "ana"),
        (r#"emails.value eq "ANA@acme.TEST""#, "ana"),
        (r#"externalId eq "Abc""#, "ana"),
        (r#"externalId eq "abc""#, ""),
        (r#"externalId eq "ABC""#, ""),
        (r#"externalId sw "A""#, "ana"),
        (r#"externalId sw "a""#, ""),
        (r#"externalId co "BC""#, ""),
        (r#"externalId ew "bc""#, "ana"),
        (r#"product_environments eq "acme-prod""#, "ana"),
        (r#"product_environments eq "ACME-prod""#, ""),
    ] {
        check(&idp, filter, expected).await;
    }
    check(&idp, &format!("id eq \"{id}\""), "ana").await;
    check(&idp, &format!("id eq \"{}\"", id.to_uppercase()), "").await;
});

story!(point_6_and_binds_tighter_than_or_and_not_is_applied_first, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    for (name, title, active) in [("ana", "x", true), ("ben", "y", true), ("cem", "x", false), ("dia", "y", false)] {
        user(&idp, name, json!({"title": title, "active": active})).await;
    }
    for (filter, expected) in [
        (r#"userName sw "a" or title eq "y" and active eq false"#, "ana dia"),
        (r#"title eq "y" and active eq false or userName sw "a""#, "ana dia"),
        (r#"(userName sw "a" or title eq "y") and active eq false"#, "dia"),
        (r#"title pr and not (title eq "x") and active eq true"#, "ben"),
        (r#"title pr and not (title eq "x" or active eq true)"#, "dia"),
        (r#"not (title eq "x") and title pr or userName sw "c""#, "ben cem dia"),
        (r#"title pr and (not (not (title eq "x")))"#, "ana cem"),
        (r#"((title eq "x")) and ((((active eq true))))"#, "ana"),
    ] {
        check(&idp, filter, expected).await;
    }
});

story!(point_7_any_value_matches_and_brackets_want_one_that_is_all, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let both = json!([{"value": "ana@x.test", "type": "home"}, {"value": "ana@y.test", "type": "work"}]);
    user(&idp, "ana", json!({"emails": both})).await;
    user(&idp, "ben", json!({"emails": [{"value": "ben@x.test", "type": "work"}]})).await;
    for (filter, expected) in [
        (r#"emails.value co "@x" and userName pr"#, "ana ben"),
        (r#"emails.value ew "@y.test""#, "ana"),
        (r#"emails.type eq "work" and emails.value co "@x""#, "ana ben"),
        (r#"emails[type eq "work" and value co "@x"]"#, "ben"),
        (r#"emails[type eq "work"].value co "@x""#, "ben"),
        (r#"emails[type eq "home" and value co "@x"] or emails[type eq "work" and value co "@x"]"#, "ana ben"),
        (r#"emails.value co "ana" and not (emails[type eq "home" and value co "@y"])"#, "ana"),
        (r#"emails[not (type eq "work")]"#, "ana"),
    ] {
        check(&idp, filter, expected).await;
    }
});

story!(point_8_present_means_that_there_is_something, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    user(&idp, "all", json!({"title": "x", "phoneNumbers": [{"value": "1"}], "nickName": "n"})).await;
    user(&idp, "nothing", json!({"name": null, "emails": []})).await;
    let nothings = json!({"title": "", "name": {"givenName": "", "familyName": null}, "emails": [], "phoneNumbers": null,
        "nickName": null, "addresses": [{}], "schemas": [USER, ENTERPRISE], ENTERPRISE: {"manager": {}}});
    user(&idp, "nothings", nothings).await;
    let emptied = user(&idp, "emptied", json!({"title": "x", "nickName": "n", "phoneNumbers": [{"value": "1"}]})).await;
    let patch = idp.patch(&emptied).replace("title", "").replace("nickName", json!(null));
    let patch = patch.replace("phoneNumbers", json!([])).remove("name").replace("emails", json!([]));
    patch.await.expect(200);
    for attribute in ["title", "nickName", "phoneNumbers", "phoneNumbers.value", "name", "name.givenName", "emails"] {
        check(&idp, &format!("{attribute} pr"), "all").await;
        check(&idp, &format!("not ({attribute} pr) and userName co \"e\""), "emptied nothing nothings").await;
    }
    check(&idp, &format!("{ENTERPRISE}:manager pr or addresses pr"), "").await;
});

story!(point_9_order_is_for_what_has_one_and_times_are_instants, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = user(&idp, "ana", json!({"title": "x", "active": true})).await;
    for operator in ["gt", "ge", "lt", "le"] {
        let detail = refused(&idp, &format!("active {operator} true")).await;
        assert!(detail.contains("active") && detail.contains("boolean") && detail.contains("eq"), "{detail}");
        refused(&idp, &format!("x509Certificates.value {operator} \"TQ==\"")).await;
        refused(&idp, &format!("emails[primary {operator} true]")).await;
    }
    let created = DateTime::parse_from_rfc3339(&text(&ana["meta"]["created"])).expect("a date and time");
    let east = |hours: i32| {
        let zone = FixedOffset::east_opt(hours * 3600).expect("an offset");
        created.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Millis, false)
    };
    for there in [east(0), east(2), east(-11), text(&ana["meta"]["created"])] {
        for (operator, holds) in [("eq", true), ("ge", true), ("le", true), ("ne", false), ("gt", false), ("lt", false)]
        {
            let filter = format!("title pr and meta.created {operator} \"{there}\"");
            check(&idp, &filter, if holds { "ana" } else { "" }).await;
        }
    }
    // Later as text, earlier as an instant.
    let earlier =
        (created - chrono::Duration::minutes(1)).with_timezone(&FixedOffset::east_opt(7200).expect("an offset"));
    let earlier = earlier.to_rfc3339_opts(SecondsFormat::Secs, false);
    assert!(earlier > text(&ana["meta"]["created"]));
    check(&idp, &format!("title pr and meta.created gt \"{earlier}\""), "ana").await;
    refused(&idp, "meta.created gt \"yesterday\"").await;
});

story!(point_11_values_are_json, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    user(&idp, "ana", json!({"title": "a \"quoted\" \\ slash/é", "nickName": "tab\there"})).await;
    user(&idp, "ben", json!({"active": false})).await;
    for (filter, expected) in [
        (r#"title eq "a \"quoted\" \\ slash/é""#, "ana"),
        (r#"title eq "a \"quoted\" \\ slash\/\u00e9""#, "ana"),
        (r#"title eq "\u0061 \u0022quoted\u0022 \u005c slash\u002f\u00E9""#, "ana"),
        (r#"nickName eq "tab\there""#, "ana"),
        (r#"title co ") or (""#, ""),
        ("active eq false", "ben"),
        ("active eq true and title pr", "ana"),
        (r#"title eq null and name.familyName eq "test""#, "ben"),
        (r#"title ne null"#, "ana"),
    ] {
        check(&idp, filter, expected).await;
    }
    user(&idp, "cem", json!({"title": "42"})).await;
    check(&idp, "title eq 42", "cem").await;
    assert!(refused(&idp, "active eq 42").await.contains("a number"));
    assert!(refused(&idp, "active eq -1.5e3").await.contains("a number"));
    for filter in
        ["title eq 'x'", r#"title eq "\q""#, r#"title eq "\ud800""#, "title eq 01", "title eq {}", "title eq x"]
    {
        refused(&idp, filter).await;
    }
});

story!(point_12_lists_are_sorted_by_what_is_there, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let emails = |first: &str, primary: &str| json!([{"value": first}, {"value": primary, "primary": true}]);
    user(&idp, "ana", json!({"title": "b", "externalId": "B", "emails": emails("1@x.test", "z@x.test")})).await;
    user(&idp, "ben", json!({"externalId": "a", "emails": [{"value": "M@x.test"}, {"value": "0@x.test"}]})).await;
    user(&idp, "cem", json!({"title": "A", "externalId": "C", "emails": emails("2@x.test", "a@x.test")})).await;
    user(&idp, "dia", json!({"title": "C", "emails": []})).await;
    let order = async |query: &str| -> String {
        let list = idp.list(&format!("/Users?{query}&filter=name.familyName+eq+%22Test%22&attributes=userName")).await;
        let names = list["Resources"].as_array().into_iter().flatten().map(|user| text(&user["userName"]));
        names.map(|name| name.replace("@acme.test", "")).collect::<Vec<_>>().join(" ")
    };
    for (query, expected) in [
        ("sortBy=title", "cem ana dia ben"),
        ("sortBy=title&sortOrder=ascending", "cem ana dia ben"),
        ("sortBy=title&sortOrder=descending", "ben dia ana cem"),
        ("sortBy=externalId", "ana cem ben dia"),
        ("sortBy=externalId&sortOrder=descending", "dia ben cem ana"),
        ("sortBy=emails", "cem ben ana dia"),
        ("sortBy=emails.value&sortOrder=descending", "dia ana ben cem"),
        ("sortBy=USERNAME&sortOrder=Descending", "dia cem ben ana"),
        ("sortBy=title&startIndex=2&count=2", "ana dia"),
    ] {
        assert_eq!(order(query).await, expected, "{query}");
    }
});

story!(point_13_what_is_shown_is_what_was_asked_for_and_what_is_always_shown, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let attributes =
        json!({"title": "Editor", "schemas": [USER, ENTERPRISE], ENTERPRISE: {"department": "News", "division": "EU"}});
    let ana = user(&idp, "ana", attributes).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let always =
        |shown: &Value| assert_eq!((&shown["id"], &shown["schemas"]), (&ana["id"], &ana["schemas"]), "{shown}");
    for (names, expected) in [
        ("userName", json!({"userName": "ana@acme.test"})),
        ("USERNAME,Title", json!({"userName": "ana@acme.test", "title": "Editor"})),
        ("name.familyName", json!({"name": {"familyName": "Test"}})),
        ("emails.type", json!({"emails": [{"type": "work"}]})),
        ("urn:ietf:params:scim:schemas:core:2.0:User:title", json!({"title": "Editor"})),
        ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", json!({"name": {"givenName": "ana"}})),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division",
            json!({ENTERPRISE: {"division": "EU"}}),
        ),
        ("nickName", json!({})),
        ("id", json!({})),
    ] {
        for path in [path.clone(), "/Users".to_owned()] {
            let query = "filter=userName+eq+%22ana@acme.test%22";
            let mut shown = idp.get(&format!("{path}?attributes={names}&{query}")).await.expect(200).json();
            if let Some(first) = shown.pointer_mut("/Resources/0") {
                shown = first.take();
            }
            always(&shown);
            let beside = shown.as_object_mut().expect("a resource");
            beside.retain(|name, _| !["id", "schemas"].contains(&name.as_str()));
            assert_eq!(shown, expected, "{path}?attributes={names}");
        }
    }
    assert_eq!(idp.read(&format!("{path}?excludedAttributes=id,schemas")).await, ana, "always shown");
    let few = idp.read(&format!("{path}?excludedAttributes=name.givenName,emails,{ENTERPRISE}:division,TITLE")).await;
    always(&few);
    assert_eq!((&few["name"], &few[ENTERPRISE]), (&json!({"familyName": "Test"}), &json!({"department": "News"})));
    assert!(few.get("emails").is_none() && few.get("title").is_none() && few["userName"] == "ana@acme.test", "{few}");
    for path in [path.as_str(), "/Users"] {
        let both = idp.get(&format!("{path}?attributes=userName&excludedAttributes=name")).await;
        both.expect_scim_error(400, Some("invalidSyntax"));
    }
});

story!(point_14_attributes_shape_the_answers_to_writes_and_searches_too, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let few = ["id", "schemas", "userName"];
    let made = idp.post("/Users?attributes=userName", &a_user("ana@acme.test")).await.expect(201);
    assert!(made.header("location").is_some(), "the place is told all the same");
    let ana = made.json();
    assert_eq!(keys(&ana), few);
    let path = format!("/Users/{}", text(&ana["id"]));
    let put = idp.put(&format!("{path}?attributes=userName"), &a_user("ana@acme.test")).await.expect(200).json();
    assert_eq!(keys(&put), few);
    let put = idp.put(&format!("{path}?excludedAttributes=emails,meta"), &a_user("ana@acme.test")).await.expect(200);
    assert_eq!(keys(&put.json()), ["active", "id", "name", "role", "schemas", "userName"]);
    let patched = idp.patch(&format!("{path}?attributes=userName")).replace("title", "Editor").await.expect(200);
    assert_eq!(keys(&patched.json()), few);
    let patched =
        idp.patch(&format!("{path}?excludedAttributes=emails,meta,name")).replace("title", "X").await.expect(200);
    assert_eq!(keys(&patched.json()), ["active", "id", "role", "schemas", "title", "userName"]);
    for (member, expected) in
        [("attributes", &few[..]), ("excludedAttributes", &["active", "emails", "id", "role", "schemas", "title"])]
    {
        let named = if member == "attributes" { json!(["userName"]) } else { json!(["userName", "meta", "name"]) };
        let body = json!({"schemas": [SEARCH], "filter": "title pr", (member): named});
        let list = idp.post("/Users/.search", &body).await.expect(200).json();
        assert_eq!(keys(&list["Resources"][0]), expected, "{member}");
    }
    let group = json!({"schemas": [GROUP], "displayName": "Editors", "members": [{"value": ana["id"]}]});
    let made = idp.post("/Groups?excludedAttributes=members", &group).await.expect(201).json();
    assert_eq!(keys(&made), ["displayName", "id", "meta", "schemas"]);
    assert_eq!(idp.members(&made).await.len(), 1);

    // A request that contradicts itself changes nothing.
    let both = "attributes=userName&excludedAttributes=name";
    idp.post(&format!("/Users?{both}"), &a_user("ben@acme.test")).await.expect_scim_error(400, Some("invalidSyntax"));
    let patch = idp.patch(&format!("{path}?{both}")).replace("title", "Y");
    patch.await.expect_scim_error(400, Some("invalidSyntax"));
    assert_eq!(idp.names("userName sw \"ben\" or title eq \"Y\"").await, [""; 0]);
});

story!(point_15_a_search_by_post_is_the_search_by_get, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    for name in ["ana", "ben", "cem", "dia"] {
        let user = user(&idp, name, json!({"title": "x"})).await;
        idp.create_group(name, &[&user]).await;
    }
    for (endpoint, query, body) in [
        ("/Users", "", json!({})),
        (
            "/Users",
            "filter=title+pr&sortBy=userName&sortOrder=descending&startIndex=2&count=2&attributes=userName,title",
            json!({"filter": "title pr", "sortBy": "userName", "sortOrder": "descending", "startIndex": 2, "count": 2,
                "attributes": ["userName", "title"]}),
        ),
        ("/Users", "count=0&filter=title+eq+%22X%22", json!({"count": 0, "filter": "title eq \"X\""})),
        (
            "/Groups",
            "filter=displayName+sw+%22d%22&excludedAttributes=meta",
            json!({"filter": "displayName sw \"d\"", "excludedAttributes": ["meta"]}),
        ),
    ] {
        let mut body = body;
        body["schemas"] = json!([SEARCH]);
        let posted = idp.post(&format!("{endpoint}/.search"), &body).await.expect(200);
        assert_eq!(posted.media_type(), "application/scim+json");
        assert!(posted.header("location").is_none(), "nothing was made");
        assert_eq!(posted.json(), idp.list(&format!("{endpoint}?{query}")).await, "{body}");
    }
    for schemas in [json!(null), json!([]), json!([LIST]), json!(SEARCH.replace("Search", "Patch")), json!([7])] {
        let body = json!({"schemas": schemas, "filter": "title pr"});
        idp.post("/Users/.search", &body).await.expect_scim_error(400, Some("invalidSyntax"));
    }
    idp.post("/Users/.search", &json!({"filter": "title pr"})).await.expect_scim_error(400, Some("invalidSyntax"));
    let wrong = json!({"schemas": [SEARCH], "filter": "title"});
    idp.post("/Users/.search", &wrong).await.expect_scim_error(400, Some("invalidFilter"));
    let get = idp.call(Method::GET, "/Users/.search").await.expect(405);
    assert_eq!(get.header("allow"), Some("POST"));
});
