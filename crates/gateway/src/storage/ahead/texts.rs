//! The statements that look up a token with what is wanted beside it.

use super::super::along::Wanted;
use super::super::backend::AnyConn;
use super::super::grants::{stands, status_columns, status_tables};

/// One for each kind of token.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Texts {
    pub(in crate::storage) grant: &'static str,
    pub(in crate::storage) static_token: &'static str,
}

/// The columns of a resource that is called `r`; as JSON the ways up from it, one more than may come along; and what comes with one that is
/// locked.
macro_rules! on_postgres {
    ($a:literal) => {
        concat!(", r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document, r.provisioned, r.service_account, \
         CASE WHEN EXISTS (SELECT FROM members WHERE account = ", $a, " AND member_seq = r.seq) THEN (SELECT json_agg(json_build_array(w.inside, w.outside, w.id, w.display)) \
         FROM (WITH RECURSIVE inside (seq) AS (SELECT r.seq \
         UNION SELECT m.group_seq FROM inside \
         CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE account = ", $a, " AND member_seq = inside.seq OFFSET 0) AS m) \
         SELECT inside.seq AS inside, m.group_seq AS outside, u.id, u.display FROM inside \
         CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE account = ", $a, " AND member_seq = inside.seq OFFSET 0) AS m \
         CROSS JOIN LATERAL (SELECT id, display FROM resources WHERE account = ", $a, " AND seq = m.group_seq OFFSET 0) AS u \
         LIMIT 101) AS w)::text END, r.rules, r.rules_version, r.named")
    };
}

/// The same on SQLite, where nothing is locked. Groups are seldom in groups: what goes all the way up makes two tables to do so.
macro_rules! on_sqlite {
    () => {
        ", r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document, r.provisioned, FALSE, \
         CASE WHEN NOT EXISTS (SELECT 1 FROM members WHERE member_seq = r.seq) THEN NULL \
         WHEN NOT EXISTS (SELECT 1 FROM members AS m CROSS JOIN members AS n ON n.member_seq = m.group_seq WHERE m.member_seq = r.seq) \
         THEN (SELECT json_group_array(json_array(w.inside, w.outside, w.id, w.display)) \
         FROM (SELECT m.member_seq AS inside, m.group_seq AS outside, u.id, u.display FROM members AS m \
         CROSS JOIN resources AS u ON u.seq = m.group_seq WHERE m.member_seq = r.seq AND u.account = g.account LIMIT 101) AS w) \
         ELSE (SELECT json_group_array(json_array(w.inside, w.outside, w.id, w.display)) \
         FROM (WITH RECURSIVE inside (seq) AS (SELECT r.seq \
         UNION SELECT m.group_seq FROM inside CROSS JOIN members AS m ON m.member_seq = inside.seq) \
         SELECT inside.seq AS inside, m.group_seq AS outside, u.id, u.display FROM inside \
         CROSS JOIN members AS m ON m.member_seq = inside.seq CROSS JOIN resources AS u ON u.seq = m.group_seq \
         WHERE u.account = g.account LIMIT 101) AS w) END, NULL, NULL, NULL"
    };
}

/// What a resource has no columns for, where it is not locked.
macro_rules! not_locked {
    () => {
        "FALSE AS service_account, NULL AS rules, NULL::bigint AS rules_version, NULL AS named"
    };
}

macro_rules! locked {
    ($a:literal, $id:literal, $named:expr, $lock:literal) => {
        concat!(
            " LEFT JOIN LATERAL (SELECT u.*, COALESCE((SELECT l.service_account FROM logins AS l WHERE l.account = ",
            $a,
            " AND l.resource = u.seq), FALSE) AS service_account, \
             (SELECT s.rules FROM access_rules AS s WHERE s.account = ",
            $a,
            ") AS rules, \
             (SELECT s.version FROM access_rules AS s WHERE s.account = ",
            $a,
            ") AS rules_version, ",
            $named,
            " AS named FROM resources AS u WHERE u.account = ",
            $a,
            " AND u.id = ",
            $id,
            $lock,
            ") AS r ON TRUE"
        )
    };
}

/// As JSON the resources with these ids, which stay until the transaction ends, each with whether it is a member of the group `u`; where the
/// condition is true.
macro_rules! named {
    ($a:literal, $ids:literal, $condition:literal, $lock:literal) => {
        concat!(
            "(SELECT CASE WHEN ",
            $condition,
            " THEN json_agg(json_build_array(m.id, m.seq, m.resource_type, m.display, \
             EXISTS (SELECT FROM members WHERE account = ",
            $a,
            " AND group_seq = u.seq AND member_seq = m.seq))) END FROM json_array_elements_text(",
            $ids,
            "::json) AS wanted CROSS JOIN LATERAL (SELECT id, seq, resource_type, display FROM resources \
             WHERE account = ",
            $a,
            " AND id = wanted.value FOR KEY SHARE",
            $lock,
            ") AS m)::text"
        )
    };
}

