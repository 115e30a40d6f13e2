//! What an account declares is an attribute like any other, from the next request on, at every replica.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::account::{Account, items, text};
use crate::support::concurrently::all;
use crate::support::http::Answer;
use crate::support::identity_provider::{GROUP, IdentityProvider, USER, a_user};
use crate::support::testing::World;

pub const BADGES: &str = "urn:orchard:params:scim:schemas:1.0:Badges";

pub async fn declare(account: &Account, name: &str, declaration: &Value) -> Answer {
    account.admin(Method::PUT, &format!("/attributes/{name}")).json(declaration).await
}

async fn state(account: &Account, name: &str) -> Value {
    account.admin_get(&format!("/attributes/{name}")).await["state"].clone()
}

/// Waits until what is to be done for the account's attributes is done.
pub async fn settled(account: &Account) {
    for _ in 0..400 {
        let declared = items(&account.admin_get("/attributes").await);
        if declared.iter().all(|one| one["state"] == "ready") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("not settled: {}", account.admin_get("/attributes").await);
}

/// A published attribute.
pub async fn published(idp: &IdentityProvider, schema: &str, name: &str) -> Option<Value> {
    let schemas = idp.get("/Schemas").await.expect(200).json();
    let schema = schemas["Resources"].as_array()?.iter().find(|one| one["id"] == schema)?.clone();
    schema["attributes"].as_array()?.iter().find(|one| one["name"] == name).cloned()
}

fn with(name: &str, attribute: &str, value: Value) -> Value {
    let mut user = a_user(name);
    user[attribute] = value;
    user
}

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect()
}

story!(a_declaration_counts_from_the_next_request_at_every_replica, async |world: World| {
    world.add_replica().await;
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let (idp, other) = (acme.connected_identity_provider().await, orchard.connected_identity_provider().await);
    for round in 0..4 {
        let name = format!("badge{round}");
        let made = declare(&acme, &name, &json!({"type": "integer", "description": "On the door."})).await.expect(201);
        assert_eq!(made.json()["id"], format!("{USER}:{name}"));
        assert_eq!(made.json()["state"], "ready");
        for replica in 0..2 {
            let attribute = published(&idp, USER, &name).await.expect("published");
            assert_eq!((&attribute["type"], &attribute["description"]), (&json!("integer"), &json!("On the door.")));
            let user = with(&format!("ana{round}{replica}@acme.test"), &name, json!(7));
            assert_eq!(idp.create_user(&user).await[&name], 7);
        }
        // A wrong value is refused by all of them, the right one found by all of them.
        for _ in 0..2 {
            let refused = idp.post("/Users", &with("x@acme.test", &name, json!("seven"))).await;
            let detail = refused.expect_scim_error(400, Some("invalidValue"));
            assert!(detail.contains(&name), "{detail}");
            assert_eq!(idp.names(&format!("{name} eq 7")).await.len(), 2);
        }
        // Other accounts do not have it.
        assert_eq!(published(&other, USER, &name).await, None);
        assert_eq!(
            other.create_user(&with(&format!("bo{round}@orchard.test"), &name, json!(7))).await.get(&name),
            None
        );
        other.get(&format!("/Users?filter={name}+eq+7")).await.expect_scim_error(400, Some("invalidFilter"));

        acme.admin(Method::DELETE, &format!("/attributes/{name}")).await.expect(204);
        for _ in 0..2 {
            assert_eq!(published(&idp, USER, &name).await, None);
            idp.get(&format!("/Users?filter={name}+eq+7")).await.expect_scim_error(400, Some("invalidFilter"));
            let list = idp.list("/Users").await;
            assert!(!list.to_string().contains(&name), "{list}");
        }
    }
});

