//! The directory of an account: users and groups, one user, one group, and what an operator does for a user.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::account::tabs_of;
use super::health::ActTemplate;
use super::letters::{self, MailForm};
use super::requests::{address, pairs, parameter};
use super::tabs::{AccountHead, AccountTab};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::letter::LetterSubject;
use crate::domain::operator::Power;
use crate::domain::password_link::LinkPurpose;
use crate::domain::wording::{self, grouped};
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::cookies;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::templates::filters;
use crate::services::directory::group::{self, GroupPage};
use crate::services::directory::user::{self, UserLabel, UserPage};
use crate::services::directory::{self, DirectoryPage, Wanted};
use crate::services::password_links::{NewLink, users as password_links};
use crate::services::sent_form;
use crate::services::users::{self, LoginChange};
use crate::storage::{ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/users" within_reach(Power::Read) => list_users, "Lists the users of an account, and finds them by name or SCIM filter.";
    GET "/console/accounts/{account}/users/{user}" within_reach(Power::Read) => show_user, "Shows what a user can do, and why.";
    GET "/console/accounts/{account}/users/{user}/deactivate" within_reach(Power::ChangeUsers) => ask_to_deactivate, "Asks whether a user is to be deactivated.";
    POST "/console/accounts/{account}/users/{user}/deactivate" within_reach(Power::ChangeUsers) => deactivate, "Deactivates a user.";
    POST "/console/accounts/{account}/users/{user}/reactivate" within_reach(Power::ChangeUsers) => reactivate, "Reactivates a user.";
    POST "/console/accounts/{account}/users/{user}/service-account" within_reach(Power::ChangeUsers) => mark, "Marks a user as a service account, or as a person.";
    POST "/console/accounts/{account}/users/{user}/sessions/end" within_reach(Power::RecoverUsers) => end_sessions, "Logs a user out everywhere.";
    GET "/console/accounts/{account}/users/{user}/second-factor" within_reach(Power::RecoverUsers) => ask_to_remove_factor, "Asks whether a lost authenticator app is to be removed.";
    POST "/console/accounts/{account}/users/{user}/second-factor" within_reach(Power::RecoverUsers) => remove_factor, "Removes a user's lost authenticator app.";
    POST "/console/accounts/{account}/users/{user}/password-link" within_reach(Power::RecoverUsers) => make_link, "Makes a link with which a user sets a password, and shows it once.";
    GET "/console/accounts/{account}/users/{user}/delete" within_reach(Power::Delete) => ask_to_delete, "Asks for the name of a user who is to be deleted.";
    POST "/console/accounts/{account}/users/{user}/delete" within_reach(Power::Delete) => delete, "Deletes a user.";
    GET "/console/accounts/{account}/groups" within_reach(Power::Read) => list_groups, "Lists the groups of an account, and finds them by name or SCIM filter.";
    GET "/console/accounts/{account}/groups/{group}" within_reach(Power::Read) => show_group, "Shows who is in a group, who joined and who left.";
];

/// No name or filter is longer.
const LONGEST: usize = 4000;

/// A page of users or groups.
#[derive(Debug, Template)]
#[template(path = "console/directory.html")]
struct DirectoryTemplate {
    head: AccountHead,
    may_connect: bool,
    is_overview: bool,
    page: DirectoryPage,
    name: String,
    filter: String,
    chips: Vec<(String, String)>,
    total: String,
    path: String,
    before: Option<String>,
    after: Option<String>,
}

