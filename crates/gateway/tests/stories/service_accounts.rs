//! What an identity provider may do with an account's service accounts and with its last administrator, as the account says.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, items, text};
use crate::support::concurrently::all;
use crate::support::identity_provider::{GROUP, IdentityProvider, Located, PATCH, a_user};
use crate::support::testing::World;

async fn set(acme: &Account, change: Value) -> Value {
    acme.admin(Method::PATCH, "").json(&change).await.expect(200).json()
}

/// What an administrator has to read when a service account is left alone.
fn is_told(detail: &str, user: &User) {
    for word in [user.id.as_str(), user.user_name.as_str(), "a service account", "Exclude it from provisioning"] {
        assert!(detail.contains(word), "{word} is not in: {detail}");
    }
}

async fn bulk(idp: &IdentityProvider, operations: Value) -> Vec<Value> {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    idp.post("/Bulk", &body).await.expect(200).json()["Operations"].as_array().cloned().unwrap_or_default()
}

story!(report_11_a_service_account_is_shown_and_not_changed, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let robot = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&robot).await;
    assert_eq!(acme.admin_get("").await["service_accounts"], "read_only", "unless the account says otherwise");
    let as_it_is = idp.read(&robot).await;
    assert_eq!(idp.names("userName sw \"scim@\"").await, [robot.user_name.as_str()]);

    // What an identity provider sends every hour, of whom it has imported, changes nothing, and succeeds.
    idp.put(&robot, &as_it_is).await.expect(200);
    idp.patch(&robot).replace("userName", robot.user_name.as_str()).replace("active", true).await.expect(200);
    idp.patch("/Me").merge(json!({"active": true, "role": "master_admin"})).await.expect(200);
    let operation = json!({"method": "PUT", "path": robot.path(), "data": as_it_is});
    assert_eq!(bulk(&idp, json!([operation])).await[0]["status"], "200");
    assert_eq!(idp.read(&robot).await, as_it_is);
    let there = acme.admin_get(&format!("/users/{}", robot.id)).await;
    assert_eq!(there["managed_by_identity_provider"], json!(false), "nothing was written: {there}");

    // Each change of it is refused, by whichever way.
    let with = |name: &str, value: Value| {
        let mut body = as_it_is.clone();
        body[name] = value;
        body
    };
    for (name, value) in [
        ("userName", json!("someone@acme.test")),
        ("userName", json!("SCIM@acme.test")),
        ("role", json!("billing")),
        ("active", json!(false)),
        ("externalId", json!("00uROBOT")),
        ("displayName", json!("Robot")),
        ("product_environments", json!(["acme-prod"])),
    ] {
        let detail = idp.put(&robot, &with(name, value.clone())).await.expect_scim_error(403, None);
        is_told(&detail, &robot);
        is_told(&idp.patch(&robot).replace(name, value.clone()).await.expect_scim_error(403, None), &robot);
        is_told(&idp.patch("/Me").replace(name, value.clone()).await.expect_scim_error(403, None), &robot);
        is_told(&idp.put("/Me", &with(name, value.clone())).await.expect_scim_error(403, None), &robot);
        let patch = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": name, "value": value}]});
        let many = bulk(
            &idp,
            json!([
                {"method": "POST", "path": "/Users", "bulkId": "a", "data": a_user(&format!("{}@acme.test", name))},
                {"method": "PATCH", "path": robot.path(), "data": patch},
                {"method": "DELETE", "path": robot.path()},
            ]),
        )
        .await;
        assert_ne!(many[0]["status"], "403", "only what is about the service account fails: {many:?}");
        for refused in &many[1..] {
            assert_eq!(refused["status"], "403", "{refused}");
            is_told(&text(&refused["response"]["detail"]), &robot);
        }
    }
    is_told(&idp.delete(&robot).await.expect_scim_error(403, None), &robot);
    is_told(&idp.delete("/Me").await.expect_scim_error(403, None), &robot);
    assert_eq!(idp.read(&robot).await, as_it_is);

    // That it is a member of a group changes a group.
    let group = idp.create_group("Robots", &[&as_it_is]).await;
    assert_eq!(idp.members(&group).await, [robot.id.as_str()]);
    idp.patch(&group).operation(json!({"op": "replace", "path": "members", "value": []})).await.expect(204);
    let members = json!([{"value": robot.id}]);
    idp.put(&group, &json!({"schemas": [GROUP], "displayName": "Robots", "members": members})).await.expect(200);
    assert_eq!(idp.members(&group).await, [robot.id.as_str()]);

    // The name is taken, and a client that wants it reads by whom; active or not.
    for active in [true, false] {
        let path = format!("/users/{}", robot.id);
        acme.admin(Method::PATCH, &path).json(&json!({"active": active})).await.expect(200);
        let other = if active { idp.clone() } else { acme.generic_client().await.connect_by_credentials().await };
        let detail = other.post("/Users", &a_user("SCIM@acme.test")).await.expect_scim_error(409, Some("uniqueness"));
        for word in [robot.id.as_str(), "\"scim@acme.test\"", "a service account", "exclude it from provisioning"] {
            assert!(detail.contains(word), "{word} is not in: {detail}");
        }
        is_told(&other.patch(&robot).replace("active", !active).await.expect_scim_error(403, None), &robot);
    }
    // Operators do as they please.
    let path = format!("/users/{}", robot.id);
    acme.admin(Method::PATCH, &path).json(&json!({"active": true, "role": "reports"})).await.expect(200);
    acme.admin(Method::DELETE, &path).await.expect(204);
});

