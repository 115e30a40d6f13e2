//! Cursors (RFC 9865): where the next page begins, said so that only we understand it.
//!
//! A walk follows the order of the list and continues after the last resource of the page before, so nothing is kept
//! between two pages, and whatever is written or deleted meanwhile, every resource that matches throughout the walk, and
//! keeps what it is sorted by, is returned exactly once.
//!
//! Inside a cursor are that resource's [`PageKey`], how many were returned so far and how many there were to return, what the
//! client asked for (as a hash), how many at a time, and when the cursor was made. Who may use it is [`Cursors`]' to say.

use sha2::{Digest, Sha256};

use crate::context::{Context, Cursors, Limits};
use crate::error::Error;
use crate::message::search_request::SearchRequest;
use crate::query::sort::SortKey;
use crate::schema::ResourceTypeId;
use crate::store::{Handle, ListKey, PageKey};

/// How long a cursor is good for, in seconds. Published as `pagination.cursorTimeout`.
pub const TIMEOUT: u32 = 3_600;

/// No cursor is as long as this.
const MAX_LENGTH: usize = 1_000;

/// The layout of a cursor's bytes.
const VERSION: u8 = 2;

/// The bytes in hexadecimal: cursors for tests, which everybody could forge.
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

/// How far a walk has come: where its next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListPosition {
    /// How many resources it has returned.
    pub(crate) returned: u64,
    /// How many matched when it was last counted.
    pub(crate) total: u64,
    /// After which resource it continues.
    pub(crate) after: PageKey,
}

impl ListPosition {
    /// As bytes, after others.
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

    /// From the beginning of these bytes, and what follows.
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

/// A walk through a list by cursor, at one of its pages.
pub(crate) struct CursorPage<'a> {
    cursors: &'a dyn Cursors,
    now: i64,
    query: ListKey,
    /// Where the page begins; `None` at the first one.
    pub(crate) position: Option<ListPosition>,
    /// How many resources a page has at most.
    pub(crate) count: u32,
}

impl<'a> CursorPage<'a> {
    /// The page that a request with this `cursor` asks for: the first where it is empty.
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

    /// The cursor of the page that begins there.
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

/// What has to be the same on every page.
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
