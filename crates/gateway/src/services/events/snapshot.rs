//! An account as it is: its users with what they may do, its groups, and who is in which. Page by page, each read at its own moment; the
//! cursor is from before the first, so what changed meanwhile follows in the feed and is applied again.

use scim::event::shown;
use scim::schema::{GROUP, USER};
use scim::store::Stored;
use serde_json::{Map, Value, json};

use super::{Feed, Readable, readable};
use crate::domain::access::{Memberships, Terms};
use crate::domain::account::Account;
use crate::domain::bodies::events::{Snapshot, SnapshotItem};
use crate::domain::described::{Anything, Sometimes};
use crate::domain::feed::Cursor;
use crate::domain::operator::Mandate;
use crate::domain::schemas::Schemas;
use crate::services::error::ActError;
use crate::services::resolution::{Candidate, current_terms, memberships, short};
use crate::services::service_provider::ServiceProvider;
use crate::storage::{DbError, Tx};

/// A page has about so many bytes at most,
const LARGEST: usize = 4 << 20;
/// and so many groups are looked at for their members.
const GROUPS: i64 = 200;

/// What is listed, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Users,
    Groups,
    Members,
}

/// Where a page begins: after this row, and of the members of a group after that one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    cursor: Cursor,
    part: Part,
    row: i64,
    member: i64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place { cursor, part, row, member } = self;
        let part = match part {
            Part::Users => "users",
            Part::Groups => "groups",
            Part::Members => "members",
        };
        write!(f, "{cursor}.{part}.{row}.{member}")
    }
}

impl std::str::FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Place, ()> {
        let parts: Vec<&str> = text.rsplitn(4, '.').collect();
        let [member, row, part, cursor] = parts[..] else { return Err(()) };
        let part = match part {
            "users" => Part::Users,
            "groups" => Part::Groups,
            "members" => Part::Members,
            _ => return Err(()),
        };
        let [row, member] = [row, member].map(|number| number.parse::<i64>().ok().filter(|number| *number >= 0));
        let (row, member) = (row.ok_or(())?, member.ok_or(())?);
        let place = Place { cursor: cursor.parse().map_err(|_| ())?, part, row, member };
        if place.to_string() == text { Ok(place) } else { Err(()) }
    }
}

/// What decides about an account's users and how they are shown.
pub(super) struct Shown {
    account: Account,
    provider: ServiceProvider,
    terms: Terms,
}

impl Shown {
    pub(super) fn of(tx: &mut Tx<'_>, schemas: &Schemas, account: Account) -> Result<Shown, DbError> {
        let (provider, terms) = (ServiceProvider::of(schemas, &account)?, current_terms(tx, &account)?);
        Ok(Shown { account, provider, terms })
    }

    /// All attributes of a user or group, as in an event.
    pub(super) fn attributes(&self, stored: &Stored) -> Map<String, Value> {
        let resource = &stored.resource;
        let mut whole = Map::new();
        whole.insert("id".to_owned(), json!(resource.id.as_str()));
        whole.extend(shown(self.provider.registry.get(resource.resource_type), resource.attributes()));
        whole
    }

    /// What these users may do.
    pub(super) fn access(&self, tx: &mut Tx<'_>, users: &[Stored]) -> Result<(Vec<Candidate>, Memberships), DbError> {
        let policy = tx.grant_policy();
        let users: Vec<Candidate> = users.iter().map(|user| Candidate::of(user, policy.attribute())).collect();
        let memberships = memberships(tx, self.account.seq, &users, !self.terms.rules.is_empty())?;
        Ok((users, memberships))
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }
}

impl Feed {
    /// A page of a snapshot of an account; the first has its cursor at an end that was asked for [before](Feed::end). Only reads.
    pub fn snapshot(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        schemas: &Schemas,
        (account, after, limit): (&str, Option<&str>, usize),
        end: i64,
    ) -> Result<Snapshot, ActError> {
        let readable = readable(tx, mandate, Some(account))?;
        self.ensure_on()?;
        let place = self.snapshot_place(tx, &readable, after, end)?;
        let Readable { account: Some(account), .. } = readable else {
            return Err(ActError::not_found("account", account));
        };
        let shown = Shown::of(tx, schemas, account)?;
        let cursor = place.cursor.to_string();
        let (items, next) = items(tx, &shown, place, limit)?;
        Ok(Snapshot { cursor, items, next: Sometimes(next.map(|place| place.to_string())) })
    }