story!(report_11_a_personal_user_still_takes_the_connection_along, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    for (leave, says) in [("PATCH", "deactivated"), ("PUT", "deactivated"), ("DELETE", "deleted")] {
        let idp = acme.generic_client().await.connect_as(&ada).await;
        let mut gone = idp.read(&ada).await;
        gone["active"] = json!(false);
        match leave {
            "PATCH" => idp.patch(&ada).replace("active", false).await.expect(200),
            "PUT" => idp.put(&ada, &gone).await.expect(200),
            _ => idp.delete(&ada).await.expect(204),
        };
        let detail = idp.get("/Users").await.expect_scim_error(401, None);
        assert!(detail.contains(says), "{detail}");
        if leave != "DELETE" {
            let path = format!("/users/{}", ada.id);
            acme.admin(Method::PATCH, &path).json(&json!({"active": true})).await.expect(200);
        }
    }
});

story!(report_11_a_service_account_is_a_user_like_others_where_the_account_says_so, async |world: World| {
    let acme = world.account("acme").await;
    let robot = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&robot).await;
    for wrong in [json!("writeable"), json!(true), json!("READ_ONLY")] {
        let refused = acme.admin(Method::PATCH, "").json(&json!({"service_accounts": wrong})).await;
        assert_eq!(refused.expect_problem(400)["errors"][0]["field"], "service_accounts");
    }
    assert_eq!(set(&acme, json!({"service_accounts": "writable"})).await["service_accounts"], "writable");
    idp.patch(&robot).replace("userName", "robot@acme.test").await.expect(200);
    idp.patch(&robot).replace("active", false).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
    let made = world
        .admin(Method::POST, "/accounts")
        .json(&json!({"name": "zeta", "service_accounts": "hidden", "last_administrator": "keep"}))
        .await
        .expect(201)
        .json();
    assert_eq!((&made["service_accounts"], &made["last_administrator"]), (&json!("hidden"), &json!("keep")));
});