story!(a_required_attribute_is_required_from_then_on, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let before = idp.create_user(&a_user("ana@acme.test")).await;
    declare(&acme, "costUnit", &json!({"required": true})).await.expect(201);
    let detail = idp.post("/Users", &a_user("bo@acme.test")).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("costUnit"), "{detail}");
    let locker = json!({"type": "complex", "sub_attributes": [{"name": "value"}, {"name": "floor", "required": true}]});
    declare(&acme, "locker", &locker).await.expect(201);
    let mut half = with("bo@acme.test", "costUnit", json!("7"));
    half["locker"] = json!({"value": "A7"});
    let detail = idp.post("/Users", &half).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("locker.floor"), "{detail}");
    // Users from before stay as they are, until a PUT replaces them.
    idp.patch(&before).replace("title", "Editor").await.expect(200);
    idp.put(&before, &a_user("ana@acme.test")).await.expect_scim_error(400, Some("invalidValue"));
    idp.put(&before, &with("ana@acme.test", "costUnit", json!("7"))).await.expect(200);
    let console = acme.user("console@acme.test").attempt().await.expect_problem(400);
    assert!(console["detail"].as_str().is_some_and(|detail| detail.contains("costUnit")), "{console}");
    let made = acme.user("console@acme.test").with("costUnit", json!("8")).attempt().await.expect(201).json();
    assert_eq!(made["costUnit"], "8");
});

story!(groups_have_attributes_too, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    declare(&acme, &format!("{GROUP}:purpose"), &json!({"indexed": true})).await.expect(201);
    let urn = "urn:orchard:params:scim:schemas:1.0:Team";
    let made = declare(&acme, &format!("{urn}:budget"), &json!({"resource_type": "Group", "type": "decimal"})).await;
    assert_eq!(made.expect(201).json()["resource_type"], "Group");
    let body = json!({"schemas": [GROUP, urn], "displayName": "Editors", "purpose": "Edit", (urn): {"budget": 1.5}});
    let group = idp.post("/Groups", &body).await.expect(201).json();
    assert_eq!((&group["purpose"], &group[urn]["budget"]), (&json!("Edit"), &json!(1.5)));
    assert_eq!(idp.found("/Groups", "purpose eq \"edit\"").await.len(), 1);
    assert_eq!(idp.found("/Groups", &format!("{urn}:budget gt 1")).await.len(), 1);
    idp.get("/Users?filter=purpose+pr").await.expect_scim_error(400, Some("invalidFilter"));
});

story!(every_mistake_of_a_declaration_is_told_at_once, async |world: World| {
    let acme = world.account("acme").await;
    let wrong = json!({
        "name": "other", "type": "text", "multi_valued": "yes", "mutability": "writeOnly", "uniqueness": "global",
        "canonical_values": [], "default": "account.color", "shoe": 1, "description": "x".repeat(2_000),
        "sub_attributes": [{"name": "a b"}, 7, {"type": "complex", "name": "c"}],
    });
    let problem = declare(&acme, "badge", &wrong).await.expect_problem(400);
    let fields = fields(&problem);
    for field in ["name", "type", "multi_valued", "default", "shoe", "description", "sub_attributes[1]"] {
        assert!(fields.contains(&field), "{field} is not in {problem}");
    }
    let wrong = json!({"mutability": "writeOnly", "uniqueness": "global", "canonical_values": [], "default_value": 7,
        "sub_attributes": [{"name": "a b"}, {"name": "c", "type": "complex"}]});
    let problem = declare(&acme, "badge", &wrong).await.expect_problem(400);
    let fields = self::fields(&problem);
    for field in [
        "mutability",
        "uniqueness",
        "indexed",
        "canonical_values",
        "default_value",
        "sub_attributes",
        "sub_attributes[0].name",
        "sub_attributes[1].type",
    ] {
        assert!(fields.contains(&field), "{field} is not in {problem}");
    }
    for (name, declaration, field) in [
        ("userName", json!({}), "name"),
        ("role", json!({}), "name"),
        ("meta", json!({}), "name"),
        ("shoe%20size", json!({}), "name"),
        ("urn:ietf:params:scim:schemas:core:2.0:Printer:a", json!({}), "schema"),
        ("nonsense:a", json!({}), "schema"),
        ("a", json!({"resource_type": "Printer"}), "resource_type"),
        ("a", json!({"canonical_values": ["a\u{0}b"]}), "canonical_values"),
        ("a", json!({"default_value": "a\u{1}b"}), "default_value"),
    ] {
        let problem = declare(&acme, name, &declaration).await.expect_problem(400);
        assert!(self::fields(&problem).contains(&field), "{name}: {field} is not in {problem}");
    }
    let not_an_object = acme.admin(Method::PUT, "/attributes/a").json(&json!([1])).await;
    not_an_object.expect_problem(400);
    acme.admin(Method::GET, "/attributes/a").await.expect_problem(404);
    acme.admin(Method::DELETE, "/attributes/a").await.expect_problem(404);
    acme.admin(Method::POST, "/attributes/a").json(&json!({})).await.expect_problem(405);
    world.admin(Method::PUT, "/accounts/nobody/attributes/a").json(&json!({})).await.expect_problem(404);
    assert!(items(&acme.admin_get("/attributes").await).is_empty());
});

