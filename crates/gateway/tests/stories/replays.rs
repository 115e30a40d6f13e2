//! A recorded request is replayed: what it would be answered today and what it would change is what then happens, and nothing of it stays.

use reqwest::Method;
use serde_json::{Value, json};

use crate::full_recording::{id_of, record, written};
use crate::support::account::text;
use crate::support::database::Behind;
use crate::support::http::Answer;
use crate::support::identity_provider::{GROUP, IdentityProvider, PATCH, a_user};
use crate::support::letter_box::until;
use crate::support::random::Chance;
use crate::support::testing::World;

/// A request to be sent twice.
#[derive(Clone)]
struct Sent {
    method: Method,
    path: String,
    if_match: Option<&'static str>,
    body: Option<Value>,
}

impl Sent {
    fn new(method: Method, path: String, body: Option<Value>) -> Sent {
        Sent { method, path, if_match: None, body }
    }

    async fn by(&self, idp: &IdentityProvider) -> Answer {
        let mut call = idp.call(self.method.clone(), &self.path);
        if let Some(tag) = self.if_match {
            call = call.header("if-match", tag);
        }
        match &self.body {
            Some(body) => call.scim(body).await,
            None => call.await,
        }
    }
}

const NO_USER: &str = "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b";

/// What there is to write about.
struct Known {
    users: Vec<String>,
    groups: Vec<String>,
    own: String,
}

impl Known {
    fn user(&self, chance: &mut Chance) -> String {
        match chance.below(20) {
            0 => NO_USER.to_owned(),
            1 => "no-id-at-all".to_owned(),
            _ => self.users[chance.below(self.users.len())].clone(),
        }
    }

    fn group(&self, chance: &mut Chance) -> String {
        self.groups[chance.below(self.groups.len())].clone()
    }

    fn body_of_user(chance: &mut Chance) -> Value {
        let mut user = a_user(&format!("user{}@acme.test", chance.below(40)));
        match chance.below(12) {
            0 => user["role"] = json!("king"),
            1 => drop(user.as_object_mut().map(|user| user.shift_remove("userName"))),
            2 => user["password"] = json!("A password of 2026"),
            3 => user["product_environments"] = json!(["acme-prod"]),
            4 => user["product_environment"] = json!("acme-prod"),
            5 => user["active"] = json!("False"),
            6 => user["emails"] = json!("not an email"),
            7 => user["active"] = json!("maybe"),
            8 => user["externalId"] = json!(format!("ext{}", chance.below(5))),
            _ => user["title"] = json!(["Boss", "Clerk", ""][chance.below(3)]),
        }
        user
    }

