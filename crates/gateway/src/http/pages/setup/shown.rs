//! What the templates of the setup page show.

use askama::Template;
use oauth::client::Federation;

use super::Said;
use crate::app::App;
use crate::domain::setup::text::Piece;
use crate::domain::setup::view::{Mark, ShownPart, ShownStep, ShownValue};
use crate::domain::setup::workload::{self, Typed};
use crate::domain::setup::{Drawing, Form, Guide};
use crate::domain::setup_link::{CredentialKind, LinkState};
use crate::domain::when::When;
use crate::domain::wording::strip_invisible;
use crate::http::pages::frame::Frame;
use crate::http::pages::templates::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::setup_page::{Page, Visit};

/// What became of the secret just now.
pub(super) enum Credential {
    /// It was made, and is shown this once.
    Shown { kind: CredentialKind, text: String, expires: Option<Timestamp> },
    /// It was revealed before, and is not shown.
    Refused,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credential::Shown { .. } => "Shown",
            Credential::Refused => "Refused",
        })
    }
}

/// The page of an open link.
#[derive(Template)]
#[template(path = "setup.html")]
#[allow(missing_debug_implementations)]
pub(super) struct SetupPage<'p> {
    vendor: &'p str,
    account: String,
    provider: &'static str,
    takes: &'static str,
    until: When,
    contact: Option<String>,
    /// The address of the page, without the server.
    here: String,
    csrf: String,
    all: bool,
    shown: &'p crate::domain::setup::view::Shown,
    service_account: String,
    has_password: bool,
    sign_in_provider: Option<&'p str>,
    least: usize,
    password_problem: &'p str,
    variable: String,
    variable_problem: &'p str,
    is_registered: bool,
    workload: ShownWorkload,
    credential: ShownCredential,
    too_soon: bool,
}

/// The secret, in the state it is in.
struct ShownCredential {
    /// What it is called: `client secret`.
    name: &'static str,
    /// It is shown, once: the secret, and until when it counts.
    now: Option<(String, Option<When>)>,
    /// It was revealed before: when, and from where.
    before: Option<(When, Option<String>)>,
    /// It was asked for again, and refused.
    refused: bool,
    /// The id of the one that was revealed.
    replaces: String,
    /// When that was last used.
    used: Option<When>,
}