story!(a_declaration_changes_only_what_leaves_values_as_they_are, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let declaration =
        json!({"type": "complex", "sub_attributes": [{"name": "value"}, {"name": "floor", "type": "integer"}]});
    declare(&acme, "desk", &declaration).await.expect(201);
    let ana = idp.create_user(&with("ana@acme.test", "desk", json!({"value": "7B", "floor": 7}))).await;
    for (change, field) in [
        (json!({"type": "string"}), "type"),
        (
            json!({"type": "complex", "multi_valued": true, "sub_attributes": declaration["sub_attributes"]}),
            "multi_valued",
        ),
        (json!({"type": "complex", "sub_attributes": [{"name": "value"}]}), "sub_attributes"),
        (
            json!({"type": "complex", "sub_attributes": [{"name": "value"}, {"name": "floor"}]}),
            "sub_attributes[1].type",
        ),
        (
            json!({"type": "complex", "sub_attributes": [
                {"name": "value", "case_exact": true}, {"name": "floor", "type": "integer"}]}),
            "sub_attributes[0].case_exact",
        ),
    ] {
        let problem = declare(&acme, "desk", &change).await.expect_problem(400);
        assert!(fields(&problem).contains(&field), "{field} is not in {problem}");
    }
    // What an answer says can be changed and sent back.
    let mut read = acme.admin_get("/attributes/desk").await;
    read["description"] = json!("Where the user sits.");
    read["sub_attributes"][0]["indexed"] = json!(true);
    read["sub_attributes"].as_array_mut().expect("parts").push(json!({"name": "phone"}));
    let changed = declare(&acme, &text(&read["id"]), &read).await.expect(200).json();
    assert_eq!(changed["description"], "Where the user sits.");
    settled(&acme).await;
    assert_eq!(idp.names("desk eq \"7b\"").await, ["ana@acme.test"]);
    let moved = idp.patch(&ana).replace("desk.phone", "1234").await.expect(200).json();
    assert_eq!(moved["desk"], json!({"value": "7B", "floor": 7, "phone": "1234"}));
    let same = acme.admin_get("/attributes/desk").await;
    let audits = acme.audit().await.actions().len();
    declare(&acme, "DESK", &same).await.expect(200);
    assert_eq!(acme.audit().await.actions().len(), audits, "what changes nothing is no act");
    assert!(acme.audit().await.actions().contains(&"attribute.changed"));
});

story!(an_index_that_is_not_complete_loses_no_user, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    declare(&acme, "desk", &json!({})).await.expect(201);
    let operations: Vec<Value> = (0..700)
        .map(|n| {
            let data = with(&format!("user{n}@acme.test"), "desk", json!(format!("{}", n % 7)));
            json!({"method": "POST", "path": "/Users", "bulkId": format!("b{n}"), "data": data})
        })
        .collect();
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let made = idp.post("/Bulk", &bulk).await.expect(200).json();
    assert_eq!(made["Operations"].as_array().map(Vec::len), Some(700));
    assert!(made["Operations"].as_array().is_some_and(|all| all.iter().all(|one| one["status"] == "201")), "{made}");
    let total = |answer: Value| answer["totalResults"].as_u64().expect("a total");
    let count = async |idp: &IdentityProvider| total(idp.list("/Users?filter=desk+eq+%223%22&count=1").await);
    assert_eq!(count(&idp).await, 100);

    declare(&acme, "desk", &json!({"indexed": true})).await.expect(200);
    // Other clients write meanwhile, and each filter is answered exactly.
    let writers = (0..4).map(|writer| {
        let idp = idp.clone();
        async move {
            for n in 0..6 {
                let made = idp.create_user(&with(&format!("new{writer}-{n}@acme.test"), "desk", json!("new"))).await;
                assert!(idp.names("desk eq \"NEW\"").await.contains(&text(&made["userName"])));
                assert_eq!(total(idp.list("/Users?filter=desk+eq+%223%22&count=1").await), 100);
            }
        }
    });
    all(writers.collect()).await;
    settled(&acme).await;
    assert_eq!(count(&idp).await, 100);
    assert_eq!(idp.names("desk eq \"new\"").await.len(), 24);
    let all = total(idp.list("/Users?filter=desk+pr&count=0").await);
    assert_eq!(all, 724);
});

