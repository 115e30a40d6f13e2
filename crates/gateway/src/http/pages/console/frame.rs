//! What stands around a page of the console: where one can go, who is logged in, and what an act before had as its outcome.

use std::any::Any;

use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::seat::Seat;
use crate::app::App;
use crate::domain::operator::{Mandate, Power};
use crate::domain::wording;
use crate::http::pages::cookie_jar::{cookie, name};
use crate::http::pages::desk_frame::{DeskFrame, DeskParts, NavigationItem};
use crate::http::pages::frame::filters;
use crate::http::pages::templates::page_with;
use crate::platform::system;

/// The cookie that carries what was done to the next page.
const SAID: &str = "gateway_said";
const PURPOSE: &str = "said on the next page";
/// The longest sentence.
const LONGEST: usize = 600;

/// A part of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::pages) enum Section {
    /// Accounts, and what is in them.
    Accounts,
    /// Finding a request by its error.
    Requests,
    /// Who changed what.
    Audit,
    /// Who can use the console.
    Operators,
    /// The operator's own page.
    You,
}

impl Section {
    /// Those of the navigation.
    const ALL: [Section; 4] = [Section::Accounts, Section::Requests, Section::Audit, Section::Operators];

    fn label(self) -> &'static str {
        match self {
            Section::Accounts => "Accounts",
            Section::Requests => "Requests",
            Section::Audit => "Audit",
            Section::Operators => "Operators",
            Section::You => "You",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Section::Accounts => "/console",
            Section::Requests => "/console/requests",
            Section::Audit => "/console/audit",
            Section::Operators => "/console/operators",
            Section::You => "/console/you",
        }
    }

    /// Whether an operator has anything to do there.
    fn is_open_to(self, mandate: &Mandate) -> bool {
        match self {
            Section::Accounts | Section::Requests => mandate.has(Power::Read),
            Section::Audit => mandate.has(Power::ReadAudit),
            Section::Operators => mandate.has_everywhere(Power::ManageOperators),
            Section::You => true,
        }
    }
}

/// What stands around a page of this section, whose forms carry this token and which has this to say.
pub(super) fn around(seat: &Seat, token: &str, said: Option<&str>, section: Section) -> DeskFrame {
    let (mandate, operator) = (&seat.mandate, &seat.operator);
    let ways = Section::ALL.into_iter().filter(|way| way.is_open_to(mandate)).map(|way| NavigationItem {
        label: way.label(),
        path: way.path(),
        is_current: way == section,
    });
    DeskFrame::of(DeskParts {
        operator: wording::strip_invisible(&operator.name),
        address: operator.address.as_deref().map(wording::strip_invisible).filter(|address| *address != operator.name),
        role: mandate.role().title(),
        token: token.to_owned(),
        ways: ways.collect(),
        said: said.map(str::to_owned),
    })
}

/// A page of the console.
pub(super) fn page(app: &App, status: StatusCode, desk: DeskFrame, shown: &impl Template) -> HttpResponse {
    let desk: &dyn Any = &desk;
    page_with(app, status, shown, Some((filters::DESK, desk)))
}

/// The cookie that has the next page say something.
pub(super) fn saying(app: &App, said: &str) -> Cookie<'static> {
    let said = wording::beginning(said, LONGEST);
    let mut cookie = cookie(app, SAID, app.keys.seal(PURPOSE, system::nonce(), said.as_bytes()));
    cookie.set_max_age(Duration::minutes(2));
    cookie
}

/// The cookie that takes it away once it was said.
pub(super) fn nothing_said(app: &App) -> Cookie<'static> {
    let mut gone = cookie(app, SAID, String::new());
    gone.make_removal();
    gone
}

/// What this request's page has to say.
pub(super) fn said(app: &App, request: &HttpRequest) -> Option<String> {
    let sealed = request.cookie(&name(app, SAID))?;
    String::from_utf8(app.keys.open(PURPOSE, sealed.value())?).ok()
}