/// Entra's workload identity: what is registered, or was typed, and what is wrong with it.
struct ShownWorkload {
    is_registered: bool,
    /// The fields of the form: name, label, hint, value, problem.
    fields: [(&'static str, &'static str, &'static str, String, String); 4],
}

impl ShownWorkload {
    fn of(federation: Option<&Federation>, said: &Said) -> ShownWorkload {
        let known = federation.map(|known| Typed {
            issuer: known.issuer.clone(),
            subject: known.subject.clone(),
            audience: known.audience.clone(),
            jwks_url: known.jwks_uri.clone().unwrap_or_default(),
        });
        let typed = said.workload.as_ref().map(|(typed, _)| typed.clone()).or(known).unwrap_or_default();
        let problem = |name: &str| {
            let wrong = said.workload.iter().flat_map(|(_, wrong)| wrong).find(|(field, _)| *field == name);
            wrong.map(|(_, why)| why.clone()).unwrap_or_default()
        };
        let field = |name, hint, value| (name, workload::label(name), hint, value, problem(name));
        let fields = [
            field("issuer", "It looks like https://login.microsoftonline.com/…/v2.0", typed.issuer),
            field("jwks_url", "It ends in /discovery/v2.0/keys", typed.jwks_url),
            field("subject", "The ID of Entra’s provisioning service in your tenant", typed.subject),
            field("audience", "It begins with api://, or is an ID", typed.audience),
        ];
        ShownWorkload { is_registered: federation.is_some(), fields }
    }
}

impl<'p> SetupPage<'p> {
    pub(super) fn new(
        page: &'p Page,
        said: &'p Said,
        app: &App,
        token: &str,
        csrf: String,
        all: bool,
    ) -> SetupPage<'p> {
        let Visit { link, client, account, .. } = &page.visit;
        let now = match &said.credential {
            Some(Credential::Shown { text, expires, .. }) => Some((text.clone(), expires.map(When::day))),
            _ => None,
        };
        let name = match &said.credential {
            Some(Credential::Shown { kind, .. }) => kind.name(),
            _ => link.provider.credential().name(),
        };
        let registered = client.okta_app_name.clone();
        let (variable, variable_problem) = match &said.variable {
            Some((typed, why)) => (typed.clone(), why.as_str()),
            None => (registered.clone().unwrap_or_default(), ""),
        };
        SetupPage {
            vendor: &page.values.vendor,
            account: strip_invisible(&account.name),
            provider: link.provider.name(),
            takes: Guide::of(link.provider).takes,
            until: When::day(link.expires),
            contact: contact(app, link.contact.as_ref()),
            here: format!("{}/setup/{token}", app.path),
            csrf,
            all,
            shown: &page.shown,
            service_account: strip_invisible(&page.values.service_account),
            has_password: page.has_password,
            sign_in_provider: page.sign_in_provider.as_deref(),
            least: crate::platform::password_hasher::commonest::SHORTEST,
            password_problem: said.password.as_deref().unwrap_or_default(),
            variable,
            variable_problem,
            is_registered: registered.is_some(),
            workload: ShownWorkload::of(client.client.options.authentication.federation.as_ref(), said),
            credential: ShownCredential {
                name,
                now,
                before: link.revealed.as_ref().map(|done| (When::at(done.at), done.from.clone())),
                refused: matches!(said.credential, Some(Credential::Refused)),
                replaces: link.credential.clone().unwrap_or_default(),
                used: page.credential_used.map(When::at),
            },
            too_soon: said.too_soon,
        }
    }

    /// Whether a step is open when the page is.
    fn is_open(&self, step: &ShownStep) -> bool {
        let has = |wanted: Form| step.parts.iter().any(|part| matches!(part, ShownPart::Form(form) if *form == wanted));
        self.all
            || step.mark == Mark::Now
            || (has(Form::Password) && !self.password_problem.is_empty())
            || (has(Form::WorkloadIdentity) && self.workload.fields.iter().any(|(.., problem)| !problem.is_empty()))
            || (has(Form::VariableName) && !self.variable_problem.is_empty())
            || (has(Form::Credential) && (self.credential.now.is_some() || self.credential.refused || self.too_soon))
            || (has(Form::Checks) && self.shown.all_seen)
    }

    fn password_label(&self) -> String {
        format!("New password for {}", self.service_account)
    }

    fn password_hint(&self) -> String {
        format!(
            "At least {} characters. Let your password manager create it: you need it when you authenticate.",
            self.least
        )
    }

    /// The checks that are seen, of how many.
    fn seen(&self) -> String {
        let seen = self.shown.checks.iter().filter(|check| check.state == "ok").count();
        format!("{seen} of {} seen", self.shown.checks.len())
    }
}

/// Whom the administrator may ask.
fn contact(app: &App, of_link: Option<&String>) -> Option<String> {
    of_link.cloned().or_else(|| app.config.brand.support.clone())
}

/// The page of a closed link, or of none.
#[derive(Debug, Template)]
#[template(path = "setup_closed.html")]
pub(super) struct ClosedPage {
    vendor: String,
    pub(super) title: &'static str,
    what: String,
    is_finished: bool,
    is_suspended: bool,
    contact: Option<String>,
}

impl ClosedPage {
    pub(super) fn new(app: &App, visit: Option<&Visit>) -> ClosedPage {
        let link = visit.map(|visit| &visit.link);
        let on = |at: Option<Timestamp>| at.map(|at| format!(" on {}", When::day(at).words)).unwrap_or_default();
        let (title, what) = match visit.map(|visit| visit.state) {
            None => (
                "There is no such setup link",
                "The address may have been cut off. Copy the whole link from the message that you got.".to_owned(),
            ),
            Some(LinkState::Finished) => (
                "The setup is finished",
                format!(
                    "It was finished{}. The link no longer opens anything, and the connection works on.",
                    on(link.and_then(|link| link.finished))
                ),
            ),
            Some(LinkState::Revoked) => (
                "This setup link was revoked",
                format!(
                    "It was revoked{}. If you have a newer link, open that one. Everything you have set up keeps working.",
                    on(link.and_then(|link| link.revoked))
                ),
            ),
            Some(LinkState::Unopened | LinkState::Opened) => (
                "The account is suspended",
                format!(
                    "The account {} is suspended, so nothing can be set up at present. Nothing is lost: what you have set up stays, and when the account is resumed, this link opens the page again{}.",
                    visit.map(|visit| strip_invisible(&visit.account.name)).unwrap_or_default(),
                    link.map(|link| format!(", until {}", When::day(link.expires).words)).unwrap_or_default()
                ),
            ),
            Some(_) => (
                "This setup link has expired",
                format!("It expired{}. Everything you have set up keeps working.", on(link.map(|link| link.expires))),
            ),
        };
        ClosedPage {
            vendor: Frame::of(app).name.clone(),
            title,
            what,
            is_suspended: visit.is_some_and(|visit| visit.state.is_open()),
            is_finished: visit.is_some_and(|visit| visit.state == LinkState::Finished),
            contact: contact(app, link.and_then(|link| link.contact.as_ref())),
        }
    }
}
