//! One connection: is it healthy, why not, what to do; which fields arrive; who accepted access; recording it in full.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::clients::recording::NewRecording;
use crate::domain::described::Whole;
use crate::domain::health::Step;
use crate::domain::operator::Power;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::templates::filters;
use crate::services::clients::recording;
use crate::services::diagnosis::ConnectionHead;
use crate::services::diagnosis::connection::{self, ConnectionPage, ShownReason};
use crate::services::diagnosis::fields::{self, FieldsPage};
use crate::services::error::ActError;
use crate::services::grants;
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/clients/{client}" within_reach(Power::Read) => show, "Shows how a connection is, why, and what to do.";
    GET "/console/clients/{client}/fields" within_reach(Power::Read) => show_fields, "Shows which attributes arrive by a connection.";
    GET "/console/clients/{client}/recording" within_reach(Power::Read) => show_recording, "Says what recording a connection in full keeps.";
    POST "/console/clients/{client}/recording" within_reach(Power::RecordClients) => record, "Switches the full recording of a connection on or off.";
    GET "/console/clients/{client}/access/{grant}" within_reach(Power::EndGrants) => show_access, "Asks whether accepted access is to end.";
    POST "/console/clients/{client}/access/{grant}" within_reach(Power::EndGrants) => end_access, "Ends access that a user accepted.";
];

/// For how many hours a connection may be recorded.
const HOURS: [(&str, &str); 4] = [("1", "1 hour"), ("4", "4 hours"), ("8", "8 hours"), ("24", "24 hours")];

/// The page of a connection.
#[derive(Debug, Template)]
#[template(path = "console/connection.html")]
struct ConnectionTemplate {
    page: ConnectionPage,
    may_end: bool,
    may_link: bool,
    may_change: bool,
}

impl ConnectionTemplate {
    /// Where something can be done about a reason, as far as this operator may.
    fn path(&self, reason: &ShownReason) -> Option<String> {
        let client = &self.page.head.client;
        let account = self.page.head.account.as_ref().map(|account| format!("/console/accounts/{}", account.id));
        Some(match reason.step? {
            Step::RefusedRequests => format!("/console/clients/{client}/requests?status=4xx"),
            Step::Fields => format!("/console/clients/{client}/fields"),
            Step::Settings if self.may_change => format!("/console/clients/{client}/settings"),
            Step::SetupLink if self.may_link => format!("/console/clients/{client}/settings"),
            Step::AccountSettings if self.may_change => format!("{}/settings", account?),
            Step::Groups => format!("{}/groups", account?),
            Step::Settings | Step::SetupLink | Step::AccountSettings => return None,
        })
    }
}

