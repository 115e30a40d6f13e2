//! The matrix of the console: each row of its tables asked without a session, by each role within reach and beyond, and with forms that were
//! not shown. What is expected follows from what the row says of its audience, so a new page is asked without a word here.

use gateway::domain::operator::{Mandate, Need, Reach, Role};
use gateway::http::edge::audience::Audience;
use gateway::http::edge::endpoints::Endpoint;
use gateway::http::pages::console::TABLES;
use reqwest::Method;
use serde_json::json;
use url::Url;

use crate::support::account::{Account, items, text};
use crate::support::browser::{Browser, Landed};
use crate::support::console::{NO_APP, Operator};
use crate::support::database::Behind;
use crate::support::http::{Answer, Call};
use crate::support::relying_party::field;
use crate::support::set_receiver::SetReceiver;
use crate::support::testing::World;

/// An id that nothing has.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";
/// What is written down of each request, whether it was refused or not.
pub const WRITTEN_DOWN: [&str; 9] = [
    "requests",
    "client_days",
    "account_days",
    "client_activity",
    "client_health",
    "unrecorded_requests",
    "field_counts",
    "attempts",
    "audit_segments",
];

fn rows() -> impl Iterator<Item = &'static Endpoint> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// What a path names: the id for each name in braces.
#[derive(Clone)]
struct Place(Vec<(&'static str, String)>);

impl Place {
    fn unknown() -> Place {
        let ids = [
            "account",
            "client",
            "user",
            "group",
            "attribute",
            "secret",
            "token",
            "link",
            "operator",
            "request",
            "webhook",
            "webhook of all",
            "stream",
            "stream of all",
        ];
        let mut ids: Vec<_> = ids.into_iter().map(|name| (name, UNKNOWN.to_owned())).collect();
        ids.push(("grant", "999999999".to_owned()));
        ids.push(("rule", "999".to_owned()));
        Place(ids)
    }

    /// An account with one of everything.
    async fn made(account: &Account, operator: &str) -> Place {
        let idp = account.connected_identity_provider().await;
        let client = idp.client.id.clone();
        let read = idp.get("/Users").await.expect(200);
        let group = idp.create_group("Editors", &[]).await;
        account.admin(Method::PUT, "/attributes/badge").json(&json!({"type": "string"})).await.expect(201);
        let token = idp.client.admin(Method::POST, "/tokens").json(&json!({"name": "pasted"})).await.expect(201).json();
        let rule = json!({"rules": [{"group_name": "Editors", "role": "reports"}]});
        account.admin(Method::PUT, "/access").json(&rule).await.expect(200);
        let link = account.admin(Method::POST, "/setup-links").json(&json!({"client_id": client})).await;
        let webhook = json!({"url": "https://app.example.com/hooks", "paused": true});
        let webhook = account.admin(Method::POST, "/webhooks").json(&webhook).await.expect(201).json();
        let world = &account.world;
        let shared = json!({"url": "https://app.example.com/all", "paused": true});
        let shared = world.admin(Method::POST, "/webhooks").json(&shared).await.expect(201).json();
        let stream = SetReceiver::of(world, Some(account)).await.stream(&json!({})).await.id;
        let shared_stream = SetReceiver::of(world, None).await.stream(&json!({})).await.id;
        let first = async |path: String| text(&items(&account.world.admin_get(&path).await)[0]["id"]);
        let path = format!("/accounts/{}", account.id);
        Place(vec![
            ("account", account.id.clone()),
            ("user", first(format!("{path}/users")).await),
            ("group", text(&group["id"])),
            ("attribute", "badge".to_owned()),
            ("link", text(&link.expect(201).json()["id"])),
            ("grant", first(format!("{path}/grants")).await),
            ("secret", first(format!("/clients/{client}/secrets")).await),
            ("token", text(&token["id"])),
            ("request", read.header("x-request-id").expect("an id").to_owned()),
            ("operator", operator.to_owned()),
            ("rule", "1".to_owned()),
            ("webhook", text(&webhook["id"])),
            ("webhook of all", text(&shared["id"])),
            ("stream", stream),
            ("stream of all", shared_stream),
            ("client", client),
        ])
    }

    /// What is in another account, asked for below this one.
    fn around(&self, other: &Place) -> Place {
        let is_outer = |name: &str| ["account", "client"].contains(&name);
        Place(self.0.iter().filter(|(name, _)| is_outer(name)).chain(other.0.iter()).cloned().collect())
    }

    fn path(&self, path: &str) -> String {
        // These pages are of all accounts.
        let is_of_all = ["/console/webhooks/", "/console/streams/"].iter().any(|list| path.starts_with(list));
        let mut path = path.to_owned();
        for (name, id) in &self.0 {
            let name = if is_of_all { name.strip_suffix(" of all").unwrap_or_default() } else { name };
            path = path.replace(&format!("{{{name}}}"), id);
        }
        assert!(!path.contains('{'), "{path}: say in this story what stands there");
        path
    }

    /// What was answered, without what was asked for.
    fn told(&self, answer: &Answer) -> (u16, String) {
        let text = answer.text();
        let main = text.split("<main").nth(1).unwrap_or(&text);
        let mut told = main.split("<footer").next().unwrap_or_default().to_owned();
        // A grant has a number, which stands in other ids, too.
        let named = |(name, id): &(&str, String)| if *name == "grant" { format!("`{id}`") } else { id.clone() };
        for id in self.0.iter().filter(|(name, _)| !["attribute", "rule"].contains(name)).map(named) {
            told = told.replace(&id, if id.starts_with('`') { "`ID`" } else { "ID" });
        }
        (answer.status.as_u16(), told)
    }
}

/// Who asks: what their browser sends along.
#[derive(Clone)]
pub struct Caller {
    pub is: String,
    pub cookies: String,
    /// The token of their forms; they send none if it is empty.
    pub csrf: String,
}

impl Caller {
    async fn of(world: &World, is: &str, browser: &Browser) -> Caller {
        let url = Url::parse(&world.console("/you")).expect("a URL");
        let page = browser.open(url.as_str()).await.page();
        let csrf = field(&page.form_with_button("Log out").expect("the frame has a button"), "csrf");
        let cookies = browser.cookies(&url).expect("a session");
        Caller { is: is.to_owned(), cookies: cookies.to_str().expect("visible characters").to_owned(), csrf }
    }

    /// A request to a row, at this path; a form has these fields.
    pub fn send(&self, world: &World, row: &Endpoint, path: &str, fields: &[(&str, &str)]) -> Call {
        let call = world.call(row.method.as_str().parse().expect("a method"), path);
        let call = if self.cookies.is_empty() { call } else { call.header("cookie", &self.cookies) };
        let token = [("csrf", self.csrf.as_str())];
        let token = if self.csrf.is_empty() { &[][..] } else { &token };
        if row.method == "GET" { call } else { call.form(&[token, fields].concat()) }
    }

    async fn ask(&self, world: &World, row: &Endpoint, place: &Place) -> Answer {
        let fields = [("name", "typed by hand"), ("token_name", "typed by hand"), ("client", &place.path("{client}"))];
        self.send(world, row, &place.path(row.path), &fields).await
    }
}

/// Of each role an operator who is limited to an account, and one of all accounts.
struct OfRole {
    role: Role,
    some: Caller,
    all: Caller,
}

impl OfRole {
    async fn log_in(world: &World, role: Role, account: &str) -> OfRole {
        let name = role.code();
        let some = world.operator_of(&format!("{name}.some@vendor.test"), name, Some(&[account])).await;
        let all = world.operator(&format!("{name}.all@vendor.test"), name).await;
        let caller =
            async |operator: &Operator, is: &str| Caller::of(world, &format!("{name} {is}"), &operator.browser).await;
        OfRole { role, some: caller(&some, "of one account").await, all: caller(&all, "of all").await }
    }

    /// Each with whether the table of roles lets them do what a row needs.
    fn each(&self, need: Option<Need>) -> [(&Caller, bool); 2] {
        let may = need.is_none_or(|need| need.of(&Mandate::new(self.role, Reach::All)).is_ok());
        [(&self.some, may && need.is_none_or(|need| !need.is_everywhere)), (&self.all, may)]
    }
}

fn names_a_place(path: &str) -> bool {
    path.contains('{') && !path.contains("{operator}")
}

/// Whether a request was led to the log-in: a page to the address that was asked for, a form with what was typed.
fn leads_to_the_log_in(world: &World, row: &Endpoint, path: &str, answer: &Answer) -> bool {
    if row.method == "GET" {
        let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let log_in = format!("{}/console/login?next={next}", world.gateway.public_url);
        let is_kept = answer.header("cache-control") != Some("no-store");
        answer.status == 303 && answer.header("location") == Some(&log_in) && !is_kept
    } else {
        let told = answer.page();
        answer.status == 401 && told.contains("session has ended") && told.contains("typed by hand")
    }
}

/// What a matrix has found that should not be: all of it is told at once.
#[derive(Default)]
pub struct Holes(Vec<String>);

impl Holes {
    pub fn unless(&mut self, is_right: bool, row: &Endpoint, who: &str, answer: &Answer) {
        if !is_right {
            let to = answer.header("location").unwrap_or_default();
            let text = answer.text();
            let said = text.split("<main").nth(1).unwrap_or(&text).split_whitespace().collect::<Vec<_>>().join(" ");
            let said: String = said.chars().take(300).collect();
            self.0.push(format!("{} {} by {who}: {} {to} {said}", row.method, row.path, answer.status));
        }
    }

    /// What differs of the tables.
    pub fn unless_unchanged(&mut self, before: &str, after: &str) {
        // Jobs count blocks of lists, and note how accounts stand, which is the last column.
        let is_of_jobs = |line: &&str| line.starts_with("installation ") && line.contains("blocks_seen");
        let without_standing = |line: &str| match line.rsplit_once(',') {
            Some((row, _)) if line.starts_with("accounts ") => row.to_owned(),
            _ => line.to_owned(),
        };
        let lines = |text: &str| {
            let lines = text.lines().filter(|line| !is_of_jobs(line));
            lines.map(without_standing).collect::<std::collections::HashSet<_>>()
        };
        let (before, after) = (lines(before), lines(after));
        self.0.extend(after.difference(&before).map(|line| format!("a refused request wrote {line}")));
        self.0.extend(before.difference(&after).map(|line| format!("a refused request removed {line}")));
    }

    #[track_caller]
    pub fn are_none(self) {
        assert!(self.0.is_empty(), "{} holes:\n{}", self.0.len(), self.0.join("\n"));
    }
}

story!(
    each_row_of_the_console_admits_whom_it_says_and_no_other,
    moving_clock,
    settings = [NO_APP],
    async |world: World| {
        world.hold_clock();
        let (acme, orchard, gone) =
            (world.account("acme").await, world.account("orchard").await, world.account("gone").await);
        let spare = json!({"name": "spare", "role": "support"});
        let spare = text(&world.admin(Method::POST, "/operators").json(&spare).await.expect(201).json()["id"]);
        let mut places = Vec::new();
        for account in [&acme, &orchard, &gone] {
            places.push(Place::made(account, &spare).await);
        }
        gone.admin(Method::DELETE, "").await.expect(204);
        let unknown = Place::unknown();
        let own = &places[0];
        let beyond = [
            ("a foreign account", places[1].clone()),
            ("a deleted account", places[2].clone()),
            ("what is in a foreign account, below the own one", own.around(&places[1])),
        ];
        let mut roles = Vec::new();
        for role in Role::ALL {
            roles.push(OfRole::log_in(&world, role, &acme.id).await);
        }
        let platform = &roles[0].all;

        // Sessions that do not count.
        let mut shut_out =
            vec![Caller { is: "no session".to_owned(), cookies: String::new(), csrf: platform.csrf.clone() }];
        let mut ids = Vec::new();
        for name in ["expired", "ended", "dismissed"] {
            let operator = world.operator(&format!("{name}@vendor.test"), "platform").await;
            shut_out.push(Caller::of(&world, name, &operator.browser).await);
            ids.push(operator.id);
        }
        let expired = format!("(SELECT seq FROM operators WHERE id = '{}')", ids[0]);
        world.alter(&format!("UPDATE operator_sessions SET expires = 1000 WHERE operator = {expired}"));
        let log_out = rows().find(|row| row.path == "/console/logout").expect("operators log out");
        shut_out[2].ask(&world, log_out, own).await.expect(303);
        world.admin(Method::DELETE, &format!("/operators/{}", ids[2])).await.expect(204);

        let (mut behind, mut holes) = (Behind::of(&world), Holes::default());
        let before = behind.rows(&WRITTEN_DOWN);
        for row in rows() {
            let (need, path) = (row.audience.need(), own.path(row.path));
            match row.audience {
                Audience::OperatorWith(_) | Audience::OperatorOrKey(..) | Audience::Operator => {}
                Audience::Anyone | Audience::LinkHolder => {
                    let open = ["/console/login", "/console/welcome/"];
                    assert!(open.iter().any(|open| row.path.starts_with(open)), "{path} is open to every caller");
                    let stranger = Caller { csrf: String::new(), ..shut_out[0].clone() };
                    let answer = stranger.ask(&world, row, own).await;
                    holes.unless(row.method != "POST" || answer.status == 403, row, "no session", &answer);
                    continue;
                }
                Audience::User | Audience::Administrator => panic!("{path}: no page of the console is for users"),
            }
            for caller in &shut_out {
                let answer = caller.ask(&world, row, own).await;
                holes.unless(leads_to_the_log_in(&world, row, &path, &answer), row, &caller.is, &answer);
            }
            if row.method == "POST" {
                for csrf in ["", "nonsense", roles[1].all.csrf.as_str()] {
                    let forged = Caller { csrf: csrf.to_owned(), ..platform.clone() };
                    let answer = forged.ask(&world, row, own).await;
                    let is_refused = answer.status == 403 && answer.text().contains("form can no longer be used");
                    holes.unless(is_refused, row, "a form that was not shown", &answer);
                }
            }
            for of in &roles {
                for (caller, _) in of.each(need).into_iter().filter(|(_, allowed)| !allowed) {
                    let answer = caller.ask(&world, row, own).await;
                    let is_refused = answer.status == 403 && answer.text().contains("Your role does not allow this");
                    holes.unless(is_refused, row, &caller.is, &answer);
                }
                if !names_a_place(row.path) {
                    continue;
                }
                // A foreign account, and a deleted one, are answered as one that there never was.
                let (some, may) = of.each(need)[0];
                let never = some.ask(&world, row, &unknown).await;
                holes.unless(
                    never.status == if may { 404 } else { 403 },
                    row,
                    &format!("{}: unknown", some.is),
                    &never,
                );
                let has_inner = ["user", "group", "secret", "token", "link", "grant", "webhook", "stream"]
                    .iter()
                    .any(|name| row.path.contains(&format!("{{{name}}}")));
                for (beyond, place) in beyond.iter().take(if has_inner { 3 } else { 2 }) {
                    let answer = some.ask(&world, row, place).await;
                    let is_alike = match beyond {
                        &"what is in a foreign account, below the own one" => answer.status == never.status,
                        _ => place.told(&answer) == unknown.told(&never),
                    };
                    holes.unless(is_alike, row, &format!("{}: {beyond}", some.is), &answer);
                }
            }
        }
        holes.unless_unchanged(&before, &behind.rows(&WRITTEN_DOWN));

        // What the table allows is done: last of all, logging out.
        let (last, first): (Vec<_>, Vec<_>) = rows().partition(|row| row.path == log_out.path);
        let for_operators = |row: &&Endpoint| matches!(row.audience, Audience::OperatorWith(_) | Audience::Operator);
        for row in first.into_iter().chain(last).filter(for_operators) {
            let allowed = roles.iter().flat_map(|of| of.each(row.audience.need())).filter(|(_, allowed)| *allowed);
            for (nth, (caller, _)) in allowed.enumerate() {
                let answer = caller.ask(&world, row, own).await;
                let status = answer.status.as_u16();
                // What the first has ended is not there for the second; nor is an app that was never set up.
                let is_gone =
                    status == 404 && row.method == "POST" && (nth > 0 || row.path.ends_with("/second-factor"));
                let is_wrong_code = status == 401 && row.path.starts_with("/console/you/app/");
                let is_done = ![401, 403, 404].contains(&status) && status < 500;
                let leads_out = answer.header("location").is_some_and(|to| to.contains("/console/login"));
                holes.unless(
                    is_gone || is_wrong_code || is_done && leads_out == (row.path == log_out.path),
                    row,
                    &caller.is,
                    &answer,
                );
            }
        }
        holes.are_none();
    }
);
