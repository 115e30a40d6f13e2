//! Who has logged in with this browser before. Strangers who try passwords make others wait for a name, but never the browser of
//! whoever it belongs to ([`throttle`](crate::domain::throttle)). Proves nothing else.

use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use serde::{Deserialize, Serialize};

use super::cookie_jar;
use crate::app::App;
use crate::platform::system;

pub(super) const DEVICE: &str = "gateway_device";
const PURPOSE: &str = "device";
/// How long a browser is known after the last log-in, in days.
const DAYS: i64 = 180;
/// How many people share a browser at most.
const PEOPLE: usize = 8;

/// A browser that people have logged in with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Device {
    /// Tells it from others.
    pub(super) id: String,
    /// The users' ids, and when they logged in; the latest first.
    people: Vec<(String, i64)>,
}

impl Device {
    /// Out of its cookie; `None` if we did not seal it.
    pub(super) fn open(app: &App, sealed: &str) -> Option<Device> {
        let mut device: Device = serde_json::from_slice(&app.keys.open(PURPOSE, sealed)?).ok()?;
        let oldest = system::now() - DAYS * 86_400_000;
        device.people.retain(|(_, when)| *when > oldest);
        Some(device)
    }

    /// Whether this user has logged in with it.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.people.iter().any(|(known, _)| known == user)
    }

    /// The cookie of this browser, or of a new one, after this user has logged in.
    pub(super) fn after_log_in(known: Option<&Device>, app: &App, user: &str, now: i64) -> Cookie<'static> {
        let mut device =
            known.cloned().unwrap_or_else(|| Device { id: system::new_client_id(), people: Vec::with_capacity(1) });
        device.people.retain(|(known, _)| known != user);
        device.people.insert(0, (user.to_owned(), now));
        device.people.truncate(PEOPLE);
        let mut nonce = [0; 24];
        system::fill(&mut nonce);
        let plain = serde_json::to_vec(&device).unwrap_or_default();
        let mut cookie = cookie_jar::cookie(app, DEVICE, app.keys.seal(PURPOSE, nonce, &plain));
        cookie.set_max_age(Duration::days(DAYS));
        cookie
    }
}
