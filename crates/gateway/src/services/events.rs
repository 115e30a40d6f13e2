//! The feed of every change, as it is read: from a place on, for one account or for all.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::domain::account::Account;
use crate::domain::described::FieldError;
use crate::domain::feed::{Cursor, EventType};
use crate::domain::ids::AccountKey;
use crate::domain::operator::{Mandate, Power, Reach};
use crate::platform::shutdown::Stopping;
use crate::platform::system;
use crate::services::accounts;
use crate::services::error::{ActError, Refusal};
use crate::storage::events::EventRow;
use crate::storage::{Db, DbError, ReadCost, Tx};

mod digest;
mod snapshot;

/// So many events are read at once,
const AT_ONCE: i64 = 250;
/// so many are looked at for a page, and where few of them are meant, it ends early;
const LOOKED_AT: usize = 10_000;
/// and a page has about so many bytes at most.
const LARGEST: usize = 4 << 20;
/// So often it is looked whether there is more, while readers wait.
const LOOK: Duration = Duration::from_millis(200);
/// So many readers wait at once; others are answered without waiting.
const WAITING: usize = 1_000;

/// The feed of this installation, and those who wait for more of it.
#[derive(Debug)]
pub struct Feed {
    id: String,
    is_on: bool,
    /// How far it can be read, as far as this process knows.
    end: watch::Sender<i64>,
    looked: Mutex<Instant>,
}

/// Whose events may be read.
#[derive(Debug, Clone)]
pub struct Readable {
    /// The one account that is asked for.
    pub account: Option<Account>,
    /// The accounts within reach.
    pub reach: Reach,
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// What follows this; `None`: from the oldest event that is kept.
    pub after: Option<String>,
    /// The id of an account; `None`: all within reach.
    pub account: Option<String>,
    /// The types of events that are meant; `None`: all.
    pub types: Option<Vec<EventType>>,
    /// How many events.
    pub limit: usize,
}

/// Events that follow each other.
#[derive(Debug)]
pub struct FeedPage {
    /// Each as JSON.
    pub events: Vec<String>,
    /// How far this is.
    pub cursor: Cursor,
    /// Whether there is more.
    pub more: bool,
}

/// Whose events may be read with this mandate: the one place that decides it.
pub fn readable(tx: &mut Tx<'_>, mandate: &Mandate, account: Option<&str>) -> Result<Readable, ActError> {
    mandate.may(Power::Read)?;
    let account = account.map(|id| accounts::find(tx, mandate, Power::Read, id)).transpose()?;
    Ok(Readable { account, reach: mandate.reach().clone() })
}

impl Readable {
    fn has(&self, event: &EventRow) -> bool {
        match (&self.account, &self.reach) {
            (Some(account), _) => event.account == Some(account.seq),
            (None, Reach::All) => true,
            (None, Reach::Accounts(accounts)) => event.account.is_some_and(|account| accounts.contains(&account)),
        }
    }

    /// The account by its number, where only its rows are to be read.
    fn only(&self) -> Option<AccountKey> {
        match (&self.account, &self.reach) {
            (Some(account), _) => Some(account.seq),
            (None, Reach::Accounts(accounts)) if accounts.len() == 1 => Some(accounts[0]),
            (None, _) => None,
        }
    }

    /// The place in a feed, as it is named for this reader.
    fn cursor(&self, feed: &str, seq: i64) -> Cursor {
        Cursor { feed: feed.to_owned(), account: self.account.as_ref().map(|account| account.id.clone()), seq }
    }
}

impl Feed {
    /// Opens the feed of this installation, and notes whether this server writes it.
    pub async fn open(db: &Db, is_on: bool) -> Result<Feed, DbError> {
        let mut new = [0; 4];
        system::fill(&mut new);
        let new: String = new.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = db.write(move |tx| tx.open_feed(&new, is_on)).await?;
        Ok(Feed { id, is_on, end: watch::Sender::new(0), looked: Mutex::new(Instant::now()) })
    }

    /// How far it can be read at this moment.
    pub async fn end(&self, db: &Db) -> Result<i64, DbError> {
        let end = db.read::<_, DbError, _>(ReadCost::Point, |tx| tx.events_end()).await?;
        self.end.send_if_modified(|known| std::mem::replace(known, end.max(*known)) < end);
        Ok(end)
    }

    /// Events that follow, up to an end that was asked for [before](Feed::end). Only reads.
    pub fn page(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        question: &Question,
        end: i64,
    ) -> Result<FeedPage, ActError> {
        let readable = readable(tx, mandate, question.account.as_deref())?;
        self.ensure_on()?;
        let after = self.place(tx, &readable, question.after.as_deref(), end)?;
        let is_meant = |event: &EventRow| match &question.types {
            None => true,
            Some(types) => types.iter().any(|kind| kind.code() == event.kind),
        };
        let (mut events, mut last, mut bytes, mut looked_at) = (Vec::new(), after, 0, 0);
        loop {
            let left = i64::try_from(question.limit - events.len()).unwrap_or(AT_ONCE);
            let asked = if question.types.is_some() { AT_ONCE } else { left.min(AT_ONCE) };
            let rows = tx.events_between(readable.only(), last, end, asked)?;
            let is_last = (rows.len() as i64) < asked;
            looked_at += rows.len();
            for row in rows {
                if events.len() == question.limit || bytes > LARGEST {
                    return Ok(FeedPage { events, cursor: readable.cursor(&self.id, last), more: true });
                }
                last = row.seq;
                if readable.has(&row) && is_meant(&row) {
                    bytes += row.body.len();
                    events.push(shown(&row, &readable.cursor(&self.id, row.seq)));
                }
            }
            if is_last {
                // Nothing more is there up to the end.
                return Ok(FeedPage { events, cursor: readable.cursor(&self.id, last.max(end)), more: false });
            }
            if looked_at >= LOOKED_AT || events.len() == question.limit {
                return Ok(FeedPage { events, cursor: readable.cursor(&self.id, last), more: true });
            }
        }
    }

