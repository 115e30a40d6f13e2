//! What `docs/events.md` shows is what is answered, but for ids and times.

use gateway::platform::system;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::feed::{Reader, assert_shape};
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

const PAGE: &str = include_str!("../../../../docs/events.md");

/// The first block of JSON below a heading.
fn example(heading: &str) -> Value {
    let below = PAGE.split_once(heading).unwrap_or_else(|| panic!("{heading}")).1;
    let block = below.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"))
}

/// What differs from one answer to the next is as on the page, where it is of the same form.
fn like(found: Value, shown: &Value) -> Value {
    match (found, shown) {
        (Value::Object(found), Value::Object(shown)) => {
            let members = found.into_iter().map(|(name, value)| {
                let shown = shown.get(&name).unwrap_or(&Value::Null);
                let value = match (name.as_str(), shown) {
                    ("id", Value::String(id)) if system::is_id(id) == system::is_id(&text(&value)) => shown.clone(),
                    ("cursor" | "time" | "request", Value::String(_)) if value.is_string() => shown.clone(),
                    _ => like(value, shown),
                };
                (name, value)
            });
            Value::Object(members.collect())
        }
        (found, _) => found,
    }
}

story!(the_event_on_the_page_is_one_that_is_told, async |world: World| {
    let acme = world.account("acme").await;
    acme.admin(Method::PATCH, "").json(&json!({"product_environments": ["acme-prod"]})).await.expect(200);
    let idp = acme.connected_identity_provider().await;
    let mut ana = a_user("ana@acme.test");
    ana["externalId"] = json!("00u1ana");
    let ana = idp.create_user(&ana).await;
    let mut reader = Reader::of_all(&world);
    reader.rest().await;
    idp.patch(&ana).replace("role", "admin").await.expect(200);
    let event = reader.rest().await.into_iter().find(|event| event["type"] == "user.changed").expect("it is told");
    assert_shape(&event);
    let shown = example("## An event");
    let told = like(event, &shown);
    let pretty = serde_json::to_string_pretty(&told).expect("JSON");
    assert_eq!(told, shown, "docs/events.md shows another event than\n{pretty}");
});
