//! Cookies: those that bind forms to a browser ([`binding`](super::binding)), one that says which user is logged in and one that says which
//! operator (at the console), and one that says who has logged in here before ([`device`]).

use actix_web::cookie::Cookie;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use oauth::Fingerprint;

use super::binding::Binding;
use super::cookie_jar::{cookie, name};
use super::device::{self, DEVICE};
use crate::app::App;
use crate::domain::actor::{Actor, Named, Source};
use crate::domain::browser_name;
use crate::domain::device::Device;
use crate::domain::request::{Notes, Refusal};
use crate::http::edge::{recording, request_id};
use crate::platform::secret_text::SecretText;
use crate::platform::system;
use crate::services::sign_in::session::{self, Beginning, derived_secret};
use crate::storage::sessions::{Liveness, Session};
use crate::storage::{DbError, ReadCost};

/// What a browser brought along.
#[derive(Debug, Clone)]
pub(super) struct Browser {
    binding: Binding,
    session: Option<String>,
    /// The secret of an operator's session.
    pub(super) console_session: Option<String>,
    pub(super) sealed_device: Option<String>,
    /// Who has logged in with it before.
    pub(super) device: Option<Device>,
    /// Where it is, and the request that it sent.
    pub(super) source: Source,
    /// What it is, such as "Firefox on Windows".
    pub(super) name: Option<String>,
    /// What is found out about that request.
    pub(super) notes: Notes,
}

const SESSION: &str = "gateway_session";
/// The cookie of an operator's session.
pub(super) const CONSOLE_SESSION: &str = "gateway_console";

/// How often it is written down that a session is in use, in milliseconds.
const TOUCH: i64 = 60_000;

/// Which sessions count at this moment.
pub(super) fn alive(app: &App) -> Liveness {
    let now = app.clock.now();
    Liveness { now, idle_since: now - app.config.oauth.session_idle_seconds as i64 * 1000 }
}

/// The cookie of a session that begins.
pub(super) fn of_session(app: &App, beginning: &Beginning) -> Cookie<'static> {
    cookie(app, SESSION, beginning.secret.reveal().to_owned())
}

impl Browser {
    pub(super) fn of(request: &HttpRequest, app: &App) -> Browser {
        let value = |plain| request.cookie(&name(app, plain)).map(|c| c.value().to_owned());
        let sealed_device = value(DEVICE);
        let device = sealed_device.as_deref().and_then(|sealed| device::open(app, sealed));
        let source = request_id::source_of(request, &app.config.server.trusted_proxies);
        let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let name_of_browser = user_agent.and_then(browser_name::of);
        let (binding, session, notes) = (Binding::of(request, app), value(SESSION), recording::notes_of(request));
        let console_session = value(CONSOLE_SESSION);
        Browser { name: name_of_browser, binding, session, console_session, sealed_device, device, source, notes }
    }

    /// Notes that it was refused something, and gives the text that its user is told.
    pub(super) fn refused(&self, refusal: Refusal) -> String {
        let detail = refusal.detail.clone();
        self.notes.take_down().refusal = Some(refusal);
        detail
    }

    /// What a form shown to this browser carries, and no other site can know.
    pub(super) fn csrf(&self, app: &App) -> String {
        self.binding.csrf(app)
    }

    /// Whether a form was shown to this browser by us.
    pub(super) fn sent(&self, app: &App, csrf: &str) -> bool {
        self.binding.sent(app, csrf)
    }

    /// What has to go with every page that has a form.
    pub(super) fn introduce(&self, app: &App, answer: &mut HttpResponse) {
        self.binding.introduce(app, answer);
    }

    /// Whether it says that a user is logged in, true or not.
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
        let found = app.db.read(ReadCost::Point, move |tx| tx.session(looked_up.as_bytes(), alive)).await?;
        if let Some(session) = &found {
            self.notes.take_down().acts(session.account, &session.owner_id);
        }
        if found.as_ref().is_some_and(|session| alive.now - session.last_seen > TOUCH) {
            app.db.write(move |tx| tx.touch_session(fingerprint.as_bytes(), alive.now)).await?;
        }
        Ok(found)
    }

    /// Logs in: a new session under a new secret, the old one ends.
    pub(super) async fn log_in(&self, app: &App, session: Session) -> Result<Cookie<'static>, DbError> {
        let beginning = self.beginning(app, session, oauth::generated(oauth::Prefix::Session, &mut system::fill));
        let cookie = of_session(app, &beginning);
        app.db.write(move |tx| beginning.begin(tx)).await?;
        Ok(cookie)
    }

    /// Logs in by a form that may be sent twice, as by a double click: both lead into one session. Its secret is derived from the form and
    /// from the cookies that it came with. A log-in changes these, so the next one has another secret.
    pub(super) async fn log_in_by_form(
        &self,
        app: &App,
        session: Session,
        form: &str,
    ) -> Result<Cookie<'static>, DbError> {
        let came_with = [
            form,
            &session.owner_id,
            &self.csrf(app),
            self.session.as_deref().unwrap_or_default(),
            self.sealed_device.as_deref().unwrap_or_default(),
        ];
        let derived = self.beginning(app, session.clone(), derived_secret(&app.keys, "session of a form", &came_with));
        let fresh = self.beginning(app, session, oauth::generated(oauth::Prefix::Session, &mut system::fill));
        let (alive, cookies) = (alive(app), [of_session(app, &derived), of_session(app, &fresh)]);
        let joined = app.db.write(move |tx| match derived.begin_or_join(tx, alive)? {
            true => Ok(true),
            false => fresh.begin(tx).map(|_| false),
        });
        let [derived, fresh] = cookies;
        Ok(if joined.await? { derived } else { fresh })
    }

    /// A session of this browser under a secret that is new.
    pub(super) fn beginning(&self, app: &App, session: Session, secret: String) -> Beginning {
        Beginning {
            fingerprint: app.keys.fingerprint(&secret),
            secret: SecretText::new(&secret),
            session,
            expires: app.clock.now() + app.config.oauth.session_seconds as i64 * 1000,
            old: self.session_fingerprint(app),
            address: self.source.address.clone(),
            browser: self.name.clone(),
        }
    }

    /// Logs out, and has the browser forget its session.
    pub(super) async fn log_out(&self, app: &App) -> Result<Cookie<'static>, DbError> {
        if let (Some(session), Some(fingerprint)) = (self.session(app).await?, self.session_fingerprint(app)) {
            let (source, now) = (self.source.clone(), app.clock.now());
            let ended = app.db.write(move |tx| {
                tx.act_as(Actor::User(Named::id(&session.owner_id)).at(source.clone()));
                session::end(tx, &session, fingerprint.as_bytes(), now)
            });
            ended.await?;
        }
        let mut gone = cookie(app, SESSION, String::new());
        gone.make_removal();
        Ok(gone)
    }
}
