//! `kill -9` at any moment, while two replicas write (on SQLite one, which is started again): the feed is whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::feed::{Copy, Reader, assert_shape};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::random::Chance;
use crate::support::testing::World;

/// At so many moments, unless `FEED_KILLS` says another number.
const KILLS: usize = 3;
/// So many write at once.
const WRITERS: usize = 6;

fn kills() -> usize {
    let variable = crate::support::environment::variable("FEED_KILLS");
    variable.map_or(KILLS, |number| number.parse().expect("FEED_KILLS is a number"))
}

story!(a_kill_at_any_moment_leaves_the_feed_whole, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let groups = [idp.create_group("Editors", &[]).await, idp.create_group("Readers", &[]).await];
    let two = !matches!(Behind::of(&world).kind(), gateway::storage::AnyConn::Sqlite(_));
    let mut reader = Reader::of(&acme);
    let (mut copy, mut seen, mut refused) = (Copy::default(), std::collections::HashSet::new(), 0);
    let mut chance = Chance(11);
    for round in 0..kills() {
        if two {
            world.add_replica().await;
        }
        // Somewhere between the first writes and the hundredth.
        let moment = Moment { after: chance.below(60), pause: Duration::from_micros(chance.below(20_000) as u64) };
        let stop = Arc::new(Stop::default());
        let writers = (0..WRITERS).map(|writer| {
            let chance = Chance((round * WRITERS + writer) as u64 + 1);
            write(world.clone(), idp.clone(), groups.clone(), (round, writer), chance, (stop.clone(), moment))
        });
        let (told, of_writers) =
            tokio::join!(follow(acme.clone(), reader.clone(), stop.clone()), all(writers.collect()));
        refused += of_writers.iter().sum::<usize>();
        let (mut events, cursor) = told;
        world.start_again().await;
        reader.cursor = cursor;
        events.extend(reader.rest().await);
        for event in &events {
            assert_shape(event);
            assert!(seen.insert(text(&event["id"])), "told twice: {event}");
        }
        in_order(&events);
        copy.apply(&events);
        assert_eq!(copy, Copy::by_scim(&idp).await, "after kill {round}");
    }
    assert!(refused > 0, "some were refused");
    assert!(!copy.users.values().any(|user| user["role"] == "no such role"));
    // From the beginning it is the same.
    let mut again = Copy::default();
    again.apply(&Reader::of(&acme).rest().await);
    assert_eq!(again, copy);
});

/// When the processes are killed.
#[derive(Clone, Copy)]
struct Moment {
    after: usize,
    pause: Duration,
}

#[derive(Default)]
struct Stop {
    written: AtomicUsize,
    killed: AtomicBool,
}

/// Writes until the processes are killed; says how much was refused.
async fn write(
    world: World,
    idp: IdentityProvider,
    groups: [Value; 2],
    (round, writer): (usize, usize),
    mut chance: Chance,
    (stop, moment): (Arc<Stop>, Moment),
) -> usize {
    let (mut mine, mut refused): (Vec<Value>, usize) = (Vec::new(), 0);
    for n in 0.. {
        let group = &groups[chance.below(2)];
        let one = mine.get(chance.below(mine.len().max(1))).cloned();
        let call = match (chance.below(8), one) {
            (0, Some(one)) => {
                mine.retain(|other| other["id"] != one["id"]);
                idp.delete(&one)
            }
            (1, Some(one)) => idp.patch(&one).replace("active", n % 2 == 0).call(),
            (2, Some(one)) => idp.patch(group).add("members", json!([{"value": one["id"]}])).call(),
            (3, Some(one)) => idp.patch(group).remove(&format!("members[value eq \"{}\"]", text(&one["id"]))).call(),
            (4, Some(one)) => idp.patch(&one).replace("role", "no such role").call(),
            (5, Some(one)) => idp.put(&one, &a_user(&format!("put-{round}-{writer}-{n}@acme.test"))),
            _ => idp.post("/Users", &a_user(&format!("user-{round}-{writer}-{n}@acme.test"))),
        };
        let Ok(answer) = call.attempt().await else { break };
        match answer.status.as_u16() {
            201 => mine.push(answer.json()),
            400 => refused += 1,
            200 | 204 | 503 => {}
            status => panic!("{status}: {}", answer.text()),
        }
        if stop.written.fetch_add(1, Ordering::Relaxed) == moment.after {
            tokio::time::sleep(moment.pause).await;
            world.kill();
            stop.killed.store(true, Ordering::Relaxed);
        }
        if stop.killed.load(Ordering::Relaxed) {
            break;
        }
    }
    refused
}

/// Reads along while the others write, until there is no answer any more.
async fn follow(acme: Account, mut reader: Reader, stop: Arc<Stop>) -> (Vec<Value>, Option<String>) {
    let mut events = Vec::new();
    while !stop.killed.load(Ordering::Relaxed) {
        let call = acme.world.get(&reader.path("&wait=1")).bearer(crate::support::testing::OPERATOR);
        let Ok(answer) = call.attempt().await else { break };
        let page = answer.expect(200).json();
        events.extend(page["events"].as_array().expect("events").iter().cloned());
        reader.cursor = Some(text(&page["cursor"]));
    }
    (events, reader.cursor)
}

/// Each place is higher than the one before.
fn in_order(events: &[Value]) {
    let place = |event: &Value| text(&event["cursor"]).rsplit('.').next().and_then(|n| n.parse::<i64>().ok());
    assert!(events.windows(2).all(|two| place(&two[0]) < place(&two[1])));
}