async fn show(desk: Desk, app: web::Data<App>, client: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    app.gather().await?;
    let (work, mandate, operator) = (app.clone(), desk.mandate().clone(), desk.name().to_owned());
    let page = desk
        .read(&app, ReadCost::Scan, move |tx| {
            let rules = work.health_rules();
            connection::page(tx, &mandate, &rules, &client, &operator)
        })
        .await?;
    let has = |power| desk.mandate().has(power);
    let shown = ConnectionTemplate {
        page,
        may_end: has(Power::EndGrants),
        may_link: has(Power::ManageSetupLinks),
        may_change: has(Power::ChangeClients),
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

/// The page of fields.
#[derive(Debug, Template)]
#[template(path = "console/fields.html")]
struct FieldsTemplate {
    page: FieldsPage,
}

async fn show_fields(desk: Desk, app: web::Data<App>, client: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    app.gather().await?;
    let (work, mandate) = (app.clone(), desk.mandate().clone());
    let page =
        desk.read(&app, ReadCost::Scan, move |tx| fields::page(tx, &mandate, &work.health_rules(), &client)).await?;
    Ok(desk.page(&app, Section::Accounts, &FieldsTemplate { page }))
}

/// The page about recording a connection in full.
#[derive(Debug, Template)]
#[template(path = "console/recording.html")]
struct RecordingTemplate {
    head: ConnectionHead,
    hours: [(&'static str, &'static str); 4],
    may_record: bool,
    readers: String,
    token: String,
}

async fn show_recording(
    desk: Desk,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    app.gather().await?;
    let (work, mandate) = (app.clone(), desk.mandate().clone());
    let head = desk
        .read(&app, ReadCost::Scan, move |tx| {
            let (head, _) = ConnectionHead::find(tx, &mandate, &work.health_rules(), &client)?;
            Ok::<_, ActError>(head)
        })
        .await?;
    let shown = RecordingTemplate {
        head,
        hours: HOURS,
        may_record: desk.mandate().has(Power::RecordClients),
        readers: Power::ReadRecordings.holders(),
        token: desk.token().to_owned(),
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

async fn record(sent: Submitted, app: web::Data<App>, client: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let (mandate, id) = (desk.mandate().clone(), client.clone());
    let stops = form.field("act") == "stop";
    let hours = form.field("hours").parse().ok().filter(|hours| (1..=24).contains(hours)).unwrap_or(1);
    desk.write(&app, move |tx| {
        if stops {
            return recording::stop(tx, &mandate, &id);
        }
        let new = NewRecording { hours: Some(Whole(hours)), until: None };
        recording::start(tx, &mandate, &id, &new).map(|_| ())
    })
    .await?;
    let said =
        if stops { "The recording has ended. What was recorded stays." } else { "Everything is recorded from now on." };
    Ok(desk.done(&app, &format!("/console/clients/{client}"), said))
}

/// An act that asks once more.
#[derive(Debug, Template)]
#[template(path = "console/act.html")]
pub(super) struct ActTemplate {
    pub(super) title: String,
    /// The pages above: label and path.
    pub(super) crumbs: Vec<(String, String)>,
    /// What would happen, each with a class.
    pub(super) points: Vec<(&'static str, String)>,
    pub(super) action: String,
    pub(super) button: String,
    pub(super) keep: String,
    pub(super) back: String,
    pub(super) is_danger: bool,
    /// The name that is to be typed.
    pub(super) typed: Option<String>,
    pub(super) problem: String,
    pub(super) token: String,
}

async fn show_access(
    desk: Desk,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (client, grant) = path.into_inner();
    let (work, mandate, id, number) = (app.clone(), desk.mandate().clone(), client.clone(), grant.clone());
    let found = desk.read(&app, ReadCost::Scan, move |tx| {
        connection::access_to_end(tx, &mandate, &work.health_rules(), &id, &number)
    });
    let (head, owner) = found.await?;
    let mut crumbs: Vec<(String, String)> = Vec::new();
    if let Some(account) = &head.account {
        crumbs.push((account.name.clone(), format!("/console/accounts/{}", account.id)));
    }
    let back = format!("/console/clients/{client}");
    crumbs.push((head.name.clone(), back.clone()));
    let shown = ActTemplate {
        title: format!("End the access that {owner} accepted"),
        crumbs,
        points: vec![
            ("broken", format!("{} is refused from its next request on, if it works by this access.", head.name)),
            ("neutral", "Users and groups stay as they are.".to_owned()),
            (
                "ok",
                "To connect again, their administrator authenticates in the identity provider and accepts access."
                    .to_owned(),
            ),
        ],
        action: format!("/console/clients/{client}/access/{grant}"),
        button: "End this access".to_owned(),
        keep: "Keep it".to_owned(),
        back,
        is_danger: true,
        typed: None,
        problem: String::new(),
        token: desk.token().to_owned(),
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

async fn end_access(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let desk = sent.desk;
    let (client, grant) = path.into_inner();
    let (work, mandate, id) = (app.clone(), desk.mandate().clone(), client.clone());
    desk.write(&app, move |tx| {
        connection::access_to_end(tx, &mandate, &work.health_rules(), &id, &grant)?;
        grants::revoke(tx, &mandate, &grant)
    })
    .await?;
    Ok(desk.done(&app, &format!("/console/clients/{client}"), "The access has ended."))
}
