//! A browser of few words: it keeps cookies, follows redirects inside the server's addresses, and fills in forms by what the page says,
//! so the pages are usable as plain HTML.

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use reqwest::{Method, Request};
use url::Url;

use super::html::{self, Form};
use super::wire::{Answer, Failure, Wire};

/// How many redirects in a row are followed.
const MAX_REDIRECTS: usize = 10;

/// A browser with a cookie jar of its own. Its tabs are the pages it has been given.
#[allow(missing_debug_implementations)] // the jar has nothing to show
pub struct Browser<W> {
    wire: W,
    jar: Jar,
    /// Where the server is.
    base: String,
}

/// Where a step of the browser ended.
#[derive(Debug)]
pub enum Landing {
    /// On a page of the server.
    Page(Page),
    /// Away from the server: at the client's redirect URI.
    Left(Url),
}

/// A page and where it is.
#[derive(Debug)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// The answer that it is.
    pub answer: Answer,
}

impl Landing {
    /// The page; having left is a failure.
    pub fn into_page(self) -> Result<Page, Failure> {
        match self {
            Landing::Page(page) => Ok(page),
            Landing::Left(url) => {
                Err(Failure(format!("the browser\n  expected: a page\n  came:     a redirect to {url}")))
            }
        }
    }

    /// The address outside; having stayed is a failure.
    pub fn into_left(self) -> Result<Url, Failure> {
        match self {
            Landing::Left(url) => Ok(url),
            Landing::Page(page) => Err(Failure(format!(
                "the browser\n  expected: a redirect to the client\n  came:     {}, status {}: {}",
                page.url,
                page.answer.status,
                page.text()
            ))),
        }
    }
}

impl Page {
    /// What a user reads on it, a line for each block.
    pub fn text(&self) -> String {
        html::text(&self.answer.text())
    }

    /// What it says, in one line.
    pub fn words(&self) -> String {
        html::words(&self.answer.text())
    }

    /// Its forms.
    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.answer.text())
    }

    /// The form that has a button with this text.
    pub fn form_with_button(&self, text: &str) -> Option<Form> {
        self.forms().into_iter().find(|form| form.button(text).is_some())
    }

    /// Whether it asks the user to accept access.
    pub fn is_consent(&self) -> bool {
        self.form_with_button("Accept access").is_some()
    }
}

impl<W: Wire> Browser<W> {
    /// A browser that no user has logged in with, for the server at this address: without a slash at the end.
    pub fn new(wire: W, base: &str) -> Browser<W> {
        Browser { wire, jar: Jar::default(), base: base.to_owned() }
    }

    /// Its way to the server.
    pub fn wire(&self) -> &W {
        &self.wire
    }

    /// Its way to the server, to be changed.
    pub fn wire_mut(&mut self) -> &mut W {
        &mut self.wire
    }