story!(what_is_not_unique_is_not_declared_so, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    declare(&acme, "payroll", &json!({})).await.expect(201);
    let ana = idp.create_user(&with("ana@acme.test", "payroll", json!("P-1"))).await;
    let bo = idp.create_user(&with("bo@acme.test", "payroll", json!("p-1"))).await;
    let unique = json!({"indexed": true, "uniqueness": "server"});
    let problem = declare(&acme, "payroll", &unique).await.expect_problem(409);
    let said = problem["errors"][0]["detail"].as_str().unwrap_or_default();
    for part in [text(&ana["id"]), text(&bo["id"]), "P-1".to_owned()] {
        assert!(said.contains(&part), "{part} is not in {problem}");
    }
    assert_eq!(acme.admin_get("/attributes/payroll").await["uniqueness"], "none", "nothing was changed");

    idp.patch(&bo).replace("payroll", "P-2").await.expect(200);
    declare(&acme, "payroll", &unique).await.expect(200);
    settled(&acme).await;
    assert_eq!(published(&idp, USER, "payroll").await.expect("published")["uniqueness"], "server");
    let mut statuses = Vec::new();
    for n in 0..4 {
        let attempt = with(&format!("cy{n}@acme.test"), "payroll", json!(["P-1", "p-2"][n % 2]));
        statuses.push(idp.post("/Users", &attempt).await.expect_scim_error(409, Some("uniqueness")));
    }
    assert!(statuses.iter().all(|detail| detail.contains("payroll")), "{statuses:?}");
    idp.patch(&ana).replace("payroll", "P-9").await.expect(200);
    idp.create_user(&with("cy@acme.test", "payroll", json!("P-1"))).await;
    // Users still log in by their userName, also where another attribute is unique.
    let tom = acme.user("tom@acme.test").role("master_admin").with("payroll", json!("T-1")).create().await;
    idp.patch(&tom).replace("payroll", "T-2").await.expect(200);
    acme.connect_identity_provider_as(&tom).await;
});

story!(of_many_who_take_a_value_as_it_becomes_unique_one_has_it, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    declare(&acme, "payroll", &json!({})).await.expect(201);
    let mut users = Vec::new();
    for n in 0..30 {
        users.push(idp.create_user(&with(&format!("user{n}@acme.test"), "payroll", json!(format!("P-{n}")))).await);
    }
    let takers = users.chunks(10).enumerate().map(|(taker, users)| {
        let (idp, users) = (idp.clone(), users.to_vec());
        async move {
            for (n, user) in users.iter().enumerate() {
                let status = idp.patch(user).replace("payroll", format!("same-{n}")).await.status.as_u16();
                assert!([200, 409].contains(&status), "{taker}: {status}");
            }
        }
    });
    let unique = json!({"indexed": true, "uniqueness": "server"});
    let declaring = async {
        let status = declare(&acme, "payroll", &unique).await.status.as_u16();
        assert!([200, 409].contains(&status), "{status}");
    };
    let mut all_of_them: Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    takers.for_each(|taker| all_of_them.push(Box::pin(taker)));
    all_of_them.insert(1, Box::pin(declaring));
    all(all_of_them).await;
    settled(&acme).await;
    let declared = acme.admin_get("/attributes/payroll").await;
    let mut values: Vec<String> = Vec::new();
    for user in &users {
        values.push(text(&idp.read(user).await["payroll"]));
    }
    values.sort();
    let distinct = {
        let mut all = values.clone();
        all.dedup();
        all.len()
    };
    if declared["uniqueness"] == "server" {
        assert_eq!(distinct, 30, "{values:?}");
    } else {
        assert!(distinct < 30, "it was refused for a reason: {declared}");
    }
    for value in &values {
        let found = idp.found("/Users", &format!("payroll eq \"{value}\"")).await.len();
        assert_eq!(found, values.iter().filter(|other| *other == value).count(), "{value}");
    }
});

