//! How many of the next documents are read at once, where all of them are gone through: as many as are few bytes together.

use diesel::sql_types::BigInt;
use scim::schema::ResourceTypeId;

use super::backend::AnyConn;
use super::error::DbError;
use super::statement::{Bind, Statement};

use crate::domain::ids::AccountKey;

/// How many bytes.
const BYTES: i64 = 8 << 20;

const SIZES: &str =
    "SELECT CAST(octet_length(r.document) AS BIGINT) FROM resources AS r WHERE r.seq > ? ORDER BY r.seq LIMIT ?";
const SIZES_OF: &str = "SELECT CAST(octet_length(r.document) AS BIGINT) FROM resources AS r \
     WHERE r.account = ? AND r.resource_type = ? AND r.seq > ? ORDER BY r.seq LIMIT ?";

/// Of the resources after a row, at most so many, one at least; of one account and type, or of all.
pub(super) fn next(
    conn: &mut AnyConn,
    of: Option<(AccountKey, ResourceTypeId)>,
    after: i64,
    most: i64,
) -> Result<i64, DbError> {
    let end = [Bind::number(after), Bind::number(most)];
    let sizes: Vec<i64> = match of {
        None => Statement::<BigInt>::new(SIZES, end.to_vec()).load(conn)?,
        Some((account, kind)) => {
            let binds = [&[Bind::number(account), Bind::number(kind.0)][..], &end].concat();
            Statement::<BigInt>::new(SIZES_OF, binds).load(conn)?
        }
    };
    let mut left = BYTES;
    let fitting = sizes.iter().take_while(|size| {
        left -= **size;
        left >= 0
    });
    Ok((fitting.count() as i64).max(1))
}
