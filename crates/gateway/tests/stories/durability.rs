//! What was acknowledged is there after a `kill -9`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

story!(a_killed_gateway_loses_no_acknowledged_write, async |world: World| {
    let acme = world.account("acme").await;
    let mut idp = acme.connected_identity_provider().await;
    let group = idp.create_group("Everybody", &[]).await;
    for round in 0..3 {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let writers =
            (0..8).map(|writer| write_until_it_dies(world.clone(), idp.clone(), round, writer, acknowledged.clone()));
        let written: Vec<(String, String)> = all(writers.collect()).await.into_iter().flatten().collect();
        assert!(written.len() >= KILLED_AFTER, "{} writes were acknowledged", written.len());
        world.start_again().await;
        for (id, name) in &written {
            let user = idp.get(&format!("/Users/{id}")).await.expect(200).json();
            assert_eq!(user["userName"].as_str(), Some(name.as_str()));
        }
        // Whole, not only there: names are found, the connection stands, and writing goes on.
        let (id, name) = &written[written.len() / 2];
        assert_eq!(idp.names(&format!(r#"userName eq "{name}""#)).await, [name.as_str()]);
        let joined = idp.patch(&group).add("members", json!([{"value": id}])).await;
        assert!(joined.status.is_success(), "{}", joined.text());
        assert_eq!(idp.members(&group).await.len(), round + 1);
        idp.refresh().await;
    }
});

/// So many writes are acknowledged, all writers' together, when the process is killed.
const KILLED_AFTER: usize = 40;

async fn write_until_it_dies(
    world: World,
    idp: IdentityProvider,
    round: usize,
    writer: usize,
    acknowledged: Arc<AtomicUsize>,
) -> Vec<(String, String)> {
    let mut written = Vec::new();
    for n in 0.. {
        let name = format!("user-{round}-{writer}-{n}@acme.test");
        match idp.post("/Users", &a_user(&name)).attempt().await {
            Ok(answer) => written.push((text(&answer.expect(201).json()["id"]), name)),
            Err(_) => break,
        }
        if acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == KILLED_AFTER {
            world.kill();
        }
    }
    written
}