async fn list(
    desk: Desk,
    app: web::Data<App>,
    request: HttpRequest,
    account: String,
    of_users: bool,
) -> Result<HttpResponse, PageFailure> {
    let pairs = pairs(&request)?;
    let bounded = |name| parameter(&pairs, name).chars().take(LONGEST).collect::<String>();
    let (name, filter) = (bounded("name"), bounded("filter"));
    let start = parameter(&pairs, "start").parse().unwrap_or(1).max(1);
    let wanted = Wanted { name: name.clone(), filter: filter.clone(), start };
    let tab = if of_users { AccountTab::Users } else { AccountTab::Groups };
    let head = tabs_of(&desk, &app, &account, tab).await?;
    let (mandate, engine, id) = (desk.mandate().clone(), app.scim_engine(), account.clone());
    let page = desk
        .read(&app, ReadCost::Scan, move |tx| directory::page(tx, &mandate, &engine, &id, of_users, &wanted))
        .await?;
    let base = format!("/console/accounts/{account}");
    let path = format!("{base}/{}", if of_users { "users" } else { "groups" });
    let at = |start: u64| address(&path, &[("name", &name), ("filter", &filter), ("start", &start.to_string())]);
    let mut chips = Vec::new();
    if !name.is_empty() {
        chips.push((format!("Named {name}"), address(&path, &[("filter", &filter)])));
    }
    if !filter.is_empty() {
        chips.push((filter.clone(), address(&path, &[("name", &name)])));
    }
    let shown = DirectoryTemplate {
        head,
        may_connect: false,
        is_overview: false,
        before: page.before().map(at),
        after: page.after().map(at),
        total: grouped(page.total),
        page,
        chips,
        name,
        filter,
        path,
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

async fn list_users(
    desk: Desk,
    app: web::Data<App>,
    request: HttpRequest,
    account: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    list(desk, app, request, account.into_inner(), true).await
}

async fn list_groups(
    desk: Desk,
    app: web::Data<App>,
    request: HttpRequest,
    account: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    list(desk, app, request, account.into_inner(), false).await
}

/// The page of a user.
#[derive(Debug, Template)]
#[template(path = "console/user.html")]
struct UserTemplate {
    page: UserPage,
    base: String,
    path: String,
    may_change: bool,
    may_recover: bool,
    may_delete: bool,
    token: String,
}

/// An account and a user, as an address names them.
type User = web::Path<(String, String)>;

/// Where the page of a user is.
fn page_of((account, user): &(String, String)) -> String {
    format!("/console/accounts/{account}/users/{user}")
}

async fn show_user(desk: Desk, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let of = user.into_inner();
    let (path, base) = (page_of(&of), format!("/console/accounts/{}", of.0));
    let (mandate, engine, alive) = (desk.mandate().clone(), app.scim_engine(), cookies::alive(&app));
    let page =
        desk.read(&app, ReadCost::Scan, move |tx| user::page(tx, &mandate, &engine, (&of.0, &of.1), alive)).await?;
    let has = |power| desk.mandate().has(power);
    let shown = UserTemplate {
        page,
        base,
        path,
        may_change: has(Power::ChangeUsers),
        may_recover: has(Power::RecoverUsers),
        may_delete: has(Power::Delete),
        token: desk.token().to_owned(),
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

/// The user whom an act is about, for operators who may do it.
async fn labelled(desk: &Desk, app: &App, power: Power, of: &(String, String)) -> Result<UserLabel, PageFailure> {
    let (mandate, of) = (desk.mandate().clone(), of.clone());
    desk.read(app, ReadCost::Point, move |tx| user::label(tx, &mandate, power, (&of.0, &of.1))).await
}

/// A page that asks once more.
fn asking(desk: &Desk, user: &UserLabel, of: &(String, String), act: &str) -> ActTemplate {
    let back = page_of(of);
    ActTemplate {
        title: String::new(),
        crumbs: vec![
            (user.account.name.clone(), format!("/console/accounts/{}", user.account.id)),
            ("Users".to_owned(), format!("/console/accounts/{}/users", user.account.id)),
            (user.name.clone(), back.clone()),
        ],
        points: Vec::new(),
        action: format!("{back}/{act}"),
        button: String::new(),
        keep: String::new(),
        back,
        is_danger: true,
        typed: None,
        problem: String::new(),
        token: desk.token().to_owned(),
    }
}

/// What follows for connections when their owner leaves.
fn about_connections(user: &UserLabel) -> Option<(&'static str, String)> {
    let names = match user.connections.as_slice() {
        [] => return None,
        [one] => format!("The connection {one}"),
        many => format!("The connections {}", many.join(", ")),
    };
    Some(("broken", format!("{names} would end, or pass to the account’s co-owner.")))
}

async fn ask_to_deactivate(desk: Desk, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let of = user.into_inner();
    let label = labelled(&desk, &app, Power::ChangeUsers, &of).await?;
    let mut points =
        vec![("attention", format!("{} cannot do anything from then on: sessions end at once.", label.name))];
    points.extend(about_connections(&label));
    if label.managed {
        let words = "An identity provider manages this user, and may activate them again with its next push: it is better done there.";
        points.push(("attention", words.to_owned()));
    }
    points.push(("ok", "Nothing is lost: it can be taken back at any time.".to_owned()));
    let shown = ActTemplate {
        title: format!("Deactivate {}", label.name),
        button: "Deactivate".to_owned(),
        keep: "Keep active".to_owned(),
        points,
        ..asking(&desk, &label, &of, "deactivate")
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

/// Changes whether a user is active.
async fn activate(sent: Submitted, app: web::Data<App>, user: User, active: bool) -> Result<HttpResponse, PageFailure> {
    let (desk, of) = (sent.desk, user.into_inner());
    let (mandate, engine, path) = (desk.mandate().clone(), app.scim_engine(), page_of(&of));
    let change = serde_json::Map::from_iter([("active".to_owned(), active.into())]);
    let patch = users::patch_of(change).map_err(crate::services::error::ActError::from)?;
    desk.write(&app, move |tx| {
        users::change(tx, &mandate, &engine, &of.0, &of.1, patch.as_ref(), &LoginChange::default())
    })
    .await?;
    Ok(desk.done(&app, &path, if active { "Reactivated." } else { "Deactivated. All sessions have ended." }))
}

async fn deactivate(sent: Submitted, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    activate(sent, app, user, false).await
}

async fn reactivate(sent: Submitted, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    activate(sent, app, user, true).await
}

async fn mark(sent: Submitted, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let of = user.into_inner();
    let is = form.field("is") == "yes";
    let (mandate, engine, path) = (desk.mandate().clone(), app.scim_engine(), page_of(&of));
    let login = LoginChange { service_account: Some(is), ..LoginChange::default() };
    desk.write(&app, move |tx| users::change(tx, &mandate, &engine, &of.0, &of.1, None, &login)).await?;
    let said = if is { "Marked as a service account." } else { "Marked as a person." };
    Ok(desk.done(&app, &path, said))
}

async fn end_sessions(sent: Submitted, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let (desk, of) = (sent.desk, user.into_inner());
    let (mandate, path) = (desk.mandate().clone(), page_of(&of));
    desk.write(&app, move |tx| user::end_sessions(tx, &mandate, &of.0, &of.1)).await?;
    Ok(desk.done(&app, &path, "All sessions have ended."))
}

async fn ask_to_remove_factor(desk: Desk, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let of = user.into_inner();
    let label = labelled(&desk, &app, Power::RecoverUsers, &of).await?;
    let shown = ActTemplate {
        title: format!("Remove the authenticator app of {}", label.name),
        points: vec![
            ("attention", format!("{} logs in with the password alone, until another app is set up.", label.name)),
            (
                "attention",
                "Be sure that it is this user who asks: call them back at a number that you know.".to_owned(),
            ),
            ("neutral", "The recovery codes go, too.".to_owned()),
        ],
        button: "Remove the app".to_owned(),
        keep: "Keep it".to_owned(),
        ..asking(&desk, &label, &of, "second-factor")
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

async fn remove_factor(sent: Submitted, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let (desk, of) = (sent.desk, user.into_inner());
    let (mandate, path) = (desk.mandate().clone(), page_of(&of));
    desk.write(&app, move |tx| users::remove_second_factor(tx, &mandate, &of.0, &of.1)).await?;
    Ok(desk.done(&app, &path, "The authenticator app was removed."))
}

/// A link with which a user sets a password.
#[derive(Template)]
#[template(path = "console/user_link.html")]
#[allow(missing_debug_implementations)]
struct LinkTemplate {
    account: String,
    base: String,
    path: String,
    name: String,
    url: String,
    until: String,
    is_first: bool,
    mail: MailForm,
}

async fn make_link(sent: Submitted, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let (desk, of) = (sent.desk, user.into_inner());
    let label = labelled(&desk, &app, Power::RecoverUsers, &of).await?;
    let (mandate, form, which) = (desk.mandate().clone(), desk.sent(), of.clone());
    let (new, lifetimes) = (NewLink::by_form(&app.keys, &form), app.config.password_links);
    let takes = format!("{}/password", app.public_url);
    let made = desk.write(&app, move |tx| {
        let user = (which.0.as_str(), which.1.as_str());
        let make = |tx: &mut Tx<'_>| password_links::create(tx, &mandate, user, None, &new, &takes, lifetimes);
        sent_form::once(tx, &form, make, |tx| password_links::again(tx, &mandate, user, &new, &takes))
    });
    let made = made.await?;
    let subject = LetterSubject::User { account: of.0.clone(), user: of.1.clone() };
    let shown = LinkTemplate {
        mail: letters::form(&desk, &app, subject, &made.url).await?,
        base: format!("/console/accounts/{}", of.0),
        path: page_of(&of),
        account: label.account.name,
        name: label.name,
        url: made.url,
        until: wording::format_time(made.expires.0),
        is_first: made.purpose == LinkPurpose::Invitation,
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

fn deletion(desk: &Desk, label: &UserLabel, of: &(String, String), problem: &str) -> ActTemplate {
    let mut points = vec![("broken", format!("{} is gone for good, with all memberships.", label.name))];
    points.extend(about_connections(label));
    if label.managed {
        points.push(("attention", "An identity provider manages this user, and may create them again.".to_owned()));
    }
    points.push(("ok", "To deactivate is the milder way: it can be taken back.".to_owned()));
    ActTemplate {
        title: format!("Delete {}", label.name),
        button: format!("Delete {}", label.name),
        keep: format!("Keep {}", label.name),
        typed: Some(label.user_name.clone()),
        problem: problem.to_owned(),
        points,
        ..asking(desk, label, of, "delete")
    }
}

async fn ask_to_delete(desk: Desk, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let of = user.into_inner();
    let label = labelled(&desk, &app, Power::Delete, &of).await?;
    Ok(desk.page(&app, Section::Accounts, &deletion(&desk, &label, &of, "")))
}

async fn delete(sent: Submitted, app: web::Data<App>, user: User) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let of = user.into_inner();
    let label = labelled(&desk, &app, Power::Delete, &of).await?;
    if form.field("name").trim() != label.user_name {
        let shown = deletion(&desk, &label, &of, "That is not the name. Type it as it is shown.");
        return Ok(desk.page_with(&app, actix_web::http::StatusCode::BAD_REQUEST, Section::Accounts, &shown));
    }
    let (mandate, engine, list) =
        (desk.mandate().clone(), app.scim_engine(), format!("/console/accounts/{}/users", of.0));
    desk.write(&app, move |tx| users::delete(tx, &mandate, &engine, &of.0, &of.1)).await?;
    Ok(desk.done(&app, &list, &format!("{} was deleted.", label.name)))
}

/// The page of a group.
#[derive(Debug, Template)]
#[template(path = "console/group.html")]
struct GroupTemplate {
    page: GroupPage,
    base: String,
    path: String,
    next: Option<String>,
    goes_on: bool,
}

async fn show_group(
    desk: Desk,
    app: web::Data<App>,
    request: HttpRequest,
    group: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (account, group) = group.into_inner();
    let after: Option<i64> = parameter(&pairs(&request)?, "after").parse().ok();
    let base = format!("/console/accounts/{account}");
    let path = format!("{base}/groups/{group}");
    let mandate = desk.mandate().clone();
    let page = desk.read(&app, ReadCost::Scan, move |tx| group::page(tx, &mandate, (&account, &group), after)).await?;
    let next = page.next.map(|row| address(&path, &[("after", &row.to_string())]));
    Ok(desk.page(&app, Section::Accounts, &GroupTemplate { page, base, path, next, goes_on: after.is_some() }))
}