/// Every page of a list, by index and by cursor, with the total that each says.
async fn walked(idp: &IdentityProvider, query: &str, count: usize) -> (Vec<String>, Vec<u64>) {
    let (mut names, mut totals) = (Vec::new(), Vec::new());
    loop {
        let page = idp.list(&format!("/Users?{query}&startIndex={}&count={count}", names.len() + 1)).await;
        totals.push(page["totalResults"].as_u64().unwrap_or_default());
        let found = page["Resources"].as_array().cloned().unwrap_or_default();
        names.extend(found.iter().map(|user| text(&user["userName"])));
        if found.len() < count {
            break;
        }
    }
    let (mut cursor, mut again) = (String::new(), Vec::new());
    loop {
        let page = idp.get(&format!("/Users?{query}&cursor={cursor}&count={count}")).await.expect(200).json();
        totals.push(page["totalResults"].as_u64().unwrap_or_default());
        again.extend(page["Resources"].as_array().into_iter().flatten().map(|user| text(&user["userName"])));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(again, names, "{query}");
    (names, totals)
}

story!(report_11_a_hidden_service_account_is_in_no_list_and_no_total, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    // Robots at the beginning, in the middle, side by side and at the end.
    let mut robots = vec![acme.service_account().await];
    let idp = acme.connect_identity_provider_as(&robots[0]).await;
    let mut people = Vec::new();
    for n in 0..9 {
        if [3, 4, 8].contains(&n) {
            let robot = acme.user(&format!("m{n}-robot@acme.test")).role("reports").service_account();
            robots.push(robot.create().await);
        }
        people.push(idp.create_user(&a_user(&format!("m{}@acme.test", (n * 5) % 9))).await);
    }
    robots.push(acme.user("zz-robot@acme.test").service_account().create().await);
    let names: Vec<String> = people.iter().map(|person| text(&person["userName"])).collect();
    let mut sorted = names.clone();
    sorted.sort();
    let backwards: Vec<String> = sorted.iter().rev().cloned().collect();
    assert_eq!(idp.list("/Users?count=0").await["totalResults"], 14);
    set(&acme, json!({"service_accounts": "hidden"})).await;

    for count in [1, 2, 3, 4, 100] {
        for (query, expected) in [
            ("sortOrder=ascending", &names),
            ("sortBy=userName", &sorted),
            ("sortBy=userName&sortOrder=descending", &backwards),
            ("sortBy=title", &names), // which no user has
            ("filter=active%20eq%20true", &names),
            ("filter=userName%20co%20%22acme%22", &names),
            ("filter=userName%20co%20%22acme%22&sortBy=userName", &sorted),
            ("filter=emails%20pr%20and%20not%20(userName%20sw%20%22q%22)", &names),
        ] {
            let (found, totals) = walked(&idp, query, count).await;
            assert_eq!(&found, expected, "{query}, {count} at a time");
            assert!(totals.iter().all(|total| *total == 9), "{query}, {count} at a time: {totals:?}");
        }
    }
    // Pages that no client walked up to.
    for (start, shown) in [(5, 5), (9, 1), (10, 0), (14, 0), (4000, 0)] {
        let page = idp.list(&format!("/Users?startIndex={start}&count=20")).await;
        let found: Vec<String> =
            page["Resources"].as_array().into_iter().flatten().map(|user| text(&user["userName"])).collect();
        assert_eq!(found, names[names.len() - shown..], "from {start}");
        assert_eq!(page["totalResults"], 9);
    }
    assert_eq!(idp.list("/Users?count=0").await["totalResults"], 9);
    let everything = idp.list("/?filter=meta.created%20pr&count=100").await;
    assert_eq!(everything["totalResults"], 9, "{everything}");
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName pr"});
    assert_eq!(idp.post("/Users/.search", &search).await.expect(200).json()["totalResults"], 9);

    // Nor does anything else know one: not by name, not by id, by no request.
    for robot in &robots {
        for filter in [
            format!("userName eq \"{}\"", robot.user_name),
            format!("id eq \"{}\"", robot.id),
            format!("emails.value eq \"{}\"", robot.user_name),
        ] {
            assert!(idp.found("/Users", &filter).await.is_empty(), "{filter}");
        }
        idp.get(&robot.path()).await.expect_scim_error(404, None);
        idp.patch(robot).replace("active", false).await.expect_scim_error(404, None);
        idp.put(robot, &a_user(&robot.user_name)).await.expect_scim_error(404, None);
        idp.delete(robot).await.expect_scim_error(404, None);
        // But the name is taken, and the administrator reads why they do not see by whom.
        let says = |detail: String| {
            assert!(detail.contains("a service account") && detail.contains("does not see"), "{detail}");
            assert!(detail.contains(&robot.user_name) && !detail.contains(&robot.id), "{detail}");
        };
        let taken = idp.post("/Users", &a_user(&robot.user_name)).await;
        says(taken.expect_scim_error(409, Some("uniqueness")));
        let renamed = idp.patch(&people[0]).replace("userName", robot.user_name.as_str()).await;
        says(renamed.expect_scim_error(409, Some("uniqueness")));
        let mut body = people[1].clone();
        body["userName"] = json!(robot.user_name);
        says(idp.put(&people[1], &body).await.expect_scim_error(409, Some("uniqueness")));
    }
    // The one whose connection it is knows itself, and changes nothing.
    let me = idp.read("/Me").await;
    assert_eq!((&me["id"], &me["userName"]), (&json!(robots[0].id), &json!(robots[0].user_name)));
    is_told(&idp.patch("/Me").replace("active", false).await.expect_scim_error(403, None), &robots[0]);
    is_told(&idp.delete("/Me").await.expect_scim_error(403, None), &robots[0]);

    // Operators see all of them.
    assert_eq!(acme.admin_get("/users?count=0").await["total"], 14);
    assert_eq!(acme.admin_get("").await["users"], 14);
    set(&acme, json!({"service_accounts": "read_only"})).await;
    assert_eq!(idp.list("/Users?count=0").await["totalResults"], 14);
});

