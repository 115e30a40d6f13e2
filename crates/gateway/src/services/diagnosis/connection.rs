//! The health of one connection, as its page shows it.

use super::ConnectionHead;
use super::fields::{self, ShownField};
use crate::domain::chart::{DAYS, PopulationChart, RequestChart};
use crate::domain::daily::{DayCounts, Population, day_of};
use crate::domain::health::{
    self as rule, Activity, Connection, Credential, Facts, HealthState, Moment, Severity, Step,
};
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::when::When;
use crate::domain::wording::grouped;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::clients::{self, tolerances};
use crate::services::error::ActError;
use crate::services::health::{self, Looked, Rules};
use crate::storage::Tx;

/// So many tolerances are told of on the page of the connection.
const TOLERANCES: usize = 5;

/// The page of a connection.
#[derive(Debug)]
pub struct ConnectionPage {
    /// What stands at the top.
    pub head: ConnectionHead,
    /// Since when it is in this state.
    pub since: When,
    /// When the client last sent a request.
    pub last_request: Option<When>,
    /// What is unwell, the worst first.
    pub reasons: Vec<ShownReason>,
    /// What is worth knowing beside that.
    pub known: Vec<ShownReason>,
    /// At a glance.
    pub tiles: Vec<Tile>,
    /// Requests a day.
    pub requests: RequestChart,
    /// Users and groups over time.
    pub population: Option<PopulationChart>,
    /// Who accepted access.
    pub accesses: Vec<ShownAccess>,
    /// Secrets and static tokens, without what is secret about them.
    pub credentials: Vec<ShownCredential>,
    /// The fields that are worth a look.
    pub fields: Vec<ShownField>,
    /// What it is forgiven and needed, the most frequent first: in words, and how often.
    pub tolerances: Vec<(&'static str, String)>,
    /// How many it needed of how many there are.
    pub needed: (usize, usize),
    /// Whether requests are recorded at all.
    pub is_recorded: bool,
}

/// A reason on a page.
#[derive(Debug)]
pub struct ShownReason {
    /// The class and icon.
    pub look: &'static str,
    /// Its code, as people read it.
    pub title: String,
    /// What is so.
    pub sentence: String,
    /// Since when.
    pub since: When,
    /// What to do.
    pub what_to_do: &'static str,
    /// Where.
    pub step: Option<Step>,
    /// What to send to the customer's administrator.
    pub message: Option<String>,
}

/// A number at a glance.
#[derive(Debug)]
pub struct Tile {
    /// Of what.
    pub name: &'static str,
    /// The number, or time.
    pub value: String,
    /// As machines read it, of a time.
    pub iso: Option<String>,
    /// What belongs to it.
    pub note: String,
}

/// Access that a user accepted.
#[derive(Debug)]
pub struct ShownAccess {
    /// The number of the grant.
    pub grant: i64,
    /// The user's id
    pub user: String,
    /// and name.
    pub name: String,
    /// In which account; for clients that all share.
    pub account: Option<String>,
    /// Who that is, in words.
    pub kind: String,
    /// When it was accepted.
    pub accepted: When,
    /// When it was last used.
    pub used: Option<When>,
    /// When it ends if nothing happens; `None`: never.
    pub ends: Option<When>,
    /// Whether use renews it.
    pub renews: bool,
}

/// A secret or static token, by its name.
#[derive(Debug)]
pub struct ShownCredential {
    /// `Client secret`, `Static token`
    pub kind: &'static str,
    /// What it is called, if it has a name.
    pub name: Option<String>,
    /// When it was made.
    pub created: When,
    /// When it was last used.
    pub used: Option<When>,
    /// When it expires, with a class.
    pub expires: Option<(&'static str, When)>,
}

/// The page of a connection within reach; `operator` signs messages. What this process answered a moment ago is known once it is
/// [gathered](crate::services::health). Only reads.
pub fn page(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    client: &str,
    operator: &str,
) -> Result<ConnectionPage, ActError> {
    let record = clients::find(tx, mandate, Power::Read, client)?;
    let now = tx.now();
    let today = day_of(now);
    let not_found = || ActError::not_found("client", client);
    let Looked { record, account, facts, finding } =
        health::look(tx, rules, vec![record])?.pop().ok_or_else(not_found)?;
    let head = ConnectionHead::of(tx, &record, finding.state)?;
    let stored = tx.health_of(&[record.seq])?.pop();
    let known_since = stored.as_ref().map(health::known_since).unwrap_or_default();
    let since = stored.filter(|stored| stored.state == finding.state.as_str()).map_or(now, |stored| stored.since);
    let shown = |reason: &rule::Reason| {
        let code = reason.code;
        ShownReason {
            look: look_of(code.severity()),
            title: code.title(),
            sentence: reason.sentence.clone(),
            since: When::day(health::since(reason, &known_since, now)),
            what_to_do: code.remedy(),
            step: code.step(),
            message: code.message(&reason.sentence, head.provider, operator),
        }
    };
    let (known, reasons): (Vec<_>, Vec<_>) =
        finding.reasons.iter().partition(|reason| reason.code.severity() == Severity::Information);
    let (known, reasons): (Vec<ShownReason>, Vec<ShownReason>) =
        (known.into_iter().map(shown).collect(), reasons.into_iter().map(shown).collect());
    let days = tx.client_days(record.seq, today - DAYS + 1)?;
    let (past, population) = match &account {
        Some(account) => (tx.account_days(account.seq, today - DAYS + 1)?, Some(tx.population(account.seq)?)),
        None => (Vec::new(), None),
    };
    let mut tolerances: Vec<_> = tolerances::list(tx, mandate, client)?.items;
    let all = tolerances.len();
    tolerances.retain(|tolerance| tolerance.forgiven > 0);
    tolerances.sort_by_key(|tolerance| std::cmp::Reverse(tolerance.forgiven));
    let needed = (tolerances.len(), all);
    let list = clients::fields::list(tx, mandate, client, rules.schemas)?;
    let activity = facts.activity.as_ref();
    Ok(ConnectionPage {
        since: When::at(since),
        last_request: facts.last_sign().map(|at| When::ago(at, now)),
        reasons,
        known,
        tiles: tiles(&facts, activity, &days, population, now),
        requests: RequestChart::of(&days, today),
        population: population.and_then(|population| PopulationChart::of(&past, today, population)),
        accesses: facts.connections.iter().map(|connection| access(connection, head.account.is_none(), now)).collect(),
        credentials: credentials(&facts, now),
        fields: fields::worth_a_look(&list),
        tolerances: tolerances
            .iter()
            .take(TOLERANCES)
            .map(|tolerance| (tolerance.forgives, times(tolerance.forgiven)))
            .collect(),
        needed,
        is_recorded: facts.is_recorded,
        head,
    })
}

/// What ending accepted access is about: the connection, and the user who accepted. Only reads.
pub fn access_to_end(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    client: &str,
    grant: &str,
) -> Result<(ConnectionHead, String), ActError> {
    mandate.may(Power::EndGrants)?;
    let (head, record) = ConnectionHead::find(tx, mandate, rules, client)?;
    let grants = tx.open_provisioning_grants(&[record.seq])?;
    let found = grants.iter().find(|open| open.seq.to_string() == grant && mandate.reaches(Some(open.account)));
    let found = found.ok_or_else(|| ActError::not_found("grant", grant))?;
    let owner = tx.users_of_grants(&[found.owner])?.pop();
    let name = owner.map(|owner| person::name(&serde_json::from_str(&owner.document).unwrap_or_default()));
    Ok((head, name.unwrap_or_else(|| "a deleted user".to_owned())))
}

impl ConnectionPage {
    /// What the first card says above its reasons.
    pub fn heading(&self) -> &'static str {
        match self.head.state {
            _ if self.head.is_suspended => "Suspended with its account",
            HealthState::Ok => "Nothing has to be done",
            HealthState::NeverUsed => "Waiting for its first request",
            HealthState::Attention => "Needs your attention",
            HealthState::Broken => "Does not work",
        }
    }
}

fn look_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Information | Severity::NeverUsed => "neutral",
        Severity::Attention => "attention",
        Severity::Broken => "broken",
    }
}