    fn request(&self, chance: &mut Chance) -> Sent {
        let patch = |operations: Value| Some(json!({"schemas": [PATCH], "Operations": operations}));
        let one = |id: String| format!("/Users/{id}");
        match chance.below(24) {
            0..=3 => Sent::new(Method::POST, "/Users".to_owned(), Some(Known::body_of_user(chance))),
            4 | 5 => Sent::new(Method::PUT, one(self.user(chance)), Some(Known::body_of_user(chance))),
            6..=9 => {
                let operation = match chance.below(9) {
                    0 => json!({"op": "replace", "path": "active", "value": false}),
                    1 => json!({"op": "replace", "value": {"active": true}}),
                    2 => json!({"op": "Replace", "path": "role", "value": (["king", "master_admin"][chance.below(2)])}),
                    3 => {
                        json!({"op": "add", "path": "emails[type eq \"work\"].value", "value": format!("m{}@acme.test", chance.below(3))})
                    }
                    4 => json!({"op": "remove", "path": "title"}),
                    5 => json!({"op": "replace", "path": "colour", "value": "red"}),
                    6 => json!({"op": "replace", "path": "password", "value": "A password of 2026"}),
                    7 => {
                        json!({"op": "replace", "path": "userName", "value": format!("user{}@acme.test", chance.below(40))})
                    }
                    _ => {
                        json!({"op": "replace", "path": "name.givenName", "value": format!("Given{}", chance.below(4))})
                    }
                };
                let mut sent = Sent::new(Method::PATCH, one(self.user(chance)), patch(json!([operation])));
                sent.if_match = [None, None, None, Some("W/\"1\""), Some("W/\"77\"")][chance.below(5)];
                sent
            }
            10 => Sent::new(Method::DELETE, one(self.user(chance)), None),
            11 => Sent::new(Method::GET, one(self.user(chance)), None),
            12 => {
                Sent::new(Method::GET, format!("/Users?filter=userName+sw+%22user{}%22&count=5", chance.below(4)), None)
            }
            13 => Sent::new(
                Method::GET,
                format!("/Users?sortBy=userName&startIndex={}&count=3&unknown=1", 1 + chance.below(9)),
                None,
            ),
            14 => Sent::new(
                Method::GET,
                ["/Users?filter=userName+eq", "/Unicorns", "/Groups?count=2", "/Schemas"][chance.below(4)].to_owned(),
                None,
            ),
            15 => {
                let body = json!({"filter": "active eq false", "attributes": ["userName"], "count": 4});
                Sent::new(Method::POST, "/Users/.search".to_owned(), Some(body))
            }
            16 | 17 => {
                let members = [self.user(chance), self.user(chance), format!("waited{}@acme.test", chance.below(3))];
                let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
                let body = json!({"schemas": [GROUP], "displayName": format!("Group {}", chance.below(6)), "members": members});
                match chance.below(2) {
                    0 => Sent::new(Method::POST, "/Groups".to_owned(), Some(body)),
                    _ => Sent::new(Method::PUT, format!("/Groups/{}", self.group(chance)), Some(body)),
                }
            }
            18..=20 => {
                let user = self.user(chance);
                let operation = match chance.below(4) {
                    0 => json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")}),
                    1 => json!({"op": "replace", "path": "members", "value": [{"value": user}]}),
                    2 => json!({"op": "replace", "path": "displayName", "value": format!("Group {}", chance.below(6))}),
                    _ => {
                        json!({"op": "add", "path": "members", "value": [{"value": user}, {"value": self.user(chance)}]})
                    }
                };
                Sent::new(Method::PATCH, format!("/Groups/{}", self.group(chance)), patch(json!([operation])))
            }
            21 => Sent::new(
                Method::PATCH,
                one(self.own.clone()),
                patch(json!([{"op": "replace", "path": "active", "value": false}])),
            ),
            22 => Sent::new(Method::DELETE, format!("/Groups/{}", self.group(chance)), None),
            _ => {
                let mut user = Known::body_of_user(chance);
                user["externalId"] = json!(format!("bulk{}", chance.below(50)));
                let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
                    {"method": "POST", "path": "/Users", "bulkId": "a", "data": user},
                    {"method": "PATCH", "path": one(self.user(chance)), "data": patch(json!([{"op": "replace", "path": "title", "value": "Bulk"}]))},
                    {"method": "PATCH", "path": format!("/Groups/{}", self.group(chance)),
                        "data": patch(json!([{"op": "add", "path": "members", "value": [{"value": "bulkId:a"}]}]))},
                    {"method": "DELETE", "path": one(self.user(chance))},
                ]});
                Sent::new(Method::POST, "/Bulk".to_owned(), Some(body))
            }
        }
    }
}

/// What of an answer is another one each time: the ids of what is made, and times.
fn settled(mut body: Value, is_new: bool) -> Value {
    fn settle(value: &mut Value, is_new: bool) {
        match value {
            Value::Object(members) => {
                for name in ["created", "lastModified"] {
                    members.shift_remove(name);
                }
                if is_new {
                    for name in ["id", "location", "$ref"] {
                        members.shift_remove(name);
                    }
                }
                members.values_mut().for_each(|value| settle(value, is_new));
            }
            Value::Array(elements) => elements.iter_mut().for_each(|value| settle(value, is_new)),
            _ => {}
        }
    }
    settle(&mut body, is_new);
    body
}

