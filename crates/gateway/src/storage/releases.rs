//! Which releases have been at the database, and which may start on it: each one notes in `installation` which is the oldest that may run
//! beside it. A release knows what the ones before it need, and not what comes after it; so the newer one says it, where the older one looks.
//!
//! One release may run beside the next: what migrations may change is [decided so](../../../../docs/decisions/0067-what-may-a-migration-change.md).

use diesel::prelude::*;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::installation;
use crate::each;

/// What this binary is.
pub(super) const THIS: &str = env!("CARGO_PKG_VERSION");
/// The oldest release that may run beside this one: `migrations/releases/` has what it needs of the schema, and no older one's.
const OLDEST_BESIDE: &str = "0.1.0";
/// What the names of these notes begin with.
const NOTE: &str = "release ";

/// The number of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Release([u64; 3]);

impl Release {
    /// Three numbers; what a version has behind them is left out.
    fn parse(text: &str) -> Option<Release> {
        let numbers = text.split(['-', '+']).next()?.split('.').map(str::parse);
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().ok()?;
        Some(Release(numbers.try_into().ok()?))
    }
}

/// What newer releases have left for this one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Newer {
    /// None was there.
    None,
    /// This one may run beside those that were there.
    Beside,
    /// One was there beside which it may not run, and the oldest that may.
    TooNew {
        /// Which one was there.
        release: String,
        /// The oldest beside it.
        oldest: String,
    },
}

/// Notes that this release has been here.
pub fn note(conn: &mut AnyConn) -> Result<(), DbError> {
    let name = format!("{NOTE}{THIS}");
    let query = installation::table.filter(installation::name.eq(&name)).select(installation::value);
    let noted: Option<String> = each!(&mut *conn, c => query.first(c).optional())?;
    if noted.as_deref() == Some(OLDEST_BESIDE) {
        return Ok(());
    }
    let row = (installation::name.eq(&name), installation::value.eq(OLDEST_BESIDE));
    each!(conn, c => diesel::insert_into(installation::table)
        .values(row)
        .on_conflict(installation::name)
        .do_update()
        .set(installation::value.eq(OLDEST_BESIDE))
        .execute(c))?;
    Ok(())
}

/// The same where an installation is; a database that was only migrated stays empty, so that one can be moved into it.
pub fn note_in_use(conn: &mut AnyConn) -> Result<(), DbError> {
    let facts: i64 = each!(&mut *conn, c => installation::table.count().get_result(c))?;
    if facts > 0 { note(conn) } else { Ok(()) }
}

/// Which newer releases have been here. The schema has to have `installation`, as every migrated one does.
pub(super) fn newer(conn: &mut AnyConn) -> Result<Newer, DbError> {
    let query = installation::table
        .filter(installation::name.like(format!("{NOTE}%")))
        .select((installation::name, installation::value))
        .order(installation::name);
    let notes: Vec<(String, String)> = each!(conn, c => query.load(c))?;
    Ok(judged(THIS, &notes))
}

fn judged(this: &str, notes: &[(String, String)]) -> Newer {
    let this = Release::parse(this);
    let newer = notes.iter().filter_map(|(name, oldest)| {
        let release = name.strip_prefix(NOTE)?;
        (Release::parse(release) > this).then_some((release, oldest))
    });
    let mut found = Newer::None;
    for (release, oldest) in newer {
        if Release::parse(oldest).is_none_or(|oldest| Some(oldest) > this) {
            return Newer::TooNew { release: release.to_owned(), oldest: oldest.clone() };
        }
        found = Newer::Beside;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_release_beside_this_one_is_the_oldest_whose_needs_are_checked() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/releases")).unwrap();
        let names = folder.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
        let oldest = names.min_by_key(|name| Release::parse(name).expect("a file is called after its release"));
        assert_eq!(oldest.as_deref(), Some(OLDEST_BESIDE), "OLDEST_BESIDE and migrations/releases/ have to agree");
        assert!(Release::parse(THIS) >= Release::parse(OLDEST_BESIDE));
    }

    #[test]
    fn a_release_starts_beside_the_next_one_and_not_beside_one_that_does_not_know_it() {
        let after = |notes: &[(&str, &str)]| {
            let notes: Vec<_> =
                notes.iter().map(|(at, oldest)| (format!("{NOTE}{at}"), (*oldest).to_owned())).collect();
            judged("1.9.0", &notes)
        };
        let too_new = |release: &str, oldest: &str| Newer::TooNew { release: release.into(), oldest: oldest.into() };
        assert_eq!(after(&[]), Newer::None);
        assert_eq!(after(&[("1.8.0", "1.7.0"), ("1.9.0", "1.8.0")]), Newer::None);
        assert_eq!(after(&[("1.9.0", "1.8.0"), ("1.10.0", "1.9.0")]), Newer::Beside, "ten is more than nine");
        assert_eq!(after(&[("1.10.0", "1.9.0"), ("2.0.0-rc.1", "1.10.0")]), too_new("2.0.0-rc.1", "1.10.0"));
        assert_eq!(after(&[("2.0.0", "any")]), too_new("2.0.0", "any"), "what cannot be read is no leave");
    }
}
