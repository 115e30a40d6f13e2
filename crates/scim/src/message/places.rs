//! Walks by index (RFC 7644 §3.4.2.4): where the page at an index begins, kept between two pages.
//!
//! An index alone says too little: when resources of earlier pages are deleted, or match no longer, those behind them move up,
//! and the next page would skip as many. So a page that has a successor leaves a [`Bookmark`]: what a cursor would say, kept
//! under the index that the client will ask for next. A page at that index continues there, whatever happened meanwhile.
//!
//! A walk is known by its query. The last few places of each are kept, so that a page can be asked for again, for as long as
//! a cursor is good for. A page at an index nobody walked up to begins at that ordinal of the present list.

use crate::error::Error;
use crate::message::cursor::{Position, TIMEOUT};
use crate::store::{Store, WalkId};

/// How many places of one query are kept.
const KEPT: usize = 8;

/// The layout of a note's bytes.
const VERSION: u8 = 1;

/// How old a place may be, in milliseconds.
const LIFETIME: i64 = TIMEOUT as i64 * 1_000;

/// Where the page at an index of a walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    walk: WalkId,
    place: Place,
}

/// The page at the index `position.returned + 1`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// When it was kept, in milliseconds since the epoch.
    made: i64,
    position: Position,
}

/// What is kept of a query's walks, the latest place first.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<Place>);

impl Places {
    /// What a store kept; nothing where it makes no sense.
    pub(crate) fn read(note: Option<&[u8]>) -> Places {
        let mut places = Places::default();
        let Some((&VERSION, mut rest)) = note.and_then(<[u8]>::split_first) else { return places };
        while let Some((made, after)) = rest.split_first_chunk::<8>() {
            let Some((position, after)) = Position::read(after) else { break };
            places.0.push(Place { made: i64::from_be_bytes(*made), position });
            rest = after;
        }
        places
    }

    fn write(&self) -> Vec<u8> {
        let mut note = vec![VERSION];
        for place in &self.0 {
            note.extend_from_slice(&place.made.to_be_bytes());
            place.position.write(&mut note);
        }
        note
    }

    /// Where the page at this index begins.
    pub(crate) fn at(&self, index: u64, now: i64) -> Option<&Position> {
        let fits = |place: &&Place| place.position.returned + 1 == index && now.saturating_sub(place.made) <= LIFETIME;
        self.0.iter().find(fits).map(|place| &place.position)
    }

    /// What has to be kept so that the next page begins there; nothing where that was done lately.
    pub(crate) fn bookmark(&self, walk: WalkId, position: Position, now: i64) -> Option<Bookmark> {
        let latest = self.0.iter().find(|place| place.position.returned == position.returned);
        let known = latest.is_some_and(|place| place.position == position && now - place.made <= LIFETIME / 2);
        (!known).then_some(Bookmark { walk, place: Place { made: now, position } })
    }

    fn with(mut self, place: &Place) -> Places {
        self.0.retain(|old| {
            let replaced = old.position.returned == place.position.returned;
            !replaced && place.made.saturating_sub(old.made) <= LIFETIME
        });
        self.0.insert(0, place.clone());
        self.0.truncate(KEPT);
        self
    }
}

/// Keeps a bookmark, in a unit of work of its own, before the list it came with is answered.
pub fn keep(store: &mut dyn Store, bookmark: &Bookmark) -> Result<(), Error> {
    let known = store.recall(&bookmark.walk)?;
    let places = Places::read(known.as_deref()).with(&bookmark.place);
    Ok(store.keep(&bookmark.walk, &places.write(), bookmark.place.made)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::sort::SortKey;
    use crate::store::memory::MemoryStore;
    use crate::store::{Handle, Mark};

    const WALK: WalkId = WalkId([7; 32]);

    fn position(returned: u64, key: Option<&str>) -> Position {
        let after = Mark { key: key.map(|key| SortKey(key.to_owned())), handle: Handle(returned as i64 * 2) };
        Position { returned, total: 1_000, after }
    }

    fn kept(store: &mut MemoryStore) -> Places {
        Places::read(store.recall(&WALK).expect("a note").as_deref())
    }

    #[test]
    fn the_last_places_of_a_walk_are_kept_for_as_long_as_a_cursor_is_good_for() {
        let mut store = MemoryStore::new();
        for page in 1..=20 {
            let key = (page % 2 == 0).then_some("änne\u{1}");
            let bookmark = kept(&mut store).bookmark(WALK, position(page * 10, key), 1_000 * page as i64);
            keep(&mut store, &bookmark.expect("news")).expect("kept");
        }
        let places = kept(&mut store);
        assert_eq!(places.at(201, 20_000), Some(&position(200, Some("änne\u{1}"))));
        assert_eq!(places.at(191, 20_000), Some(&position(190, None)), "the page before may be asked for again");
        assert_eq!(places.at(202, 20_000), None);
        assert_eq!(places.at(1, 20_000), None);
        assert_eq!(places.at(121, 20_000), None, "long passed");
        assert_eq!(places.at(201, 20_000 + LIFETIME), Some(&position(200, Some("änne\u{1}"))));
        assert_eq!(places.at(201, 20_001 + LIFETIME), None);
    }

    #[test]
    fn what_is_known_is_not_kept_again() {
        let mut store = MemoryStore::new();
        let first = Places::default().bookmark(WALK, position(10, None), 0).expect("news");
        keep(&mut store, &first).expect("kept");
        assert_eq!(kept(&mut store).bookmark(WALK, position(10, None), LIFETIME / 2), None);
        assert!(kept(&mut store).bookmark(WALK, position(10, None), LIFETIME / 2 + 1).is_some(), "before it expires");
        assert!(kept(&mut store).bookmark(WALK, position(10, Some("a")), 1).is_some(), "the list has changed");
        assert!(kept(&mut store).bookmark(WalkId([8; 32]), position(11, None), 1).is_some());
    }

    proptest::proptest! {
        #[test]
        fn any_note_may_be_read(note: Vec<u8>) {
            Places::read(Some(&note));
        }
    }
}