    /// What it would send along with a request for this URL.
    pub fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        self.jar.cookies(url)
    }

    /// Has it keep a cookie of this site, as the site would write it.
    pub fn keep_cookie(&self, cookie: &str, site: &Url) {
        self.jar.add_cookie_str(cookie, site);
    }

    /// Types an address.
    pub async fn open(&self, url: Url) -> Result<Landing, Failure> {
        self.follow(Method::GET, url, &[]).await
    }

    /// Fills in the form that has this button, and presses it.
    pub async fn press(&self, page: &Page, button: &str, typed: &[(&str, &str)]) -> Result<Landing, Failure> {
        let found = page.form_with_button(button).and_then(|form| Some((form.button(button).cloned()?, form)));
        let Some((button, mut form)) = found else {
            return Err(Failure(format!("{}\n  expected: a button `{button}`\n  came:     {}", page.url, page.text())));
        };
        for (name, value) in typed {
            if !form.fill_in(name, value) {
                return Err(Failure(format!(
                    "{}\n  expected: an input `{name}`\n  came:     {}",
                    page.url,
                    page.text()
                )));
            }
        }
        if let Some(action) = &button.action {
            form.action.clone_from(action);
        }
        let pairs = form.pairs(Some(&button));
        self.submit(&page.url, &form, &pairs).await
    }

    /// Sends a form of the page at this address with these pairs.
    pub async fn submit(&self, at: &Url, form: &Form, pairs: &[(String, String)]) -> Result<Landing, Failure> {
        let mut url = match form.action.as_str() {
            "" => at.clone(),
            action => at.join(action).map_err(|e| Failure(format!("the form's action `{action}`: {e}")))?,
        };
        if form.is_post() {
            return self.follow(Method::POST, url, pairs).await;
        }
        url.query_pairs_mut().clear().extend_pairs(pairs);
        self.follow(Method::GET, url, &[]).await
    }

    async fn follow(&self, mut method: Method, mut url: Url, pairs: &[(String, String)]) -> Result<Landing, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            if !self.is_of_the_server(&url) {
                return Ok(Landing::Left(url));
            }
            let answer = self.wire.send(self.request(&method, &url, pairs)).await?;
            self.jar.set_cookies(&mut answer.headers.get_all(SET_COOKIE).iter(), &url);
            match answer.status.as_u16() {
                500.. => return Err(answer.unexpected("a page")),
                302 | 303 => {
                    let location = answer.header(LOCATION.as_str()).unwrap_or_default();
                    url = url.join(location).map_err(|_| answer.unexpected("a Location that is a URL"))?;
                    method = Method::GET;
                }
                300..400 if answer.headers.contains_key(LOCATION) => {
                    return Err(answer.unexpected("no redirect that repeats a form elsewhere"));
                }
                _ => return Ok(Landing::Page(Page { url, answer })),
            }
        }
        Err(Failure(format!("the browser\n  expected: to arrive\n  came:     circles, at last to {url}")))
    }

    fn request(&self, method: &Method, url: &Url, pairs: &[(String, String)]) -> Request {
        let mut request = Request::new(method.clone(), url.clone());
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("text/html,application/xhtml+xml"));
        if let Some(cookies) = self.cookies(url) {
            headers.insert(COOKIE, cookies);
        }
        if *method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            *request.body_mut() = Some(form.into());
        }
        request
    }

    fn is_of_the_server(&self, url: &Url) -> bool {
        let below = url.as_str().strip_prefix(&self.base);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;

    /// A site of three pages; says what it was asked.
    #[derive(Default)]
    struct Site(RefCell<Vec<String>>);

    impl Wire for Site {
        async fn send(&self, request: Request) -> Result<Answer, Failure> {
            let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
            let cookie = request.headers().get(COOKIE).map_or("", |cookie| cookie.to_str().unwrap());
            let asked = format!("{} {}", request.method(), request.url());
            self.0.borrow_mut().push(format!("{asked} {} {cookie}", String::from_utf8_lossy(body)).trim().to_owned());
            let (status, name, value, body) = match request.url().path() {
                "/" => (
                    200,
                    SET_COOKIE,
                    "a=1",
                    r#"<form method="post" action="/in"><input name="n"><button>Go</button></form>"#,
                ),
                "/in" => (303, LOCATION, "/out", ""),
                "/out" => (302, LOCATION, "https://client.test/cb", ""),
                "/again" => (307, LOCATION, "/", ""),
                "/round" => (303, LOCATION, "/round", ""),
                _ => (500, LOCATION, "/", ""),
            };
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            Ok(Answer { asked, status: StatusCode::from_u16(status).unwrap(), headers, body: body.into() })
        }
    }

    fn url(path: &str) -> Url {
        format!("https://server.test{path}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_browser_keeps_cookies_fills_in_forms_and_stops_at_the_servers_border() {
        let browser = Browser::new(Site::default(), "https://server.test");
        let page = browser.open(url("/")).await.unwrap().into_page().unwrap();
        assert!(browser.press(&page, "Stop", &[]).await.is_err(), "there is no such button");
        assert!(browser.press(&page, "Go", &[("m", "x")]).await.is_err(), "there is no such input");
        let left = browser.press(&page, "go", &[("n", "x y")]).await.unwrap().into_left().unwrap();
        assert_eq!(left.as_str(), "https://client.test/cb");
        let asked =
            ["GET https://server.test/", "POST https://server.test/in n=x+y a=1", "GET https://server.test/out  a=1"];
        assert_eq!(*browser.wire().0.borrow(), asked);
    }

    #[tokio::test]
    async fn what_no_browser_should_meet_is_a_failure() {
        let browser = Browser::new(Site::default(), "https://server.test");
        for (path, why) in [("/again", "repeats a form"), ("/round", "circles"), ("/broken", "a page")] {
            assert!(browser.open(url(path)).await.unwrap_err().0.contains(why), "{path}");
        }
        let elsewhere = "https://server.test.evil.test/".parse().unwrap();
        assert!(browser.open(elsewhere).await.unwrap().into_page().is_err(), "another host that begins alike");
    }
}
