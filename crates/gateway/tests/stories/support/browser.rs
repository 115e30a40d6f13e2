//! A user's browser: the simulated one, whose requests reach the processes of a story, and whose surprises end the story.

use std::sync::Arc;

use gateway::simulate::browser as simulated;
pub use gateway::simulate::browser::{Landing, Page};
use gateway::simulate::html::Form;
use gateway::simulate::wire::{Answer, Failure, Wire};
use reqwest::header::HeaderValue;
use reqwest::{Client, Request};
use url::{Position, Url};

use crate::support::http;
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

/// A landing where the story expects it.
pub trait Landed {
    /// The page of the server that the browser shows.
    fn page(self) -> Page;

    /// The redirect to the client that the browser follows.
    fn callback(self) -> Callback;
}

impl Landed for Landing {
    #[track_caller]
    fn page(self) -> Page {
        done(self.into_page())
    }

    #[track_caller]
    fn callback(self) -> Callback {
        Callback(done(self.into_left()))
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

/// A page that is what the story expects.
pub trait Shown {
    /// The log-in form.
    fn login_form(&self) -> Form;

    /// Whether there is a note of warning.
    fn warns(&self) -> bool;

    /// Its only script is the file of ours, and its policy lets no other run.
    fn has_only_our_script(&self) -> bool;
}

impl Shown for Page {
    #[track_caller]
    fn login_form(&self) -> Form {
        let form = self.forms().into_iter().find(|form| form.has_input("username") && form.has_input("password"));
        form.unwrap_or_else(|| panic!("no log-in form on {} ({}):\n{}", self.url, self.answer.status, self.words()))
    }

    fn warns(&self) -> bool {
        self.answer.text().contains(r#"role="note""#)
    }

    fn has_only_our_script(&self) -> bool {
        let policy = self.answer.header("content-security-policy").unwrap_or_default();
        let ours = |rest: &str| {
            let source = rest.strip_prefix(" src=\"").and_then(|rest| rest.split_once('"'));
            source.is_some_and(|(source, rest)| {
                source.contains("/assets/design.") && rest.starts_with(" defer></script>")
            })
        };
        self.answer.text().split("<script").skip(1).all(ours) && policy.contains("script-src 'self';")
    }
}

impl Wire for Way {
    async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
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
        Answer::read(asked.clone(), response).await.map_err(failed)
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
        let typed = [("username", user_name), ("password", password)];
        landed(self.simulated.press(page, "Log in", &typed).await)
    }

    /// Presses the button with these words.
    pub async fn press(&self, page: &Page, text: &str) -> Landing {
        landed(self.simulated.press(page, text, &[]).await)
    }

    /// Fills in the form that has the button with these words, and presses it.
    pub async fn fill_in_and_press(&self, page: &Page, text: &str, typed: &[(&str, &str)]) -> Landing {
        landed(self.simulated.press(page, text, typed).await)
    }

    pub async fn submit(&self, page: &Page, form: &Form, pairs: &[(String, String)]) -> Landing {
        landed(self.simulated.submit(&page.url, form, pairs).await)
    }
}

/// Every page is HTML.
fn landed(landing: Result<Landing, Failure>) -> Landing {
    let landing = done(landing);
    if let Landing::Page(page) = &landing {
        assert_eq!(page.answer.media_type(), "text/html", "{}: {}", page.answer.asked, page.answer.status);
    }
    landing
}

/// What a simulated client did. Its failure ends the story.
#[track_caller]
pub fn done<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}
