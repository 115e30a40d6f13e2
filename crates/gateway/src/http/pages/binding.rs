//! What binds a form to the browser it was shown to: a cookie with a secret, and in the form a keyed hash of it.
//!
//! A site that makes a user's browser send a form of its own making (to log it in as another user, say) cannot know the hash
//! that goes with a secret of that browser, and the hash that goes with its own secret is worth nothing there.
//!
//! A browser that opens two pages at once before it has a cookie, as when it restores its tabs, is given a secret with each. Each
//! therefore has a cookie **of its own name**, so that the later does not take the earlier one's place, and a form counts with *any*
//! of the secrets that its browser has. This gives nothing away: every one of them was drawn by us for an answer to this browser.

use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cookie_jar;
use crate::app::App;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

/// How the cookies' names begin.
const PLAIN: &str = "gateway_browser";
/// How many a browser may have; the oldest go first. No browser opens more tabs at once.
const MOST: usize = 32;
/// Beside a newer one, a secret is forgotten after so long, in milliseconds: no page that it was given with is still of use.
const FORGOTTEN: i64 = 12 * 3_600_000;

/// The secrets of a browser.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// At least one, the newest first.
    secrets: Vec<Secret>,
    is_new: bool,
    /// The names of cookies that it no longer needs.
    stale: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Secret {
    /// What follows [`PLAIN`] in its cookie's name.
    suffix: String,
    text: String,
    /// Milliseconds since the epoch.
    made: Timestamp,
}

impl Secret {
    /// The time in the first six bytes, and 208 random bits.
    fn new(now: Timestamp) -> Secret {
        let mut bytes = [0; 32];
        system::fill(&mut bytes);
        bytes[..6].copy_from_slice(&now.millis().to_be_bytes()[2..]);
        let text = URL_SAFE_NO_PAD.encode(bytes);
        let mut name = [0; 6];
        system::fill(&mut name);
        Secret { suffix: format!("_{}", URL_SAFE_NO_PAD.encode(name)), made: now, text }
    }

    /// Out of a cookie. One without a suffix is from before cookies had them.
    fn read(suffix: &str, text: &str) -> Option<Secret> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32)?;
        let made = bytes[..6].iter().fold(0, |time, byte| time << 8 | i64::from(*byte));
        let made = if suffix.is_empty() { Timestamp::EPOCH } else { Timestamp::of_millis(made) };
        Some(Secret { suffix: suffix.to_owned(), text: text.to_owned(), made })
    }
}

impl Binding {
    pub(super) fn of(request: &HttpRequest, app: &App) -> Binding {
        let prefix = cookie_jar::name(app, PLAIN);
        let sent = request.cookies();
        let sent = sent.iter().flat_map(|cookies| cookies.iter());
        let sent = sent.filter_map(|cookie| Some((cookie.name().strip_prefix(&prefix)?, cookie.value())));
        Binding::among(sent, app.clock.now())
    }

    /// The secrets among cookies, given by what follows [`PLAIN`] in their names.
    fn among<'c>(cookies: impl Iterator<Item = (&'c str, &'c str)>, now: Timestamp) -> Binding {
        let mut secrets: Vec<Secret> = cookies.filter_map(|(suffix, text)| Secret::read(suffix, text)).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.made));
        let of_use = |(n, secret): (usize, &Secret)| n == 0 || (n < MOST && now - secret.made < FORGOTTEN);
        let kept = secrets.iter().enumerate().take_while(|at| of_use(*at)).count();
        let stale = secrets.split_off(kept).into_iter().map(|secret| format!("{PLAIN}{}", secret.suffix)).collect();
        let is_new = secrets.is_empty();
        if is_new {
            secrets.push(Secret::new(now));
        }
        Binding { secrets, is_new, stale }
    }

    /// What a form shown to this browser carries, and no other site can know.
    pub(super) fn csrf(&self, app: &App) -> String {
        self.secrets.first().map_or_else(String::new, |secret| tag(app, secret))
    }

    /// Whether a form was shown to this browser by us.
    pub(super) fn sent(&self, app: &App, csrf: &str) -> bool {
        let sent = app.keys.fingerprint(csrf);
        !self.is_new && self.secrets.iter().any(|secret| app.keys.fingerprint(&tag(app, secret)) == sent)
    }

    /// Gives a browser that has no secret its first, and takes from others what they no longer need.
    pub(super) fn introduce(&self, app: &App, answer: &mut HttpResponse) {
        if let Some(secret) = self.secrets.first().filter(|_| self.is_new) {
            add(answer, &cookie_jar::cookie(app, &format!("{PLAIN}{}", secret.suffix), secret.text.clone()));
        }
        for name in &self.stale {
            let mut gone = cookie_jar::cookie(app, name, String::new());
            gone.make_removal();
            add(answer, &gone);
        }
    }
}

fn add(answer: &mut HttpResponse, cookie: &Cookie<'_>) {
    let _ = answer.add_cookie(cookie);
}

fn tag(app: &App, secret: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(app.keys.tag("csrf", secret.text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::of_millis(1_800_000_000_000);

    fn among(secrets: &[Secret]) -> Binding {
        Binding::among(secrets.iter().map(|secret| (secret.suffix.as_str(), secret.text.as_str())), NOW)
    }

    #[test]
    fn report_14_every_secret_of_a_browser_counts_and_the_newest_is_for_new_forms() {
        let new = among(&[]);
        assert!(new.is_new && new.secrets.len() == 1 && new.stale.is_empty());
        let made = |ago: i64| Secret::new(NOW - ago);
        let (first, second) = (made(2), made(1));
        assert_ne!(first.suffix, second.suffix, "no cookie takes another's place");
        let both = among(&[first.clone(), second.clone()]);
        assert!(!both.is_new && both.stale.is_empty());
        assert_eq!(both.secrets, [second, first]);
    }

    #[test]
    fn report_14_a_browser_keeps_a_bounded_number_of_secrets_and_never_loses_its_only_one() {
        let many: Vec<Secret> = (0..40).map(|n| Secret::new(NOW - n)).collect();
        let kept = among(&many);
        assert_eq!((kept.secrets.len(), kept.stale.len()), (MOST, 8));
        assert_eq!(kept.secrets, many[..MOST], "the oldest go");
        let old = Secret::new(NOW - FORGOTTEN);
        let alone = among(std::slice::from_ref(&old));
        assert_eq!(alone.secrets, std::slice::from_ref(&old), "as old as it may be, it is all there is");
        let beside_a_newer = among(&[old.clone(), Secret::new(NOW)]);
        assert_eq!(beside_a_newer.secrets.len(), 1);
        assert_eq!(beside_a_newer.stale, [format!("{PLAIN}{}", old.suffix)]);
        let from_before = Secret { suffix: String::new(), ..Secret::new(NOW) };
        assert!(!among(&[from_before]).is_new);
        for nonsense in ["", "short", &"A".repeat(44), &"!".repeat(43)] {
            assert!(Secret::read("_x", nonsense).is_none(), "{nonsense}");
        }
    }
}
