//! What was called on behalf of one request, as far as it may be told: no query, no body, no credentials.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use url::Url;

use super::FetchError;

/// The longest address that is told.
const LONGEST: usize = 300;

/// A call that was made, or was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET`
    pub method: &'static str,
    /// Scheme, host and path.
    pub address: String,
    /// The status of the answer, or why there is none that counts.
    pub outcome: Result<u16, FetchError>,
    /// How long it took, in microseconds.
    pub micros: i64,
}

/// The calls on behalf of one request. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// Takes out what was called so far.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a call that began then.
    pub(super) fn note(&self, method: &'static str, url: &str, began: Instant, outcome: Result<u16, FetchError>) {
        let micros = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        let call = Call { method, address: told(url), outcome, micros };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

/// An address without its query, its fragment and its credentials.
fn told(address: &str) -> String {
    let Ok(url) = Url::parse(address) else { return "…".to_owned() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let text = format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path());
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_query_fragment_and_credentials() {
        for (address, shown) in [
            ("https://id.test/keys?secret=1#x", "https://id.test/keys"),
            ("https://ada:hunter2@id.test:8443/a/b", "https://id.test:8443/a/b"),
            ("https://id.test", "https://id.test/"),
            ("no address, with a secret", "…"),
        ] {
            assert_eq!(told(address), shown);
        }
        assert_eq!(told(&format!("https://id.test/{}", "x".repeat(1000))).chars().count(), LONGEST);
    }
}
