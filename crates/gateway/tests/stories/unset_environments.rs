//! What it means to have no environments: every shape that takes them away, under each policy of the account.

use reqwest::Method;
use serde_json::{Value, json};

use crate::access::{access, environments};
use crate::support::account::{Account, items, text};
use crate::support::identity_provider::{IdentityProvider, Located, USER, a_user};
use crate::support::testing::World;

const ENVIRONMENTS: &str = "product_environments";

/// How a shape is sent.
enum Sent {
    Patch(Value),
    /// The user's attributes beside those they are made with; `null` leaves out.
    Put(Value),
    BulkPatch(Value),
    BulkPut(Value),
    /// A POST of the user after they were deactivated.
    Again(Value),
    Operator(Value),
}

/// What it is.
#[derive(Clone, Copy, PartialEq)]
enum Means {
    /// The attribute is unassigned as a whole.
    Unset,
    /// A value that is none, or the last one taken away by value: refused in any case.
    NoValue,
    /// Nothing changes.
    Nothing,
}

fn shapes() -> Vec<(Sent, Means)> {
    use Means::{NoValue, Nothing, Unset};
    use Sent::{Again, BulkPatch, BulkPut, Operator, Patch, Put};
    let by_value = format!("{ENVIRONMENTS}[value eq \"acme-prod\"]");
    let whole = format!("{USER}:{ENVIRONMENTS}");
    vec![
        (Patch(json!({"op": "remove", "path": ENVIRONMENTS})), Unset),
        (Patch(json!({"op": "Remove", "path": ENVIRONMENTS, "value": null})), Unset),
        (Patch(json!({"op": "remove", "path": whole})), Unset),
        (Patch(json!({"op": "replace", "path": ENVIRONMENTS, "value": []})), Unset),
        (Patch(json!({"op": "replace", "path": ENVIRONMENTS, "value": null})), Unset),
        (Patch(json!({"op": "replace", "value": {ENVIRONMENTS: []}})), Unset),
        (Patch(json!({"op": "replace", "value": {ENVIRONMENTS: null}})), Unset),
        (Patch(json!({"op": "replace", "value": {(whole.clone()): []}})), Unset),
        (Patch(json!({"op": "replace", "path": ENVIRONMENTS, "value": ""})), NoValue),
        (Patch(json!({"op": "replace", "path": ENVIRONMENTS, "value": [""]})), NoValue),
        (Patch(json!({"op": "replace", "path": ENVIRONMENTS, "value": [null]})), NoValue),
        (Patch(json!({"op": "replace", "path": ENVIRONMENTS, "value": [{}]})), NoValue),
        (Patch(json!({"op": "replace", "path": ENVIRONMENTS, "value": [{"value": ""}]})), NoValue),
        (Patch(json!({"op": "replace", "value": {ENVIRONMENTS: [null]}})), NoValue),
        (Patch(json!({"op": "remove", "path": by_value})), NoValue),
        (Patch(json!({"op": "remove", "path": ENVIRONMENTS, "value": ["acme-prod"]})), NoValue),
        (Patch(json!({"op": "Remove", "path": ENVIRONMENTS, "value": "acme-prod"})), NoValue),
        (Patch(json!({"op": "Remove", "path": ENVIRONMENTS, "value": [{"value": "acme-prod"}]})), NoValue),
        (Patch(json!({"op": "replace", "path": by_value, "value": ""})), NoValue),
        (Patch(json!({"op": "replace", "value": {"product_environment": []}})), Nothing),
        (Put(json!({})), Unset),
        (Put(json!({ENVIRONMENTS: null})), Unset),
        (Put(json!({ENVIRONMENTS: []})), Unset),
        (Put(json!({(USER): {ENVIRONMENTS: []}})), Unset),
        (Put(json!({"product_environment": ["acme-prod"]})), Unset),
        (Put(json!({ENVIRONMENTS: ""})), NoValue),
        (Put(json!({ENVIRONMENTS: [null]})), NoValue),
        (Put(json!({ENVIRONMENTS: [{}]})), NoValue),
        (BulkPatch(json!({"op": "remove", "path": ENVIRONMENTS})), Unset),
        (BulkPatch(json!({"op": "remove", "path": by_value})), NoValue),
        (BulkPut(json!({})), Unset),
        (BulkPut(json!({ENVIRONMENTS: [""]})), NoValue),
        (Again(json!({})), Nothing),
        (Again(json!({ENVIRONMENTS: []})), Nothing),
        (Again(json!({ENVIRONMENTS: null})), Nothing),
        (Again(json!({"product_environment": ["acme-prod"]})), Nothing),
        (Operator(json!({ENVIRONMENTS: null})), Unset),
        (Operator(json!({ENVIRONMENTS: []})), Unset),
        (Operator(json!({ENVIRONMENTS: [null]})), NoValue),
    ]
}

