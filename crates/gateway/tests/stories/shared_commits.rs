//! Changes that come at one moment may share a transaction: each is answered as if it had come by itself, and none waits for what
//! another transaction holds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::http::Call;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::story;
use crate::support::testing::World;

/// A customer with users and a group.
struct Customer {
    name: &'static str,
    idp: IdentityProvider,
    users: Vec<Value>,
    group: Value,
}

const USERS: usize = 6;

impl Customer {
    async fn new(world: &World, name: &'static str) -> Customer {
        let idp = world.account(name).await.connected_identity_provider().await;
        let mut users = Vec::new();
        for n in 0..USERS {
            users.push(idp.create_user(&a_user(&format!("user{n}@shared.test"))).await);
        }
        let group = idp.create_group("Everyone", &[&users[0]]).await;
        Customer { name, idp, users, group }
    }

    fn of_user(&self, n: usize) -> Call {
        self.idp.get(&format!("/Users/{}", text(&self.users[n % USERS]["id"])))
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Title,
    Join,
    Create,
    TakenName,
    MissingUser,
    StaleVersion,
    NoSuchValue,
}

const ALL: [Asked; 10] = [
    Asked::Title,
    Asked::Create,
    Asked::Join,
    Asked::TakenName,
    Asked::Title,
    Asked::MissingUser,
    Asked::Create,
    Asked::StaleVersion,
    Asked::Title,
    Asked::NoSuchValue,
];

impl Asked {
    async fn of(self, customer: &Customer, n: usize) -> u16 {
        let Customer { idp, users, group, .. } = customer;
        let user = &users[n % USERS];
        let title = format!("{} {n}", customer.name);
        let answer = match self {
            Asked::Title => idp.patch(user).replace("title", title.as_str()).await,
            Asked::Join => idp.patch(group).add("members", json!([{"value": user["id"]}])).await,
            Asked::Create => idp.post("/Users", &a_user(&format!("new{n}@shared.test"))).await,
            Asked::TakenName => idp.post("/Users", &a_user("user0@shared.test")).await,
            Asked::MissingUser => idp.patch("/Users/none").replace("title", "x").await,
            Asked::StaleVersion => {
                idp.patch(user).replace("title", "stale").call().header("If-Match", "W/\"77777\"").await
            }
            Asked::NoSuchValue => idp.patch(user).replace("active", "perhaps").await,
        };
        if answer.status == 200 && self == Asked::Title {
            assert_eq!((&answer.json()["id"], &answer.json()["title"]), (&user["id"], &json!(title)));
        }
        answer.status.as_u16()
    }

