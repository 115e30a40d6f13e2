//! Three cookies: one that tells browsers apart (for forms), one that says who is logged in, and one that says who has logged in
//! here before ([`device`](super::device)).

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::Fingerprint;

use super::device::Device;
use crate::app::App;
use crate::http::address;
use crate::storage::sessions::{Liveness, Session};
use crate::storage::{Cost, DbError};
use crate::system;

/// What a browser brought along.
#[derive(Debug, Clone)]
pub(super) struct Browser {
    id: String,
    is_new: bool,
    session: Option<String>,
    /// Who has logged in with it before.
    pub(super) device: Option<Device>,
    /// Where it is.
    pub(super) address: Option<String>,
}

fn is_secure(app: &App) -> bool {
    app.public_url.starts_with("https://")
}

/// `__Host-` binds a cookie to this very host and to TLS (RFC 6265bis §4.1.3.2); browsers refuse it without TLS.
fn name(app: &App, plain: &str) -> String {
    if is_secure(app) { format!("__Host-{plain}") } else { plain.to_owned() }
}

pub(super) fn cookie(app: &App, plain: &str, value: String) -> Cookie<'static> {
    Cookie::build(name(app, plain), value)
        .path("/")
        .http_only(true)
        .secure(is_secure(app))
        .same_site(SameSite::Lax)
        .finish()
}

const BROWSER: &str = "gateway_browser";
const SESSION: &str = "gateway_session";
pub(super) const DEVICE: &str = "gateway_device";

/// How often it is written down that a session is in use, in milliseconds.
const TOUCH: i64 = 60_000;

/// Which sessions count at this moment.
pub(super) fn alive(app: &App) -> Liveness {
    let now = system::now();
    Liveness { now, idle_since: now - app.config.oauth.session_idle_seconds as i64 * 1000 }
}

impl Browser {
    pub(super) fn of(request: &HttpRequest, app: &App) -> Browser {
        let value = |plain| request.cookie(&name(app, plain)).map(|c| c.value().to_owned());
        let known = value(BROWSER).filter(|id| id.len() == 43);
        let is_new = known.is_none();
        let id = known.unwrap_or_else(|| {
            let mut bytes = [0; 32];
            system::fill(&mut bytes);
            URL_SAFE_NO_PAD.encode(bytes)
        });
        let device = value(DEVICE).and_then(|sealed| Device::open(app, &sealed));
        let address = address::of(request, &app.config.trusted_proxies);
        Browser { id, is_new, session: value(SESSION), device, address }
    }

    /// What a form shown to this browser carries, and no other site can know.
    pub(super) fn csrf(&self, app: &App) -> String {
        URL_SAFE_NO_PAD.encode(app.keys.tag("csrf", self.id.as_bytes()))
    }

    /// Whether a form was shown to this browser by us.
    pub(super) fn sent(&self, app: &App, csrf: &str) -> bool {
        !self.is_new && app.keys.fingerprint(csrf) == app.keys.fingerprint(&self.csrf(app))
    }

    /// The cookie to be set with a form, if this browser has none yet.
    pub(super) fn introduction(&self, app: &App) -> Option<Cookie<'static>> {
        self.is_new.then(|| cookie(app, BROWSER, self.id.clone()))
    }

    /// Whether it says that somebody is logged in, true or not.
    pub(super) fn claims_session(&self) -> bool {
        self.session.is_some()
    }

    /// What is kept of its session's secret.
    pub(super) fn session_fingerprint(&self, app: &App) -> Option<Fingerprint> {
        self.session.as_deref().map(|secret| app.keys.fingerprint(secret))
    }

    /// Who is logged in.
    pub(super) async fn session(&self, app: &App) -> Result<Option<Session>, DbError> {
        let Some(fingerprint) = self.session_fingerprint(app) else { return Ok(None) };
        let (alive, looked_up) = (alive(app), fingerprint.clone());
        let found = app.db.read(Cost::Short, move |tx| tx.session(looked_up.as_bytes(), alive)).await?;
        if found.as_ref().is_some_and(|session| alive.now - session.last_seen > TOUCH) {
            app.db.write(move |tx| tx.touch_session(fingerprint.as_bytes(), alive.now)).await?;
        }
        Ok(found)
    }

    /// Logs in: a new session under a new secret, the old one ends.
    pub(super) async fn log_in(&self, app: &App, session: Session) -> Result<Cookie<'static>, DbError> {
        let secret = oauth::generated(oauth::Prefix::Session, &mut system::fill);
        let fingerprint = app.keys.fingerprint(&secret);
        let old = self.session_fingerprint(app);
        let expires = system::now() + app.config.oauth.session_seconds as i64 * 1000;
        let address = self.address.clone();
        app.db
            .write(move |tx| {
                if let Some(old) = &old {
                    tx.end_session(old.as_bytes())?;
                }
                tx.insert_session(fingerprint.as_bytes(), &session, expires, address.as_deref())
            })
            .await?;
        Ok(cookie(app, SESSION, secret))
    }

    /// Logs out.
    pub(super) async fn log_out(&self, app: &App) -> Result<Cookie<'static>, DbError> {
        if let Some(old) = self.session_fingerprint(app) {
            app.db.write(move |tx| tx.end_session(old.as_bytes())).await?;
        }
        let mut gone = cookie(app, SESSION, String::new());
        gone.make_removal();
        Ok(gone)
    }
}
