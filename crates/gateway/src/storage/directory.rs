//! What pages of the directory show of many users at once, and the members of a group page by page.

use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, SmallInt, Text};
use scim::schema::ResourceTypeId;

use super::error::DbError;
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, ResourceKey, UserKey};

/// What stands beside a user's attributes.
#[derive(Debug, Clone, Queryable)]
pub struct UserFacts {
    /// Their id.
    pub id: String,
    /// Their number in storage.
    pub seq: UserKey,
    /// Whether an identity provider has written them.
    pub managed: bool,
    /// Whether they are a service account.
    pub service_account: bool,
    /// Whether they have a password.
    pub has_password: bool,
}

const FACTS: Dialects = Dialects {
    sqlite: "SELECT r.id, r.seq, r.provisioned, \
         COALESCE((SELECT l.service_account FROM logins AS l WHERE l.resource = r.seq), FALSE), \
         EXISTS (SELECT 1 FROM logins AS l WHERE l.resource = r.seq AND l.password_hash IS NOT NULL) \
         FROM json_each(?) AS wanted CROSS JOIN resources AS r ON r.id = wanted.value WHERE r.account = ?",
    postgres: "SELECT r.id, r.seq, r.provisioned, \
         COALESCE((SELECT l.service_account FROM logins AS l WHERE l.account = ? AND l.resource = r.seq), FALSE), \
         COALESCE((SELECT l.password_hash IS NOT NULL FROM logins AS l WHERE l.account = ? AND l.resource = r.seq), FALSE) \
         FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT id, seq, provisioned FROM resources WHERE account = ? AND id = wanted.value OFFSET 0) AS r",
};

/// A member of a group.
#[derive(Debug, Clone, Queryable)]
pub struct MemberRow {
    /// The member's number in storage.
    pub seq: i64,
    /// The member's id.
    pub id: String,
    kind: i16,
    /// What the member is called.
    pub name: String,
    /// Whether the member is active.
    pub active: bool,
}

impl MemberRow {
    /// Whether it is a user or another group.
    pub fn resource_type(&self) -> ResourceTypeId {
        ResourceTypeId(self.kind)
    }
}

const MEMBERS: Dialects = Dialects {
    sqlite: "SELECT m.member_seq, r.id, r.resource_type, r.display, r.active FROM members AS m \
         CROSS JOIN resources AS r ON r.seq = m.member_seq \
         WHERE m.group_seq = ? AND m.member_seq > ? AND r.account = ? ORDER BY m.member_seq LIMIT ?",
    postgres: "SELECT m.member_seq, r.id, r.resource_type, r.display, r.active FROM members AS m CROSS JOIN LATERAL \
         (SELECT id, resource_type, display, active FROM resources WHERE account = ? AND seq = m.member_seq OFFSET 0) AS r \
         WHERE m.account = ? AND m.group_seq = ? AND m.member_seq > ? ORDER BY m.member_seq LIMIT ?",
};

impl Tx<'_> {
    /// What stands beside these users' attributes, in any order.
    pub fn facts_of_users(&mut self, account: AccountKey, ids: &[&str]) -> Result<Vec<UserFacts>, DbError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = vec![Bind::list(ids)?];
        Statement::<(Text, BigInt, Bool, Bool, Bool)>::of_account(FACTS.of(self.conn), account, ids).load(self.conn)
    }

    /// The members of a group that follow a row, in the order of their creation: at most so many.
    pub fn members_after(
        &mut self,
        account: AccountKey,
        group: ResourceKey,
        after: i64,
        limit: i64,
    ) -> Result<Vec<MemberRow>, DbError> {
        let binds = vec![Bind::number(group), Bind::Number(after), Bind::Number(limit)];
        Statement::<(BigInt, Text, SmallInt, Text, Bool)>::of_account(MEMBERS.of(self.conn), account, binds)
            .load(self.conn)
    }
}