/// The status of a shape, and what was said.
async fn send(acme: &Account, idp: &IdentityProvider, user: &Value, shape: &Sent) -> (u16, String) {
    let whole = |beside: &Value| {
        let mut whole = a_user(user["userName"].as_str().expect("a name"));
        whole.as_object_mut().expect("an object").extend(beside.as_object().expect("an object").clone());
        whole
    };
    let bulk = async |method: &str, data: Value| {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [{"method": method, "path": user.path(), "data": data}]});
        let done = idp.post("/Bulk", &body).await.expect(200).json()["Operations"][0].clone();
        let status = done["status"].as_str().and_then(|status| status.parse().ok()).expect("a status");
        (status, done["response"]["detail"].as_str().unwrap_or_default().to_owned())
    };
    let answer = match shape {
        Sent::Patch(operation) => idp.patch(user).operation(operation.clone()).await,
        Sent::Put(beside) => idp.put(user, &whole(beside)).await,
        Sent::BulkPut(beside) => return bulk("PUT", whole(beside)).await,
        Sent::BulkPatch(operation) => {
            let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
            return bulk("PATCH", json!({"schemas": schemas, "Operations": [operation]})).await;
        }
        Sent::Again(beside) => {
            idp.patch(user).replace("active", false).await.expect(200);
            idp.post("/Users", &whole(beside)).await
        }
        Sent::Operator(change) => {
            acme.admin(Method::PATCH, &format!("/users/{}", text(&user["id"]))).json(change).await
        }
    };
    (answer.status.as_u16(), answer.text())
}

async fn policy(acme: &Account, policy: &str) {
    let changed = acme.admin(Method::PATCH, "").json(&json!({"unset_environments": policy})).await.expect(200).json();
    assert_eq!(changed["unset_environments"], policy);
}

async fn restricted(idp: &IdentityProvider, name: &str) -> Value {
    let mut user = a_user(name);
    user[ENVIRONMENTS] = json!(["acme-prod"]);
    idp.create_user(&user).await
}

/// How many rows of an action the account's trail has.
async fn rows_of(acme: &Account, action: &str) -> usize {
    items(&acme.world.admin_get(&format!("/audit?account={}&action={action}&limit=1000", acme.id)).await).len()
}

async fn try_all(world: World, of: &str) {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    policy(&acme, of).await;
    let mut opened = 0;
    for (number, (shape, means)) in shapes().into_iter().enumerate() {
        let user = restricted(&idp, &format!("ana{number}@acme.test")).await;
        let (status, said) = send(&acme, &idp, &user, &shape).await;
        let now = access(&acme, &user).await;
        let (has, every) = (environments(&now), now["every_environment"] == json!(true));
        let restricted = (vec!["acme-prod".to_owned()], false);
        match (means, of) {
            (Means::Nothing, _) => {
                assert!([200, 201, 204].contains(&status), "{number}: {said}");
                assert_eq!((has, every), restricted, "{number}");
            }
            (Means::NoValue, _) => {
                assert_eq!(status, 400, "{number}: {said}");
                assert!(said.contains("no value would be left"), "{number}: {said}");
                assert_eq!((has, every), restricted, "{number}");
            }
            (Means::Unset, "refuse") => {
                assert_eq!(status, 400, "{number}: {said}");
                let words = [
                    "product_environments: this would open every environment to ",
                    "send all of them, or",
                    "to mean it",
                ];
                assert!(words.iter().all(|words| said.contains(words)), "{number}: {said}");
                assert_eq!((has, every), restricted, "{number}");
            }
            (Means::Unset, "none") => {
                assert!([200, 204].contains(&status), "{number}: {said}");
                assert_eq!((has, every), (Vec::new(), false), "{number}");
                assert!(text(&now["none_because"]).contains("means none"), "{now}");
            }
            (Means::Unset, _) => {
                opened += 1;
                assert!([200, 204].contains(&status), "{number}: {said}");
                assert_eq!((has.len(), every), (2, true), "{number}");
                assert_eq!(now["environments"][0]["reasons"][0]["kind"], "unset");
            }
        }
    }
    let written = rows_of(&acme, "user.access_opened").await;
    assert_eq!(written, opened, "each opening is written down, and nothing else is");
}

