//! Questions about many accounts or clients at once, for a database whose accounts lie on several nodes. There, nothing can be looked up one after
//! the other across nodes; so each node is asked for all, by its indexes, and the newest of all together are taken where one PostgreSQL takes
//! the newest of each.

use super::bulk_revocations::{ended, provisions};

macro_rules! among {
    () => {
        "= ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text(?::json)))"
    };
}

macro_rules! grants {
    ($open:literal) => {
        concat!(
            "SELECT g.seq, g.client, g.account, g.owner, g.created, g.delivered_at, ",
            ended!("e.at", "g.ended"),
            ", ",
            ended!("e.reason", "g.end_reason"),
            " FROM grants AS g WHERE g.client ",
            among!(),
            $open,
            " AND g.owner IS NOT NULL AND ",
            provisions!(),
            " ORDER BY g.seq DESC LIMIT 2500"
        )
    };
}
pub(super) const OPEN_GRANTS: &str = grants!(" AND g.ended IS NULL");
pub(super) const NEWEST_GRANTS: &str = grants!("");

pub(super) const REFRESH_TOKENS: &str = concat!(
    "SELECT DISTINCT ON (t.grant_seq) t.grant_seq, t.generation, t.created, t.expires FROM refresh_tokens AS t WHERE t.grant_seq ",
    among!(),
    " ORDER BY t.grant_seq, t.generation DESC"
);

pub(super) const PENDING_MEMBERS: &str = concat!(
    "SELECT p.account, p.value, p.parked, r.display FROM parked_members AS p \
     JOIN resources AS r ON r.account = p.account AND r.seq = p.group_seq WHERE p.account ",
    among!(),
    " AND p.parked < ? ORDER BY p.seq LIMIT 1000"
);

pub(super) const SERVICE_ACCOUNTS: &str =
    concat!("SELECT l.resource FROM logins AS l WHERE l.resource ", among!(), " AND l.service_account");

/// The pairs are named by both of their halves: an id is no other account's, too.
pub(super) const ACTIVE: &str = "SELECT r.account, r.id, r.document FROM resources AS r \
     WHERE r.id = ANY (ARRAY(SELECT value ->> 1 FROM json_array_elements(?::json))) AND r.active";

pub(super) const WITH_ROLE: &str = concat!(
    "SELECT r.account, r.seq, r.document FROM attribute_values AS v JOIN resources AS r ON r.account = v.account AND r.seq = v.resource \
     WHERE v.account ",
    among!(),
    " AND v.attribute = ? AND v.key = ? AND r.active ORDER BY v.resource LIMIT 300"
);

pub(super) const RESOURCE_COUNTS: &str =
    concat!("SELECT r.account, r.resource_type, r.n FROM resource_counts AS r WHERE r.account ", among!());
