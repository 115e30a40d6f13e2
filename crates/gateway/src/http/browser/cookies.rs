//! Two cookies: one that tells browsers apart (for forms), one that says who is logged in.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::storage::sessions::Session;
use crate::storage::{Cost, DbError};
use crate::system;

/// What a browser brought along.
#[derive(Debug, Clone)]
pub(super) struct Browser {
    id: String,
    is_new: bool,
    session: Option<String>,
}

fn is_secure(app: &App) -> bool {
    app.public_url.starts_with("https://")
}

/// `__Host-` binds a cookie to this very host and to TLS (RFC 6265bis §4.1.3.2); browsers refuse it without TLS.
fn name(app: &App, plain: &str) -> String {
    if is_secure(app) { format!("__Host-{plain}") } else { plain.to_owned() }
}

fn cookie(app: &App, plain: &str, value: String) -> Cookie<'static> {
    Cookie::build(name(app, plain), value)
        .path("/")
        .http_only(true)
        .secure(is_secure(app))
        .same_site(SameSite::Lax)
        .finish()
}

const BROWSER: &str = "gateway_browser";
const SESSION: &str = "gateway_session";

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
        Browser { id, is_new, session: value(SESSION) }
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

    /// Who is logged in.
    pub(super) async fn session(&self, app: &App) -> Result<Option<Session>, DbError> {
        let Some(fingerprint) = self.session.as_deref().map(|secret| app.keys.fingerprint(secret)) else {
            return Ok(None);
        };
        app.db.read(Cost::Short, move |tx| tx.session(fingerprint.as_bytes(), system::now())).await
    }

    /// Logs in: a new session under a new secret, the old one ends.
    pub(super) async fn log_in(&self, app: &App, session: Session) -> Result<Cookie<'static>, DbError> {
        let secret = oauth::generated(oauth::Prefix::Session, &mut system::fill);
        let fingerprint = app.keys.fingerprint(&secret);
        let old = self.session.as_deref().map(|secret| app.keys.fingerprint(secret));
        let expires = system::now() + app.config.oauth.session_seconds as i64 * 1000;
        app.db
            .write(move |tx| {
                if let Some(old) = &old {
                    tx.end_session(old.as_bytes())?;
                }
                tx.insert_session(fingerprint.as_bytes(), &session, expires)
            })
            .await?;
        Ok(cookie(app, SESSION, secret))
    }

    /// Logs out.
    pub(super) async fn log_out(&self, app: &App) -> Result<Cookie<'static>, DbError> {
        if let Some(old) = self.session.as_deref().map(|secret| app.keys.fingerprint(secret)) {
            app.db.write(move |tx| tx.end_session(old.as_bytes())).await?;
        }
        let mut gone = cookie(app, SESSION, String::new());
        gone.make_removal();
        Ok(gone)
    }
}
