//! Saved positions for lists paged by `startIndex` (RFC 7644 §3.4.2.4): where the page at an index begins.
//!
//! An index alone is not enough: when resources of earlier pages are deleted or no longer match, the later ones move up
//! and the next page would skip as many. So a page that has a successor saves a [`SavedPosition`], the content of a
//! cursor, under the index that the client will ask for next. The page at that index continues from there, also after
//! writes in the meantime.
//!
//! The positions belong to a query of one client. The last few are kept as long as a cursor is valid, so that a page
//! can be requested again. A page at an index without a saved position begins at that ordinal of the current list.

use crate::error::Error;
use crate::message::cursor::{ListPosition, TIMEOUT};
use crate::store::{ListKey, Store};

/// How many positions are kept for one query.
const KEPT: usize = 8;

/// The layout of the saved bytes.
const VERSION: u8 = 1;

/// How long a saved position is valid, in milliseconds.
const LIFETIME: i64 = TIMEOUT as i64 * 1_000;

/// A position to save, with the query it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPosition {
    list: ListKey,
    entry: DatedPosition,
}

/// A position and when it was saved. It begins the page at the index `position.returned + 1`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DatedPosition {
    /// When the position was saved, in milliseconds since the epoch.
    made: i64,
    position: ListPosition,
}

/// The saved positions of one query, the latest first.
#[derive(Debug, Default)]
pub(crate) struct SavedPositions(Vec<DatedPosition>);

impl SavedPositions {
    /// Reads what a store saved; empty where the bytes make no sense.
    pub(crate) fn read(note: Option<&[u8]>) -> SavedPositions {
        let mut saved = SavedPositions::default();
        let Some((&VERSION, mut rest)) = note.and_then(<[u8]>::split_first) else { return saved };
        while let Some((made, after)) = rest.split_first_chunk::<8>() {
            let Some((position, after)) = ListPosition::read(after) else { break };
            saved.0.push(DatedPosition { made: i64::from_be_bytes(*made), position });
            rest = after;
        }
        saved
    }

    fn write(&self) -> Vec<u8> {
        let mut note = vec![VERSION];
        for entry in &self.0 {
            note.extend_from_slice(&entry.made.to_be_bytes());
            entry.position.write(&mut note);
        }
        note
    }

    /// The position at which the page with this index begins, if it is saved and still valid.
    pub(crate) fn at(&self, index: u64, now: i64) -> Option<&ListPosition> {
        let fits =
            |entry: &&DatedPosition| entry.position.returned + 1 == index && now.saturating_sub(entry.made) <= LIFETIME;
        self.0.iter().find(fits).map(|entry| &entry.position)
    }

    /// The position to save for the next page; `None` where the same one was saved recently.
    pub(crate) fn to_save(&self, list: ListKey, position: ListPosition, now: i64) -> Option<SavedPosition> {
        let latest = self.0.iter().find(|entry| entry.position.returned == position.returned);
        let known = latest.is_some_and(|entry| entry.position == position && now - entry.made <= LIFETIME / 2);
        (!known).then_some(SavedPosition { list, entry: DatedPosition { made: now, position } })
    }

    fn with(mut self, entry: &DatedPosition) -> SavedPositions {
        self.0.retain(|old| {
            let replaced = old.position.returned == entry.position.returned;
            !replaced && entry.made.saturating_sub(old.made) <= LIFETIME
        });
        self.0.insert(0, entry.clone());
        self.0.truncate(KEPT);
        self
    }
}

/// Saves a position. Runs in its own unit of work, before the list that it came with is answered.
pub fn save_position(store: &mut dyn Store, saved_position: &SavedPosition) -> Result<(), Error> {
    let known = store.load_position(&saved_position.list)?;
    let saved = SavedPositions::read(known.as_deref()).with(&saved_position.entry);
    Ok(store.save_position(&saved_position.list, &saved.write(), saved_position.entry.made)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::sort::SortKey;
    use crate::store::memory::MemoryStore;
    use crate::store::{Handle, PageKey};

    const LIST: ListKey = ListKey([7; 32]);

    fn position(returned: u64, key: Option<&str>) -> ListPosition {
        let after = PageKey { key: key.map(|key| SortKey(key.to_owned())), handle: Handle(returned as i64 * 2) };
        ListPosition { returned, total: 1_000, after }
    }

    fn kept(store: &mut MemoryStore) -> SavedPositions {
        SavedPositions::read(store.load_position(&LIST).expect("a note").as_deref())
    }

    #[test]
    fn the_last_places_of_a_walk_are_kept_for_as_long_as_a_cursor_is_good_for() {
        let mut store = MemoryStore::new();
        for page in 1..=20 {
            let key = (page % 2 == 0).then_some("änne\u{1}");
            let saved_position = kept(&mut store).to_save(LIST, position(page * 10, key), 1_000 * page as i64);
            save_position(&mut store, &saved_position.expect("news")).expect("kept");
        }
        let saved = kept(&mut store);
        assert_eq!(saved.at(201, 20_000), Some(&position(200, Some("änne\u{1}"))));
        assert_eq!(saved.at(191, 20_000), Some(&position(190, None)), "the page before may be asked for again");
        assert_eq!(saved.at(202, 20_000), None);
        assert_eq!(saved.at(1, 20_000), None);
        assert_eq!(saved.at(121, 20_000), None, "long passed");
        assert_eq!(saved.at(201, 20_000 + LIFETIME), Some(&position(200, Some("änne\u{1}"))));
        assert_eq!(saved.at(201, 20_001 + LIFETIME), None);
    }

    #[test]
    fn what_is_known_is_not_kept_again() {
        let mut store = MemoryStore::new();
        let first = SavedPositions::default().to_save(LIST, position(10, None), 0).expect("news");
        save_position(&mut store, &first).expect("kept");
        assert_eq!(kept(&mut store).to_save(LIST, position(10, None), LIFETIME / 2), None);
        assert!(kept(&mut store).to_save(LIST, position(10, None), LIFETIME / 2 + 1).is_some(), "before it expires");
        assert!(kept(&mut store).to_save(LIST, position(10, Some("a")), 1).is_some(), "the list has changed");
        assert!(kept(&mut store).to_save(ListKey([8; 32]), position(11, None), 1).is_some());
    }

    proptest::proptest! {
        #[test]
        fn any_note_may_be_read(note: Vec<u8>) {
            SavedPositions::read(Some(&note));
        }
    }
}
