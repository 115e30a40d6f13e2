//! What a setup link opens: the page of each identity provider, what it says to what is typed, the secret, and closed links.

use reqwest::Method;
use serde_json::json;

use super::Tour;
use crate::support::account::text;

const PROVIDERS: [&str; 6] = ["okta", "entra", "onelogin", "jumpcloud", "ping", "other"];

impl Tour {
    pub(super) async fn setup(&self) {
        let chromium = &self.chromium;
        for provider in PROVIDERS {
            let body = json!({"provider": provider, "name": format!("{provider} of the tour")});
            let made = self.acme.admin(Method::POST, "/setup-links").json(&body).await.expect(201).json();
            let url = text(&made["url"]);
            chromium.open(&format!("{url}?steps=all")).await;
            chromium.look(&format!("setup-{provider}")).await;
            match provider {
                "okta" => self.typing(&url).await,
                "ping" => {
                    chromium.press("Finish").await;
                    chromium.look("setup-finished").await;
                }
                "other" => {
                    self.acme.admin(Method::DELETE, &format!("/setup-links/{}", text(&made["id"]))).await.expect(204);
                    chromium.open(&url).await;
                    chromium.look("setup-revoked").await;
                }
                _ => {}
            }
        }
        self.look_at("/setup/gwl_made-up", "setup-unknown").await;
    }

    /// What an administrator types on the page of Okta, wrong at first, and asks for.
    async fn typing(&self, url: &str) {
        let chromium = &self.chromium;
        let all = format!("{url}?steps=all");
        chromium.open(url).await;
        chromium.look("setup-step").await;
        chromium.type_into("password", "okta-provisioning").await;
        chromium.press("Set the password").await;
        chromium.look("setup-password-wrong").await;
        chromium.open(&all).await;
        chromium.type_into("variable", "Exampla SCIM User").await;
        chromium.press("Register").await;
        chromium.look("setup-variable-wrong").await;
        chromium.open(&all).await;
        chromium.press("Reveal the client secret").await;
        chromium.look("setup-revealed").await;
        for (is_stale, name) in [(false, "setup-too-soon"), (true, "setup-refused")] {
            chromium.open(&all).await;
            if is_stale {
                chromium.run("document.querySelector('[name=replaces]').value = ''").await;
            }
            chromium.press("Create a new client secret").await;
            chromium.look(name).await;
        }
    }
}
