//! Which attributes a client sends is counted, and a misspelt one is told with the one that is meant.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

async fn connect(acme: &Account, profile: &str) -> IdentityProvider {
    let body = json!({
        "name": profile, "profile": profile, "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
    });
    acme.client(body).await.connect_by_credentials().await
}

async fn fields(idp: &IdentityProvider) -> Value {
    idp.client.admin(Method::GET, "/fields").await.expect(200).json()
}

fn field(list: &Value, resource_type: Option<&str>, name: &str) -> Value {
    let is_it = |item: &Value| item["name"] == name && item["resource_type"].as_str() == resource_type;
    items(list).into_iter().find(is_it).unwrap_or_else(|| panic!("no {name} in {list}"))
}

fn summary(list: &Value, name: &str) -> String {
    field(list, Some("User"), name)["summary"].as_str().expect("a sentence").to_owned()
}

story!(a_client_with_the_misspelt_attribute_of_a_guide_is_told, async |world: World| {
    let acme = world.account("acme").await;
    let okta = connect(&acme, "okta").await;
    let none = fields(&okta).await;
    assert_eq!((summary(&none, "role"), &none["findings"]), ("role: never".to_owned(), &json!([])));
    for n in 0..4 {
        let mut body = a_user(&format!("user{n}@acme.test"));
        body["role"] = json!("admin");
        body["product_environment"] = json!(["prod"]);
        body["title"] = json!("");
        let user = okta.post("/Users", &body).await.expect(201).json();
        okta.put(&user, &body).await.expect(200);
        okta.patch(&user).replace("active", true).await.expect(200);
    }
    let told = fields(&okta).await;
    assert_eq!(told["account"], acme.id.as_str());
    assert_eq!(summary(&told, "role"), "role: 8 of 8");
    assert_eq!(summary(&told, "product_environments"), "product_environments: never");
    assert_eq!(summary(&told, "title"), "title: 0 of 8; empty 8 times");
    let sentence = "product_environment: ignored 8 times; did you mean product_environments?";
    assert_eq!((summary(&told, "product_environment").as_str(), &told["findings"]), (sentence, &json!([sentence])));
    let misspelt = field(&told, Some("User"), "product_environment");
    assert_eq!(
        (&misspelt["known"], &misspelt["ignored"], &misspelt["nearest"]),
        (&json!(false), &json!(8), &json!("product_environments"))
    );
    assert!(misspelt["last_ignored"].is_string() && misspelt["last_arrived"].is_null(), "{misspelt}");
    let active = field(&told, Some("User"), "active");
    assert_eq!((&active["changed"], &active["of"]), (&json!(4), &json!(8)), "{active}");
    let users = &told["requests"][0];
    assert_eq!((&users["resource_type"], &users["whole"], &users["changes"]), (&json!("User"), &json!(8), &json!(4)));
    // Each client has its own counts.
    assert_eq!(fields(&connect(&acme, "okta").await).await["findings"], json!([]));
});

story!(what_is_refused_or_asked_in_vain_is_counted_by_resource_type, async |world: World| {
    let acme = world.account("acme").await;
    let idp = connect(&acme, "generic").await;
    let mut body = a_user("ana@acme.test");
    idp.post("/Users", &body).await.expect(201);
    idp.post("/Users", &body).await.expect_scim_error(409, Some("uniqueness"));
    body["userName"] = json!("ben@acme.test");
    body["role"] = json!("boss");
    body["emails"] = json!([{"value": "b@acme.test", "kind": "work"}]);
    idp.post("/Users", &body).await.expect_scim_error(400, Some("invalidValue"));
    body["role"] = json!("admin");
    body["product_environments"] = json!(["moon"]);
    idp.post("/Users", &body).await.expect_scim_error(400, Some("invalidValue"));
    let group = idp.create_group("Editors", &[]).await;
    idp.patch(&group).replace("dispalyName", "x").await.expect(204);
    for _ in 0..3 {
        idp.get("/Users?filtr=userName%20eq%20%22ana%22&password=hunter2&a%20b=1").await.expect(200);
    }
    let told = fields(&idp).await;
    for (name, refused) in [("userName", 1), ("role", 1), ("product_environments", 1), ("emails", 0)] {
        assert_eq!(field(&told, Some("User"), name)["refused"], refused, "{name} in {told}");
    }
    assert_eq!(field(&told, Some("User"), "userName")["arrived"], 4, "what is refused has arrived");
    assert_eq!(field(&told, Some("User"), "emails.kind")["ignored"], 2);
    assert_eq!(summary(&told, &format!("{ENTERPRISE}:department")), format!("{ENTERPRISE}:department: never"));
    let misspelt = field(&told, Some("Group"), "dispalyName");
    assert_eq!(misspelt["summary"], "dispalyName: ignored once; did you mean displayName?");
    assert_eq!(field(&told, Some("Group"), "displayName")["summary"], "displayName: 1 of 1");
    assert_eq!(field(&told, None, "filtr")["summary"], "?filtr: ignored 3 times; did you mean filter?");
    assert_eq!(field(&told, None, "password")["summary"], "?password: ignored 3 times");
    let text = told.to_string();
    assert!(!text.contains("hunter2") && !text.contains("a b") && !text.contains("moon"), "{text}");
});

