//! Operators who log in at the console, for stories about its pages.

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::browser::{Browser, Landed};
use crate::support::testing::World;

/// Their password,
pub const PASSWORD: &str = "an old harbour at noon 7";
/// as it is stored.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$rAjPcVOelAQBroF53hRTdg$DpeDwQumo1y0Tt2DjTyRzo8olGWVWow1dEpDHa5byjU";
/// They need no authenticator app.
pub const NO_APP: (&str, &str) = ("GATEWAY__CONSOLE__SECOND_FACTOR", "false");

/// An operator with a password.
pub struct Operator {
    /// By what they log in.
    pub address: String,
}

impl Operator {
    /// One of all accounts.
    pub async fn create(world: &World, name: &str, role: &str) -> Operator {
        Operator::made(world, name, json!({"name": name, "role": role})).await
    }

    /// One of these accounts.
    pub async fn of(world: &World, name: &str, role: &str, accounts: &[&str]) -> Operator {
        Operator::made(world, name, json!({"name": name, "role": role, "accounts": accounts})).await
    }

    async fn made(world: &World, name: &str, body: serde_json::Value) -> Operator {
        let made = world.admin(Method::POST, "/operators").json(&body).await.expect(201).json();
        let address = format!("{name}@vendor.test");
        let changed = world.alter(&format!(
            "UPDATE operators SET address = '{address}', signs_in_as = '{address}', password_hash = '{HASH}' WHERE id = '{}'",
            text(&made["id"])
        ));
        assert_eq!(changed, 1);
        Operator { address }
    }

    /// A browser in which they are logged in.
    pub async fn log_in(&self, world: &World) -> Browser {
        let browser = world.browser();
        let page = browser.open(&format!("{}/console", world.gateway.public_url)).await.page();
        let page = browser.log_in(&page, &self.address, PASSWORD).await.page();
        assert_eq!(page.url.path(), "/console", "{}", page.words());
        browser
    }
}