story!(what_is_removed_is_gone_with_its_values, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let path = format!("{BADGES}:number");
    declare(&acme, &path, &json!({"indexed": true, "uniqueness": "server"})).await.expect(201);
    settled(&acme).await;
    let mut user = a_user("ana@acme.test");
    user[BADGES] = json!({"number": "7"});
    let ana = idp.create_user(&user).await;
    assert_eq!(ana["schemas"], json!([USER, BADGES]));
    acme.admin(Method::DELETE, &format!("/attributes/{path}")).await.expect(204);
    let read = idp.read(&ana).await;
    assert_eq!((&read["schemas"], read.get(BADGES)), (&json!([USER]), None));
    let after = idp.patch(&ana).replace("title", "Editor").await.expect(200).json();
    assert_eq!(after.get(BADGES), None);
    // The name is free again, for another type, and nothing of before is there.
    let mut declared = declare(&acme, &path, &json!({"type": "integer", "indexed": true})).await;
    while declared.status.as_u16() == 409 {
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        declared = declare(&acme, &path, &json!({"type": "integer", "indexed": true})).await;
    }
    declared.expect(201);
    settled(&acme).await;
    assert_eq!(idp.read(&ana).await.get(BADGES), None);
    assert_eq!(idp.names(&format!("{path} pr")).await.len(), 0);
    user["userName"] = json!("bo@acme.test");
    user[BADGES] = json!({"number": 7});
    idp.create_user(&user).await;
    assert_eq!(idp.names(&format!("{path} eq 7")).await, ["bo@acme.test"]);
    assert!(acme.audit().await.actions().contains(&"attribute.removed"));
});

story!(two_operators_who_declare_at_once_lose_nothing, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let declaring = (0..10).map(|n| {
        let acme = acme.clone();
        async move {
            declare(&acme, &format!("a{n}"), &json!({"indexed": n % 2 == 0})).await.expect(201);
            acme.admin(Method::PATCH, "").json(&json!({"default_role": "reports"})).await.expect(200);
        }
    });
    all(declaring.collect()).await;
    assert_eq!(items(&acme.admin_get("/attributes").await).len(), 10);
    settled(&acme).await;
    let mut declared: Map<String, Value> = Map::new();
    for one in items(&acme.admin_get("/attributes").await) {
        declared.insert(text(&one["name"]), one["indexed"].clone());
    }
    assert_eq!(declared.len(), 10);
    for n in 10..100 {
        declare(&acme, &format!("a{n}"), &json!({})).await.expect(201);
    }
    let problem = declare(&acme, "a100", &json!({})).await.expect_problem(409);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("at most 100")), "{problem}");
});

/// A transaction that was open when something was declared may still write as before, so the index waits for it.
#[test]
fn an_index_waits_for_transactions_that_began_before() {
    crate::support::story::on_postgres(&[], |world: World| async move {
        use diesel::connection::SimpleConnection;
        let acme = world.account("acme").await;
        let idp = acme.connected_identity_provider().await;
        declare(&acme, "desk", &json!({})).await.expect(201);
        idp.create_user(&with("ana@acme.test", "desk", json!("7B"))).await;
        let url: gateway::storage::DatabaseUrl = world.database_url().parse().expect("a database");
        let mut connection = url.connect().expect("it answers");
        let gateway::storage::AnyConn::Postgres(open) = &mut connection else { panic!("PostgreSQL") };
        open.begun().batch_execute("BEGIN; SELECT 1").expect("a transaction");
        declare(&acme, "desk", &json!({"indexed": true})).await.expect(200);
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        assert_eq!(state(&acme, "desk").await, "indexing");
        assert_eq!(idp.names("desk eq \"7b\"").await, ["ana@acme.test"], "and is not asked meanwhile");
        open.begun().batch_execute("COMMIT").expect("it ends");
        settled(&acme).await;
        assert_eq!(idp.names("desk eq \"7b\"").await, ["ana@acme.test"]);
    });
}

story!(userinfo_gives_what_the_account_declared_but_what_has_to_be_asked_for, async |world: World| {
    let acme = world.account("acme").await;
    declare(&acme, "badge", &json!({})).await.expect(201);
    declare(&acme, "pin", &json!({"returned": "request"})).await.expect(201);
    settled(&acme).await;
    let ada = acme.user("ada@acme.test").role("master_admin").service_account();
    let ada = ada.with("badge", json!("B-1")).with("pin", json!("1234")).create().await;
    let idp = acme.generic_client().await.connect_as(&ada).await;
    let claims = world.get("/userinfo").bearer(&idp.access_token).await.expect(200).json();
    assert_eq!((&claims["badge"], claims.get("pin")), (&json!("B-1"), None), "{claims}");
});
