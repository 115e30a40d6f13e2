//! 10 000 random histories of accounts, by the services and the storage without HTTP, on each database: after each step every user may do
//! what the [model](super::model) says, and at the end of each history what is answered about every moment of it is what the model said then.
//!
//! The steps of many accounts share a unit of work, and so do the questions about them: each account has its own rows and asks for itself, and
//! it is the commits that would cost most. `ACCESS_HISTORY=17` runs the one history with that seed and tells its steps; `ACCESS_HISTORIES=100000`
//! runs so many, `ACCESS_HISTORIES_FROM=50000` others than those of every day.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::config::Config;
use gateway::domain::operator::Mandate;
use gateway::platform::clock::Clock;
use gateway::platform::timestamp::Timestamp;
use gateway::server;
use gateway::services::access::answers::{self, Listed};
use gateway::services::error::ActError;
use gateway::services::reactions;
use gateway::services::service_provider::ScimEngine;
use gateway::storage::{DatabaseUrl, Db, Limits, ReadCost, Tx};

use super::model::May;
use super::steps::{History, Place};
use crate::support::postgres;
use crate::support::testing::Database;
use crate::support::{environment, story};

const HISTORIES: u64 = 10_000;
/// So many accounts take their steps together.
const TOGETHER: usize = 250;
const MOMENT: Duration = Duration::from_millis(20);

/// Who may do what, by id: the name at that time, and what.
type Everyone = BTreeMap<String, (String, May)>;

/// A history with what the model said at each moment of it.
struct Told {
    history: History,
    moments: Vec<(Timestamp, Everyone)>,
}

#[test]
fn ten_thousand_random_histories_are_what_an_independent_resolver_says_on_sqlite() {
    story::run(async {
        let database = Database::sqlite().await;
        all_of(&database).await;
    });
}

#[test]
fn ten_thousand_random_histories_are_what_an_independent_resolver_says_on_postgres() {
    match postgres::server() {
        Ok(server) => story::run(async {
            let database = Database::postgres(server).await;
            all_of(&database).await;
        }),
        Err(why) if environment::in_ci() => panic!("CI is set, so PostgreSQL has to be tested: {why}"),
        Err(why) => println!("skipped: {why}"),
    }
}

fn number(name: &str) -> Option<u64> {
    environment::variable(name).map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number: {text}")))
}

async fn all_of(database: &Database) {
    let url = database.url();
    let config = Config::from_variables(&[("GATEWAY__DATABASE__URL", &url)]).expect("settings");
    let schemas = server::schemas(&config);
    let clock = Clock::movable();
    let url: DatabaseUrl = url.parse().expect("a database");
    let db = Db::within(url, Limits::of(8), clock.clone(), reactions::run).expect("it answers");
    let db = db.with_grant_policy(server::grant_policy(&config, schemas.configured()));
    let limits = scim::Limits::default();
    let engine = ScimEngine { schemas, base: "https://gateway.test/scim/v2".into(), limits };
    let seeds: Vec<u64> = match number("ACCESS_HISTORY") {
        Some(seed) => vec![seed],
        None => {
            let first = number("ACCESS_HISTORIES_FROM").unwrap_or(1);
            (first..first + number("ACCESS_HISTORIES").unwrap_or(HISTORIES)).collect()
        }
    };
    let is_one = seeds.len() == 1;
    let mut seen = Seen::default();
    for some in seeds.chunks(TOGETHER) {
        for told in run(&db, &engine, &clock, some).await {
            if is_one {
                println!("{:#?}", told.history.said);
            }
            seen.note(&told);
        }
    }
    println!("{} histories, {} steps, {} answers", seen.histories, seen.steps, seen.answers);
    // They are about something: of many histories, most have users who may do different things at different times.
    assert!(is_one || seen.lively * 4 > seen.histories * 3, "{} of {} histories say much", seen.lively, seen.histories);
}

#[derive(Default)]
struct Seen {
    histories: usize,
    steps: usize,
    answers: usize,
    lively: usize,
}

