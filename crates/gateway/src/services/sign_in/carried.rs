//! What is proven so far, on its way through a form: sealed, bound to a browser, and good for a few minutes.

use oauth::Keyring;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::platform::system;
use crate::platform::timestamp::Timestamp;

/// How long a user may take to find their telephone, in milliseconds.
pub const PATIENCE: i64 = 10 * 60 * 1000;

/// What a person proved by their password.
pub trait Proven: Clone + Serialize + DeserializeOwned {
    /// What it is sealed for, so that the proof of a user is none of an operator.
    const PURPOSE: &str;
    /// When.
    fn at(&self) -> Timestamp;
}

#[derive(Serialize, Deserialize)]
struct Carried<P> {
    #[serde(flatten)]
    proven: P,
    browser: String,
    /// The page is one on which an app is set up.
    #[serde(default)]
    sets_up: bool,
}

/// For a form that this browser is shown, and whether that is one on which an app is set up.
pub fn seal<P: Proven>(keys: &Keyring, proven: &P, browser: String, sets_up: bool) -> String {
    let carried = Carried { proven: proven.clone(), browser, sets_up };
    keys.seal(P::PURPOSE, system::nonce(), serde_json::to_string(&carried).unwrap_or_default().as_bytes())
}

/// What was proven, and whether the form was one on which an app is set up; `None` if it is not ours, was shown to another browser, or
/// is too old.
pub fn open<P: Proven>(
    keys: &Keyring,
    sealed: &str,
    was_shown_to: impl Fn(&str) -> bool,
    now: Timestamp,
) -> Option<(P, bool)> {
    let carried: Carried<P> = serde_json::from_slice(&keys.open(P::PURPOSE, sealed)?).ok()?;
    if !was_shown_to(&carried.browser) || carried.proven.at() + PATIENCE <= now {
        return None;
    }
    Some((carried.proven, carried.sets_up))
}

#[cfg(test)]
mod tests {
    use oauth::Authentication;

    use super::*;
    use crate::domain::ids::{AccountKey, UserKey};
    use crate::platform::timestamp::ms;
    use crate::services::sign_in::AuthenticatedUser;

    #[test]
    fn a_proof_counts_in_the_browser_it_was_shown_to_and_for_ten_minutes() {
        let keys = Keyring::new(&[1; 32]);
        let (account, resource) = (AccountKey::of_row(1), UserKey::of_row(2));
        let proven = AuthenticatedUser::new(account, resource, "u", ms(1000), Authentication::by_password());
        let sealed = seal(&keys, &proven, "this".to_owned(), true);
        let open = |browser: &str, now| open::<AuthenticatedUser>(&keys, &sealed, |of| of == browser, now);
        let (opened, sets_up) = open("this", ms(1000 + PATIENCE - 1)).unwrap();
        assert_eq!(
            (opened.account, opened.resource, opened.id.as_str(), opened.at, sets_up),
            (account, resource, "u", ms(1000), true)
        );
        assert!(open("another", ms(1000)).is_none());
        assert!(open("this", ms(1000 + PATIENCE)).is_none());
        assert!(super::open::<AuthenticatedUser>(&Keyring::new(&[2; 32]), &sealed, |_| true, ms(1000)).is_none());
    }
}
