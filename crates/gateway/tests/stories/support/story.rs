//! A story is told twice: on SQLite always, on PostgreSQL where there is one.

use std::future::Future;

use gateway::platform::clock::Clock;

use crate::support::environment;
use crate::support::postgres;
use crate::support::testing::{Database, World};

/// `story!(name, async |world: World| { … });` is two tests, `name::on_sqlite` and `name::on_postgres`. A story whose gateway has
/// settings of its own says `settings = [("GATEWAY__…", "…")]` before it begins; one that lets time pass ([`World::pass`]) says `moving_clock`
/// before that.
macro_rules! story {
    ($(#[$about:meta])* $name:ident, async |$world:ident: $type:ty| $body:block) => {
        story!($(#[$about])* $name, settings = [], async |$world: $type| $body);
    };
    ($(#[$about:meta])* $name:ident, moving_clock, async |$world:ident: $type:ty| $body:block) => {
        story!($(#[$about])* $name, moving_clock, settings = [], async |$world: $type| $body);
    };
    ($(#[$about:meta])* $name:ident, moving_clock, settings = [$($setting:expr),*], async |$world:ident: $type:ty| $body:block $(,)?) => {
        story!(by Some(gateway::platform::clock::Clock::movable()); $(#[$about])* $name, [$($setting),*], async |$world: $type| $body);
    };
    ($(#[$about:meta])* $name:ident, settings = [$($setting:expr),*], async |$world:ident: $type:ty| $body:block $(,)?) => {
        story!(by None; $(#[$about])* $name, [$($setting),*], async |$world: $type| $body);
    };
    (by $clock:expr; $(#[$about:meta])* $name:ident, [$($setting:expr),*], async |$world:ident: $type:ty| $body:block) => {
        $(#[$about])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn told_in($world: $type) $body

            #[test]
            fn on_sqlite() {
                $crate::support::story::on_sqlite_by($clock, &[$($setting),*], told_in);
            }

            #[test]
            fn on_postgres() {
                $crate::support::story::on_postgres_by($clock, &[$($setting),*], told_in);
            }
        }
    };
}

type Settings<'s> = &'s [(&'static str, &'static str)];

pub fn on_sqlite<F: Future<Output = ()>>(settings: Settings<'_>, story: impl FnOnce(World) -> F) {
    on_sqlite_by(None, settings, story);
}

pub fn on_postgres<F: Future<Output = ()>>(settings: Settings<'_>, story: impl FnOnce(World) -> F) {
    on_postgres_by(None, settings, story);
}

/// By a clock that the story moves.
pub fn on_sqlite_by<F: Future<Output = ()>>(
    clock: Option<Clock>,
    settings: Settings<'_>,
    story: impl FnOnce(World) -> F,
) {
    tell(Database::sqlite, clock, settings, story);
}

/// The same on PostgreSQL.
pub fn on_postgres_by<F: Future<Output = ()>>(
    clock: Option<Clock>,
    settings: Settings<'_>,
    story: impl FnOnce(World) -> F,
) {
    match postgres::server() {
        Ok(server) => tell(|| Database::postgres(server), clock, settings, story),
        Err(why) if environment::in_ci() => panic!("CI is set, so PostgreSQL has to be tested: {why}"),
        Err(why) => println!("skipped: {why}"),
    }
}

fn tell<D: Future<Output = Database>, F: Future<Output = ()>>(
    database: impl FnOnce() -> D,
    clock: Option<Clock>,
    settings: Settings<'_>,
    story: impl FnOnce(World) -> F,
) {
    run(async { story(World::start_by(clock, database().await, settings).await).await });
}

/// Runs what waits, on this test's own thread.
pub fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(future);
}
