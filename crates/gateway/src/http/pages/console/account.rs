//! An account at a glance, suspending and resuming it, handing it over, deleting it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::parts::{Badge, ConfirmPage, DeletePage, Milder, Tally, Typed, is_typed};
use super::tabs::{AccountHead, AccountTab, counted, crumbs_below, of_account, of_client};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::health::ClientHealth;
use crate::domain::bodies::setup_links::SetupLink;
use crate::domain::labels::Called;
use crate::domain::operator::{Mandate, Power};
use crate::domain::setup_link::LinkState;
use crate::domain::standing::Standing;
use crate::domain::when::When;
use crate::domain::wording::{self, grouped};
use crate::http::edge::account_file;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::accounts;
use crate::services::console::account::{self as service, Counted, Head, Overview};
use crate::storage::{ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}" within_reach(Power::Read) => show, "Shows an account: what is wrong, what is connected, who gets what.";
    GET "/console/accounts/{account}/suspend" within_reach(Power::SuspendAccounts) => ask_to_suspend, "Says what suspending an account does.";
    POST "/console/accounts/{account}/suspend" within_reach(Power::SuspendAccounts) => suspend, "Suspends an account.";
    POST "/console/accounts/{account}/resume" within_reach(Power::SuspendAccounts) => resume, "Resumes an account.";
    GET "/console/accounts/{account}/export" within_reach(Power::Read) => export, "Hands over an account's users and groups as JSON Lines.";
    GET "/console/accounts/{account}/delete" within_reach(Power::Delete) => ask_to_delete, "Says what deleting an account takes away.";
    POST "/console/accounts/{account}/delete" within_reach(Power::Delete) => delete, "Deletes an account whose name was typed.";
];

/// Something that is wrong.
#[derive(Debug)]
struct ShownNeed {
    class: &'static str,
    path: String,
    client: String,
    sentence: String,
    since: When,
    what_to_do: &'static str,
}

/// A connection of the account.
#[derive(Debug)]
struct ShownConnection {
    path: String,
    name: String,
    /// What tells it from another one of its name.
    about: String,
    badge: Badge,
    last_request: Option<When>,
}

/// A setup link of the account.
#[derive(Debug)]
pub(super) struct ShownLink {
    path: String,
    client: String,
    badge: Badge,
    created: When,
    created_by: String,
    expires: When,
    is_open: bool,
}

/// How a setup link is.
pub(super) fn badge_of(state: LinkState, is_refused: bool) -> Badge {
    let (class, icon, words) = match state {
        _ if is_refused => ("broken", "broken", "Second reveal refused"),
        LinkState::Unopened => ("neutral", "mail", "Not opened"),
        LinkState::Opened => ("neutral", "eye", "Opened"),
        LinkState::Finished => ("ok", "ok", "Finished"),
        LinkState::Expired => ("neutral", "wait", "Expired"),
        LinkState::Revoked => ("neutral", "pause", "Revoked"),
    };
    Badge { class, icon, words }
}

#[derive(Debug, Template)]
#[template(path = "console/account.html")]
struct AccountPage {
    head: AccountHead,
    may_connect: bool,
    is_overview: bool,
    may_change: bool,
    may_resume: bool,
    needs: Vec<ShownNeed>,
    warnings: Vec<String>,
    connections: Vec<ShownConnection>,
    links: Vec<ShownLink>,
    users: String,
    groups: String,
    /// With how many users have them.
    roles: Vec<(Called, String)>,
    environments: Vec<(Called, String)>,
    default_role: Option<Called>,
    co_owner: Option<String>,
}

/// Whether an operator may make a setup link.
pub(super) fn may_connect(mandate: &Mandate) -> bool {
    mandate.has(Power::ManageSetupLinks) && mandate.has(Power::ChangeClients)
}

/// `GET /console/accounts/{account}`
async fn show(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    app.gather().await?;
    let (work, mandate) = (app.clone(), desk.mandate().clone());
    let overview =
        desk.read(&app, ReadCost::Scan, move |tx| service::overview(tx, &mandate, &work.health_rules(), &id)).await?;
    let shown = shown(overview, desk.mandate(), app.clock.now());
    Ok(desk.page(&app, Section::Accounts, &shown))
}

