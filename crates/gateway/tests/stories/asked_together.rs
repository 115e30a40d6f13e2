//! Look-ups that come at one moment may be asked of the database as one: each is answered as if it had come by itself.

use reqwest::Method;
use serde_json::json;

use crate::support::account::{Account, text};
use crate::support::concurrently::all;
use crate::support::http::{Answer, Call};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

/// A customer with users of their own, under names that others have too.
struct Customer {
    name: String,
    idp: IdentityProvider,
    /// The same client by a token that does not expire soon.
    fixed: IdentityProvider,
    users: Vec<String>,
}

impl Customer {
    async fn new(world: &World, name: &str) -> Customer {
        let account: Account = world.account(name).await;
        let idp = account.connected_identity_provider().await;
        let mut users = Vec::new();
        for n in 0..4 {
            let mut user = a_user(&format!("user{n}@shared.test"));
            user["title"] = json!(name);
            users.push(text(&idp.create_user(&user).await["id"]));
        }
        let pasted = idp.client.admin(Method::POST, "/tokens").json(&json!({"name": "fixed"}));
        let token = &pasted.await.expect(201).json()["token"];
        let tokens = json!({"access_token": token, "token_type": "Bearer"});
        let fixed = IdentityProvider::new(idp.client.clone(), &tokens);
        Customer { name: name.to_owned(), idp, fixed, users }
    }

    /// One of the look-ups that may be asked with others.
    fn look_up(&self, n: usize) -> Call {
        let idp = if n.is_multiple_of(2) { &self.idp } else { &self.fixed };
        let user = n / 2 % 4;
        match n / 8 % 5 {
            0 => idp.get(&format!("/Users/{}", self.users[user])),
            1 => idp.get(&format!("/Users?filter=userName%20eq%20%22user{user}@shared.test%22")),
            2 => idp.get("/Users?filter=userName%20eq%20%22free@shared.test%22"),
            3 => self.idp.client.introspecting(&self.idp.access_token),
            _ => self.idp.client.client_credentials(),
        }
    }

    fn check(&self, n: usize, answer: &Answer) {
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
        let body = answer.json();
        let user = n / 2 % 4;
        match n / 8 % 5 {
            0 => assert_eq!((&body["id"], &body["title"]), (&json!(self.users[user]), &json!(self.name))),
            1 => {
                assert_eq!(body["totalResults"], 1);
                let found = &body["Resources"][0];
                assert_eq!((&found["id"], &found["title"]), (&json!(self.users[user]), &json!(self.name)));
            }
            2 => assert_eq!(body["totalResults"], 0),
            3 => assert_eq!((&body["active"], &body["client_id"]), (&json!(true), &json!(self.idp.client.id))),
            _ => assert!(body["access_token"].is_string(), "{body}"),
        }
    }
}

story!(what_comes_at_one_moment_is_answered_each_for_itself, async |world: World| {
    let mut customers = Vec::new();
    for n in 0..4 {
        customers.push(Customer::new(&world, &format!("customer{n}")).await);
    }
    for round in 0..6 {
        let asked: Vec<(usize, usize)> = (0..160).map(|n| (n % 4, (n / 4 + round * 7) % 40)).collect();
        let calls = asked.iter().map(|(customer, n)| {
            let call = customers[*customer].look_up(*n);
            async move { call.await }
        });
        let answers = all(calls.collect()).await;
        for ((customer, n), answer) in asked.iter().zip(&answers) {
            customers[*customer].check(*n, answer);
        }
    }
});

story!(a_token_that_was_revoked_counts_no_more_among_many_that_do, async |world: World| {
    world.add_replica().await;
    let (good, mut gone) = (Customer::new(&world, "good").await, Customer::new(&world, "gone").await);
    for round in 0..6 {
        gone.idp.client.revoke(&gone.idp.access_token).await.expect(200);
        let calls = (0..48).map(|n| {
            let call = match n % 3 {
                0 => gone.idp.get(&format!("/Users/{}", gone.users[0])),
                1 => gone.idp.get("/Users?filter=userName%20eq%20%22user1@shared.test%22"),
                _ => good.idp.get(&format!("/Users/{}", good.users[round % 4])),
            };
            async move { call.await.status.as_u16() }
        });
        let statuses = all(calls.collect()).await;
        for (n, status) in statuses.iter().enumerate() {
            assert_eq!(*status, if n % 3 == 2 { 200 } else { 401 }, "{round}, {n}");
        }
        gone.idp.refresh().await;
        assert_eq!(gone.idp.get(&format!("/Users/{}", gone.users[0])).await.status, 200);
    }
});
