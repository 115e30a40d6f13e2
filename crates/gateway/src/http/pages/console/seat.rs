//! The session of an operator's browser: its cookie, how long it counts, and the token of its forms.

use actix_web::cookie::Cookie;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::Fingerprint;

use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Act, Action};
use crate::domain::operator::Mandate;
use crate::http::pages::cookie_jar::cookie;
use crate::http::pages::cookies::{Browser, CONSOLE_SESSION};
use crate::platform::secret_text::SecretText;
use crate::services::operators;
use crate::services::sign_in::operator::AuthenticatedOperator;
use crate::services::sign_in::session::{Beginning, derived_secret};
use crate::storage::operator_sessions::{OperatorOfSession, OperatorSession};
use crate::storage::sessions::Liveness;
use crate::storage::{DbError, ReadCost};

/// How often it is written down that a session is in use, in milliseconds.
const TOUCH: i64 = 60_000;

/// A browser in which an operator is logged in.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) session: OperatorSession,
    pub(super) operator: OperatorOfSession,
    pub(super) mandate: Mandate,
    pub(super) fingerprint: Fingerprint,
}

/// Which sessions count at this moment.
pub(super) fn alive(app: &App) -> Liveness {
    let now = app.clock.now();
    Liveness { now, idle_since: now - app.config.console.session_idle_seconds as i64 * 1000 }
}

/// Who is logged in with this browser.
pub(super) async fn find(app: &App, browser: &Browser) -> Result<Option<Seat>, DbError> {
    let Some(secret) = browser.console_session.as_deref() else { return Ok(None) };
    let (alive, fingerprint) = (alive(app), app.keys.fingerprint(secret));
    let looked_up = fingerprint.clone();
    let found = app
        .db
        .read(ReadCost::Point, move |tx| {
            let Some((session, operator)) = tx.operator_session(looked_up.as_bytes(), alive)? else { return Ok(None) };
            let mandate = operators::mandate(tx, &operator.id)?;
            Ok::<_, DbError>(mandate.map(|mandate| (session, operator, mandate)))
        })
        .await?;
    let Some((session, operator, mandate)) = found else { return Ok(None) };
    if alive.now - session.last_seen > TOUCH {
        let (touched, key) = (fingerprint.clone(), session.operator);
        app.db.write(move |tx| tx.touch_operator_session(touched.as_bytes(), key, alive.now)).await?;
    }
    Ok(Some(Seat { session, operator, mandate, fingerprint }))
}

/// What each form of this session carries, and no other site or session knows.
pub(super) fn token(app: &App, fingerprint: &Fingerprint) -> String {
    URL_SAFE_NO_PAD.encode(app.keys.tag("form of the console", fingerprint.as_bytes()))
}

/// A session of this browser under this secret.
pub(super) fn beginning(
    app: &App,
    browser: &Browser,
    operator: &AuthenticatedOperator,
    secret: String,
) -> Beginning<OperatorSession> {
    Beginning {
        fingerprint: app.keys.fingerprint(&secret),
        secret: SecretText::new(&secret),
        session: operator.session(),
        expires: app.clock.now() + app.config.console.session_seconds as i64 * 1000,
        old: browser.console_session.as_deref().map(|secret| app.keys.fingerprint(secret)),
        address: browser.source.address.clone(),
        browser: browser.name.clone(),
    }
}

/// The secret of the session that this form begins in this browser: a form that is sent twice leads into one session.
pub(super) fn secret_of_form(app: &App, browser: &Browser, operator: &AuthenticatedOperator, form: &str) -> String {
    let came_with = [
        form,
        operator.id(),
        &browser.csrf(app),
        browser.console_session.as_deref().unwrap_or_default(),
        browser.sealed_device.as_deref().unwrap_or_default(),
    ];
    derived_secret(&app.keys, "console session of a form", &came_with)
}

/// The cookie of a session that begins.
pub(super) fn cookie_of(app: &App, beginning: &Beginning<OperatorSession>) -> Cookie<'static> {
    cookie(app, CONSOLE_SESSION, beginning.secret.reveal().to_owned())
}

/// The cookie that takes it away.
pub(super) fn no_cookie(app: &App) -> Cookie<'static> {
    let mut gone = cookie(app, CONSOLE_SESSION, String::new());
    gone.make_removal();
    gone
}

/// Logs out.
pub(super) async fn end(app: &App, browser: &Browser, seat: &Seat) -> Result<(), DbError> {
    let (fingerprint, source, operator) = (seat.fingerprint.clone(), browser.source.clone(), seat.operator.clone());
    let ended = app.db.write(move |tx| {
        let now = tx.now();
        tx.act_as(Actor::Operator(Named::new(&operator.id, &operator.name)).at(source.clone()));
        if tx.end_operator_session(fingerprint.as_bytes())? {
            tx.raise(now, None, Act::new(Action::OperatorSessionEnded).on_named(&operator.id, &operator.name));
        }
        Ok::<_, DbError>(())
    });
    ended.await
}
