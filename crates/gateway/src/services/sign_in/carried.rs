//! What is proven so far, on its way through a form: sealed, bound to a browser, and good for a few minutes.

use oauth::Keyring;
use serde::{Deserialize, Serialize};

use super::AuthenticatedUser;
use crate::domain::ids::{AccountKey, UserKey};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

const PURPOSE: &str = "proven by password";
/// How long a user may take to find their telephone, in milliseconds.
pub const PATIENCE: i64 = 10 * 60 * 1000;

#[derive(Serialize, Deserialize)]
struct Carried {
    account: AccountKey,
    resource: UserKey,
    id: String,
    at: Timestamp,
    browser: String,
    /// The page is one on which an app is set up.
    #[serde(default)]
    sets_up: bool,
}

/// For a form that this browser is shown, and whether that is one on which an app is set up.
pub fn seal(keys: &Keyring, proven: &AuthenticatedUser, browser: String, sets_up: bool) -> String {
    let AuthenticatedUser { account, resource, id, at } = proven.clone();
    let carried = Carried { account, resource, id, at, browser, sets_up };
    keys.seal(PURPOSE, system::nonce(), serde_json::to_string(&carried).unwrap_or_default().as_bytes())
}

/// What was proven, and whether the form was one on which an app is set up; `None` if it is not ours, was shown to another browser, or
/// is too old.
pub fn open(
    keys: &Keyring,
    sealed: &str,
    was_shown_to: impl Fn(&str) -> bool,
    now: Timestamp,
) -> Option<(AuthenticatedUser, bool)> {
    let carried: Carried = serde_json::from_slice(&keys.open(PURPOSE, sealed)?).ok()?;
    if !was_shown_to(&carried.browser) || carried.at + PATIENCE <= now {
        return None;
    }
    let Carried { account, resource, id, at, sets_up, .. } = carried;
    Some((AuthenticatedUser { account, resource, id, at }, sets_up))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn a_proof_counts_in_the_browser_it_was_shown_to_and_for_ten_minutes() {
        let keys = Keyring::new(&[1; 32]);
        let (account, resource) = (AccountKey::of_row(1), UserKey::of_row(2));
        let proven = AuthenticatedUser { account, resource, id: "u".to_owned(), at: ms(1000) };
        let sealed = seal(&keys, &proven, "this".to_owned(), true);
        let open = |browser: &str, now| open(&keys, &sealed, |of| of == browser, now);
        let (opened, sets_up) = open("this", ms(1000 + PATIENCE - 1)).unwrap();
        assert_eq!(
            (opened.account, opened.resource, opened.id.as_str(), opened.at, sets_up),
            (account, resource, "u", ms(1000), true)
        );
        assert!(open("another", ms(1000)).is_none());
        assert!(open("this", ms(1000 + PATIENCE)).is_none());
        assert!(super::open(&Keyring::new(&[2; 32]), &sealed, |_| true, ms(1000)).is_none());
    }
}