story!(report_11_a_hidden_service_account_stays_in_its_groups, async |world: World| {
    let acme = world.account("acme").await;
    let robot = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&robot).await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let ben = idp.create_user(&a_user("ben@acme.test")).await;
    let group = idp.create_group("Editors", &[&ana, &json!({"id": robot.id})]).await;
    set(&acme, json!({"service_accounts": "hidden"})).await;
    let (anas, bens) = (text(&ana["id"]), text(&ben["id"]));

    assert_eq!(idp.members(&group).await, [anas.as_str()]);
    let by_member = |id: &str| format!("members.value eq \"{id}\"");
    assert!(idp.found("/Groups", &by_member(&robot.id)).await.is_empty());
    assert_eq!(idp.found("/Groups", &by_member(&anas)).await.len(), 1);
    // A PUT of the whole list does not remove the service account. An operation that names it names no member.
    let whole = json!({"schemas": [GROUP], "displayName": "Editors", "members": [{"value": bens}]});
    idp.put(&group, &whole).await.expect(200);
    assert_eq!(idp.members(&group).await, [bens.as_str()]);
    let replaced = json!({"op": "replace", "path": "members", "value": [{"value": anas}]});
    idp.patch(&group).operation(replaced).await.expect(204);
    idp.patch(&group)
        .operation(json!({"op": "remove", "path": "members", "value": [{"value": robot.id}]}))
        .await
        .expect(204);
    let named = json!({"op": "add", "path": "members", "value": [{"value": robot.id}, {"value": robot.user_name}]});
    let answer = idp.patch(&group).operation(named).await.expect(204);
    assert!(answer.header("skipped-members").is_some_and(|names| names.contains(&robot.id)), "{:?}", answer.headers);
    assert_eq!(idp.members(&group).await, [anas.as_str()]);
    let version = &idp.read(&group).await["meta"]["version"].clone();
    idp.put(&group, &json!({"schemas": [GROUP], "displayName": "Editors", "members": [{"value": anas}]}))
        .await
        .expect(200);
    assert_eq!(&idp.read(&group).await["meta"]["version"], version, "what is said again is no change");

    set(&acme, json!({"service_accounts": "read_only"})).await;
    let mut both = vec![anas, robot.id.clone()];
    both.sort();
    assert_eq!(idp.members(&group).await, both, "it was in the group all the while");
});

story!(report_11_an_account_may_keep_its_last_administrator, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let idp = acme.client(json!({"name": "Ping", "profile": "ping"})).await.connect_by_credentials().await;
    assert_eq!(acme.admin_get("").await["last_administrator"], "allow", "offboarding always works, unless it is said");
    assert_eq!(acme.admin_get("").await["warnings"], json!([]));
    let refused = acme.admin(Method::PATCH, "").json(&json!({"last_administrator": "never"})).await;
    assert_eq!(refused.expect_problem(400)["errors"][0]["field"], "last_administrator");
    set(&acme, json!({"last_administrator": "keep"})).await;

    let whole = idp.read(&ada).await;
    let with = |name: &str, value: Value| {
        let mut body = whole.clone();
        body[name] = value;
        body
    };
    let says = |detail: &str| {
        for word in ["last active user", "master_admin", &ada.id, "Give another user the role first"] {
            assert!(detail.contains(word), "{word} is not in: {detail}");
        }
    };
    for (name, value) in [("active", json!(false)), ("role", json!("reports"))] {
        says(&idp.patch(&ada).replace(name, value.clone()).await.expect_scim_error(403, None));
        says(&idp.put(&ada, &with(name, value.clone())).await.expect_scim_error(403, None));
        let patch = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {name: value}}]});
        let done = bulk(&idp, json!([{"method": "PATCH", "path": ada.path(), "data": patch}])).await;
        assert_eq!(done[0]["status"], "403");
        says(&text(&done[0]["response"]["detail"]));
    }
    says(&idp.delete(&ada).await.expect_scim_error(403, None));
    let done = bulk(&idp, json!([{"method": "DELETE", "path": ada.path()}])).await;
    assert_eq!(done[0]["status"], "403");
    assert_eq!(idp.read(&ada).await, whole, "nothing was changed");
    // Changes that take no access away are allowed.
    idp.patch(&ada).replace("title", "Head of everything").await.expect(200);

    // Another one counts only while they are active and have the role.
    let eve = idp
        .create_user(&{
            let mut eve = a_user("eve@acme.test");
            (eve["role"], eve["active"]) = (json!("master_admin"), json!(false));
            eve
        })
        .await;
    let joe = idp.create_user(&a_user("joe@acme.test")).await;
    says(&idp.patch(&ada).replace("active", false).await.expect_scim_error(403, None));
    idp.patch(&eve).replace("active", true).await.expect(200);
    idp.patch(&ada).replace("active", false).await.expect(200);
    let detail = idp.patch(&eve).replace("role", "billing").await.expect_scim_error(403, None);
    assert!(detail.contains(&text(&eve["id"])), "{detail}");
    idp.patch(&joe).replace("role", "master_admin").await.expect(200);
    idp.delete(&eve).await.expect(204);
    // A service account may accept too, so it is enough; and an operator may do anything.
    let detail = idp.delete(&joe).await.expect_scim_error(403, None);
    assert!(detail.contains("joe"), "{detail}");
    acme.service_account().await;
    idp.delete(&joe).await.expect(204);
    set(&acme, json!({"last_administrator": "allow"})).await;
});