/// What is read where no users of an account share a name.
pub(super) const ALONE: &str = "alone";

/// Whether users of the account share a name ([`shared_keys`](super::super::shared_keys)). The number stands in the text, so that a partial
/// index answers.
macro_rules! names_shared {
    ($a:literal) => {
        concat!(
            "CASE WHEN EXISTS (SELECT FROM attribute_values AS v WHERE v.account = ",
            $a,
            " AND v.attribute = 1895985888 AND NOT v.is_unique) THEN 'shared' ELSE 'alone' END"
        )
    };
}

/// What is read where no one has a name with one of the keys that were asked for, and no group waits for one.
pub(super) const FREE: &str = "free";
/// The same, where a group waits.
pub(super) const AWAITED: &str = "awaited";

/// How a statement begins that gives out the number of a resource: by the lock of who writes resources, which who counts them looks for
/// ([`list_counts`](super::super::list_counts)).
macro_rules! select_to_write {
    () => {
        "WITH writes AS (UPDATE resources SET version = version WHERE FALSE) SELECT "
    };
}

/// No resource but the number of one to come, the rules of the account, whether names with these keys are free and awaited, and the lock of its
/// names, shared if `held`.
macro_rules! new_user {
    ($a:literal, $names:literal, $again:literal, $lock:literal, $condition:literal) => {
        concat!(
            " JOIN LATERAL (SELECT ",
            $lock,
            "(73052, (g.account % 2147483647)::int) AS held) AS shared ON ",
            $condition,
            " LEFT JOIN LATERAL (SELECT nextval('resources_seq_seq') AS seq, n.resource_type, n.id, n.version, n.created, n.last_modified, \
             n.document, n.provisioned, FALSE AS service_account, s.rules, s.version AS rules_version, CASE WHEN EXISTS (SELECT FROM json_array_elements(",
            $names,
            "::json) AS k CROSS JOIN LATERAL (SELECT FROM attribute_values \
             WHERE account = ", $a, " AND attribute = (k.value->>0)::int AND key = k.value->>1 LIMIT 1) AS v) \
             THEN 'taken' WHEN EXISTS (SELECT FROM json_array_elements(",
            $again,
            "::json) AS k CROSS JOIN LATERAL (SELECT FROM parked_members \
             WHERE account = ", $a, " AND name_key = k.value->>1 LIMIT 1) AS w) \
             THEN 'awaited' ELSE 'free' END AS named FROM (SELECT 1) AS one LEFT JOIN (SELECT * FROM resources WHERE account = ", $a, " AND FALSE) AS n ON TRUE \
             LEFT JOIN access_rules AS s ON s.account = ", $a, ") AS r ON TRUE"
        )
    };
}

/// The client, account and owner of a grant `g` that is one of several.
macro_rules! owners {
    () => {
        "CROSS JOIN LATERAL (SELECT * FROM clients WHERE seq = g.client OFFSET 0) AS c \
         LEFT JOIN LATERAL (SELECT * FROM accounts WHERE seq = g.account OFFSET 0) AS a ON TRUE \
         LEFT JOIN LATERAL (SELECT active FROM resources WHERE account = g.account AND seq = g.owner OFFSET 0) AS o ON TRUE"
    };
}
pub(in crate::storage) use owners;

/// What is saved of a walk that the client of a grant `g` makes through a list, and how many resources there are.
macro_rules! of_list {
    ($a:literal) => {
        concat!(
            ", (SELECT w.note FROM walks AS w WHERE w.account = ",
            $a,
            " AND w.actor = 'client:' || c.id AND w.walk = ?), \
             (SELECT COALESCE(sum(n.n), 0)::bigint FROM resource_counts AS n WHERE n.account = ",
            $a,
            " AND n.resource_type = ?)"
        )
    };
}

/// A token of a grant, which says its account, and a static token, whose account is found by the way; each with these columns of what these
/// joins add.
macro_rules! texts {
    ($columns:expr, $joins:expr; $token_columns:expr, $token_joins:expr) => {
        texts!("SELECT "; $columns, $joins; $token_columns, $token_joins)
    };
    ($select:expr; $columns:expr, $joins:expr; $token_columns:expr, $token_joins:expr) => {
        Texts {
            grant: concat!(
                $select,
                status_columns!(
                    "(SELECT t.expires FROM revoked_tokens AS t WHERE t.id = ?), (SELECT t.expires FROM revoked_tokens AS t WHERE t.id = ?)"
                ),
                $columns,
                status_tables!(),
                $joins,
                " WHERE g.account = ? AND g.seq = ? AND ",
                stands!()
            ),
            static_token: concat!(
                $select,
                status_columns!("CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)"),
                ", s.id, s.scope, s.created, s.expires, s.last_used, c.scopes",
                $token_columns,
                " FROM static_tokens AS s JOIN grants AS g ON g.seq = s.grant_seq JOIN clients AS c ON c.seq = g.client \
                 LEFT JOIN accounts AS a ON a.seq = g.account LEFT JOIN resources AS o ON o.account = g.account AND o.seq = g.owner",
                $token_joins,
                " WHERE s.fingerprint = ? AND ",
                stands!()
            ),
        }
    };
}

