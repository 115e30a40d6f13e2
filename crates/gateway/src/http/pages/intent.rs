//! What somebody logs in for. It travels in the forms, so that it is done afterwards.

use oauth::ClientId;
use oauth::authorize::AuthorizationRequest;

use super::failure::PageFailure;
use crate::app::App;

/// What somebody logs in for.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    /// To answer an authorization request.
    Answer(Box<AuthorizationRequest>),
    /// To look after their own connections.
    Account,
    /// To change their password.
    Password,
}

/// In the place of a sealed request. None looks like it: they are longer.
const ACCOUNT: &str = "account";
const PASSWORD: &str = "password";

impl Errand {
    pub(super) fn answer(asked: &AuthorizationRequest) -> Errand {
        Errand::Answer(Box::new(asked.clone()))
    }

    /// Out of a form's or a link's `request`.
    pub(super) fn open(app: &App, text: &str) -> Result<Errand, PageFailure> {
        match text {
            ACCOUNT => Ok(Errand::Account),
            PASSWORD => Ok(Errand::Password),
            sealed => open(app, sealed).map(|asked| Errand::Answer(Box::new(asked))),
        }
    }

    /// For a form or a link.
    pub(super) fn seal(&self, app: &App) -> String {
        match self {
            Errand::Answer(asked) => app.oauth(|cx| asked.seal(cx)),
            Errand::Account => ACCOUNT.to_owned(),
            Errand::Password => PASSWORD.to_owned(),
        }
    }

    /// Where it is done.
    pub(super) fn url(&self, app: &App) -> String {
        match self {
            Errand::Answer(_) => format!("{}/oauth2/consent?request={}", app.public_url, self.seal(app)),
            Errand::Account => format!("{}/account", app.public_url),
            Errand::Password => format!("{}/account/password", app.public_url),
        }
    }

    /// The client it is about.
    pub(super) fn client(&self) -> Option<&ClientId> {
        self.asked().map(|asked| &asked.client)
    }

    /// The authorization request it is about.
    pub(super) fn asked(&self) -> Option<&AuthorizationRequest> {
        match self {
            Errand::Answer(asked) => Some(asked),
            Errand::Account | Errand::Password => None,
        }
    }
}

/// The authorization request that a form carries, if we sealed it and it is not too old.
pub(super) fn open(app: &App, sealed: &str) -> Result<AuthorizationRequest, PageFailure> {
    app.oauth(|cx| AuthorizationRequest::open(cx, sealed)).ok_or(PageFailure::StaleForm)
}