    fn status(self) -> u16 {
        match self {
            Asked::Title => 200,
            Asked::Join => 204,
            Asked::Create => 201,
            Asked::TakenName => 409,
            Asked::MissingUser => 404,
            Asked::StaleVersion => 412,
            Asked::NoSuchValue => 400,
        }
    }
}

story!(changes_of_one_moment_are_answered_each_for_itself, async |world: World| {
    let customers = [Customer::new(&world, "one").await, Customer::new(&world, "other").await];
    let mut titles: BTreeMap<(usize, usize), BTreeSet<String>> = BTreeMap::new();
    for round in 0..4 {
        let asked: Vec<(usize, Asked, usize)> =
            (0..100).map(|n| (n % 2, ALL[n / 2 % ALL.len()], round * 100 + n)).collect();
        let calls = asked.iter().map(|(of, asked, n)| asked.of(&customers[*of], *n));
        let statuses = all(calls.collect()).await;
        titles.clear();
        for ((of, what, n), status) in asked.iter().zip(statuses) {
            let is_like_it = *what == Asked::Join && status == 200;
            assert!(status == what.status() || is_like_it, "{what:?} {n}: {status}");
            if *what == Asked::Title {
                titles.entry((*of, n % USERS)).or_default().insert(format!("{} {n}", customers[*of].name));
            }
        }
        for ((of, user), given) in &titles {
            let title = text(&customers[*of].of_user(*user).await.expect(200).json()["title"]);
            assert!(given.contains(&title), "{title} is none of {given:?}");
        }
    }
    for customer in &customers {
        let created = (0..400).filter(|n| ALL[n % 100 / 2 % ALL.len()] == Asked::Create).count() / 2;
        let list = customer.idp.list("/Users?count=0").await;
        assert_eq!(list["totalResults"], USERS + 1 + created, "and the service account");
        let joined: BTreeSet<String> = (0..400)
            .filter(|n| ALL[n % 100 / 2 % ALL.len()] == Asked::Join)
            .map(|n| text(&customer.users[n % USERS]["id"]))
            .collect();
        let members: BTreeSet<String> = customer.idp.members(&customer.group).await.into_iter().collect();
        let unasked: Vec<&String> = members.difference(&joined).collect();
        assert!(unasked.iter().all(|id| **id == text(&customer.users[0]["id"])), "{unasked:?}");
    }
});

story!(many_changes_of_one_resource_each_have_a_version_of_their_own, async |world: World| {
    world.add_replica().await;
    let Customer { idp, users, group, .. } = &Customer::new(&world, "acme").await;
    let changes = (0..60).map(|n| {
        let call = match n % 2 {
            0 => idp.patch(&users[0]).replace("title", format!("title {n}")),
            _ => idp.patch(group).replace("displayName", format!("name {n}")),
        };
        async move {
            let answer = call.await;
            assert!(answer.status.is_success(), "{}", answer.text());
            (n % 2, answer.header("etag").map(str::to_owned))
        }
    });
    let versions = all(changes.collect()).await;
    let different: BTreeSet<_> = versions.iter().collect();
    assert_eq!(different.len(), 60, "{versions:?}");
    let mut behind = Behind::of(&world);
    let mut rows = |action: &str| {
        behind.number(&format!("SELECT count(*) AS n FROM audit WHERE action = '{action}' AND target IS NOT NULL"))
    };
    assert_eq!((rows("user.patched"), rows("group.patched")), (30, 30));
});

story!(a_group_changes_along_with_those_who_leave_it, async |world: World| {
    world.add_replica().await;
    let acme = Customer::new(&world, "acme").await;
    let idp = &acme.idp;
    for round in 0..5 {
        let mut users = Vec::new();
        for n in 0..10 {
            users.push(idp.create_user(&a_user(&format!("round{round}.{n}@shared.test"))).await);
        }
        let group = idp.create_group(&format!("Round {round}"), &users.iter().collect::<Vec<_>>()).await;
        let before = idp.get(&format!("/Groups/{}", text(&group["id"]))).await.header("etag").map(str::to_owned);
        let changes = (0..15).map(|n| {
            let call = match n % 3 {
                0 => idp.delete(&users[n / 3]),
                1 => {
                    idp.patch(&group).remove(&format!("members[value eq \"{}\"]", text(&users[5 + n / 3]["id"]))).call()
                }
                _ => idp.patch(&group).replace("displayName", format!("Round {round}, {n}")).call(),
            };
            async move {
                let answer = call.await;
                assert!(answer.status.is_success(), "{n}: {}", answer.text());
            }
        });
        all(changes.collect()).await;
        assert_eq!(idp.members(&group).await, Vec::<String>::new());
        let answer = idp.get(&format!("/Groups/{}", text(&group["id"]))).await;
        let number = |tag: Option<&str>| -> i64 {
            let digits: String = tag.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
            digits.parse().expect("a version")
        };
        let moved = number(answer.header("etag")) - number(before.as_deref());
        assert_eq!(moved, 15, "each change moved the version once");
    }
});

#[test]
fn what_another_transaction_holds_holds_up_no_other_change() {
    story::on_postgres(&[], |world: World| async move {
        let acme = Customer::new(&world, "acme").await;
        let held = text(&acme.users[0]["id"]);
        let mut behind = Behind::of(&world);
        behind.execute(&format!(
            "BEGIN; UPDATE resources SET display = display WHERE id = '{held}'; \
             INSERT INTO attribute_values (account, attribute, key, resource, is_unique) \
             SELECT account, attribute, replace(key, 'user0', 'given'), resource, is_unique FROM attribute_values \
             WHERE key LIKE 'user0@%' AND is_unique"
        ));
        let waits = async {
            // A resource that is held, and a name that may be given away.
            let patched = async { acme.idp.patch(&acme.users[0]).replace("title", "after all").await };
            let created = async { acme.idp.post("/Users", &a_user("given@shared.test")).await };
            let (patched, created) = tokio::join!(patched, created);
            assert_eq!((patched.status.as_u16(), created.status.as_u16()), (200, 201), "{}", created.text());
        };
        let others = async {
            for round in 0..5 {
                let changes = (1..USERS).map(|n| {
                    let call = acme.idp.patch(&acme.users[n]).replace("title", format!("{round}"));
                    async move { call.await.status.as_u16() }
                });
                assert_eq!(all(changes.collect()).await, [200; USERS - 1]);
            }
            behind.execute("ROLLBACK");
        };
        tokio::join!(waits, others);
        assert_eq!(acme.of_user(0).await.json()["title"], "after all");
    });
}