    /// An event as it is answered, for a reader of one account or of all.
    pub fn told(&self, event: &EventRow, is_of_account: bool) -> String {
        let account = event.account_id.clone().filter(|_| is_of_account);
        shown(event, &Cursor { feed: self.id.clone(), account, seq: event.seq })
    }

    /// How the place in the feed is named for a reader of this account, or of all.
    pub fn cursor(&self, account: Option<&Account>, seq: i64) -> String {
        Cursor { feed: self.id.clone(), account: account.map(|account| account.id.clone()), seq }.to_string()
    }

    /// The place that a cursor names for a reader of this account, or of all. Only reads.
    pub fn place_of(
        &self,
        tx: &mut Tx<'_>,
        account: Option<&Account>,
        cursor: &str,
        end: i64,
    ) -> Result<i64, ActError> {
        let readable = Readable { account: account.cloned(), reach: Reach::All };
        self.place(tx, &readable, Some(cursor), end)
    }

    /// Whether this server writes it.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Refuses where this server does not write the feed.
    pub fn ensure_on(&self) -> Result<(), ActError> {
        match self.is_on {
            true => Ok(()),
            false => Err(ActError::conflict("the feed is off on this server: `events.enabled` turns it on")),
        }
    }

    /// The place after which a reader goes on.
    fn place(&self, tx: &mut Tx<'_>, readable: &Readable, after: Option<&str>, end: i64) -> Result<i64, ActError> {
        let floor = tx.events_floor()?;
        let Some(after) = after else { return Ok(floor) };
        let wrong = |detail: &str| ActError::field("after", detail);
        let cursor: Cursor = after.parse().map_err(wrong)?;
        let right = readable.cursor(&self.id, cursor.seq);
        if cursor.feed != right.feed {
            return Err(wrong("is of another installation: take a snapshot here"));
        }
        if cursor.account != right.account {
            let detail =
                "is of another account, or of all: a cursor goes on with the `account` for which it was answered";
            return Err(wrong(detail));
        }
        if cursor.seq < floor {
            return Err(Refusal::Gone(
                "events after this cursor are not kept any more, or the database was restored since: take a snapshot",
            )
            .into());
        }
        if cursor.seq > end && cursor.seq > tx.last_event_number()? {
            let detail = "this cursor is ahead of the feed, as after the restoration of a backup: take a snapshot";
            return Err(Refusal::Gone(detail).into());
        }
        Ok(cursor.seq)
    }

    /// Waits until there may be more than up to this place, the time is over, or the server stops; without a connection to the database.
    /// Says whether it did: of too many readers at once, some are answered without.
    pub async fn wait(&self, db: &Db, beyond: i64, until: Instant, stopping: &Stopping) -> Result<bool, DbError> {
        let mut end = self.end.subscribe();
        if self.end.receiver_count() > WAITING {
            return Ok(false);
        }
        while *end.borrow_and_update() <= beyond && !stopping.has_begun() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            tokio::select! {
                changed = end.changed() => if changed.is_err() { return Ok(false) },
                () = stopping.begins() => return Ok(true),
                () = tokio::time::sleep(left.min(LOOK)) => if self.is_due() { self.end(db).await?; },
            }
        }
        Ok(true)
    }

    /// Whether it is to be looked for more: one of those who wait does, for all.
    fn is_due(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_due = looked.elapsed() >= LOOK / 2;
        if is_due {
            *looked = Instant::now();
        }
        is_due
    }
}

/// An event as readers get it.
fn shown(event: &EventRow, cursor: &Cursor) -> String {
    let EventRow { id, at, kind, body, .. } = event;
    format!(r#"{{"id":"{id}","cursor":"{cursor}","type":"{kind}","time":"{}",{body}}}"#, system::rfc3339(*at))
}

/// The types that a text lists, separated by commas: `user.deleted,group.deleted`, or all of a noun: `user.*`.
pub fn types(text: &str) -> Result<Vec<EventType>, FieldError> {
    let mut found = Vec::new();
    for code in text.split(',').map(str::trim) {
        let before = found.len();
        match code.strip_suffix('*').filter(|noun| noun.ends_with('.')) {
            Some(noun) => {
                found.extend(EventType::ALL.iter().copied().filter(|kind| kind.code().starts_with(noun)));
            }
            None => found.extend(EventType::parse(code)),
        }
        if found.len() == before {
            let code: String = code.chars().take(100).collect();
            let detail = format!("{code:?} is no type of events: write as in `user.created,group.*`");
            return Err(FieldError { field: "type".to_owned(), detail });
        }
    }
    Ok(found)
}
