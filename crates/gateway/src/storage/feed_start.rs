//! Where the feed begins for those who read it, and how it begins anew.
//!
//! A database that was restored is from before what its readers know: it gives the numbers again that they have read, to other events. So
//! the feed begins anew there, behind a number that is higher than any it can have given in the life that was lost: each cursor of before
//! is below the floor, which is answered by 410, and each receiver has missed something, and is told so. What tells a restored database:
//!
//! - SQLite: `gateway restore` marks the file ([`mark_restored`]), in a place that no table has;
//! - PostgreSQL: a dump that was restored has another table, or is in another cluster; recovery to a point in time began another timeline.
//!   A standby that was promoted began one too, and nothing says whether it lacks something: there the operator says so.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use diesel::sql_types::{BigInt, Text};

use super::backend::AnyConn;
use super::error::DbError;
use super::events::FLOOR;
use super::statement::{Bind, Statement};
use super::tx::Tx;

/// Which feed this is: other installations have others.
const FEED: &str = "events_feed";
/// Whether a server of this installation writes none.
const OFF: &str = "events_off";
/// Where the feed was written last: in which cluster, table and recovery.
const PLACE: &str = "events_place";
/// Whether it is to begin anew at the next start.
const RESTORED: &str = "events_restored";

/// How many numbers are left for each millisecond, so that none is given in two lives: more than are ever written.
const EACH_MILLISECOND: i64 = 1 << 10;

/// Where SQLite keeps `user_version`: four bytes of the database's header, which SQLite copies and does not use.
const USER_VERSION: u64 = 60;
const MARK: i32 = 1;

const MAY_ASK: &str = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')::int::bigint";
const CLUSTER: &str = "SELECT system_identifier::text FROM pg_control_system()";
const TABLE: &str = "SELECT 'events'::regclass::oid::text";
/// Where recovery had a target, something that was committed may be missing.
const RECOVERY: &str = "SELECT CASE WHEN concat(current_setting('recovery_target', true), current_setting('recovery_target_lsn', true), \
     current_setting('recovery_target_name', true), current_setting('recovery_target_time', true), \
     current_setting('recovery_target_xid', true)) <> '' THEN substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) ELSE '' END";

/// Marks the file of a SQLite database that was restored and that no process has open.
pub fn mark_restored(file: &mut File) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(USER_VERSION))?;
    file.write_all(&MARK.to_be_bytes())?;
    file.sync_all()
}

/// Where a feed is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct FeedPlace {
    cluster: String,
    table: String,
    /// The timeline of a recovery that had a target.
    recovery: String,
}

impl FeedPlace {
    fn read(text: &str) -> FeedPlace {
        let mut parts = text.split('/').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        FeedPlace { cluster: next(), table: next(), recovery: next() }
    }

    fn told(&self) -> String {
        format!("{}/{}/{}", self.cluster, self.table, self.recovery)
    }

    /// Whether a database that was written there before and is here now was restored.
    fn was_restored_from(&self, before: &FeedPlace) -> bool {
        let is_recovered = !self.recovery.is_empty() && self.recovery != before.recovery;
        (&self.cluster, &self.table) != (&before.cluster, &before.table) || is_recovered
    }
}