/// The resource whose id this is.
macro_rules! with_id {
    ($a:literal, $id:literal) => {
        concat!(
            " LEFT JOIN LATERAL (SELECT *, ",
            not_locked!(),
            " FROM resources WHERE account = ",
            $a,
            " AND id = ",
            $id,
            " OFFSET 0) AS r ON TRUE"
        )
    };
}

/// The user whose `userName` has this key. Of two resources that have had one name since before that was refused, both.
macro_rules! with_user_name {
    ($a:literal, $attribute:literal, $key:literal) => {
        concat!(
            " LEFT JOIN LATERAL (SELECT n.*, ",
            not_locked!(),
            " FROM (SELECT resource FROM attribute_values WHERE account = ",
            $a,
            " AND attribute = ",
            $attribute,
            " AND key = ",
            $key,
            " ORDER BY resource LIMIT 2) AS v \
             CROSS JOIN LATERAL (SELECT * FROM resources WHERE account = ",
            $a,
            " AND seq = v.resource OFFSET 0) AS n) AS r ON TRUE"
        )
    };
}

const ID: Texts = texts!(on_postgres!("?"), with_id!("?", "?"); on_postgres!("g.account"), with_id!("g.account", "?"));

const ID_ON_SQLITE: Texts = texts!(
    on_sqlite!(), " LEFT JOIN resources AS r ON r.account = g.account AND r.id = ?";
    on_sqlite!(), " LEFT JOIN resources AS r ON r.account = g.account AND r.id = ?"
);

const USER_NAME: Texts = texts!(
    on_postgres!("?"), with_user_name!("?", "?", "?");
    on_postgres!("g.account"), with_user_name!("g.account", "?", "?")
);

const USER_NAME_ON_SQLITE: Texts = texts!(
    on_sqlite!(),
    " LEFT JOIN attribute_values AS v ON v.account = g.account AND v.attribute = ? AND v.key = ? LEFT JOIN resources AS r ON r.seq = v.resource";
    on_sqlite!(),
    " LEFT JOIN attribute_values AS v ON v.account = g.account AND v.attribute = ? AND v.key = ? LEFT JOIN resources AS r ON r.seq = v.resource"
);

/// On PostgreSQL.
pub(super) const LIST: Texts = texts!(of_list!("?"), ""; of_list!("g.account"), "");

const LOCKED: Texts = texts!(
    on_postgres!("?"), locked!("?", "?", "NULL", " FOR NO KEY UPDATE OF u");
    on_postgres!("g.account"), locked!("g.account", "?", "NULL", " FOR NO KEY UPDATE OF u")
);

const LOCKED_GROUP: Texts = texts!(
    on_postgres!("?"), locked!("?", "?", named!("?", "?", "TRUE", ""), " FOR NO KEY UPDATE OF u");
    on_postgres!("g.account"), locked!("g.account", "?", named!("g.account", "?", "TRUE", ""), " FOR NO KEY UPDATE OF u")
);

const LEAVING: Texts = texts!(
    on_postgres!("?"), locked!("?", "?", names_shared!("?"), " FOR UPDATE OF u");
    on_postgres!("g.account"), locked!("g.account", "?", names_shared!("g.account"), " FOR UPDATE OF u")
);

const NEW_USER: Texts = texts!(
    select_to_write!();
    on_postgres!("?"), new_user!("?", "?", "?", "pg_advisory_xact_lock_shared", "TRUE");
    on_postgres!("g.account"), new_user!("g.account", "?", "?", "pg_advisory_xact_lock_shared", "TRUE")
);

