//! A customer's SAML provider, as an account knows it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::account::{Account, text};
use super::browser::Landing;
use super::http::Answer;
use super::saml_documents::{Document, Signer, encoded};
use super::testing::World;

pub const ENTITY_ID: &str = "https://id.test/saml";
pub const SSO_URL: &str = "https://id.test/sso?app=1";

pub struct SamlProvider {
    world: World,
    /// Where responses arrive, and for whom they are.
    pub consumer: String,
    pub audience: String,
    pub shared_consumer: String,
    pub login: String,
    /// How many assertions were made.
    made: std::sync::atomic::AtomicU64,
}

impl SamlProvider {
    /// Has an account's people log in here.
    pub async fn of(world: &World, account: &Account, more: Value) -> SamlProvider {
        let mut saml = json!({"name": "Acme SAML", "entity_id": ENTITY_ID, "sso_url": SSO_URL,
            "certificates": [Signer::provider().certificate]});
        for (name, value) in more.as_object().into_iter().flatten() {
            saml[name] = value.clone();
        }
        account.admin(Method::PATCH, "/sign-in").json(&json!({"saml": saml})).await.expect(200);
        SamlProvider::reading(world, account).await
    }

    /// One that was set up already, and reads what it has to know.
    pub async fn reading(world: &World, account: &Account) -> SamlProvider {
        let set = account.admin_get("/sign-in").await;
        let told = |name: &str| text(&set["saml_addresses"][name]);
        SamlProvider {
            world: world.clone(),
            consumer: told("single_sign_on_url"),
            audience: told("audience"),
            shared_consumer: told("other_single_sign_on_url"),
            login: told("login_url"),
            made: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// What it says of a person who came by themselves.
    pub fn about(&self, person: &str) -> Document {
        let n = self.made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let of = Document::of(person, &self.consumer, &self.audience, self.world.now());
        Document { id: format!("_assertion-{n}"), ..of }
    }

    /// What it says of a person whom we sent there.
    #[track_caller]
    pub fn answer(&self, away: &Landing, person: &str) -> Document {
        let Landing::Left(url) = away else { panic!("still here: {away:?}") };
        Document { in_response_to: Some(request_id(url)), ..self.about(person) }
    }

    /// Has a browser bring a response: another site sends the form, so it comes without cookies.
    pub async fn bring(&self, response: &str) -> Answer {
        self.bring_to(&self.consumer, response).await
    }

    pub async fn bring_to(&self, consumer: &str, response: &str) -> Answer {
        let pairs = [("SAMLResponse", encoded(response)), ("RelayState", "https://evil.test/".to_owned())];
        self.world.post(consumer).form(&pairs).await
    }

    /// Where a response leads.
    pub async fn accepted(&self, response: &str) -> String {
        let answer = self.bring(response).await.expect(303);
        let next = answer.header("location").expect("a location").to_owned();
        assert!(next.starts_with(&format!("{}/login/saml?ticket=", self.world.gateway.public_url)), "{next}");
        next
    }
}

/// The XML of the request that a URL carries: a DEFLATE stream of one stored block.
pub fn request_of(url: &Url) -> String {
    let (_, value) = url.query_pairs().find(|(name, _)| name == "SAMLRequest").expect("a request");
    let stream = STANDARD.decode(value.as_bytes()).expect("base64");
    String::from_utf8(stream[5..].to_vec()).expect("text")
}

fn request_id(url: &Url) -> String {
    let xml = request_of(url);
    let (_, rest) = xml.split_once(" ID=\"").expect("an ID");
    rest.split('"').next().expect("an ID").to_owned()
}