story!(report_11_the_last_two_administrators_do_not_leave_at_once, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.client(json!({"name": "Ping", "profile": "ping"})).await.connect_by_credentials().await;
    set(&acme, json!({"last_administrator": "keep"})).await;
    for round in 0..6 {
        let mut pair = Vec::new();
        for n in 0..2 {
            let mut admin = a_user(&format!("admin-{round}-{n}@acme.test"));
            admin["role"] = json!("master_admin");
            pair.push(idp.create_user(&admin).await);
        }
        let leave = |n: usize, user: &Value| match (round + n) % 3 {
            0 => idp.patch(user).replace("active", false).into_future(),
            1 => idp.patch(user).replace("role", "reports").into_future(),
            _ => idp.delete(user).into_future(),
        };
        let answers = all(pair.iter().enumerate().map(|(n, user)| leave(n, user)).collect()).await;
        let refused = answers.iter().filter(|answer| answer.status.as_u16() == 403).count();
        assert_eq!(refused, 1, "one of two stays: {answers:?}");
        let left = idp.names("role eq \"master_admin\" and active eq true").await;
        assert_eq!(left.len(), 1, "{left:?}");
        // The next round begins without.
        let path = items(&acme.admin_get(&format!("/users?filter=userName%20eq%20%22{}%22", left[0])).await);
        acme.admin(Method::DELETE, &format!("/users/{}", text(&path[0]["id"]))).await.expect(204);
    }
});

story!(report_11_operators_are_told_when_no_user_may_accept_any_more, async |world: World| {
    let acme = world.account("acme").await;
    assert_eq!(acme.admin_get("").await["warnings"], json!([]), "no warning in an account without users");
    let ada = acme.user("ada@acme.test").with("displayName", json!("Ada Lovelace")).role("master_admin").create().await;
    let eve = acme.user("eve@acme.test").role("master_admin").create().await;
    let idp = acme.client(json!({"name": "Ping", "profile": "ping"})).await.connect_by_credentials().await;
    idp.patch(&eve).replace("role", "reports").await.expect(200);
    let notices = async || items(&acme.admin_get("/notices").await);
    assert_eq!(notices().await.len(), 0, "Ada is left");
    assert_eq!(acme.admin_get("").await["warnings"], json!([]));

    idp.patch(&ada).replace("active", false).await.expect(200);
    let warnings = acme.admin_get("").await["warnings"].clone();
    let warning = text(&warnings[0]);
    assert!(warning.contains("no active user") && warning.contains("role: master_admin"), "{warning}");
    let told = notices().await;
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["kind"], &told[0]["user"]), (&json!("last_administrator_left"), &json!(null)), "{told:?}");
    let sentence = text(&told[0]["told"]);
    assert!(sentence.starts_with("Ada Lovelace's user was deactivated on "), "{sentence}");
    assert!(sentence.contains("No active user of acme has a role that may accept access any more"), "{sentence}");
    assert_eq!(told[0]["detail"], json!({"user": ada.id, "name": "Ada Lovelace", "reason": "deactivated"}));
    assert_eq!(
        (&told[0]["mailed"], &told[0]["next_try"]),
        (&json!(null), &json!(null)),
        "there is no address to mail it to"
    );

    // It is so until it is otherwise; and an operator's own act is told as well.
    acme.admin(Method::PATCH, &format!("/users/{}", eve.id)).json(&json!({"role": "master_admin"})).await.expect(200);
    assert_eq!(acme.admin_get("").await["warnings"], json!([]));
    acme.admin(Method::DELETE, &format!("/users/{}", eve.id)).await.expect(204);
    assert_eq!(acme.admin_get("").await["warnings"].as_array().map(Vec::len), Some(1));
    let told = notices().await;
    assert_eq!((told.len(), &told[1]["detail"]["reason"]), (2, &json!("deleted")), "{told:?}");
    let listed = items(&world.admin_get("/accounts").await);
    assert!(listed.iter().any(|account| account["warnings"][0] == json!(warning)), "{listed:?}");
});
