//! A browser that users have logged in with before. Strangers who try passwords make others wait for a name, but never the browser of
//! the user it belongs to ([`throttle`](super::throttle)). Proves nothing else.

use serde::{Deserialize, Serialize};

use crate::platform::timestamp::Timestamp;

/// How long a browser is known after the last log-in, in days.
pub const DAYS: i64 = 180;
/// How many users share a browser at most.
const PEOPLE: usize = 8;

/// A browser that users have logged in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Tells it from others.
    pub id: String,
    /// The users' ids, and when they logged in; the latest first.
    people: Vec<(String, Timestamp)>,
}

impl Device {
    /// A browser that no user has logged in with.
    pub fn new(id: String) -> Device {
        Device { id, people: Vec::with_capacity(1) }
    }

    /// Forgets log-ins that are too long ago at this time (milliseconds since the epoch).
    pub fn forget_old(&mut self, now: Timestamp) {
        let oldest = now - DAYS * 86_400_000;
        self.people.retain(|(_, when)| *when > oldest);
    }

    /// Whether this user has logged in with it.
    pub fn knows(&self, user: &str) -> bool {
        self.people.iter().any(|(known, _)| known == user)
    }

    /// This user has logged in.
    pub fn logged_in(&mut self, user: &str, now: Timestamp) {
        self.people.retain(|(known, _)| known != user);
        self.people.insert(0, (user.to_owned(), now));
        self.people.truncate(PEOPLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn a_browser_knows_the_latest_eight_users_for_half_a_year() {
        let day = 86_400_000;
        let mut device = Device::new("browser".to_owned());
        for n in 0..10 {
            device.logged_in(&format!("user {n}"), ms(n * day));
        }
        let known = |device: &Device| (0..10).filter(|n| device.knows(&format!("user {n}"))).collect::<Vec<_>>();
        assert_eq!(known(&device), [2, 3, 4, 5, 6, 7, 8, 9]);
        device.logged_in("user 2", ms(10 * day));
        device.logged_in("user 10", ms(10 * day));
        assert!(device.knows("user 2") && !device.knows("user 3"), "a log-in of today is the latest");
        device.forget_old(ms((DAYS + 8) * day));
        assert_eq!(known(&device), [2, 9]);
    }
}
