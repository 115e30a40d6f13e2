//! A user's browser: the simulated one, whose requests reach the processes of a story, and whose surprises end the story.

use std::sync::Arc;

use gateway::simulate::browser as simulated;
use gateway::simulate::html::{self, Form};
use gateway::simulate::wire::{self, Failure, Wire};
use reqwest::header::HeaderValue;
use reqwest::{Client, Request, StatusCode};
use url::{Position, Url};

use crate::support::http::{self, Answer};
use crate::support::process::Process;
use crate::support::testing::Gateway;

/// One browser with its own cookies. Its tabs are the pages it has been given.
pub struct Browser {
    simulated: simulated::Browser<Way>,
}

/// The way of its requests.
struct Way {
    client: Client,
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

impl Wire for Way {
    async fn send(&self, mut request: Request) -> Result<wire::Answer, Failure> {
        let asked = format!("{} {}", request.method(), request.url());
        let url = request.url();
        let routed = match &self.behind {
            None => self.gateway.routed(url.as_str()),
            Some((base, _)) => format!("{base}{}", &url[Position::BeforePath..]),
        };
        *request.url_mut() = Url::parse(&routed).expect("a URL");
        if let Some((_, address)) = &self.behind {
            let address = HeaderValue::from_str(address).expect("an address");
            request.headers_mut().insert("x-forwarded-for", address);
        }
        let failed = |error: reqwest::Error| Failure(format!("{asked}: {error:?}"));
        let response = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.map_err(failed)?.to_vec();
        Ok(wire::Answer { asked, status, headers, body })
    }
}

impl Browser {
    pub fn new(gateway: Arc<Gateway>) -> Browser {
        Browser::by(Way { client: http::client(), gateway, behind: None })
    }

    fn by(way: Way) -> Browser {
        let base = way.gateway.public_url.clone();
        Browser { simulated: simulated::Browser::new(way, &base) }
    }

    /// Somewhere else in the world: what it sends reaches this process, which believes that it comes from this address.
    pub fn at(self, process: &Process, address: &str) -> Browser {
        self.behind(&process.address, address)
    }

    /// Behind a proxy, which answers at this address.
    pub fn through(self, proxy: &str) -> Browser {
        self.behind(proxy, "203.0.113.9")
    }

    fn behind(mut self, base: &str, address: &str) -> Browser {
        self.simulated.wire_mut().behind = Some((base.to_owned(), address.to_owned()));
        self
    }

    fn here(&self) -> Url {
        Url::parse(&format!("{}/", self.simulated.wire().gateway.public_url)).expect("a URL")
    }

    /// What it would send along with a request for this URL. Cookies belong to what stands in its address bar, whichever process answers.
    pub fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        self.simulated.cookies(url)
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let all = self.cookies(&self.here())?;
        let mut pairs = all.to_str().ok()?.split("; ").filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.simulated.keep_cookie(&format!("{name}={value}; Path=/"), &self.here());
    }

    /// Opens a URL as it was typed.
    pub async fn open(&self, url: &str) -> Landing {
        landed(self.simulated.open(Url::parse(url).expect("a URL")).await)
    }

    /// Fills in the log-in form.
    pub async fn log_in(&self, page: &Page, user_name: &str, password: &str) -> Landing {
        let mut form = page.login_form();
        form.fill_in("username", user_name);
        form.fill_in("password", password);
        self.submit(page, &form, &form.pairs(form.buttons.first())).await
    }

    /// Presses the button with these words.
    pub async fn press(&self, page: &Page, text: &str) -> Landing {
        let form = page.form_with_button(text);
        let form = form.unwrap_or_else(|| panic!("no button `{text}` on {}:\n{}", page.url, page.words()));
        self.submit(page, &form, &form.pairs(form.button(text))).await
    }

    pub async fn submit(&self, page: &Page, form: &Form, pairs: &[(String, String)]) -> Landing {
        landed(self.simulated.submit(&page.url, form, pairs).await)
    }
}

fn landed(landing: Result<simulated::Landing, Failure>) -> Landing {
    match landing.unwrap_or_else(|failure| panic!("{failure}")) {
        simulated::Landing::Left(url) => Landing::Left(url),
        simulated::Landing::Page(simulated::Page { url, answer }) => {
            let wire::Answer { asked: request, status, headers, body } = answer;
            let status = StatusCode::from_u16(status).expect("a status");
            let answer = Answer { request, status, headers, body };
            answer.page();
            Landing::Page(Page { url, answer })
        }
    }
}