/// Every row of every table that requests write to, once nothing is under way any more.
async fn rows(behind: &mut Behind) -> String {
    let mut before = String::new();
    for _ in 0..200 {
        let began = std::time::Instant::now();
        until("moment", || began.elapsed().as_millis() >= 1200).await;
        // How connections and their accounts are found to stand is written by a job, in its own time.
        let now = behind.rows(&["installation", "client_health", "accounts"]);
        if now == before {
            return now;
        }
        before = now;
    }
    panic!("the tables do not come to rest");
}

async fn predicted(world: &World, request: &str) -> Value {
    world.admin(Method::POST, &format!("/requests/{request}/replay")).await.expect(200).json()
}

story!(what_a_replay_predicts_is_what_then_happens, async |world: World| {
    let acme = world.account("acme").await;
    let owner = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&owner).await;
    let mut known = Known { users: Vec::new(), groups: Vec::new(), own: owner.id.clone() };
    for n in 0..12 {
        known.users.push(text(&idp.create_user(&a_user(&format!("user{n}@acme.test"))).await["id"]));
    }
    for n in 0..4 {
        known.groups.push(text(&idp.create_group(&format!("Group {n}"), &[]).await["id"]));
    }
    record(&idp.client, 2).await;
    let (mut chance, mut behind) = (Chance(20_261_127), Behind::of(&world));
    let (mut seen, mut refused, mut wrote, mut changed) = (0, 0, 0, 0);
    for batch in 0..8 {
        let mut sent = Vec::new();
        for _ in 0..25 {
            let request = known.request(&mut chance);
            let answer = request.by(&idp).await;
            if answer.status == 201 {
                let made = answer.json();
                let list = if request.path == "/Users" { &mut known.users } else { &mut known.groups };
                list.push(text(&made["id"]));
            }
            sent.push((id_of(&answer), request, answer));
        }
        written(&world, &sent[24].2).await;
        if batch == 0 {
            // What the worker seals is no trace of a replay.
            rows(&mut behind).await;
            behind.seal();
            let before = rows(&mut behind).await;
            for (id, request, _) in &sent {
                let answer = world.admin(Method::POST, &format!("/requests/{id}/replay")).await;
                assert_eq!(answer.status, 200, "{} {}: {}", request.method, request.path, answer.text());
            }
            let after = rows(&mut behind).await;
            assert!(before == after, "a replay leaves nothing: {}", difference(&before, &after));
        }
        let mut outcomes = Vec::new();
        for (id, request, _) in &sent {
            // What is there changes between the recording and the replay.
            if chance.below(2) == 0 {
                known.request(&mut chance).by(&idp).await;
            }
            let prediction = predicted(&world, id).await;
            let again = request.by(&idp).await;
            if again.status == 201 {
                let list = if request.path == "/Users" { &mut known.users } else { &mut known.groups };
                list.push(text(&again.json()["id"]));
            }
            outcomes.push((request.clone(), prediction, again));
        }
        written(&world, &outcomes[24].2).await;
        for (request, prediction, again) in &outcomes {
            let what =
                format!("{} {} {:?}\n{prediction}\n{}", request.method, request.path, request.body, again.text());
            let row = written(&world, again).await;
            let would = &prediction["would"];
            assert_eq!(would["status"], again.status.as_u16(), "{what}");
            assert_eq!((&would["code"], &would["detail"]), (&row["code"], &row["detail"]), "{what}\n{row}");
            for field in ["changed", "joined", "left", "skipped_members", "pending_members", "tolerances"] {
                assert_eq!(prediction[field], row[field], "{field} of {what}\n{row}");
            }
            let ignored: Vec<&Value> =
                row["ignored"].as_array().into_iter().flatten().map(|one| &one["path"]).collect();
            assert_eq!(prediction["ignored"], json!(ignored), "{what}\n{row}");
            let is_new = again.status == 201 || request.path == "/Bulk";
            if !is_new {
                assert_eq!(prediction["target"], row["target"], "{what}\n{row}");
            }
            let body = if again.body.is_empty() { Value::Null } else { again.json() };
            assert_eq!(settled(prediction["body"].clone(), is_new), settled(body, is_new), "{what}");
            seen += 1;
            refused += usize::from(again.status.is_client_error());
            wrote += usize::from(again.status.is_success() && request.method != Method::GET);
            changed += usize::from(row["changed"] != json!([]) || row["joined"] != 0);
        }
    }
    let counts = format!("{seen} requests, {refused} refused, {wrote} wrote, {changed} changed attributes or members");
    assert!(seen == 200 && refused > 20 && wrote > 40 && changed > 10, "{counts}");
});

