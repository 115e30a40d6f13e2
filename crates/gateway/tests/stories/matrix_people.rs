//! The matrix of users' own pages and of setup links: each row asked without a session, by users and administrators, about foreign accounts,
//! by links that are not open, and with forms that were not shown.

use gateway::http::edge::audience::Audience;
use gateway::http::edge::endpoints::Endpoint;
use gateway::http::pages::tables;
use reqwest::Method;
use serde_json::json;
use url::Url;

use crate::matrix_console::{Caller, Holes, WRITTEN_DOWN};
use crate::support::account::{Account, User, text};
use crate::support::browser::{Browser, Landed};
use crate::support::database::Behind;
use crate::support::http::Answer;
use crate::support::relying_party::field;
use crate::support::testing::World;

fn rows(below: &'static str) -> impl Iterator<Item = &'static Endpoint> {
    let is_below =
        move |path: &str| path.strip_prefix(below).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    tables().flatten().filter(move |row| is_below(row.path))
}

#[test]
fn each_page_says_for_whom_it_is_and_stands_in_the_matrix_for_them() {
    for row in tables().flatten() {
        let stands = match row.path.split('/').nth(1) {
            Some("console") => !matches!(row.audience, Audience::User | Audience::Administrator),
            Some("account") => matches!(row.audience, Audience::User | Audience::Administrator),
            Some("setup") => row.audience == Audience::LinkHolder,
            _ if row.path.ends_with("{link}") => row.audience == Audience::LinkHolder,
            _ => row.audience == Audience::Anyone,
        };
        assert!(stands, "{} {} is for {:?}", row.method, row.path, row.audience);
    }
    assert!(rows("/account").count() >= 14 && rows("/setup").count() >= 9);
}

/// What a browser sends along that has this page open.
async fn caller(world: &World, is: &str, browser: &Browser, path: &str) -> Caller {
    let url = Url::parse(&format!("{}{path}", world.gateway.public_url)).expect("a URL");
    let page = browser.open(url.as_str()).await.page();
    let forms = page.forms();
    let form = forms.iter().find(|form| form.has_input("csrf")).expect("each page has a form");
    let cookies = browser.cookies(&url).expect("a cookie");
    Caller {
        is: is.to_owned(),
        cookies: cookies.to_str().expect("visible characters").to_owned(),
        csrf: field(form, "csrf"),
    }
}

async fn logged_in(world: &World, user: &User) -> (Browser, Caller) {
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    browser.log_in(&page, &user.user_name, &user.password).await.page();
    let caller = caller(world, &user.user_name, &browser, "/account").await;
    (browser, caller)
}

/// An administrator and a user of an account, whose client the administrator has connected.
async fn people(account: &Account) -> (User, User, String) {
    let (admin, user) = (format!("ada@{}.test", account.name), format!("ben@{}.test", account.name));
    let admin = account.user(&admin).role("master_admin").create().await;
    let user = account.user(&user).role("reports").create().await;
    let idp = account.connect_identity_provider_as(&admin).await;
    (admin, user, idp.client.id.clone())
}

/// The page is the one that asks who the user is.
fn asks_to_log_in(answer: &Answer) -> bool {
    let text = answer.text();
    text.contains("/login\"") && text.contains("name=\"password\"")
}

story!(
    each_page_of_a_user_is_for_them_and_those_of_an_administrator_for_their_account,
    moving_clock,
    async |world: World| {
        world.hold_clock();
        let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
        let (ada, ben, own) = people(&acme).await;
        let (olga, _, foreign) = people(&orchard).await;
        let ((_, ada_here), (_, ben_here)) = (logged_in(&world, &ada).await, logged_in(&world, &ben).await);
        // Olga is logged in in two browsers: the page of the one has a form that ends the other.
        let ((olgas, _), _) = (logged_in(&world, &olga).await, logged_in(&world, &olga).await);
        let page = olgas.open(&format!("{}/account", world.gateway.public_url)).await.page();
        let session = page.forms().iter().find(|form| form.has_input("session")).map(|form| field(form, "session"));
        let of_olga = [("client", foreign.as_str()), ("session", session.as_deref().expect("the other browser"))];

        let mut shut_out = vec![caller(&world, "no session", &world.browser(), "/account").await];
        let (gone, mut expired) = (logged_in(&world, &ben).await, logged_in(&world, &ben).await.1);
        expired.is = "an expired session".to_owned();
        shut_out.push(expired);
        let mut ended = gone.1;
        ended.is = "an ended session".to_owned();
        let page = gone.0.open(&format!("{}/account", world.gateway.public_url)).await.page();
        gone.0.press(&page, "Log out").await;
        shut_out.push(ended);
        let foreign_token = caller(&world, "another browser", &world.browser(), "/account").await.csrf;
        let expired = shut_out[1].cookies.clone();
        expire(&world, &expired);

        let with_query = |row: &Endpoint, client: &str| match row.path {
            "/account/connections/secret" if row.method == "GET" => format!("{}?client={client}", row.path),
            path => path.to_owned(),
        };
        let (mut behind, mut holes) = (Behind::of(&world), Holes::default());
        let before = behind.rows(&WRITTEN_DOWN);
        for row in rows("/account") {
            for caller in &shut_out {
                let answer = caller.send(&world, row, &with_query(row, &own), &[("client", &own)]).await;
                let leads_back = answer.header("location").is_some_and(|to| to.ends_with("/account"));
                holes.unless(asks_to_log_in(&answer) || (row.method == "POST" && leads_back), row, &caller.is, &answer);
            }
            if row.method == "POST" {
                for csrf in ["", "nonsense", foreign_token.as_str()] {
                    let forged = Caller { csrf: csrf.to_owned(), ..ada_here.clone() };
                    let answer = forged.send(&world, row, row.path, &[("client", &own)]).await;
                    holes.unless(answer.status == 403, row, "a form that was not shown", &answer);
                }
            }
            if row.audience == Audience::Administrator {
                let answer = ben_here.send(&world, row, &with_query(row, &own), &[("client", &own)]).await;
                let leads_back = answer.header("location").is_some_and(|to| to.ends_with("/account"));
                holes.unless(answer.status == 303 && leads_back, row, "a user who administers nothing", &answer);
            }
            // What belongs to another account is not there.
            if row.path.starts_with("/account/connections/")
                || row.path.ends_with("/end")
                || row.path.ends_with("/seen")
            {
                let answer = ada_here.send(&world, row, &with_query(row, &foreign), &of_olga).await;
                let is_refused = if row.audience == Audience::User { 303 } else { 404 };
                holes.unless(answer.status.as_u16() == is_refused, row, "an administrator of another account", &answer);
            }
        }
        holes.unless_unchanged(&before, &behind.rows(&WRITTEN_DOWN));
        // What is theirs is shown and done.
        for row in rows("/account") {
            let answer = ada_here.send(&world, row, &with_query(row, &own), &[("client", &own)]).await;
            let status = answer.status.as_u16();
            // A wrong code is none, and is told so.
            let is_wrong_code = status == 401 && row.path.starts_with("/account/second-factor/");
            let is_done =
                is_wrong_code || (![401, 403, 404].contains(&status) && status < 500 && !asks_to_log_in(&answer));
            holes.unless(is_done && !answer.text().contains("orchard"), row, &ada_here.is, &answer);
        }
        holes.are_none();
    }
);

/// Lets the session behind these cookies expire.
fn expire(world: &World, cookies: &str) {
    let secret = cookies.split("; ").find_map(|pair| pair.strip_prefix("gateway_session=")).expect("a session");
    let mut behind = Behind::of(world);
    let fingerprint = behind.keys().fingerprint(secret);
    let hex: String = fingerprint.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let literal = match behind.kind() {
        gateway::storage::AnyConn::Sqlite(_) => format!("X'{hex}'"),
        gateway::storage::AnyConn::Postgres(_) => format!("'\\x{hex}'"),
    };
    let changed = world.alter(&format!("UPDATE sessions SET expires = 1000 WHERE fingerprint = {literal}"));
    assert_eq!(changed, 1, "the session is found");
}

/// A link of an account: its id, and its path.
async fn link(account: &Account) -> (String, String) {
    let made = account.admin(Method::POST, "/setup-links").json(&json!({"provider": "okta"})).await.expect(201).json();
    let url = text(&made["url"]);
    (text(&made["id"]), url[url.find("/setup/").expect("a setup page")..].to_owned())
}

story!(each_row_of_a_setup_link_answers_while_the_link_is_open_and_no_longer, moving_clock, async |world: World| {
    world.hold_clock();
    let (acme, orchard, still) =
        (world.account("acme").await, world.account("orchard").await, world.account("still").await);
    let (open, (revoked, revoked_path)) = (link(&acme).await.1, link(&acme).await);
    let (expired, finished, suspended) = (link(&acme).await, link(&acme).await.1, link(&still).await.1);
    acme.admin(Method::DELETE, &format!("/setup-links/{revoked}")).await.expect(204);
    world.alter(&format!("UPDATE setup_links SET expires = 1000 WHERE id = '{}'", expired.0));
    still.admin(Method::POST, "/suspend").await.expect(200);
    let (olga, _, _) = people(&orchard).await;
    let (_, olga) = logged_in(&world, &olga).await;
    let nora = caller(&world, "the administrator", &world.browser(), &open).await;
    let finish = rows("/setup").find(|row| row.path.ends_with("/finish")).expect("a setup is finished");
    nora.send(&world, finish, &format!("{finished}/finish"), &[]).await.expect(303);
    let path = |row: &Endpoint, of: &str| row.path.replace("/setup/{link}", of);

    let (mut behind, mut holes) = (Behind::of(&world), Holes::default());
    let before = behind.rows(&WRITTEN_DOWN);
    let closed = [
        ("unknown", "/setup/gwl_unknown".to_owned(), 404),
        ("revoked", revoked_path, 410),
        ("expired", expired.1, 410),
        ("finished", finished, 200),
        ("of a suspended account", suspended, 403),
    ];
    for row in rows("/setup") {
        for (is, of, status) in &closed {
            let answer = nora.send(&world, row, &path(row, of), &[("step", "assign"), ("done", "yes")]).await;
            let expected = if row.method == "GET" && row.path != "/setup/{link}" { 303 } else { *status };
            let shows_something = ["gws_", "gwt_", "<form"].iter().any(|what| answer.text().contains(what));
            holes.unless(
                answer.status.as_u16() == expected && !shows_something,
                row,
                &format!("a link that is {is}"),
                &answer,
            );
        }
        if row.method == "POST" {
            for csrf in ["", "nonsense", olga.csrf.as_str()] {
                let forged = Caller { csrf: csrf.to_owned(), ..nora.clone() };
                let answer = forged.send(&world, row, &path(row, &open), &[]).await;
                holes.unless(answer.status == 403, row, "a form that was not shown", &answer);
            }
        }
    }
    holes.unless_unchanged(&before, &behind.rows(&WRITTEN_DOWN));
    // A session of another account adds nothing and takes nothing away: the link is what counts.
    for row in rows("/setup").filter(|row| row.method == "GET") {
        let answer = olga.send(&world, row, &path(row, &open), &[]).await;
        let is_shown = (answer.status == 200 || answer.status == 303) && !answer.text().contains("orchard");
        holes.unless(is_shown, row, "a session of another account", &answer);
    }
    holes.are_none();
});