story!(every_shape_of_no_environments_where_unset_is_all, async |world: World| { try_all(world, "all").await });

story!(every_shape_of_no_environments_where_unset_is_none, async |world: World| { try_all(world, "none").await });

story!(every_shape_of_no_environments_where_unset_is_refused, async |world: World| { try_all(world, "refuse").await });

story!(an_asterisk_is_every_environment_under_every_policy, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for of in ["all", "none", "refuse"] {
        policy(&acme, of).await;
        let user = restricted(&idp, &format!("{of}@acme.test")).await;
        let opened = idp.patch(&user).replace(ENVIRONMENTS, json!(["*"])).await.expect(200).json();
        assert_eq!(opened[ENVIRONMENTS], json!(["*"]));
        let now = access(&acme, &user).await;
        assert_eq!((environments(&now).len(), &now["every_environment"]), (2, &json!(true)));
        assert_eq!(now["environments"][0]["reasons"][0]["kind"], "own");
        // Who has all of them explicitly was not restricted: to unset that takes nothing by surprise.
        idp.patch(&user).remove(ENVIRONMENTS).await.expect(200);
        let mut new = a_user(&format!("new-{of}@acme.test"));
        new[ENVIRONMENTS] = json!("*");
        assert_eq!(idp.create_user(&new).await[ENVIRONMENTS], json!(["*"]));
        new[ENVIRONMENTS] = json!(["**"]);
        new["userName"] = json!("wrong@acme.test");
        idp.post("/Users", &new).await.expect_scim_error(400, Some("invalidValue"));
    }
});

story!(no_policy_keeps_a_user_active, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    policy(&acme, "refuse").await;
    let ana = restricted(&idp, "ana@acme.test").await;
    let mut off = a_user("ana@acme.test");
    off["active"] = json!(false);
    let answer = idp.put(&ana, &off).await.expect(200).json();
    assert_eq!(
        (&answer["active"], &answer[ENVIRONMENTS]),
        (&json!(false), &json!(["acme-prod"])),
        "and they stay restricted"
    );
    let ben = restricted(&idp, "ben@acme.test").await;
    let both = json!({"active": false, ENVIRONMENTS: []});
    let answer = idp.patch(&ben).merge(both).await.expect(200).json();
    assert_eq!((&answer["active"], &answer[ENVIRONMENTS]), (&json!(false), &json!(["acme-prod"])));
    // A change of something else is not asked about it, and who was never restricted is not either.
    let eve = idp.create_user(&a_user("eve@acme.test")).await;
    idp.put(&eve, &a_user("eve@acme.test")).await.expect(200);
    assert_eq!(environments(&access(&acme, &eve).await).len(), 2);
    // A value that is not allowed any more restricts on, and blocks nothing.
    acme.admin(Method::PATCH, "?force").json(&json!({"product_environments": ["acme-stage"]})).await.expect(200);
    let old = restricted_as_before(&idp, "old@acme.test", &acme).await;
    idp.patch(&old).replace("title", "Editor").await.expect(200);
    let now = access(&acme, &old).await;
    assert!(environments(&now).is_empty() && text(&now["none_because"]).contains("any more"), "{now}");
});

/// A user whose only environment has left the list.
async fn restricted_as_before(idp: &IdentityProvider, name: &str, acme: &Account) -> Value {
    let mut user = a_user(name);
    user[ENVIRONMENTS] = json!(["acme-stage"]);
    let user = idp.create_user(&user).await;
    let change = json!({"product_environments": ["acme-new"], "force": true});
    acme.admin(Method::PATCH, "").json(&change).await.expect(200);
    user
}
