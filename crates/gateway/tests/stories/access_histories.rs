//! Random histories of an account beside a model of it that was written from `docs/access.md`: after each step every user may do what the
//! model says, and where one of them got more, that is listed.

use std::collections::BTreeMap;

use gateway::platform::timestamp::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::identity_provider::{IdentityProvider, Located, a_user};
use crate::support::testing::World;

mod many;
mod model;
mod steps;

use model::{ALL, Dice, Group, May, Model, NAMES, Names, Person, ROLES, Rule};

const STEPS: usize = 120;
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

fn rfc3339(moment: i64) -> String {
    gateway::platform::system::rfc3339(Timestamp::of_millis(moment))
}

struct History {
    acme: Account,
    idp: IdentityProvider,
    dice: Dice,
    model: Model,
    made: usize,
}

impl History {
    async fn step(&mut self) -> String {
        let History { acme, idp, dice, model, made } = self;
        let (user, group) = (dice.one(model.users.keys().cloned()), dice.one(model.groups.keys().cloned()));
        match (dice.below(13), user, group) {
            (0, ..) => {
                *made += 1;
                let mut user = a_user(&format!("user{made}@acme.test"));
                let own = (dice.below(2) == 0).then(|| dice.environments(&model.environments));
                if let Some(own) = &own {
                    user["product_environments"] = json!(own);
                }
                let resource = idp.create_user(&user).await;
                let role = text(&resource["role"]);
                model.users.insert(text(&resource["id"]), Person { resource, active: true, role, own });
                "a user is made".to_owned()
            }
            (1, Some(user), _) => {
                let own = dice.environments(&model.environments);
                let person = model.users.get_mut(&user).expect("there");
                idp.patch(&person.resource).replace("product_environments", json!(own)).await.expect(200);
                person.own = Some(own);
                format!("{user} has {:?}", person.own)
            }
            (2, Some(user), _) => {
                let unset = model.unset;
                let person = model.users.get_mut(&user).expect("there");
                let answer = idp.patch(&person.resource).remove("product_environments").await;
                let is_restricted = person.own.as_ref().is_some_and(|own| !own.contains("*"));
                match unset == "refuse" && is_restricted {
                    true if person.active => drop(answer.expect(400)),
                    // An inactive user keeps what they have.
                    true => drop(answer.expect(200)),
                    false => {
                        answer.expect(200);
                        person.own = None;
                    }
                }
                format!("{user} is unset, where that is {unset}")
            }
            (3, Some(user), _) => {
                let person = model.users.get_mut(&user).expect("there");
                person.active = !person.active;
                idp.patch(&person.resource).replace("active", person.active).await.expect(200);
                format!("{user} is active: {}", person.active)
            }
            (4, Some(user), _) => {
                let person = model.users.get_mut(&user).expect("there");
                person.role = ROLES[dice.below(3)].to_owned();
                idp.patch(&person.resource).replace("role", person.role.as_str()).await.expect(200);
                format!("{user} is {}", person.role)
            }
            (5, user, _) => {
                let name = NAMES[dice.below(3)].to_owned();
                let member = user.map(|id| model.users[&id].resource.clone());
                let members: Vec<&Value> = member.iter().collect();
                let resource = idp.create_group(&name, &members).await;
                let members = member.iter().map(|user| text(&user["id"])).collect();
                model.groups.insert(text(&resource["id"]), Group { resource, name: name.clone(), members });
                format!("group {name} is made")
            }
            (6 | 7, user, Some(group)) => {
                let inner = dice.one(model.groups.keys().filter(|id| **id != group).cloned());
                let Some(member) = (if dice.below(3) == 0 { inner } else { user }) else { return "nothing".to_owned() };
                let group = model.groups.get_mut(&group).expect("there");
                let joined = idp.patch(&group.resource).add("members", json!([{"value": member}])).await;
                assert!(joined.status.is_success(), "{}", joined.text());
                group.members.insert(member.clone());
                format!("{member} joins {}", group.resource["id"])
            }
            (8, _, Some(group)) => {
                let group = model.groups.get_mut(&group).expect("there");
                let Some(member) = dice.one(group.members.iter().cloned()) else { return "nothing".to_owned() };
                let left = idp.patch(&group.resource).remove(&format!("members[value eq \"{member}\"]")).await;
                assert!(left.status.is_success(), "{}", left.text());
                group.members.remove(&member);
                format!("{member} leaves {}", group.resource["id"])
            }
            (9, _, Some(group)) => {
                let Some(mut there) = model.groups.remove(&group) else { return "nothing".to_owned() };
                if dice.below(2) == 0 {
                    idp.delete(&there.resource).await.expect(204);
                    model.leave(&group);
                    return format!("group {group} is deleted");
                }
                there.name = NAMES[dice.below(3)].to_owned();
                let renamed = idp.patch(&there.resource).replace("displayName", there.name.as_str()).await;
                assert!(renamed.status.is_success(), "{}", renamed.text());
                let told = format!("group {group} is called {}", there.name);
                model.groups.insert(group, there);
                told
            }
            (10, ..) => {
                let mut rules = Vec::new();
                for _ in 0..dice.below(4) {
                    let id = dice.one(model.groups.keys().cloned()).filter(|_| dice.below(2) == 0);
                    let name = NAMES[dice.below(3)].to_owned();
                    let role = (dice.below(2) == 0).then(|| ROLES[dice.below(3)].to_owned());
                    let gives = role.is_none() || dice.below(2) == 0;
                    let environments = if gives { dice.environments(&model.environments) } else { Names::new() };
                    rules.push(Rule { id, name, role, environments });
                }
                model.groups_first = dice.below(2) == 0;
                let sent = rules.iter().map(|rule| match &rule.id {
                    Some(id) => json!({"group_id": id, "role": rule.role, "environments": rule.environments}),
                    None => json!({"group_name": rule.name, "role": rule.role, "environments": rule.environments}),
                });
                let precedence = if model.groups_first { "groups" } else { "user" };
                let body = json!({"precedence": precedence, "rules": sent.collect::<Vec<_>>()});
                acme.admin(Method::PUT, "/access").json(&body).await.expect(200);
                model.rules = rules;
                format!("rules: {body}")
            }
            (11, ..) => {
                model.unset = ["all", "none", "refuse"][dice.below(3)];
                let body = json!({"unset_environments": model.unset});
                acme.admin(Method::PATCH, "").json(&body).await.expect(200);
                format!("unset is {}", model.unset)
            }
            (12, user, _) => {
                if let Some(user) = user.filter(|_| dice.below(3) == 0) {
                    let gone = model.users.remove(&user).expect("there");
                    idp.delete(&gone.resource).await.expect(204);
                    model.leave(&user);
                    return format!("{} is deleted", gone.resource.path());
                }
                let some: Names = ALL.iter().filter(|_| dice.below(3) > 0).map(|name| (*name).to_owned()).collect();
                model.environments = if some.is_empty() { Names::from([ALL[0].to_owned()]) } else { some };
                let body = json!({"product_environments": model.environments, "force": true});
                acme.admin(Method::PATCH, "").json(&body).await.expect(200);
                format!("environments: {:?}", model.environments)
            }
            _ => "nothing".to_owned(),
        }
    }

