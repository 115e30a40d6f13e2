//! What a user logs in for. It travels in the forms, so that it is done afterwards.

use oauth::ClientId;
use oauth::authorize::AuthorizationRequest;

use super::cookies::Browser;
use super::failure::PageFailure;
use crate::app::App;
use crate::platform::timestamp::Timestamp;

/// What a user logs in for.
#[derive(Debug, Clone)]
pub(super) enum LoginIntent {
    /// To answer an authorization request.
    Answer(Box<AuthorizationRequest>),
    /// To look after their own connections.
    Account,
    /// To change their password.
    Password,
    /// To look after the connections of their account.
    Connections,
}

/// In the place of a sealed request. None looks like it: they are longer.
const ACCOUNT: &str = "account";
const PASSWORD: &str = "password";
const CONNECTIONS: &str = "connections";

impl LoginIntent {
    pub(super) fn answer(asked: &AuthorizationRequest) -> LoginIntent {
        LoginIntent::Answer(Box::new(asked.clone()))
    }

    /// Out of a form's or a link's `request`.
    pub(super) fn open(app: &App, browser: &Browser, text: &str) -> Result<LoginIntent, PageFailure> {
        match text {
            ACCOUNT => Ok(LoginIntent::Account),
            PASSWORD => Ok(LoginIntent::Password),
            CONNECTIONS => Ok(LoginIntent::Connections),
            sealed => open(app, browser, sealed).map(|asked| LoginIntent::Answer(Box::new(asked))),
        }
    }

    /// For a form or a link.
    pub(super) fn seal(&self, app: &App) -> String {
        match self {
            LoginIntent::Answer(asked) => app.oauth(|cx| asked.seal(cx)),
            LoginIntent::Account => ACCOUNT.to_owned(),
            LoginIntent::Password => PASSWORD.to_owned(),
            LoginIntent::Connections => CONNECTIONS.to_owned(),
        }
    }

    /// Where it is done.
    pub(super) fn url(&self, app: &App) -> String {
        match self {
            LoginIntent::Answer(_) => format!("{}/oauth2/consent?request={}", app.public_url, self.seal(app)),
            LoginIntent::Account => format!("{}/account", app.public_url),
            LoginIntent::Password => format!("{}/account/password", app.public_url),
            LoginIntent::Connections => format!("{}/account/connections", app.public_url),
        }
    }

    /// The client it is about.
    pub(super) fn client(&self) -> Option<&ClientId> {
        self.asked().map(|asked| &asked.client)
    }

    /// When the client asked, in milliseconds since the epoch.
    pub(super) fn requested(&self) -> Option<Timestamp> {
        self.asked().map(|asked| Timestamp::of_millis(asked.issued))
    }

    /// Since when the user has to have logged in, where a new log-in is asked for.
    pub(super) fn fresh_since(&self) -> Option<Timestamp> {
        self.asked()?.oldest_login().map(Timestamp::of_millis)
    }

    /// The authorization request it is about.
    pub(super) fn asked(&self) -> Option<&AuthorizationRequest> {
        match self {
            LoginIntent::Answer(asked) => Some(asked),
            LoginIntent::Account | LoginIntent::Password | LoginIntent::Connections => None,
        }
    }
}

/// The authorization request that a form of this browser's carries, if we sealed it and it is not too old.
pub(super) fn open(app: &App, browser: &Browser, sealed: &str) -> Result<AuthorizationRequest, PageFailure> {
    let asked = app.oauth(|cx| AuthorizationRequest::open(cx, sealed)).ok_or(PageFailure::StaleForm)?;
    browser.notes.take_down().is_for(asked.client.as_str());
    Ok(asked)
}