/// The same for many tokens at once, `i`: each row begins with the number of its token.
macro_rules! together {
    ($joins:expr) => {
        together!($joins, "", "")
    };
    ($joins:expr, $input:literal, $column:literal) => {
        together!("SELECT ", $joins, $input, $column)
    };
    ($select:expr, $joins:expr, $input:literal, $column:literal) => {
        Texts {
            grant: concat!(
                $select,
                "i.n, ",
                status_columns!(
                    "(SELECT t.expires FROM revoked_tokens AS t WHERE t.id = i.token), (SELECT t.expires FROM revoked_tokens AS t WHERE t.id = i.response)"
                ),
                on_postgres!("g.account"),
                " FROM unnest((SELECT ?::bigint[]), (SELECT ?::bytea[]), (SELECT ?::bytea[]), (SELECT ?::text[])",
                $input,
                ") WITH ORDINALITY AS i (grant_seq, token, response, wanted, ",
                $column,
                "n) \
                 CROSS JOIN LATERAL (SELECT * FROM grants WHERE seq = i.grant_seq OFFSET 0) AS g ",
                owners!(),
                $joins,
                " WHERE ",
                stands!()
            ),
            static_token: concat!(
                $select,
                "i.n, ",
                status_columns!("CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)"),
                ", s.id, s.scope, s.created, s.expires, s.last_used, c.scopes",
                on_postgres!("g.account"),
                " FROM unnest((SELECT ?::bytea[]), (SELECT ?::text[])",
                $input,
                ") WITH ORDINALITY AS i (fingerprint, wanted, ",
                $column,
                "n) \
                 CROSS JOIN LATERAL (SELECT * FROM static_tokens WHERE fingerprint = i.fingerprint OFFSET 0) AS s \
                 CROSS JOIN LATERAL (SELECT * FROM grants WHERE seq = s.grant_seq OFFSET 0) AS g ",
                owners!(),
                $joins,
                " WHERE ",
                stands!()
            ),
        }
    };
}

const IDS: Texts = together!(with_id!("g.account", "i.wanted"));
const USER_NAMES: Texts = together!(with_user_name!("g.account", "(SELECT ?::bigint)", "i.wanted"));

/// What another transaction holds is not waited for: it is not found then.
const ALL_LOCKED: Texts = together!(locked!("g.account", "i.wanted", "NULL", " FOR NO KEY UPDATE OF u SKIP LOCKED"));

/// The same of who is to be deleted. Who becomes a member meanwhile holds them too.
const ALL_LEAVING: Texts =
    together!(locked!("g.account", "i.wanted", names_shared!("g.account"), " FOR UPDATE OF u SKIP LOCKED"));

/// The same; those who are named come along if all of them were found.
const LOCKED_GROUPS: Texts = together!(
    locked!(
        "g.account",
        "i.wanted",
        named!("g.account", "i.named", "count(*) = json_array_length(i.named::json)", " SKIP LOCKED"),
        " FOR NO KEY UPDATE OF u SKIP LOCKED"
    ),
    ", (SELECT ?::text[])",
    "named, "
);

/// Where the lock is not to be had at once, nothing is found.
const NEW_USERS: Texts = together!(
    select_to_write!(),
    new_user!("g.account", "i.named", "i.named", "pg_try_advisory_xact_lock_shared", "shared.held"),
    ", (SELECT ?::text[])",
    "named, "
);

/// Those that ask for many at once, on PostgreSQL: with the tokens as arrays (grants, ids and those of their answers; or fingerprints), and
/// as another what each is shown for; for names the attribute comes last, for groups who is named.
pub(in crate::storage) fn texts_together(wanted: &Wanted) -> Texts {
    match wanted {
        Wanted::Id(_) | Wanted::List(..) => IDS,
        Wanted::UserName(_) => USER_NAMES,
        Wanted::Locked(_) => ALL_LOCKED,
        Wanted::Leaving(_) => ALL_LEAVING,
        Wanted::LockedGroup(..) => LOCKED_GROUPS,
        Wanted::NewUser(..) => NEW_USERS,
    }
}

/// Those for what is wanted; `None` where it cannot come along.
pub(super) fn texts(wanted: &Wanted, conn: &AnyConn) -> Option<Texts> {
    match (conn, wanted) {
        (AnyConn::Postgres(_), Wanted::Id(_)) => Some(ID),
        (AnyConn::Postgres(_), Wanted::UserName(_)) => Some(USER_NAME),
        (AnyConn::Postgres(_), Wanted::Locked(_)) => Some(LOCKED),
        (AnyConn::Postgres(_), Wanted::Leaving(_)) => Some(LEAVING),
        (AnyConn::Postgres(_), Wanted::LockedGroup(..)) => Some(LOCKED_GROUP),
        (AnyConn::Postgres(_), Wanted::NewUser(..)) => Some(NEW_USER),
        (AnyConn::Sqlite(_), Wanted::Id(_)) => Some(ID_ON_SQLITE),
        (AnyConn::Sqlite(_), Wanted::UserName(_)) => Some(USER_NAME_ON_SQLITE),
        (AnyConn::Postgres(_), Wanted::List(..)) | (AnyConn::Sqlite(_), _) => None,
    }
}
