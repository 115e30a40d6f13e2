//! Requests to the admin API say one thing, and only what is understood.

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::testing::World;

story!(a_parameter_that_an_endpoint_has_not_is_refused_and_named, async |world: World| {
    let acme = world.account("acme").await;
    for (path, field, says) in [
        ("/audit?limit=1&q=ada", "?q", "account, actor, target, action, from, to, limit, after"),
        ("/accounts?nam=acme", "?nam", "name, limit, after"),
        ("/accounts?name=acme&name=zoo", "?name", "twice"),
        ("/operators?limit=1", "?limit", "no parameters"),
    ] {
        let refused = world.admin(Method::GET, path).await;
        let problem = refused.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], field, "{path}");
        assert!(
            problem["errors"][0]["detail"].as_str().is_some_and(|detail| detail.contains(says)),
            "{path}: {problem}"
        );
    }
    let refused = acme.admin(Method::DELETE, "?dry_run=true").await;
    assert_eq!(refused.expect_problem(400)["errors"][0]["field"], "?dry_run");
    assert_eq!(acme.admin_get("").await["name"], "acme", "it was not deleted");
    // A caller who may not ask is told nothing else.
    world.get("/admin/audit?action=x").bearer("gwo_nonsense").await.expect_problem(401);
    world.admin(Method::GET, "/accounts?name=acme&limit=1").await.expect(200);
    acme.admin(Method::PATCH, "?force=true").json(&json!({"product_environments": []})).await.expect(200);
});

story!(a_body_of_the_admin_api_says_one_thing_only, async |world: World| {
    for body in [r#"{"name": "one", "name": "two"}"#, r#"{"name": "one", "options": {"a": 1, "a": 2}}"#] {
        let refused = world.admin(Method::POST, "/accounts").body("application/json", body).await;
        let problem = refused.expect_problem(400);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("twice")), "{problem}");
    }
    let accounts = world.admin(Method::GET, "/accounts").await.expect(200).json();
    assert_eq!(accounts["items"].as_array().map(Vec::len), Some(0), "{accounts}");
});

story!(an_attribute_of_a_new_user_that_is_misspelt_is_named_with_the_right_spelling, async |world: World| {
    let acme = world.account("acme").await;
    let body = json!({"user_name": "ada@acme.test", "display-name": "Ada", "serviceAccount": true, "role": "media_library_user", "shoeSize": 39});
    let refused = acme.admin(Method::POST, "/users").json(&body).await.expect(400).json();
    let right: Vec<String> =
        refused["errors"].as_array().into_iter().flatten().map(|one| text(&one["detail"])).collect();
    for name in ["userName", "displayName", "service_account"] {
        assert!(right.contains(&format!("is no attribute; `{name}` is one")), "{refused}");
    }
    assert_eq!(right.len(), 3, "what is not known at all is left out: {refused}");
    let body = json!({"USERNAME": "ada@acme.test", "name": {"familyName": "L", "givenName": "A"}, "role": "media_library_user", "shoeSize": 39});
    acme.admin(Method::POST, "/users").json(&body).await.expect(201);
});