fn times(count: i64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) }
}

fn of(count: i64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{} {what}s", grouped(count)) }
}

fn tiles(
    facts: &Facts,
    activity: Option<&Activity>,
    days: &[(i64, DayCounts)],
    population: Option<Population>,
    now: Timestamp,
) -> Vec<Tile> {
    let moment = |name, moment: Option<&Moment>, never: &str| match moment {
        Some(Moment { at, address }) => {
            let When { iso, words } = When::ago(*at, now);
            let note = address.as_deref().map_or_else(String::new, |address| format!("from {address}"));
            Tile { name, value: words, iso: Some(iso), note }
        }
        None => Tile { name, value: "never".to_owned(), iso: None, note: never.to_owned() },
    };
    let today = day_of(now);
    let DayCounts { requests, refused, .. } =
        days.iter().find(|(day, _)| *day == today).map(|(_, counts)| *counts).unwrap_or_default();
    let before: Vec<i64> = days.iter().filter(|(day, _)| *day < today).map(|(_, counts)| counts.refused).collect();
    let usually = match before.len() as i64 {
        ..3 => String::new(),
        count => format!("; usually {}", grouped(before.iter().sum::<i64>() / count)),
    };
    let mut tiles = vec![
        moment("Last success", activity.and_then(|activity| activity.last_success.as_ref()), "no request was accepted"),
        Tile {
            name: "Refused today",
            value: grouped(refused),
            iso: None,
            note: format!("of {}{usually}", of(requests, "request")),
        },
    ];
    if let Some(Population { users, groups }) = population {
        tiles.push(Tile { name: "Users", value: grouped(users), iso: None, note: of(groups, "group") });
    }
    tiles.push(moment(
        "Last import",
        activity.and_then(|activity| activity.last_import.as_ref()),
        "the list of users was not read",
    ));
    if !facts.connections.is_empty() {
        let end =
            facts.connections.iter().map(Connection::end).max_by_key(|end| end.unwrap_or(Timestamp::MAX)).flatten();
        let renews = facts.connections.iter().any(|connection| connection.idle_end.is_some());
        tiles.push(match end {
            Some(end) => {
                let When { iso, words } = When::ahead(end, now);
                let note = if renews { "unless it is used" } else { "and is not renewed" };
                Tile { name: "Access ends", value: words, iso: Some(iso), note: note.to_owned() }
            }
            None => Tile { name: "Access ends", value: "never".to_owned(), iso: None, note: String::new() },
        });
    }
    tiles
}

