//! Lookups and lists: filters, pages, order.

use serde_json::json;

use crate::support::account::text;
use crate::support::identity_provider::{ENTERPRISE, IdentityProvider, USER, a_user};
use crate::support::testing::World;

/// Ana and Ben of News, Cem of Sport who is inactive, and the service account.
async fn people(idp: &IdentityProvider) {
    for (name, department, active, role) in
        [("ana", "News", true, "admin"), ("Ben", "News", true, "reports"), ("cem", "Sport", false, "admin")]
    {
        let mut user = a_user(&format!("{name}@acme.test"));
        user["externalId"] = json!(format!("00u{}", name.to_uppercase()));
        user["title"] = json!(format!("Title {name}"));
        user["active"] = json!(active);
        user["role"] = json!(role);
        user["emails"] = json!([
            {"value": format!("{name}@acme.test"), "type": "work", "primary": true},
            {"value": format!("{name}@home.test"), "type": "home"},
        ]);
        user["schemas"] = json!([USER, ENTERPRISE]);
        user[ENTERPRISE] = json!({"department": department, "employeeNumber": "4711"});
        idp.create_user(&user).await;
    }
}

story!(filters_find_exactly_what_they_say, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    people(&idp).await;
    let cases: &[(&str, &[&str])] = &[
        (r#"userName eq "ANA@acme.test""#, &["ana"]),
        (r#"USERNAME Eq "ana@acme.test""#, &["ana"]),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ana@acme.test""#, &["ana"]),
        (r#"userName eq "ana@acme""#, &[]),
        (r#"externalId eq "00uANA""#, &["ana"]),
        (r#"externalId eq "00uana""#, &[]),
        (r#"emails eq "ben@home.test""#, &["Ben"]),
        (r#"emails.value eq "BEN@home.test""#, &["Ben"]),
        (r#"emails[type eq "work"].value eq "ben@acme.test""#, &["Ben"]),
        (r#"emails[type eq "work" and value co "@home"]"#, &[]),
        (r#"emails.type eq "work" and emails.value co "@home""#, &["Ben", "ana", "cem"]),
        (r#"userName sw "b""#, &["Ben"]),
        (r#"title co "E AN""#, &["ana"]),
        (r#"userName ew "@home.test""#, &[]),
        (r#"name.familyName eq "test" and not (userName sw "c")"#, &["Ben", "ana"]),
        ("active eq false", &["cem"]),
        (r#"active eq "False""#, &["cem"]),
        (r#"role eq "admin""#, &["ana", "cem"]),
        (r#"role eq "admin" and active eq true"#, &["ana"]),
        (r#"userName sw "b" or title eq "title cem" and active eq true"#, &["Ben"]),
        (r#"(userName sw "b" or title eq "title cem") and active eq false"#, &["cem"]),
        ("externalId pr", &["Ben", "ana", "cem"]),
        ("title pr and not (active eq true)", &["cem"]),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "news""#, &["Ben", "ana"]),
        (r#"title ge "title b" and title lt "title c""#, &["Ben"]),
        (r#"userName ne "ana@acme.test" and title pr"#, &["Ben", "cem"]),
        (r#"meta.created gt "2001-01-01T00:00:00Z" and title pr"#, &["Ben", "ana", "cem"]),
        (r#"meta.lastModified lt "2001-01-01T00:00:00+02:00""#, &[]),
        (r#"meta.resourceType eq "User" and title pr"#, &["Ben", "ana", "cem"]),
        (r#"title eq "Title \u0061na""#, &["ana"]),
        (r#"   title   eq   "Title ana"   "#, &["ana"]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|name| format!("{name}@acme.test")).collect();
        assert_eq!(idp.names(filter).await, expected, "{filter}");
    }
    let ana = idp.found("/Users", r#"userName eq "ana@acme.test""#).await;
    let id = text(&ana[0]["id"]);
    assert_eq!(idp.names(&format!(r#"id eq "{id}""#)).await, ["ana@acme.test"]);
});

story!(point_10_a_filter_that_cannot_be_evaluated_never_means_everything, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let deep = format!("{}userName pr{}", "(".repeat(1_000), ")".repeat(1_000));
    let long = format!(r#"userName eq "{}""#, "a".repeat(9_000));
    let wrong = [
        "userName",
        "userName eq",
        "userName foo \"x\"",
        "(userName pr",
        "userName pr)",
        "userName eq \"x",
        "and",
        "not userName pr",
        "shoeSize eq 4",
        "active gt true",
        "emails[type eq \"work\"",
        "userName eq 'x'",
        &deep,
        &long,
    ];
    for filter in wrong {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
        let answer = idp.get(&format!("/Users?{query}")).await;
        let shown: String = filter.chars().take(60).collect();
        assert_eq!(answer.status.as_u16(), 400, "{shown}: {}", answer.text());
        assert_eq!(answer.json()["scimType"], "invalidFilter", "{shown}: {}", answer.text());
        answer.scim_error();
    }
    // Clients' habits around a good one.
    for query in
        ["filter=userName+eq+%22scim%40acme.test%22&", "filter=userName%20eq%20%22scim@acme.test%22&aadOptscim062020"]
    {
        assert_eq!(idp.list(&format!("/Users?{query}")).await["totalResults"], 1, "{query}");
    }
    idp.list("/Users?").await;
});

story!(points_2_and_3_pages_add_up_to_the_whole, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    people(&idp).await;
    let cases: &[(&str, u64, usize)] = &[
        ("", 1, 4),
        ("startIndex=1&count=2", 1, 2),
        ("startIndex=3&count=2", 3, 2),
        ("startIndex=4&count=2", 4, 1),
        ("startIndex=5&count=2", 5, 0),
        ("startIndex=0&count=2", 1, 2),
        ("startIndex=-7&count=2", 1, 2),
        ("count=0", 1, 0),
        ("count=-1", 1, 0),
        ("count=1000000", 1, 4),
    ];
    for (query, start, shown) in cases {
        let list = idp.list(&format!("/Users?{query}")).await;
        assert_eq!(list["totalResults"], 4, "{query}: {list}");
        assert_eq!(list["itemsPerPage"], *shown, "{query}");
        assert_eq!(list["startIndex"], *start, "{query}");
    }
    let mut walked = Vec::new();
    for start in 1..=4 {
        let list = idp.list(&format!("/Users?startIndex={start}&count=1")).await;
        walked.push(text(&list["Resources"][0]["userName"]));
    }
    walked.sort();
    walked.dedup();
    assert_eq!(walked.len(), 4);
    let filtered = idp.list("/Users?filter=title+pr&startIndex=2&count=1").await;
    assert_eq!((&filtered["totalResults"], &filtered["itemsPerPage"]), (&json!(3), &json!(1)));
});

story!(lists_are_sorted_as_asked, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    people(&idp).await;
    let cases: &[(&str, &[&str])] = &[
        ("sortBy=userName", &["ana", "Ben", "cem", "scim"]),
        ("sortBy=userName&sortOrder=descending", &["scim", "cem", "Ben", "ana"]),
        ("sortBy=title", &["ana", "Ben", "cem", "scim"]),
        ("sortBy=title&sortOrder=descending", &["scim", "cem", "Ben", "ana"]),
        ("sortBy=emails&count=2", &["ana", "Ben"]),
        ("sortBy=userName&startIndex=2&count=2", &["Ben", "cem"]),
        ("sortBy=name.givenName&filter=title+pr", &["ana", "Ben", "cem"]),
    ];
    for (query, expected) in cases {
        let list = idp.list(&format!("/Users?{query}")).await;
        let names: Vec<String> =
            list["Resources"].as_array().into_iter().flatten().map(|u| text(&u["userName"])).collect();
        let expected: Vec<String> = expected.iter().map(|name| format!("{name}@acme.test")).collect();
        assert_eq!(names, expected, "{query}");
    }
});

story!(groups_are_looked_up_too, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    people(&idp).await;
    let ana = idp.found("/Users", r#"userName eq "ana@acme.test""#).await.remove(0);
    let editors = idp.create_group("Editors", &[&ana]).await;
    idp.create_group("Readers", &[]).await;
    let id = text(&ana["id"]);
    for filter in [
        r#"displayName eq "EDITORS""#.to_owned(),
        format!(r#"members eq "{id}""#),
        format!(r#"members.value eq "{id}""#),
        format!(r#"members[value eq "{id}"]"#),
        format!(r#"id eq "{}" and members eq "{id}""#, text(&editors["id"])),
    ] {
        let found = idp.found("/Groups", &filter).await;
        assert_eq!(found.iter().map(|g| text(&g["displayName"])).collect::<Vec<_>>(), ["Editors"], "{filter}");
    }
    assert_eq!(idp.names(&format!(r#"groups eq "{}""#, text(&editors["id"]))).await, ["ana@acme.test"]);
    let few = idp.list("/Groups?excludedAttributes=members&filter=displayName+eq+%22Editors%22").await;
    assert!(few["Resources"][0].get("members").is_none());
});