fn shown(overview: Overview, mandate: &Mandate, now: Timestamp) -> AccountPage {
    let head = AccountHead::of(&overview.head, overview.standing, AccountTab::Overview);
    let needs = overview.needs.into_iter().map(|need| ShownNeed {
        class: if need.is_broken { "broken" } else { "attention" },
        path: of_client(&need.client),
        client: wording::strip_invisible(&need.client_name),
        sentence: wording::strip_invisible(&need.sentence),
        since: When::day(need.since),
        what_to_do: need.what_to_do,
    });
    let is_suspended = overview.head.suspended.is_some();
    let connection = |health: &ClientHealth| ShownConnection {
        path: of_client(&health.client_id),
        name: wording::strip_invisible(&health.client_name),
        about: told_apart(health, &overview.connections),
        badge: if is_suspended { Standing::Suspended.into() } else { health.state.into() },
        last_request: health.last_request.as_ref().map(|contact| When::ago(contact.at.0, now)),
    };
    AccountPage {
        may_connect: may_connect(mandate),
        is_overview: true,
        may_change: mandate.has(Power::ChangeAccounts),
        may_resume: overview.head.suspended.is_some() && mandate.has(Power::SuspendAccounts),
        needs: needs.collect(),
        warnings: overview.account.warnings,
        connections: overview.connections.iter().map(connection).collect(),
        links: overview.links.into_iter().map(|link| shown_link(&overview.head.id, link)).collect(),
        users: grouped(overview.head.users),
        groups: grouped(overview.head.groups),
        roles: overview.roles.into_iter().map(shown_count).collect(),
        environments: overview.environments.into_iter().map(shown_count).collect(),
        default_role: overview.default_role,
        co_owner: overview.co_owner.as_deref().map(wording::strip_invisible),
        head,
    }
}

fn shown_count(counted: Counted) -> (Called, String) {
    let users = match (counted.users, counted.at_least) {
        (None, _) => String::new(),
        (Some(users), true) => format!("{}+", grouped(users)),
        (Some(users), false) => grouped(users),
    };
    (counted.called, users)
}

/// The beginning of its client ID, where another connection has the same name.
fn told_apart(health: &ClientHealth, all: &[ClientHealth]) -> String {
    let is_shared = all.iter().any(|other| {
        other.client_id != health.client_id
            && scim::key_of_text(&other.client_name) == scim::key_of_text(&health.client_name)
    });
    if is_shared { format!("client ID {}…", wording::beginning(&health.client_id, 8)) } else { String::new() }
}

fn shown_link(account: &str, link: SetupLink) -> ShownLink {
    ShownLink {
        path: format!("{}/setup-links/{}", of_account(account), link.id),
        client: wording::strip_invisible(&link.client_name),
        badge: badge_of(link.state, link.refused_reveals > 0),
        created: When::day(link.created.0),
        created_by: wording::strip_invisible(&link.created_by),
        expires: When::day(link.expires.0),
        is_open: link.state.is_open(),
    }
}

/// What stands above the tabs of an account. How the account stands is that of now, so that all its pages say the same.
pub(super) async fn tabs_of(desk: &Desk, app: &App, id: &str, tab: AccountTab) -> Result<AccountHead, PageFailure> {
    app.gather().await?;
    let (work, mandate, id) = (App::clone(app), desk.mandate().clone(), id.to_owned());
    let read = move |tx: &mut Tx<'_>| service::head_and_standing(tx, &mandate, &work.health_rules(), &id);
    let (head, standing) = desk.read(app, ReadCost::Scan, read).await?;
    Ok(AccountHead::of(&head, standing, tab))
}

/// The head of the account that a page is about.
pub(super) async fn head_of(desk: &Desk, app: &App, id: &str) -> Result<Head, PageFailure> {
    let (mandate, id) = (desk.mandate().clone(), id.to_owned());
    desk.read(app, ReadCost::Point, move |tx| service::head(tx, &mandate, &id)).await
}

