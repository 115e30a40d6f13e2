//! An event of the feed, as it is answered.

use serde_json::Map;

use super::access::ShortAccess;
use crate::domain::described::{Anything, Sometimes, Time, answer};

answer! {
    /// An event of the feed ([events](events.md)).
    pub struct FeedEvent {
        /// Its id: no other event has it, and it has no other.
        id: String,
        /// Where it stands: what to send as `after` for the events that follow it.
        cursor: String,
        /// What happened, as `user.created`.
        kind as "type": String,
        /// When.
        time: Time,
        /// The account it concerns, with the name of that time; `null` for what belongs to none.
        account: Option<Anything>,
        /// Who did it: a `type`, and of clients, users, operators and setup links the `id` and the name of that time.
        actor: Anything,
        /// The id of the request that asked for it.
        request: Option<String>,
        /// What it is about: a `type`, an `id` and the name of that time; of what was deleted, the last one.
        subject: Option<Anything>,
        /// The rest, by its type.
        data: Anything,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a2a", "cursor": "5f3a9c21.all.182", "type": "user.deleted", "time": "2026-11-27T20:00:00.000Z",
        "account": {"id": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b", "name": "acme"},
        "actor": {"type": "client", "id": "a7d0c1f2e3b4", "name": "Okta"}, "request": "01kbx3n7q8f2m0v5t9r4cwz",
        "subject": {"type": "user", "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d", "name": "ana@acme.test"}, "data": {}
    }
}

answer! {
    /// A page of the feed, in its order.
    pub struct FeedPage {
        /// The events.
        events: Vec<FeedEvent>,
        /// What to send as `after` for what follows, also where there are no events.
        cursor: String,
        /// Whether more events are there already.
        more: bool,
    }
    example {"events": [], "cursor": "5f3a9c21.all.182", "more": false}
}

answer! {
    /// A part of a snapshot: a user, a group, or members of a group.
    pub struct SnapshotItem {
        /// `user`, `group` or `members`.
        kind as "type": &'static str,
        /// A user, as in an event.
        user: Sometimes<Anything>,
        /// What the user may do.
        access: Sometimes<ShortAccess>,
        /// A group, as in an event; of members, its `id` alone.
        group: Sometimes<Anything>,
        /// The ids of members of the group. Of a large group there are several parts.
        members: Sometimes<Vec<String>>,
    }
    example {"type": "members", "group": {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a2b"}, "members": ["0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d"]}
}

impl SnapshotItem {
    fn new(kind: &'static str) -> SnapshotItem {
        let (user, group) = (Sometimes(None), Sometimes(None));
        SnapshotItem { kind, user, access: Sometimes(None), group, members: Sometimes(None) }
    }

    /// A user, and what they may do.
    pub fn user(user: Anything, access: Option<ShortAccess>) -> SnapshotItem {
        SnapshotItem { user: Sometimes(Some(user)), access: Sometimes(access), ..SnapshotItem::new("user") }
    }

    /// A group, without its members.
    pub fn group(group: Anything) -> SnapshotItem {
        SnapshotItem { group: Sometimes(Some(group)), ..SnapshotItem::new("group") }
    }

    /// Members of the group with this id.
    pub fn members(group: &str, members: Vec<String>) -> SnapshotItem {
        let id = Anything(Map::from_iter([("id".to_owned(), group.into())]));
        SnapshotItem { members: Sometimes(Some(members)), group: Sometimes(Some(id)), ..SnapshotItem::new("members") }
    }
}

answer! {
    /// A page of a snapshot of an account.
    pub struct Snapshot {
        /// Where the feed goes on after the snapshot, once all its pages are read; each of them has it.
        cursor: String,
        /// Users, then groups, then members.
        items: Vec<SnapshotItem>,
        /// What to send as `after` for the next page. The last page has none.
        next: Sometimes<String>,
    }
    example {"cursor": "5f3a9c21.0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b.182", "items": []}
}

answer! {
    /// The digest of a part of an account.
    pub struct PartDigest {
        /// How many there are.
        count: u64,
        /// The sum of the SHA-256 of their lines, modulo 2^256, as 64 hexadecimal digits.
        digest: String,
    }
    example {"count": 1, "digest": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}
}

answer! {
    /// The digest of an account at a cursor ([how it is made](events.md#the-digest)).
    pub struct AccountDigest {
        /// At which place of the feed.
        cursor: String,
        /// Of the users.
        users: PartDigest,
        /// Of what each user may do.
        access: PartDigest,
        /// Of the groups.
        groups: PartDigest,
        /// Of who is in which group.
        members: PartDigest,
    }
    example {
        "cursor": "5f3a9c21.0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b.182",
        "users": {"count": 1, "digest": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
        "access": {"count": 1, "digest": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
        "groups": {"count": 0, "digest": "0000000000000000000000000000000000000000000000000000000000000000"},
        "members": {"count": 0, "digest": "0000000000000000000000000000000000000000000000000000000000000000"}
    }
}
