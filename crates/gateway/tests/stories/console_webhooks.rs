//! Webhooks of an account in the console: made, tried out, paused, mended; and how the pages look.

use reqwest::Method;
use serde_json::json;

use crate::support::account::{Account, items, text};
use crate::support::chromium::Chromium;
use crate::support::hook::{Behaviour, Hook};
use crate::support::set_receiver::SetReceiver;
use crate::support::testing::World;

/// Looks at each page, as the operator who is logged in.
pub async fn look(world: &World, account: &Account, chromium: &Chromium) {
    let hook = Hook::start();
    let path = format!("{}/console/accounts/{}/webhooks", world.gateway.public_url, account.id);
    chromium.open(&path).await;
    chromium.look("console-webhooks-none").await;
    chromium.press("Create a webhook").await;
    chromium.look("console-webhook-new").await;
    chromium.type_into("url", "https://10.1.2.3/hooks").await;
    chromium.type_into("types", "user.exploded").await;
    chromium.press("Create webhook").await;
    chromium.look("console-webhook-new-wrong").await;
    chromium.type_into("url", &hook.url()).await;
    chromium.type_into("types", "").await;
    chromium.type_into("description", "Exampla, the application").await;
    chromium.press("Create webhook").await;
    chromium.look("console-webhook-secret").await;
    let secret = chromium.copyable("secret of the webhook").await;
    chromium.press("Done").await;
    chromium.look("console-webhook").await;
    let id = text(&items(&account.admin_get("/webhooks").await)[0]["id"]);
    let page = format!("{path}/{id}");
    chromium.press("Send a test event").await;
    assert!(chromium.words().await.contains("The test event was taken: 204"), "{}", chromium.words().await);
    assert!(hook.sent().last().is_some_and(|sent| sent.is_signed_by(&secret)), "by the secret that was shown");
    hook.answers(|_| Behaviour::Status(500, "<b>the database of the application is down</b>"));
    account.user("hook@acme.test").create().await;
    hook.until("it was tried", |sent| sent.last().is_some_and(|last| last.status == 500)).await;
    while world.admin_get(&format!("/webhooks/{id}")).await["tries"] == 0 {}
    chromium.open(&path).await;
    chromium.look("console-webhooks").await;
    chromium.open(&page).await;
    chromium.look("console-webhook-held").await;
    // An event that it refuses, as if it had been tried long enough.
    let letter = "INSERT INTO dead_letters (receiver, event, event_id, kind, happened, refused, tries, status, problem) \
                  SELECT seq, position, 'event-of-long-ago', 'user.created', made, made, 3, 422, 'it answered 422: no such plan' FROM receivers";
    world.alter(letter);
    hook.answers(|_| Behaviour::Status(204, ""));
    chromium.open(&page).await;
    chromium.press("Try again now").await;
    while world.admin_get(&format!("/webhooks/{id}")).await["tries"] != 0 {}
    chromium.open(&page).await;
    chromium.look("console-webhook-letters").await;
    chromium.press("Pause").await;
    chromium.press("Send again user.created event-of-long-ago").await;
    chromium.look("console-webhook-paused").await;
    world.alter("UPDATE receivers SET state = 'lost', problem = 'it was away for longer than events are kept'");
    chromium.open(&page).await;
    chromium.look("console-webhook-lost").await;
    chromium.press("Go on with the oldest event that is kept").await;
    chromium.type_into("url", "not an address").await;
    chromium.press("Save").await;
    chromium.look("console-webhook-wrong").await;
    chromium.open(&page).await;
    chromium.press("Create a new secret").await;
    chromium.look("console-webhook-new-secret").await;
    chromium.open(&format!("{page}/delete")).await;
    chromium.look("console-webhook-delete").await;
    chromium.press("Delete this webhook").await;
    assert!(chromium.words().await.contains("The webhook is deleted."));
    account.admin(Method::GET, "/webhooks").json(&json!({})).await.expect(200);
    look_at_those_of_all(world, chromium).await;
    look_at_streams(world, Some(account), chromium).await;
    look_at_streams(world, None, chromium).await;
}

/// Those of all accounts have the same pages.
async fn look_at_those_of_all(world: &World, chromium: &Chromium) {
    let hook = Hook::start();
    chromium.open(&format!("{}/console", world.gateway.public_url)).await;
    chromium.press("Webhooks of all accounts").await;
    chromium.look("console-webhooks-of-all-none").await;
    chromium.press("Create a webhook").await;
    chromium.look("console-webhook-of-all-new").await;
    chromium.type_into("url", &hook.url()).await;
    chromium.press("Create webhook").await;
    let secret = chromium.copyable("secret of the webhook").await;
    chromium.press("Done").await;
    chromium.press("Send a test event").await;
    assert!(hook.sent().last().is_some_and(|sent| sent.is_signed_by(&secret)), "by the secret that was shown");
    chromium.look("console-webhook-of-all").await;
    chromium.press("Pause").await;
    chromium.press("Resume").await;
    chromium.press("Create a new secret").await;
    chromium.look("console-webhook-of-all-new-secret").await;
    chromium.open(&format!("{}/console/webhooks", world.gateway.public_url)).await;
    chromium.look("console-webhooks-of-all").await;
    let id = text(&items(&world.admin_get("/webhooks").await)[0]["id"]);
    chromium.open(&format!("{}/console/webhooks/{id}/delete", world.gateway.public_url)).await;
    chromium.look("console-webhook-of-all-delete").await;
    chromium.press("Delete this webhook").await;
    assert!(chromium.words().await.contains("The webhook is deleted."));
}

/// Streams of a key of one account, or of all: one that is pushed and one that is polled.
async fn look_at_streams(world: &World, account: Option<&Account>, chromium: &Chromium) {
    let (hook, receiver) = (Hook::start(), SetReceiver::of(world, account).await);
    hook.answers(|_| Behaviour::Status(400, r#"{"err": "invalid_key", "description": "no such key"}"#));
    let delivery = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": hook.url()});
    let pushed = receiver.stream(&json!({"description": "Data room", "delivery": delivery})).await;
    receiver.stream(&json!({})).await;
    let list = match account {
        Some(account) => format!("{}/console/accounts/{}/webhooks", world.gateway.public_url, account.id),
        None => format!("{}/console/webhooks", world.gateway.public_url),
    };
    let name = if account.is_some() { "console-stream" } else { "console-stream-of-all" };
    chromium.open(&list).await;
    chromium.look(&format!("{name}s")).await;
    let letter = format!(
        "INSERT INTO dead_letters (receiver, event, event_id, kind, happened, refused, tries, status, problem) \
         SELECT seq, position, 'event-of-long-ago', 'user.created', made, made, 3, 400, 'it refused the token: invalid_key' \
         FROM receivers WHERE id = '{}'",
        pushed.id
    );
    world.alter(&letter);
    chromium.press("Data room").await;
    chromium.look(name).await;
    chromium.press("Pause").await;
    assert!(chromium.words().await.contains("The stream is paused."), "{}", chromium.words().await);
    chromium.press("Send again user.created event-of-long-ago").await;
    chromium.press("Enable").await;
    chromium.press("End this stream").await;
    chromium.look(&format!("{name}-end")).await;
    chromium.press("End this stream").await;
    assert!(chromium.words().await.contains("The stream is ended."));
    receiver.get(&format!("/stream?stream_id={}", pushed.id)).await.expect(404);
}