    async fn answered(&self) -> BTreeMap<String, May> {
        self.listed("/access/users?limit=1000", &self.model.users.keys().cloned().collect()).await
    }

    /// What an answer says of these users.
    async fn listed(&self, path: &str, of: &Names) -> BTreeMap<String, May> {
        let page = self.acme.admin_get(path).await;
        let listed = items(&page).into_iter().map(|item| {
            let access = &item["access"];
            let environments = access["environments"].as_array().expect("a list").iter().map(text).collect();
            let role = access["role"].as_str().map(str::to_owned);
            (text(&item["user"]["id"]), (role, environments, access["every_environment"] == json!(true)))
        });
        listed.filter(|(id, _)| of.contains(id)).collect()
    }
}

fn grew(before: Option<&May>, after: &May) -> bool {
    let nothing = (None, Names::new(), false);
    let (role, had, every) = before.unwrap_or(&nothing);
    after.0 != *role || after.1.difference(had).next().is_some() || after.2 && !every
}

/// What was answered at each moment is answered about it later, of every user, after all that happened since.
async fn at_every_moment(
    history: &mut History,
    moments: &[(i64, BTreeMap<String, May>, Model)],
    ever: &BTreeMap<String, String>,
) {
    let all: Names = ever.keys().cloned().collect();
    for (number, (moment, expected, model)) in moments.iter().enumerate() {
        // Until the next step nothing happened.
        for later in [0, 500] {
            let path = format!("/access/users?limit=1000&at={}", rfc3339(moment + later));
            assert_eq!(history.listed(&path, &all).await, *expected, "after step {number}");
        }
        let Some((id, name)) = history.dice.one(ever.clone()) else { continue };
        let at = rfc3339(*moment);
        for path in [format!("/users/{id}/access?at={at}"), format!("/access/user?userName={name}&at={at}")] {
            let answer = history.acme.admin(Method::GET, &path).await;
            if !model.users.contains_key(&id) {
                answer.expect_problem(404);
                continue;
            }
            let one = answer.expect(200).json();
            let names: Names = one["environments"].as_array().unwrap().iter().map(|one| text(&one["value"])).collect();
            let role = one["role"]["value"].as_str().map(str::to_owned);
            let found = (role, names, one["every_environment"] == json!(true));
            let nothing = (None, Names::new(), false);
            assert_eq!((&one["user"]["id"], &found), (&json!(id), expected.get(&id).unwrap_or(&nothing)), "{number}");
            assert_eq!(one["at"].as_str(), Some(at.as_str()));
        }
    }
    // A page at a time it is the same, and before the account there is nothing to be told.
    let (moment, expected, _) = &moments[moments.len() / 2];
    let mut found = BTreeMap::new();
    let mut path = format!("/access/users?limit=1&at={}", rfc3339(*moment));
    for _ in 0..200 {
        found.extend(history.listed(&path, &all).await);
        let page = history.acme.admin_get(&path).await;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/access/users?limit=1&at={}&after={next}", rfc3339(*moment));
    }
    assert_eq!(found, *expected);
    for wrong in ["2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z", "yesterday"] {
        history.acme.admin(Method::GET, &format!("/access/users?at={wrong}")).await.expect_problem(400);
        let named = history.acme.admin(Method::GET, &format!("/access/user?userName=x&at={wrong}")).await;
        named.expect_problem(400);
    }
    let early = history.acme.admin(Method::GET, "/access/users?at=2020-01-01T00:00:00Z").await.expect_problem(400);
    let said = text(&early["errors"][0]["detail"]);
    assert!(said.starts_with("access of this account is known since 20"), "{said}");
}

