//! Conversations: what identity providers send, recorded, replayed over HTTP, with what they need to hear.
//!
//! Each is a file of `tests/conversations/<identity provider>/<act of an administrator>.json`; its README says how one is
//! written. Adding one is adding a file.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::account::{Account, text};
use crate::support::identity_provider::IdentityProvider;
use crate::support::testing::World;

mod expected;
mod memory;
mod recording;
mod replay;

pub use recording::Recording;
pub use replay::replay as play;

/// The lines of the checklist that no conversation can bring about, for a conversation has one request at a time; the
/// README says where they are told.
const TOLD_ELSEWHERE: [u32; 2] = [21, 27];

story!(every_conversation_goes_as_recorded, async |world: World| {
    let mut failures = Vec::new();
    for (n, recording) in Recording::all().iter().enumerate() {
        let idp = connect(&world, &format!("customer-{n}"), recording).await;
        if let Err(failure) = replay::replay(&idp, recording).await {
            failures.push(failure);
        }
        let logs = world.logs();
        if let Some(secret) = recording.passwords().into_iter().find(|secret| logs.contains(secret)) {
            failures.push(format!("{}: the password {secret:?} is in the log", recording.name));
        }
    }
    assert!(failures.is_empty(), "{} conversations went wrong:\n\n{}", failures.len(), failures.join("\n\n"));
});

/// An account of its own for a conversation, empty, in which who comes without a role gets one.
pub async fn connect(world: &World, name: &str, recording: &Recording) -> IdentityProvider {
    let mut body = json!({
        "name": name, "default_role": "media_library_user", "product_environments": ["orchard-prod", "orchard-stage"],
    });
    body.as_object_mut().expect("an object").extend(recording.account.clone());
    let made = world.admin(Method::POST, "/accounts").json(&body).await.expect(201).json();
    let account = Account { world: world.clone(), id: text(&made["id"]), name: name.to_owned() };
    let client = json!({
        "name": "Identity provider", "profile": recording.profile, "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
    });
    account.client(client).await.connect_by_credentials().await
}

#[test]
fn every_line_of_the_checklist_is_in_a_conversation() {
    let recordings = Recording::all();
    let told: BTreeSet<u32> = recordings.iter().flat_map(Recording::checklist_lines).chain(TOLD_ELSEWHERE).collect();
    let missing: Vec<u32> = (1..=35).filter(|line| !told.contains(line)).collect();
    assert!(missing.is_empty(), "no step's name starts with 8.N for N in {missing:?}");
}
