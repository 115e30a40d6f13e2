//! Cursors (RFC 9865): sealed text that says where the next page begins.
//!
//! A page continues after the last resource of the page before it (keyset pagination), so the server keeps nothing
//! between pages. A resource that matches for the whole listing and keeps its sort value is returned exactly once, even
//! during concurrent writes.
//!
//! A cursor holds the [`PageKey`] of that resource, the number of resources returned so far, the total, a hash of the
//! query, the page size and the time of issue. [`Cursors`] binds it to its client.

use sha2::{Digest, Sha256};

use crate::context::{Context, Cursors, Limits};
use crate::error::Error;
use crate::message::search_request::SearchRequest;
use crate::query::sort::SortKey;
use crate::schema::ResourceTypeId;
use crate::store::{Handle, ListKey, PageKey};

/// How long a cursor is valid, in seconds. Published as `pagination.cursorTimeout`.
pub const TIMEOUT: u32 = 3_600;

/// The longest text that is tried as a cursor, in bytes.
const MAX_LENGTH: usize = 1_000;

/// The layout of a cursor's bytes.
const VERSION: u8 = 2;

/// Cursors in plain hexadecimal, for tests. They are not protected against forgery.
#[derive(Debug, Clone, Copy)]
pub struct Unsealed;

impl Cursors for Unsealed {
    fn seal(&self, plain: &[u8]) -> String {
        plain.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn open(&self, text: &str) -> Option<Vec<u8>> {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        text.len().is_multiple_of(2).then(|| text.as_bytes().chunks(2).map(byte).collect())?
    }
}

/// A position in a list: where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListPosition {
    /// How many resources the pages before it have returned.
    pub(crate) returned: u64,
    /// How many resources matched when they were last counted.
    pub(crate) total: u64,
    /// The page continues after this resource.
    pub(crate) after: PageKey,
}

impl ListPosition {
    /// Appends the position to `bytes`.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.returned.to_be_bytes());
        bytes.extend_from_slice(&self.total.to_be_bytes());
        bytes.extend_from_slice(&self.after.handle.0.to_be_bytes());
        let key = self.after.key.as_ref().map(SortKey::as_str);
        // A key has some 270 bytes at most.
        let length = key.map_or(NO_KEY, |key| u16::try_from(key.len()).unwrap_or(NO_KEY));
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(key.unwrap_or_default().as_bytes());
    }

    /// Reads a position from the start of `bytes`, and returns the rest.
    pub(crate) fn read(bytes: &[u8]) -> Option<(ListPosition, &[u8])> {
        let (returned, rest) = bytes.split_first_chunk::<8>()?;
        let (total, rest) = rest.split_first_chunk::<8>()?;
        let (handle, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (key, rest) = match u16::from_be_bytes(*length) {
            NO_KEY => (None, rest),
            length => {
                let (key, rest) = rest.split_at_checked(usize::from(length))?;
                (Some(SortKey(std::str::from_utf8(key).ok()?.to_owned())), rest)
            }
        };
        let after = PageKey { key, handle: Handle(i64::from_be_bytes(*handle)) };
        Some((ListPosition { returned: u64::from_be_bytes(*returned), total: u64::from_be_bytes(*total), after }, rest))
    }
}

const NO_KEY: u16 = u16::MAX;

/// One page of a list that is paged by cursor.
pub(crate) struct CursorPage<'a> {
    cursors: &'a dyn Cursors,
    now: i64,
    query: ListKey,
    /// Where the page begins; `None` for the first page.
    pub(crate) position: Option<ListPosition>,
    /// The most resources of the page.
    pub(crate) count: u32,
}

