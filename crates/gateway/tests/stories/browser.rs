//! A person's browser, as far as a script is one: cookies, redirects inside the server's origin, forms.

use std::sync::Arc;

use reqwest::cookie::{self, CookieStore};
use reqwest::header::{HeaderValue, SET_COOKIE};
use reqwest::{Client, Method};
use url::Url;

use crate::html::{self, Form};
use crate::http::{self, Answer, Call};
use crate::process::Process;
use crate::world::Gateway;

/// One browser with its own cookies. Its tabs are the pages it has been given.
pub struct Browser {
    client: Client,
    jar: Arc<cookie::Jar>,
    gateway: Arc<Gateway>,
    /// Behind this proxy, at this address.
    behind: Option<(String, String)>,
}

/// Where a step of the browser ended.
#[derive(Debug)]
pub enum Landing {
    /// On a page of the server.
    Page(Page),
    /// At another origin: a redirect the browser would follow out of our sight.
    Left(Url),
}

/// A page and where it is.
#[derive(Debug)]
pub struct Page {
    pub url: Url,
    pub answer: Answer,
}

impl Landing {
    #[track_caller]
    pub fn page(self) -> Page {
        match self {
            Landing::Page(page) => page,
            Landing::Left(url) => panic!("the browser was sent away, to {url}"),
        }
    }

    /// The parameters the browser carries to the client's redirect URI.
    #[track_caller]
    pub fn callback(self) -> Callback {
        match self {
            Landing::Left(url) => Callback(url),
            Landing::Page(page) => panic!("the browser stays at {} with\n{}", page.url, page.words()),
        }
    }
}

/// A redirect to the client.
#[derive(Debug)]
pub struct Callback(pub Url);

impl Callback {
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.0.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    }

    #[track_caller]
    pub fn code(&self) -> String {
        self.parameter("code").unwrap_or_else(|| panic!("no code in {}", self.0))
    }
}

impl Page {
    /// What it says.
    pub fn words(&self) -> String {
        html::words(&self.answer.text())
    }

    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.answer.text())
    }

    /// The log-in form.
    #[track_caller]
    pub fn login_form(&self) -> Form {
        let form = self.forms().into_iter().find(|form| form.has_input("username") && form.has_input("password"));
        form.unwrap_or_else(|| panic!("no log-in form on {} ({}):\n{}", self.url, self.answer.status, self.words()))
    }

    pub fn is_consent(&self) -> bool {
        self.form_with_button("Accept access").is_some()
    }

    pub fn form_with_button(&self, text: &str) -> Option<Form> {
        self.forms().into_iter().find(|form| form.button(text).is_some())
    }

    /// Whether there is a note of warning.
    pub fn warns(&self) -> bool {
        self.answer.text().contains(r#"role="note""#)
    }
}

impl Browser {
    pub fn new(gateway: Arc<Gateway>) -> Browser {
        let jar = Arc::new(cookie::Jar::default());
        Browser { client: http::client(), jar, gateway, behind: None }
    }

    /// Somewhere else in the world: what it sends reaches this process, which believes that it comes from this address.
    pub fn at(mut self, process: &Process, address: &str) -> Browser {
        self.behind = Some((process.address.clone(), address.to_owned()));
        self
    }

    /// Behind a proxy, which answers at this address.
    pub fn through(mut self, proxy: &str) -> Browser {
        self.behind = Some((proxy.to_owned(), "203.0.113.9".to_owned()));
        self
    }

    fn here(&self) -> Url {
        Url::parse(&format!("{}/", self.gateway.public_url)).expect("a URL")
    }

    /// What it would send along with a request for this URL. Cookies belong to what stands in its address bar, whichever process answers.
    pub fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        self.jar.cookies(url)
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let all = self.jar.cookies(&self.here())?;
        let mut pairs = all.to_str().ok()?.split("; ").filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar.add_cookie_str(&format!("{name}={value}; Path=/"), &self.here());
    }

    /// Opens a URL as it was typed.
    pub async fn open(&self, url: &str) -> Landing {
        self.follow(Method::GET, Url::parse(url).expect("a URL"), &[]).await
    }

    /// Fills in the log-in form.
    pub async fn log_in(&self, page: &Page, user_name: &str, password: &str) -> Landing {
        let mut form = page.login_form();
        for input in &mut form.inputs {
            match input.name.as_str() {
                "username" => user_name.clone_into(&mut input.value),
                "password" => password.clone_into(&mut input.value),
                _ => {}
            }
        }
        let button = form.buttons.first().cloned();
        self.submit(page, &form, &form.pairs(button.as_ref())).await
    }

    /// Presses the button with these words.
    pub async fn press(&self, page: &Page, text: &str) -> Landing {
        let form = page.form_with_button(text);
        let form = form.unwrap_or_else(|| panic!("no button `{text}` on {}:\n{}", page.url, page.words()));
        self.submit(page, &form, &form.pairs(form.button(text))).await
    }

    pub async fn submit(&self, page: &Page, form: &Form, pairs: &[(String, String)]) -> Landing {
        let mut action = match form.action.as_str() {
            "" => page.url.clone(),
            action => page.url.join(action).expect("a form's action is a URL"),
        };
        if form.method == "post" {
            return self.follow(Method::POST, action, pairs).await;
        }
        action.query_pairs_mut().clear().extend_pairs(pairs);
        self.follow(Method::GET, action, &[]).await
    }

    async fn follow(&self, mut method: Method, mut url: Url, pairs: &[(String, String)]) -> Landing {
        for _ in 0..10 {
            if !self.gateway.owns(&url) {
                return Landing::Left(url);
            }
            let call = match &self.behind {
                None => Call::new(self.client.clone(), method.clone(), self.gateway.routed(url.as_str())),
                Some((base, address)) => {
                    let path = &url[url::Position::BeforePath..];
                    let call = Call::new(self.client.clone(), method.clone(), format!("{base}{path}"));
                    call.header("x-forwarded-for", address)
                }
            };
            let call = match self.cookies(&url) {
                Some(cookies) => call.header("cookie", cookies.to_str().expect("visible characters")),
                None => call,
            };
            let answer = if method == Method::POST { call.form(pairs).await } else { call.await };
            self.jar.set_cookies(&mut answer.headers.get_all(SET_COOKIE).iter(), &url);
            assert!(!answer.status.is_server_error(), "{}: {}\n{}", answer.request, answer.status, answer.text());
            let location = answer.header("location").filter(|_| answer.status.is_redirection());
            let Some(location) = location else {
                answer.page();
                return Landing::Page(Page { url, answer });
            };
            assert!(matches!(answer.status.as_u16(), 302 | 303), "{} must not be repeated elsewhere", answer.status);
            url = url.join(location).expect("a Location is a URL");
            method = Method::GET;
        }
        panic!("the browser is sent around in circles, at last to {url}");
    }
}
