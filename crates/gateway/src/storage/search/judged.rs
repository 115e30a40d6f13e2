//! Candidates before [`matches`](scim::Predicate::matches), one after the other, with what the filter asks about beside the document.

use scim::Predicate;
use scim::store::{GroupsInTurn, SearchError, Store, Stored};

use super::super::resources::{AccountTx, Row};
use super::documents::Documents;

/// Rows in order, each with whether a filter means it.
pub(super) struct Judged<'f> {
    filter: Option<&'f Predicate>,
    documents: Documents,
    groups: Option<GroupsInTurn>,
}

impl<'f> Judged<'f> {
    /// Without a filter, all are meant.
    pub(super) fn of(filter: Option<&'f Predicate>, rows: Vec<Row>) -> Judged<'f> {
        let in_groups = filter.is_some_and(|filter| filter.needs().groups);
        let groups = in_groups.then(|| GroupsInTurn::new(rows.iter().map(|row| row.seq.into()).collect()));
        Judged { filter, documents: Documents::of(rows), groups }
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// The next one.
    pub(super) fn next(&mut self, store: &mut AccountTx<'_, '_>) -> Result<Option<(Stored, bool)>, SearchError> {
        let account = store.account;
        let Some(mut stored) = self.documents.next(store.conn(), account)? else { return Ok(None) };
        let Some(filter) = self.filter else { return Ok(Some((stored, true))) };
        if let Some(groups) = &mut self.groups {
            stored.resource.groups = Some(groups.of(store, stored.handle)?);
        }
        if filter.needs().members {
            stored.resource.members = Some(store.members(stored.handle)?);
        }
        let matches = filter.matches(&stored.resource);
        (stored.resource.members, stored.resource.groups) = (None, None);
        Ok(Some((stored, matches)))
    }

    /// All that the filter means, of few.
    pub(super) fn all(mut self, store: &mut AccountTx<'_, '_>) -> Result<Vec<Stored>, SearchError> {
        let mut found = Vec::new();
        while let Some((stored, matches)) = self.next(store)? {
            found.extend(matches.then_some(stored));
        }
        Ok(found)
    }
}