fn difference(before: &str, after: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<String>>();
    let (before, after) = (lines(before), lines(after));
    before.symmetric_difference(&after).take(6).cloned().collect::<Vec<_>>().join("\n")
}

story!(what_cannot_be_replayed_is_refused_and_says_how_to_record_it, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let idp = acme.connected_identity_provider().await;
    let before = idp.get("/Users").await.expect(200);
    record(&idp.client, 1).await;
    let mut large = a_user("lea@acme.test");
    large["nickName"] = json!("a".repeat(70_000));
    let refused = [
        (before, "PUT /admin/clients/{client}/recording"),
        (idp.post("/Users", &large).await, "64 KiB"),
        (idp.call(Method::POST, "/Users").body("application/json", "{\"userName\"").await, "could not be read"),
        (idp.client.refresh("gwr_unknown").await, "only SCIM requests are replayed"),
        (idp.get("/Users?cursor=abc").await, "replaced"),
        (idp.get("/Users?filter=password+eq+%22x%22").await, "replaced"),
        (idp.post("/Users", &json!({"userName": "gwa_pasted"})).await, "replaced"),
        (
            idp.post("/Users", &a_user("b@acme.test"))
                .header("idempotency-key", "a")
                .header("content-type", "text/plain")
                .await,
            "before its body was read",
        ),
    ];
    for (answer, says) in &refused {
        written(&world, answer).await;
        for (method, path) in [(Method::POST, "replay"), (Method::GET, "conversation")] {
            let problem = world.admin(method, &format!("/requests/{}/{path}", id_of(answer))).await.expect_problem(409);
            assert!(text(&problem["detail"]).contains(says), "{}: {problem}", answer.asked);
        }
    }
    let good = idp.get("/Users?count=1").await.expect(200);
    written(&world, &good).await;
    let operator = world
        .admin(Method::POST, "/operators")
        .json(&json!({"name": "cs", "role": "support", "accounts": [orchard.id]}))
        .await
        .expect(201)
        .json();
    let own = world
        .admin(Method::POST, "/operators")
        .json(&json!({"name": "own", "role": "support", "accounts": [acme.id]}))
        .await
        .expect(201)
        .json();
    let path = format!("/admin/requests/{}/replay", id_of(&good));
    world.post(&path).bearer(&text(&operator["token"])).await.expect(404);
    assert_eq!(world.post(&path).bearer(&text(&own["token"])).await.expect(200).json()["same"], true);
    world.admin(Method::POST, "/requests/unknown/replay").await.expect_problem(404);

    // It is today's state that counts: of the data, of the client's rights, of the connection.
    let made = idp.post("/Users", &a_user("ana@acme.test")).await.expect(201);
    written(&world, &made).await;
    let again = predicted(&world, &id_of(&made)).await;
    assert_eq!(
        (&again["was"]["status"], &again["would"]["status"], &again["would"]["code"], &again["same"]),
        (&json!(201), &json!(409), &json!("uniqueness"), &json!(false)),
        "{again}"
    );
    idp.delete(&made.json()).await.expect(204);
    let again = predicted(&world, &id_of(&made)).await;
    assert_eq!(again["would"]["status"], 201, "{again}");
    idp.client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    let again = predicted(&world, &id_of(&made)).await;
    assert_eq!(
        (&again["would"]["status"], &again["would"]["code"]),
        (&json!(401), &json!("client_disabled")),
        "{again}"
    );
    assert_eq!(acme.users().await.len(), 1, "nothing was made");
});
