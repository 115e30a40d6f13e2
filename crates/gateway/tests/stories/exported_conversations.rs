//! A recorded request is exported as a conversation: the tests' own player takes it, it ends as the request did, and no person is in it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::conversations::{self, Recording};
use crate::full_recording::{id_of, record, written};
use crate::support::account::text;
use crate::support::http::Answer;
use crate::support::identity_provider::{GROUP, PATCH, a_user};
use crate::support::testing::World;

async fn exported(world: &World, answer: &Answer) -> Value {
    written(world, answer).await;
    world.admin(Method::GET, &format!("/requests/{}/conversation", id_of(answer))).await.expect(200).json()
}

story!(an_exported_conversation_goes_as_the_request_did, async |world: World| {
    let acme = world.account("acme").await;
    acme.admin(Method::PATCH, "").json(&json!({"default_role": "media_library_user"})).await.expect(200);
    let idp = acme.connected_identity_provider().await;
    record(&idp.client, 1).await;
    let mut bauer = a_user("mathilde.bauer@acme.test");
    bauer["name"] = json!({"givenName": "Mathilde", "familyName": "Bauer", "formatted": "Mathilde Bauer"});
    bauer["displayName"] = json!("Mathilde Bauer");
    bauer["phoneNumbers"] = json!([{"value": "+49 30 7654321", "type": "work"}]);
    bauer["externalId"] = json!("00u7654321");
    bauer["password"] = json!("Mathilde's own 1");
    let created = idp.post("/Users", &bauer).await.expect(201);
    let ana = created.json();
    let path = format!("/Users/{}", text(&ana["id"]));
    let other = idp.create_user(&a_user("konrad@acme.test")).await;
    let group = idp.create_group("Bauer's editors", &[&ana]).await;
    let mut wrong = bauer.clone();
    wrong["role"] = json!("king");
    wrong["userName"] = json!("konrad.bauer@acme.test");
    let gone = idp.create_user(&a_user("gone.bauer@acme.test")).await;
    let answers = [
        (created, 201),
        (idp.post("/Users", &bauer).await, 409),
        (idp.post("/Users", &wrong).await, 400),
        (idp.get(&path).await, 200),
        (idp.get(&path).header("if-none-match", ana["meta"]["version"].as_str().unwrap_or_default()).await, 304),
        (idp.get("/Users?filter=userName+eq+%22mathilde.bauer%40acme.test%22").await, 200),
        (idp.get("/Users?filter=userName+eq").await, 400),
        (idp.get("/Users/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b").await, 404),
        (idp.patch(&ana).replace("title", "Bauer's boss").await, 200),
        (idp.patch(&ana).replace("userName", "konrad@acme.test").await, 409),
        (idp.patch(&ana).replace("role", "king").await, 400),
        (
            idp.patch(&group)
                .operation(json!({"op": "add", "path": "members", "value": [{"value": other["id"]}]}))
                .await,
            204,
        ),
        (idp.patch(&group).remove(&format!("members[value eq \"{}\"]", text(&other["id"]))).await, 204),
        (
            idp.put(
                &group,
                &json!({"schemas": [GROUP], "displayName": "Bauer's team", "members": [{"value": ana["id"]}]}),
            )
            .await,
            200,
        ),
        (
            idp.call(Method::PATCH, &path)
                .header("if-match", "W/\"400\"")
                .scim(&json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "x"}]}))
                .await,
            412,
        ),
        (idp.delete(&gone).await, 204),
    ];
    for (n, (answer, status)) in answers.iter().enumerate() {
        assert_eq!(answer.status, *status, "{}: {}", answer.asked, answer.text());
        let file = exported(&world, answer).await;
        let told = file.to_string().to_lowercase();
        for personal in ["mathilde", "bauer", "konrad", "acme", "7654321", "'s own", &text(&ana["id"])] {
            assert!(!told.contains(personal), "{personal} is in {file}");
        }
        let mut recording: Recording =
            serde_json::from_value(file.clone()).unwrap_or_else(|error| panic!("{error}: {file}"));
        recording.name = format!("exported {}", answer.asked);
        let step = recording.steps.last().expect("the request");
        assert!(step.expect.status.allows(*status), "{file}");
        let player = conversations::connect(&world, &format!("vendor-{n}"), &recording).await;
        conversations::play(&player, &recording).await.unwrap_or_else(|why| panic!("{why}\n{file}"));
    }
});