story!(two_replicas_add_up_and_a_deleted_client_takes_its_counts_along, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = connect(&acme, "generic").await;
    for n in 0..6 {
        let mut body = a_user(&format!("user{n}@acme.test"));
        body["nickname2"] = json!("x");
        idp.post("/Users", &body).await.expect(201);
    }
    let operation = |n: usize| {
        let body = json!({"userName": format!("bulk{n}@acme.test"), "emials": [], "role": "admin"});
        json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": body})
    };
    let operations: Vec<Value> = (0..3).map(operation).collect();
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    idp.post("/Bulk", &bulk).await.expect(200);
    // The replica that is asked adds its own counts first, so when both were asked all are there.
    fields(&idp).await;
    let told = fields(&idp).await;
    assert_eq!(told["requests"][0]["whole"], 9, "{told}");
    assert_eq!(field(&told, Some("User"), "userName")["arrived"], 9);
    let misspelt = field(&told, Some("User"), "nickname2");
    assert_eq!((&misspelt["ignored"], &misspelt["nearest"]), (&json!(6), &json!("nickName")));
    assert_eq!(summary(&told, "emials"), "emials: ignored 3 times; did you mean emails?");
    idp.client.admin(Method::DELETE, "").await.expect(204);
    idp.client.admin(Method::GET, "/fields").await.expect(404);
});

story!(ten_thousand_invented_names_keep_the_frequent_ones_and_few_rows, async |world: World| {
    let acme = world.account("acme").await;
    let idp = connect(&acme, "generic").await;
    let user = idp.create_user(&a_user("ana@acme.test")).await;
    let mut written = 0;
    for request in 0..100 {
        let mut body = a_user("ana@acme.test");
        body["product_environmet"] = json!(["prod"]);
        for n in 0..100 {
            body[format!("invented{}", request * 100 + n)] = json!("x");
        }
        idp.put(&user, &body).await.expect(200);
        if request % 20 == 19 {
            let told = fields(&idp).await;
            let unknown = items(&told).into_iter().filter(|item| item["known"] == false);
            written = unknown.map(|item| item["ignored"].as_i64().expect("a count")).sum();
            let rows = items(&told).into_iter().filter(|item| item["known"] == false).count();
            assert!(rows <= 200, "{rows} names");
        }
    }
    let told = fields(&idp).await;
    let misspelt = field(&told, Some("User"), "product_environmet");
    assert_eq!((&misspelt["ignored"], &misspelt["nearest"]), (&json!(100), &json!("product_environments")));
    let others = told["requests"][0]["other_names"].as_i64().expect("a count");
    assert_eq!(written + others, 100 * 101, "none is lost");
});

story!(a_name_that_may_be_a_secret_or_a_person_is_counted_and_not_kept, async |world: World| {
    let acme = world.account("acme").await;
    let idp = connect(&acme, "generic").await;
    let mut body = a_user("ana@acme.test");
    for name in [
        "password=hunter2",
        "ana.smith@acme.test",
        "eyJhbGciOiJub25lIn0.e30.c2ln",
        "Bearer tomato",
        "https://acme.test/x",
    ] {
        body[name] = json!(1);
    }
    body["emails[value eq \"carrot@acme.test\"].valeu"] = json!("potato");
    idp.post("/Users", &body).await.expect(201);
    let told = fields(&idp).await;
    assert_eq!(told["requests"][0]["other_names"], 5);
    assert_eq!(summary(&told, "emails.valeu"), "emails.valeu: ignored once; did you mean emails.value?");
    let text = told.to_string();
    for kept in ["hunter2", "smith", "eyJ", "tomato", "acme.test", "carrot", "potato"] {
        assert!(!text.contains(kept), "{kept} in {text}");
    }
});

story!(each_misspelling_of_a_declared_attribute_is_suggested_right, async |world: World| {
    let acme = world.account("acme").await;
    let declaration = json!({"resource_type": "User", "type": "string", "description": "Where"});
    acme.admin(Method::PUT, "/attributes/desk_number").json(&declaration).await.expect(201);
    let idp = connect(&acme, "generic").await;
    let mut body = a_user("ana@acme.test");
    let misspellings = [
        ("deskNumber", "desk_number"),
        ("desk_numbr", "desk_number"),
        ("desk_numbers", "desk_number"),
        ("desknumber2", "desk_number"),
        ("dsek_number", "desk_number"),
        ("product-environments", "product_environments"),
        ("productEnvironment", "product_environments"),
        ("rolle", "role"),
        ("rloe", "role"),
    ];
    for (wrong, _) in misspellings {
        body[wrong] = json!("x");
    }
    idp.post("/Users", &body).await.expect(201);
    let told = fields(&idp).await;
    for (wrong, right) in misspellings {
        assert_eq!(field(&told, Some("User"), wrong)["nearest"], right, "{wrong}");
    }
    assert_eq!(summary(&told, "desk_number"), "desk_number: never");
    // Once it is declared, the name is an attribute.
    acme.admin(Method::PUT, "/attributes/deskNumber").json(&declaration).await.expect(201);
    body["userName"] = json!("ben@acme.test");
    idp.post("/Users", &body).await.expect(201);
    assert_eq!(summary(&fields(&idp).await, "deskNumber"), "deskNumber: 1 of 2; ignored once");
});