impl<'a> CursorPage<'a> {
    /// The page that a request's `cursor` asks for; an empty cursor asks for the first page.
    pub(crate) fn at(
        cursor: &str,
        cx: &Context<'a>,
        query: ListKey,
        request: &SearchRequest,
    ) -> Result<CursorPage<'a>, Error> {
        let Some(cursors) = cx.cursors else {
            return Err(Error::InvalidCursor("This list has no cursors; page it by startIndex and count.".to_owned()));
        };
        if request.start_index.is_some() {
            return Err(Error::InvalidValue(
                "startIndex and cursor are two ways of paging; send one of them only".to_owned(),
            ));
        }
        let mut page = CursorPage { cursors, now: cx.now, query, position: None, count: count(request, cx.limits)? };
        if !cursor.is_empty() {
            let opened = Some(cursor).filter(|text| text.len() < MAX_LENGTH).and_then(|text| cursors.open(text));
            page.position = Some(page.resume(&opened.unwrap_or_default())?);
        }
        Ok(page)
    }

    /// Seals the cursor of the page that begins at `position`.
    pub(crate) fn cursor(&self, position: &ListPosition) -> String {
        let mut plain = vec![VERSION];
        plain.extend_from_slice(&self.query.0);
        plain.extend_from_slice(&self.now.to_be_bytes());
        plain.extend_from_slice(&self.count.to_be_bytes());
        position.write(&mut plain);
        self.cursors.seal(&plain)
    }

    fn resume(&self, plain: &[u8]) -> Result<ListPosition, Error> {
        let (query, issued, count, position) = read(plain).ok_or_else(|| {
            Error::InvalidCursor(
                "The cursor is not one this service provider gave to this client; begin again with an empty one."
                    .to_owned(),
            )
        })?;
        if query != self.query {
            return Err(Error::InvalidCursor(
                "The cursor belongs to another query; repeat all parameters of the first page.".to_owned(),
            ));
        }
        if self.now.saturating_sub(issued) > i64::from(TIMEOUT) * 1_000 {
            return Err(Error::ExpiredCursor(format!(
                "The cursor is older than {TIMEOUT} seconds; begin again with an empty one."
            )));
        }
        if count != self.count {
            return Err(Error::InvalidCount(format!("The first page had the count {count}; ask for the same again.")));
        }
        Ok(position)
    }
}

fn read(plain: &[u8]) -> Option<(ListKey, i64, u32, ListPosition)> {
    let (version, rest) = plain.split_first()?;
    let (query, rest) = rest.split_first_chunk::<32>()?;
    let (issued, rest) = rest.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (position, rest) = ListPosition::read(rest)?;
    let fits = *version == VERSION && rest.is_empty();
    fits.then_some((ListKey(*query), i64::from_be_bytes(*issued), u32::from_be_bytes(*count), position))
}

fn count(request: &SearchRequest, limits: Limits) -> Result<u32, Error> {
    let Some(count) = request.count else { return Ok(request.page(limits)) };
    let count = u32::try_from(count).ok().filter(|count| *count <= limits.max_page);
    count.ok_or_else(|| Error::InvalidCount(format!("With a cursor, count is between 0 and {}.", limits.max_page)))
}

/// What positions in the list of one resource type are saved under ([`Store::load_position`](crate::Store::load_position)).
pub fn list_key(resource_type: ResourceTypeId, request: &SearchRequest) -> ListKey {
    digest(std::iter::once(resource_type), request)
}

/// A hash of the parameters that every page of one list has to repeat.
pub(crate) fn digest(resource_types: impl Iterator<Item = ResourceTypeId>, request: &SearchRequest) -> ListKey {
    let SearchRequest {
        filter,
        sort_by,
        descending,
        attributes,
        excluded_attributes,
        start_index: _,
        count: _,
        cursor: _,
    } = request;
    let mut hash = Sha256::new();
    resource_types.for_each(|resource_type| hash.update(resource_type.0.to_be_bytes()));
    hash.update([u8::from(*descending), u8::from(filter.is_some()), u8::from(sort_by.is_some())]);
    let mut say = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    say(&filter.as_ref().map(ToString::to_string).unwrap_or_default());
    say(sort_by.as_deref().unwrap_or_default());
    for names in [attributes, excluded_attributes] {
        say(&names.len().to_string());
        names.iter().for_each(|name| say(name));
    }
    ListKey(hash.finalize().into())
}

#[cfg(test)]
mod tests;