fn access(connection: &Connection, is_shared: bool, now: Timestamp) -> ShownAccess {
    let person = if connection.is_service_account { "service account" } else { "a person" };
    let managed = if connection.is_managed { ", managed by an identity provider" } else { "" };
    let used = connection.used.max(connection.refreshed);
    ShownAccess {
        grant: connection.grant,
        user: connection.owner_id.clone(),
        name: connection.owner.clone(),
        account: is_shared.then(|| connection.account.name.clone()),
        kind: format!("{person}{managed}"),
        accepted: When::at(connection.created),
        used: used.map(|used| When::ago(used, now)),
        ends: connection.end().map(When::day),
        renews: connection.idle_end.is_some() && connection.end() != connection.absolute_end,
    }
}

fn credentials(facts: &Facts, now: Timestamp) -> Vec<ShownCredential> {
    let shown = |kind: &'static str| {
        move |credential: &Credential| ShownCredential {
            kind,
            // A secret without a label is known by its id, which says nothing to people.
            name: (!system::is_id(&credential.name)).then(|| credential.name.clone()),
            created: When::day(credential.created),
            used: credential.last_used.map(|used| When::ago(used, now)),
            expires: credential.expires.map(|at| match at - now {
                ..=0 => ("broken", When::day(at)),
                left if left < 30 * rule::DAY => ("attention", When::day(at)),
                _ => ("neutral", When::day(at)),
            }),
        }
    };
    let secrets = facts.secrets.iter().map(shown("Client secret"));
    secrets.chain(facts.tokens.iter().map(shown("Static token"))).collect()
}
