//! Who sits at the console: what a handler takes to be reached by operators alone.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use askama::Template;

use super::frame::{self, Section};
use super::seat::{self, Seat};
use crate::app::App;
use crate::domain::actor::{Actor, Named, Origin};
use crate::domain::operator::Mandate;
use crate::http::edge::endpoints;
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::{Form, drawn_mark};
use crate::http::pages::respond::redirect;
use crate::services::error::{ActError, Refusal};
use crate::services::sent_form::SentForm;
use crate::storage::{ReadCost, TransactionError, Tx};

/// A logged-in operator who has what the row of the page asks for ([`Audience`](crate::http::edge::audience::Audience)). Taking one as a parameter is what protects a handler of a GET; of a POST it is [`Submitted`].
#[derive(Debug, Clone)]
pub(in crate::http::pages) struct Desk {
    pub(super) seat: Seat,
    pub(super) browser: Browser,
    /// What an act before had as its outcome, to be said on this page.
    said: Option<String>,
    token: String,
    /// The form that is sent; of a page, one that makes nothing.
    sent: SentForm,
}

/// A form that this operator was shown, sent back with the token of their session.
#[derive(Debug)]
pub(in crate::http::pages) struct Submitted {
    /// Who sent it.
    pub(in crate::http::pages) desk: Desk,
    /// What was typed.
    pub(in crate::http::pages) form: Form,
}

impl Desk {
    async fn at(app: &App, request: &HttpRequest) -> Result<Option<Desk>, PageFailure> {
        let browser = Browser::of(request, app);
        let Some(seat) = seat::find(app, &browser).await? else { return Ok(None) };
        // Before anything is looked at: an operator who may not do this is told only that. Services ask again.
        let need = endpoints::row(request).and_then(|row| row.audience.need());
        if let Some(Err(why)) = need.map(|need| need.of(&seat.mandate)) {
            return Err(PageFailure::Act(why.into()));
        }
        // No id has a NUL, and no database could be asked for one.
        if request.path().contains("%00") {
            let id = request.path().to_owned();
            return Err(PageFailure::Act(Refusal::NotFound { what: "page", id }));
        }
        let said = frame::said(app, request);
        // Its first part holds for the session, its second is drawn for each page.
        let token = format!("{}.{}", seat::token(app, &seat.fingerprint), drawn_mark());
        let sent = SentForm::of(&app.keys, &[&token]);
        Ok(Some(Desk { seat, browser, said, token, sent }))
    }

    /// The operator's public id.
    pub(in crate::http::pages) fn id(&self) -> &str {
        &self.seat.operator.id
    }

    /// What the operator is called.
    pub(in crate::http::pages) fn name(&self) -> &str {
        &self.seat.operator.name
    }

    /// What the operator may do, and where. Services ask it; pages hide by it what it does not allow.
    pub(in crate::http::pages) fn mandate(&self) -> &Mandate {
        &self.seat.mandate
    }

    fn origin(&self) -> Origin {
        Actor::Operator(Named::new(self.id(), self.name())).at(self.browser.source.clone())
    }

