//! A browser of few words: it keeps cookies, follows redirects inside the server's origin, and fills in forms by what the
//! page says, so the pages are usable as plain HTML.

use reqwest::Method;
use url::Url;

use super::page::Page;
use super::transcript::Transcript;
use super::wire::{Caller, Failure, http_client};

/// How many redirects in a row are followed.
const MAX_REDIRECTS: usize = 8;

/// A browser with a cookie jar of its own.
#[derive(Debug)]
pub(crate) struct Browser<'t> {
    caller: Caller<'t>,
}

/// Where a click led.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// To a page of the server.
    Page(Page),
    /// Away from the server: to the client's redirect URI.
    Elsewhere(Url),
}

impl Arrival {
    /// The page; having left is a failure.
    pub(crate) fn page(self) -> Result<Page, Failure> {
        match self {
            Arrival::Page(page) => Ok(page),
            Arrival::Elsewhere(url) => {
                Err(Failure(format!("the browser\n  expected: a page\n  came:     a redirect to {url}")))
            }
        }
    }

    /// The address outside; having stayed is a failure.
    pub(crate) fn elsewhere(self) -> Result<Url, Failure> {
        match self {
            Arrival::Elsewhere(url) => Ok(url),
            Arrival::Page(page) => Err(Failure(format!(
                "the browser\n  expected: a redirect to the client\n  came:     a page, status {}: {}",
                page.status,
                page.text()
            ))),
        }
    }
}

impl<'t> Browser<'t> {
    /// A browser nobody has logged in with.
    pub(crate) fn new(transcript: &'t Transcript, base: &str) -> Result<Browser<'t>, Failure> {
        let http = http_client(&[("accept", "text/html,application/xhtml+xml")], true)?;
        Ok(Browser { caller: Caller::new(transcript, "browser", http, base) })
    }

    /// Types an address.
    pub(crate) async fn open(&self, url: &Url) -> Result<Arrival, Failure> {
        self.go(Method::GET, url.clone(), Vec::new()).await
    }

    /// Fills in the form that has this button, and presses it.
    pub(crate) async fn press(&self, page: &Page, button: &str, typed: &[(&str, &str)]) -> Result<Arrival, Failure> {
        let Some((form, button)) = page.form_with_button(button) else {
            return Err(Failure(format!("the page\n  expected: a button `{button}`\n  came:     {}", page.text())));
        };
        for (name, _) in typed {
            if !form.fields.iter().any(|(field, _)| field == name) {
                return Err(Failure(format!("the form\n  expected: an input `{name}`\n  came:     {}", page.text())));
            }
        }
        let typed_value = |name: &str| typed.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let filled = form.fields.iter().map(|(name, value)| {
            let value = typed_value(name).unwrap_or_else(|| value.clone());
            (name.clone(), value)
        });
        let pressed = button.name.clone().map(|name| (name, button.value.clone()));
        let pairs: Vec<(String, String)> = filled.chain(pressed).collect();
        let action = button.action.as_deref().unwrap_or(&form.action);
        let url = page.url.join(action).map_err(|e| Failure(format!("the form's action `{action}`: {e}")))?;
        let method = if form.is_post { Method::POST } else { Method::GET };
        self.go(method, url, pairs).await
    }

    async fn go(&self, mut method: Method, mut url: Url, mut pairs: Vec<(String, String)>) -> Result<Arrival, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            if !self.is_ours(&url) {
                return Ok(Arrival::Elsewhere(url));
            }
            let mut request = self.caller.request(method.clone(), url.as_str());
            if method == Method::POST {
                request = request.form(&pairs);
            } else if !pairs.is_empty() {
                url.query_pairs_mut().clear().extend_pairs(&pairs);
                request = self.caller.request(method.clone(), url.as_str());
            }
            let request = request.build().map_err(|e| Failure(format!("cannot ask for {url}: {e}")))?;
            let answer = self.caller.execute(request).await?;
            match answer.status {
                302 | 303 => {
                    let location = answer.header("location");
                    url = url.join(&location).map_err(|_| answer.unexpected("a Location that is a URL"))?;
                    (method, pairs) = (Method::GET, Vec::new());
                }
                500.. => return Err(answer.unexpected("a page")),
                status => {
                    let html = String::from_utf8_lossy(&answer.body).into_owned();
                    return Ok(Arrival::Page(Page { url, status, html }));
                }
            }
        }
        Err(Failure(format!("the browser\n  expected: to arrive\n  came:     more than {MAX_REDIRECTS} redirects")))
    }

    fn is_ours(&self, url: &Url) -> bool {
        Url::parse(self.caller.base()).is_ok_and(|base| base.origin() == url.origin())
    }
}
