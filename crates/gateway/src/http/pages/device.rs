//! The cookie of a browser that users have logged in with before.

use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;

use super::cookie_jar;
use crate::app::App;
use crate::domain::device::{DAYS, Device};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

pub(super) const DEVICE: &str = "gateway_device";
const PURPOSE: &str = "device";

/// Out of its cookie; `None` if we did not seal it.
pub(super) fn open(app: &App, sealed: &str) -> Option<Device> {
    let mut device: Device = serde_json::from_slice(&app.keys.open(PURPOSE, sealed)?).ok()?;
    device.forget_old(app.clock.now());
    Some(device)
}

/// The cookie of this browser, or of a new one, after this user has logged in.
pub(super) fn after_log_in(known: Option<&Device>, app: &App, user: &str, now: Timestamp) -> Cookie<'static> {
    let mut device = known.cloned().unwrap_or_else(|| Device::new(system::new_client_id()));
    device.logged_in(user, now);
    let plain = serde_json::to_vec(&device).unwrap_or_default();
    let mut cookie = cookie_jar::cookie(app, DEVICE, app.keys.seal(PURPOSE, system::nonce(), &plain));
    cookie.set_max_age(Duration::days(DAYS));
    cookie
}