impl Seen {
    fn note(&mut self, told: &Told) {
        self.histories += 1;
        self.steps += told.moments.len();
        self.answers += told.moments.iter().map(|(_, everyone)| everyone.len()).sum::<usize>();
        let mut different: Vec<&Everyone> = told.moments.iter().map(|(_, everyone)| everyone).collect();
        different.dedup();
        self.lively += usize::from(different.len() > 3);
    }
}

/// Histories with these seeds, from the first step of each to the questions about its past.
async fn run(db: &Db, engine: &ScimEngine, clock: &Clock, seeds: &[u64]) -> Vec<Told> {
    let place = || Place { engine: engine.clone(), db: db.clone() };
    let (new, at) = (seeds.to_vec(), place());
    let begun = move |tx: &mut Tx<'_>| {
        new.iter().map(|seed| History::begin(tx, &at, *seed)).collect::<Result<Vec<_>, ActError>>()
    };
    let begun = db.write(begun).await.unwrap_or_else(|error| panic!("accounts {seeds:?}: {error}"));
    let mut all: Vec<Told> = begun.into_iter().map(|history| Told { history, moments: Vec::new() }).collect();
    while all.iter().any(|told| told.history.left > 0) {
        clock.advance(MOMENT);
        // Those that have ended stand still, and are asked about at the end.
        let going: Vec<usize> = (0..all.len()).filter(|n| all[*n].history.left > 0).collect();
        let (before, at): (Vec<History>, _) = (going.iter().map(|n| all[*n].history.clone()).collect(), place());
        let stepped = move |tx: &mut Tx<'_>| {
            let mut after = before.clone();
            for history in &mut after {
                history.step(tx, &at).map_err(|error| failed(history, &error.to_string()))?;
            }
            Ok::<_, ActError>((tx.now(), after))
        };
        let (now, after) = db.write(stepped).await.unwrap_or_else(|error| panic!("{error}"));
        let mut asked = Vec::with_capacity(after.len());
        for (n, history) in going.into_iter().zip(after) {
            let everyone = history.everyone();
            asked.push((history.clone(), None, everyone.clone()));
            all[n].moments.push((now, everyone));
            all[n].history = history;
        }
        compare(db, asked).await;
    }
    clock.advance(MOMENT);
    let longest = all.iter().map(|told| told.moments.len()).max().unwrap_or_default();
    for moment in 0..longest {
        let asked = all.iter().filter_map(|told| {
            let (at, everyone) = told.moments.get(moment)?;
            Some((told.history.clone(), Some(*at), everyone.clone()))
        });
        compare(db, asked.collect()).await;
    }
    all
}

fn failed(history: &History, why: &str) -> ActError {
    let said = history.said.join("\n  ");
    ActError::conflict(format!("ACCESS_HISTORY={} (run it alone by this variable): {why}\n  {said}", history.seed))
}

/// What is answered of each history, now or about a time, is this.
async fn compare(db: &Db, asked: Vec<(History, Option<Timestamp>, Everyone)>) {
    let compared = db.read(ReadCost::Scan, move |tx| {
        for (history, at, expected) in &asked {
            let listed = Listed { at: *at, ..Listed::default() };
            let (items, more) = answers::list(tx, &Mandate::EVERYTHING, &history.account, &listed, 0, 1_000)?;
            let found = items.into_iter().map(|item| {
                let access = item.access;
                let may = (access.role, access.environments.into_iter().collect(), access.every_environment);
                (item.user.id, (item.user.user_name, may))
            });
            let found: Everyone = found.collect();
            if found != *expected || more.is_some() {
                let when = if at.is_some() { format!("about {at:?}") } else { "now".to_owned() };
                return Err(failed(history, &format!("{when}\n  answered {found:?}\n  expected {expected:?}")));
            }
        }
        Ok::<_, ActError>(())
    });
    compared.await.unwrap_or_else(|error| panic!("{error}"));
}