impl Tx<'_> {
    /// What this installation's feed is called, and that this server writes it or does not. While one does not, events are missing: who has
    /// read until then has to begin anew, and so has each reader of a database that was restored.
    pub fn open_feed(&mut self, new: &str, is_written: bool) -> Result<String, DbError> {
        if self.was_restored()? {
            let number = self.begin_feed_anew()?;
            tracing::warn!(
                number,
                "the database was restored from an earlier state: the feed begins anew, its readers take a snapshot, and its receivers wait \
                 until an operator says from where on"
            );
        }
        let was_off = self.installation_value(OFF)?.is_some_and(|value| value == "yes");
        if was_off && is_written {
            let gap = self.leave_gap(None)?;
            self.set_installation_value(FLOOR, &gap.to_string())?;
        }
        if was_off == is_written {
            self.set_installation_value(OFF, if is_written { "no" } else { "yes" })?;
        }
        self.establish_fact(FEED, new)
    }

    /// Has the feed begin anew, for its database is from before what its readers know: each of them takes a snapshot. Says behind which number.
    pub fn begin_feed_anew(&mut self) -> Result<i64, DbError> {
        let by_time = self.now().millis() * EACH_MILLISECOND;
        let number = by_time.max(self.last_event_number()? + EACH_MILLISECOND);
        let gap = self.leave_gap(Some(number))?;
        self.set_installation_value(FLOOR, &gap.to_string())?;
        Ok(gap)
    }

    /// Notes that the feed is to begin anew at the next start, or that it goes on though the database is another: the installation was moved
    /// into this one, from a state that may be an earlier one, or from the last.
    pub fn feed_was_moved(&mut self, may_be_earlier: bool) -> Result<(), DbError> {
        self.set_installation_value(RESTORED, if may_be_earlier { "yes" } else { "moved" })
    }

    /// Whether the database was restored since a server started on it, and notes where it is now.
    fn was_restored(&mut self) -> Result<bool, DbError> {
        let noted = self.installation_value(RESTORED)?.unwrap_or_default();
        if noted != "no" && !noted.is_empty() {
            self.set_installation_value(RESTORED, "no")?;
        }
        let is_marked = match &*self.conn {
            AnyConn::Sqlite(_) => self.is_marked()?,
            AnyConn::Postgres(_) => {
                let before = self.installation_value(PLACE)?.map(|text| FeedPlace::read(&text));
                let here = self.feed_place()?;
                let is_other = before.as_ref().is_some_and(|before| here.was_restored_from(before)) && noted != "moved";
                let recovery = before.map(|before| before.recovery).unwrap_or_default();
                let recovery = if here.recovery.is_empty() { recovery } else { here.recovery.clone() };
                let told = FeedPlace { recovery, ..here }.told();
                if self.installation_value(PLACE)?.as_ref() != Some(&told) {
                    self.set_installation_value(PLACE, &told)?;
                }
                is_other
            }
        };
        Ok(is_marked || noted == "yes")
    }

    /// Whether this file was put there by `gateway restore`; afterwards it is an ordinary one.
    fn is_marked(&mut self) -> Result<bool, DbError> {
        let version = Statement::<BigInt>::new("SELECT user_version FROM pragma_user_version", Vec::new());
        let is_marked = version.first::<i64>(self.conn)? == Some(i64::from(MARK));
        if is_marked {
            Statement::<()>::new("PRAGMA user_version = 0", Vec::new()).execute(self.conn)?;
        }
        Ok(is_marked)
    }

    fn feed_place(&mut self) -> Result<FeedPlace, DbError> {
        // A hosted server may withhold it. Then the table alone tells.
        let may_ask = Statement::<BigInt>::new(MAY_ASK, Vec::new()).first::<i64>(self.conn)? == Some(1);
        let mut ask = |sql| {
            Ok::<_, DbError>(Statement::<Text>::new(sql, Vec::new()).first::<String>(self.conn)?.unwrap_or_default())
        };
        let cluster = if may_ask { ask(CLUSTER)? } else { String::new() };
        Ok(FeedPlace { cluster, table: ask(TABLE)?, recovery: ask(RECOVERY)? })
    }

    /// Uses up a number, which no event will have: the next one, or a higher one.
    fn leave_gap(&mut self, number: Option<i64>) -> Result<i64, DbError> {
        if matches!(&*self.conn, AnyConn::Postgres(_)) {
            let next = match number {
                Some(number) => {
                    Statement::<BigInt>::new("SELECT setval('events_seq_seq', ?)", vec![Bind::Number(number)])
                }
                None => Statement::new("SELECT nextval('events_seq_seq')", Vec::new()),
            };
            return Ok(next.first(self.conn)?.unwrap_or_default());
        }
        let row = "INSERT INTO events (seq, id, at, kind, body) VALUES (?, '', 0, '', '')";
        Statement::<()>::new(row, vec![Bind::Optional(number)]).execute(self.conn)?;
        Statement::<()>::new("DELETE FROM events WHERE id = ''", Vec::new()).execute(self.conn)?;
        self.last_event_number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_was_restored_where_its_table_or_its_cluster_is_another_or_it_was_recovered_to_a_point() {
        let place = FeedPlace::read;
        let before = place("71/16402/");
        assert_eq!(place(&before.told()), before);
        for (here, is_restored) in
            [("71/16402/", false), ("71/16999/", true), ("72/16402/", true), ("71/16402/00000002", true)]
        {
            assert_eq!(place(here).was_restored_from(&before), is_restored, "{here}");
        }
        let recovered = place("71/16402/00000002");
        assert!(!place("71/16402/").was_restored_from(&recovered), "the settings of the recovery were removed");
        assert!(!recovered.was_restored_from(&recovered));
        assert!(place("71/16402/00000003").was_restored_from(&recovered));
    }
}