story!(
    random_histories_are_what_the_model_says_at_every_moment_and_each_growth_is_listed,
    moving_clock,
    async |world: World| {
        for seed in 1..=6 {
            let acme = world.account(&format!("acme{seed}")).await;
            let there: Vec<&str> = ALL[..2].to_vec();
            acme.admin(Method::PATCH, "").json(&json!({"product_environments": there})).await.expect(200);
            let idp = acme.connected_identity_provider().await;
            let model = Model {
                users: BTreeMap::new(),
                groups: BTreeMap::new(),
                rules: Vec::new(),
                groups_first: false,
                unset: "all",
                environments: there.iter().map(|name| (*name).to_owned()).collect(),
                suspended: false,
            };
            let mut history = History { acme, idp, dice: Dice(seed), model, made: 0 };
            let (mut told, mut listed) = (Vec::new(), 0);
            let (mut moments, mut ever) = (Vec::new(), BTreeMap::new());
            for _ in 0..STEPS {
                let before = history.model.clone();
                told.push(history.step().await);
                let expected = history.model.all();
                assert_eq!(history.answered().await, expected, "seed {seed}: {told:#?}");
                let rows = items(&history.acme.admin_get("/widenings?limit=1000").await).len();
                let had = before.all();
                let is_more = |(id, may): (&String, &May)| before.users.contains_key(id) && grew(had.get(id), may);
                if expected.iter().any(is_more) {
                    assert!(rows > listed, "seed {seed}: a user got more, and no cause is listed: {told:#?}");
                }
                listed = rows;
                let names =
                    history.model.users.iter().map(|(id, person)| (id.clone(), text(&person.resource["userName"])));
                ever.extend(names);
                moments.push((world.now(), expected, history.model.clone()));
                world.pass(SECOND);
            }
            at_every_moment(&mut history, &moments, &ever).await;
            assert!(listed > 5, "seed {seed}: {listed}");
            // One by one it is the same.
            for (id, (role, environments, every)) in history.model.all() {
                let one = history.acme.admin_get(&format!("/users/{id}/access")).await;
                let names: Names =
                    one["environments"].as_array().unwrap().iter().map(|one| text(&one["value"])).collect();
                assert_eq!((one["role"]["value"].as_str(), &names), (role.as_deref(), &environments));
                assert_eq!(one["every_environment"], json!(every));
            }
        }
    }
);