    /// Reads something.
    pub(in crate::http::pages) async fn read<T, E, F>(
        &self,
        app: &App,
        cost: ReadCost,
        work: F,
    ) -> Result<T, PageFailure>
    where
        T: Send + 'static,
        E: TransactionError,
        PageFailure: From<E>,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        Ok(app.db.read(cost, work).await?)
    }

    /// Does something as this operator, in a unit of work. What is refused is a page that says why; for a form that is to be shown again with
    /// what was typed, there is [`act`](Self::act).
    pub(in crate::http::pages) async fn write<T, E, F>(&self, app: &App, mut work: F) -> Result<T, PageFailure>
    where
        T: Send + 'static,
        E: TransactionError,
        PageFailure: From<E>,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let origin = self.origin();
        let done = app.db.write(move |tx| {
            tx.act_as(origin.clone());
            work(tx)
        });
        Ok(done.await?)
    }

    /// The same where the form is shown again if a value is wrong, something is in the way or a consequence has to be confirmed. What does not
    /// exist and what the role does not allow are pages of their own.
    pub(in crate::http::pages) async fn act<T, F>(&self, app: &App, work: F) -> Result<Result<T, Refusal>, PageFailure>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, ActError> + Send + 'static,
    {
        let origin = self.origin();
        let mut work = work;
        let done = app.db.write(move |tx| {
            tx.act_as(origin.clone());
            work(tx)
        });
        match done.await {
            Ok(done) => Ok(Ok(done)),
            Err(ActError::Refused(refusal @ (Refusal::NotFound { .. } | Refusal::Forbidden(_)))) => {
                Err(ActError::Refused(refusal).into())
            }
            Err(ActError::Refused(refusal)) => Ok(Err(refusal)),
            Err(ActError::Database(error)) => Err(error.into()),
        }
    }

    /// A page of the console, in this section of the navigation.
    pub(in crate::http::pages) fn page(&self, app: &App, section: Section, page: &impl Template) -> HttpResponse {
        self.page_with(app, StatusCode::OK, section, page)
    }

    /// The same with another status: of a form that is shown again.
    pub(in crate::http::pages) fn page_with(
        &self,
        app: &App,
        status: StatusCode,
        section: Section,
        page: &impl Template,
    ) -> HttpResponse {
        let shown = frame::around(&self.seat, &self.token, self.said.as_deref(), section);
        let is_said = shown.said.is_some();
        let mut answer = frame::page(app, status, shown, page);
        if is_said {
            let _ = answer.add_cookie(&frame::nothing_said(app));
        }
        answer
    }

    /// Leads on after an act: the next page says what was done.
    pub(in crate::http::pages) fn done(&self, app: &App, next: &str, said: &str) -> HttpResponse {
        let mut answer = redirect(&format!("{}{next}", app.admin_url));
        let _ = answer.add_cookie(&frame::saying(app, said));
        answer
    }

    /// What each form carries.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The part of it that holds for the session.
    pub(super) fn session_token(&self) -> &str {
        self.token.split('.').next().unwrap_or_default()
    }

    /// The form that was sent, for what is to be made once by it.
    pub(super) fn sent(&self) -> SentForm {
        self.sent.clone()
    }
}

fn app_of(request: &HttpRequest) -> web::Data<App> {
    request.app_data::<web::Data<App>>().expect("registered at the start").clone()
}

impl FromRequest for Desk {
    type Error = PageFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Desk, PageFailure>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = app_of(&request);
            if request.method() != Method::GET {
                // What a form does goes through `Submitted`, which has seen its token.
                return Err(PageFailure::StaleForm);
            }
            let asked = || request.uri().path_and_query().map_or("/console", |asked| asked.as_str()).to_owned();
            Desk::at(&app, &request).await?.ok_or_else(|| PageFailure::LogIn(asked()))
        })
    }
}

impl FromRequest for Submitted {
    type Error = PageFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Submitted, PageFailure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), web::Payload::from_request(request, payload));
        Box::pin(async move {
            let app = app_of(&request);
            let desk = Desk::at(&app, &request).await?;
            let form = Form::read(&app, body.await.map_err(|_| PageFailure::StaleForm)?).await?;
            let Some(mut desk) = desk else { return Err(PageFailure::SessionEnded(form.typed())) };
            let (token, mark) = form.field("csrf").split_once('.').unwrap_or_default();
            // Compared by their keyed hashes, so that nothing is learned from how long it takes.
            if mark.is_empty() || app.keys.fingerprint(token) != app.keys.fingerprint(desk.session_token()) {
                return Err(PageFailure::StaleForm);
            }
            let pairs = form.pairs().iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
            let parts: Vec<&str> = [request.path()].into_iter().chain(pairs).collect();
            desk.sent = SentForm::of(&app.keys, &parts);
            Ok(Submitted { desk, form })
        })
    }
}