/// `GET /console/accounts/{account}/suspend`
async fn ask_to_suspend(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let head = head_of(&desk, &app, &id).await?;
    let name = wording::strip_invisible(&head.name);
    let path = of_account(&head.id);
    let shown = ConfirmPage {
        crumbs: crumbs_below(&head, "Suspend"),
        title: format!("Suspend {name}?"),
        about: "You can resume it at any time.".to_owned(),
        points: vec![
            format!(
                "Its connections ({}) are refused from the next request on; so are setup pages.",
                counted(head.connections)
            ),
            format!("Its users ({}) cannot log in here, and cannot accept access.", grouped(head.users)),
            "Users, groups, connections, secrets and tokens stay as they are.".to_owned(),
        ],
        action: format!("{path}/suspend"),
        hidden: Vec::new(),
        button: format!("Suspend {name}"),
        is_danger: true,
        keep: "Leave it as it is".to_owned(),
        keep_path: path,
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

/// `POST /console/accounts/{account}/suspend`
async fn suspend(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    switch(sent, app, id.into_inner(), true).await
}

/// `POST /console/accounts/{account}/resume`
async fn resume(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    switch(sent, app, id.into_inner(), false).await
}

async fn switch(sent: Submitted, app: web::Data<App>, id: String, on: bool) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    let (mandate, which) = (desk.mandate().clone(), id.clone());
    let account = desk
        .write(&app, move |tx| match on {
            true => accounts::suspend(tx, &mandate, &which),
            false => accounts::resume(tx, &mandate, &which),
        })
        .await?;
    let said = match on {
        true => format!("{} is suspended.", account.name),
        false => format!("{} is resumed: its connections go on where they were.", account.name),
    };
    Ok(desk.done(&app, &of_account(&id), &said))
}

/// `GET /console/accounts/{account}/export`
async fn export(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    Ok(account_file::answer(&app, desk.mandate(), id.into_inner()).await?)
}

fn deletion(head: &Head, mandate: &Mandate, typed: Typed) -> DeletePage {
    let path = of_account(&head.id);
    let mut milder = Vec::new();
    if head.suspended.is_none() && mandate.has(Power::SuspendAccounts) {
        milder.push(Milder {
            icon: "pause",
            path: format!("{path}/suspend"),
            label: "Suspend it".to_owned(),
            about: "Its tokens are refused at once. Nothing is lost, and you can resume it at any time.",
        });
    }
    milder.push(Milder {
        icon: "download",
        path: format!("{path}/export"),
        label: "Export it first".to_owned(),
        about: "Its users, groups and memberships as JSON Lines: one line of JSON each.",
    });
    DeletePage {
        crumbs: crumbs_below(head, "Delete"),
        what: "account",
        name: wording::strip_invisible(&head.name),
        about: "Everything in it is deleted at once. This cannot be undone. The audit trail keeps its rows.",
        tallies: vec![
            Tally { label: "Users", count: grouped(head.users) },
            Tally { label: "Groups", count: grouped(head.groups) },
            Tally { label: "Connections, with their secrets and tokens", count: counted(head.connections) },
        ],
        milder,
        action: format!("{path}/delete"),
        keep_path: path,
        typed,
    }
}

/// `GET /console/accounts/{account}/delete`
async fn ask_to_delete(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let head = head_of(&desk, &app, &id).await?;
    Ok(desk.page(&app, Section::Accounts, &deletion(&head, desk.mandate(), Typed::default())))
}

/// `POST /console/accounts/{account}/delete`
async fn delete(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let head = head_of(&desk, &app, &id).await?;
    let mut typed = Typed::of(form);
    if !is_typed(&typed, &head.name) {
        wrong_name(&mut typed, &head.name, "account");
        let shown = deletion(&head, desk.mandate(), typed);
        return Ok(desk.page_with(&app, StatusCode::BAD_REQUEST, Section::Accounts, &shown));
    }
    let mandate = desk.mandate().clone();
    desk.write(&app, move |tx| accounts::delete(tx, &mandate, &id)).await?;
    Ok(desk.done(&app, "/console", &format!("{} is deleted.", wording::strip_invisible(&head.name))))
}

/// Says that another name was typed than that of what is to be deleted.
pub(super) fn wrong_name(typed: &mut Typed, name: &str, what: &str) {
    let (was, name) = (wording::strip_invisible(typed.value("name")), wording::strip_invisible(name));
    let text = match was.trim() {
        "" => format!("Type the name of the {what}, {name}"),
        was => format!("That was “{was}”. Type the name of the {what}, {name}"),
    };
    typed.note_at("name", text);
}
