//! Operators as people: invited, and logged in at the console with a browser of their own.

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::second_factors::{App, type_code};
use crate::support::account::text;
use crate::support::browser::{Browser, Landed, Page};
use crate::support::http::Answer;
use crate::support::relying_party::field;
use crate::support::testing::World;

/// The password that they choose.
pub const PASSWORD: &str = "an old harbour at noon 7";
/// Where no operator needs an authenticator app.
pub const NO_APP: (&str, &str) = ("GATEWAY__CONSOLE__SECOND_FACTOR", "false");

/// An operator who is logged in.
pub struct Operator {
    pub id: String,
    /// By what they log in.
    pub address: String,
    pub browser: Browser,
    /// Their authenticator app; `None` where the world asks for none.
    pub app: Option<App>,
    world: World,
}

impl World {
    /// The address of a page of the console.
    pub fn console(&self, path: &str) -> String {
        format!("{}/console{path}", self.gateway.public_url)
    }

    /// An operator who was invited: their id, and the link to a password. Limited to these accounts, by id, or to none.
    pub async fn invited(&self, address: &str, role: &str, accounts: Option<&[&str]>) -> (String, String) {
        let mut body = json!({"name": address, "address": address, "role": role});
        if let Some(accounts) = accounts {
            body["accounts"] = json!(accounts);
        }
        let made = self.admin(Method::POST, "/operators").json(&body).await.expect(201).json();
        assert_eq!(made["token"], Value::Null, "who logs in has no token: {made}");
        (text(&made["id"]), text(&made["password_link"]))
    }

    /// An operator of all accounts who is logged in.
    pub async fn operator(&self, address: &str, role: &str) -> Operator {
        self.operator_of(address, role, None).await
    }

    /// An operator of these accounts who is logged in.
    pub async fn operator_of(&self, address: &str, role: &str, accounts: Option<&[&str]>) -> Operator {
        let (id, link) = self.invited(address, role, accounts).await;
        let browser = self.browser();
        let page = browser.open(&link).await.page();
        let page = set_password(&browser, &page, PASSWORD).await;
        let app = page.forms().iter().any(|form| form.has_input("code")).then(|| App::reading(&page));
        if let Some(app) = &app {
            let codes = type_code(&browser, &page, &app.shows(0)).await.page();
            assert!(codes.words().contains("recovery codes"), "{}", codes.words());
        }
        let page = browser.open(&self.console("/you")).await.page();
        assert!(page.words().contains(address), "logged in: {}", page.words());
        Operator { id, address: address.to_owned(), browser, app, world: self.clone() }
    }
}

/// Types a new password on the page of a link.
pub async fn set_password(browser: &Browser, page: &Page, password: &str) -> Page {
    let form = page.forms().into_iter().find(|form| form.has_input("again"));
    let mut form = form.unwrap_or_else(|| panic!("nothing asks for a password on {}:\n{}", page.url, page.words()));
    for name in ["password", "again"] {
        form.fill_in(name, password);
    }
    let button = form.buttons.first().cloned();
    browser.submit(page, &form, &form.pairs(button.as_ref())).await.page()
}

impl Operator {
    /// A page of the console.
    pub async fn open(&self, path: &str) -> Page {
        self.browser.open(&self.world.console(path)).await.page()
    }

    /// Presses a button of a page.
    pub async fn press(&self, page: &Page, button: &str, typed: &[(&str, &str)]) -> Page {
        let form = page.form_with_button(button);
        let form = form.unwrap_or_else(|| panic!("no button `{button}` on {}:\n{}", page.url, page.words()));
        // What is typed takes the place of what stands there; radio buttons that none has pressed stand nowhere.
        let mut pairs = form.pairs(form.button(button));
        pairs.retain(|(name, _)| !typed.iter().any(|(other, _)| other == name));
        pairs.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.browser.submit(page, &form, &pairs).await.page()
    }

    /// The token of their forms.
    pub async fn form_token(&self) -> String {
        let page = self.open("/you").await;
        field(&page.form_with_button("Log out").expect("the frame has a button"), "csrf")
    }

    /// A request with their cookies, which follows no redirect.
    pub async fn send(&self, method: &str, path: &str, form: Option<&[(&str, &str)]>) -> Answer {
        let url = Url::parse(&self.world.console(path)).expect("a URL");
        let call = self.world.call(method.parse().expect("a method"), &format!("/console{path}"));
        let cookies = self.browser.cookies(&url).expect("a session");
        let call = call.header("cookie", cookies.to_str().expect("visible characters"));
        match form {
            Some(pairs) => call.form(pairs).await,
            None => call.await,
        }
    }
}