    fn snapshot_place(
        &self,
        tx: &mut Tx<'_>,
        readable: &Readable,
        after: Option<&str>,
        end: i64,
    ) -> Result<Place, ActError> {
        let Some(after) = after else {
            return Ok(Place { cursor: readable.cursor(&self.id, end), part: Part::Users, row: 0, member: 0 });
        };
        let wrong =
            |()| ActError::field("after", "must be the `next` of the page before, of a snapshot of this account");
        let place: Place = after.parse().map_err(wrong)?;
        self.place(tx, readable, Some(&place.cursor.to_string()), end)?;
        Ok(place)
    }
}

fn items(
    tx: &mut Tx<'_>,
    shown: &Shown,
    mut place: Place,
    limit: usize,
) -> Result<(Vec<SnapshotItem>, Option<Place>), ActError> {
    let (mut items, mut left, mut bytes) = (Vec::new(), limit, 0);
    while left > 0 && bytes < LARGEST {
        let kind = if place.part == Part::Users { USER } else { GROUP };
        if place.part == Part::Members {
            match members(tx, shown, &mut place, &mut items, &mut left)? {
                true => return Ok((items, None)),
                false => continue,
            }
        }
        let rows = tx.resources_after(shown.account.seq, kind, place.row, i64::try_from(left).unwrap_or(1))?;
        if rows.is_empty() {
            let next = if place.part == Part::Users { Part::Groups } else { Part::Members };
            place = Place { part: next, row: 0, ..place };
            continue;
        }
        left -= rows.len().min(left);
        place.row = rows.last().map_or(place.row, |row| row.handle.0);
        let (users, memberships) = match kind == USER {
            true => shown.access(tx, &rows)?,
            false => (Vec::new(), Memberships::default()),
        };
        for (n, row) in rows.iter().enumerate() {
            let whole = Anything(shown.attributes(row));
            bytes += whole.0.values().map(|value| value.as_str().map_or(50, str::len)).sum::<usize>();
            let access = users.get(n).map(|user| short(&user.access(&memberships, shown.terms(), None)));
            items.push(match kind == USER {
                true => SnapshotItem::user(whole, access),
                false => SnapshotItem::group(whole),
            });
        }
    }
    Ok((items, Some(place)))
}

/// Members of some groups; whether that is all.
fn members(
    tx: &mut Tx<'_>,
    shown: &Shown,
    place: &mut Place,
    items: &mut Vec<SnapshotItem>,
    left: &mut usize,
) -> Result<bool, ActError> {
    let before = if place.member > 0 { place.row - 1 } else { place.row };
    let groups = tx.resources_after(shown.account.seq, GROUP, before, GROUPS)?;
    for group in &groups {
        let seq = group.handle.0;
        let after = if seq == place.row { place.member } else { 0 };
        let most = i64::try_from(*left).unwrap_or(1);
        let found = tx.member_ids_after(shown.account.seq, seq, after, most)?;
        let is_whole = (found.len() as i64) < most;
        *left -= found.len();
        (place.row, place.member) = (seq, if is_whole { 0 } else { found.last().map_or(0, |(member, _)| *member) });
        if !found.is_empty() {
            let ids = found.into_iter().map(|(_, id)| id).collect();
            items.push(SnapshotItem::members(group.resource.id.as_str(), ids));
        }
        if !is_whole {
            return Ok(false);
        }
    }
    Ok(groups.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_answered_and_in_no_other_form() {
        for text in ["5f3a9c21.0198a6b2-0000.182.users.0.0", "5f3a9c21.a.1.members.7.12"] {
            assert_eq!(text.parse::<Place>().map(|place| place.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "users.0.0",
            "a.b.1.users.0",
            "a.b.1.people.0.0",
            "a.b.1.users.-1.0",
            "a.b.1.users.01.0",
            "a.b.x.users.0.0",
        ] {
            assert_eq!(text.parse::<Place>(), Err(()), "{text}");
        }
    }
}
