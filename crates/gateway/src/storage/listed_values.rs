//! Who has which values of an attribute: asked when a list of allowed values loses some.

use diesel::sql_types::{BigInt, Text};
use scim::{AttributeKey, SearchKey};

use super::error::DbError;
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;

use crate::domain::ids::AccountKey;

/// Where counting ends: what there is more of is "at least" so many.
pub const MOST: u64 = 10_000;

const OF_ACCOUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM attribute_values AS v WHERE v.account = ? AND v.attribute = ? \
     AND v.key = ? LIMIT ?) AS counted";

const OF_ALL: &str = "SELECT count(*) FROM (SELECT 1 FROM accounts AS a JOIN attribute_values AS v ON v.account = a.seq \
     WHERE a.deleted IS NULL AND v.attribute = ? AND v.key = ? LIMIT ?) AS counted";

/// Each key once that several resources have, with how many.
const SHARED: &str = "SELECT v.key, count(*) FROM attribute_values AS v WHERE v.account = ? AND v.attribute = ? \
     GROUP BY v.key HAVING count(*) > 1 ORDER BY v.key LIMIT ?";

const HAVING: Dialects = dialects!("SELECT r.id FROM attribute_values AS v JOIN resources AS r ON r.seq = v.resource" [" AND r.account = v.account"] " \
     WHERE v.account = ? AND v.attribute = ? AND v.key = ? ORDER BY r.seq LIMIT ?");

/// Of several values, each with its place in the list that was asked for.
const OF_EACH: Dialects = Dialects {
    sqlite: "SELECT wanted.key, (SELECT count(*) FROM (SELECT 1 FROM attribute_values AS v WHERE v.account = ? \
         AND v.attribute = wanted.value ->> 0 AND v.key = wanted.value ->> 1 LIMIT ?) AS counted) FROM json_each(?) AS wanted",
    postgres: "SELECT wanted.place, (SELECT count(*) FROM (SELECT 1 FROM attribute_values AS v WHERE v.account = ? \
         AND v.attribute = (wanted.value ->> 0)::int AND v.key = wanted.value ->> 1 LIMIT ?) AS counted) \
         FROM json_array_elements(?::json) WITH ORDINALITY AS wanted (value, place)",
};

impl Tx<'_> {
    /// How many resources of an account have each of these values, by the index, in their order; [`MOST`] of each at most.
    pub fn counts_of_values(
        &mut self,
        account: AccountKey,
        values: &[(AttributeKey, String)],
    ) -> Result<Vec<u64>, DbError> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<(i64, &str)> = values.iter().map(|(attribute, key)| (i64::from(attribute.0), &**key)).collect();
        let binds = vec![Bind::number(account), Bind::number(MOST as i64), Bind::list(&wanted)?];
        let mut rows: Vec<(i64, i64)> =
            Statement::<(BigInt, BigInt)>::new(OF_EACH.of(self.conn), binds).load(self.conn)?;
        rows.sort_unstable();
        Ok(rows.into_iter().map(|(_, count)| count.max(0) as u64).collect())
    }

    /// How many resources of an account have this value, by the index; [`MOST`] at most.
    pub fn count_of_value(&mut self, account: AccountKey, key: &SearchKey) -> Result<u64, DbError> {
        let (attribute, most) = (i64::from(key.attribute.0), MOST as i64);
        let binds =
            vec![Bind::number(account), Bind::number(attribute), Bind::Text(key.key.clone()), Bind::number(most)];
        let count: Option<i64> = Statement::<BigInt>::new(OF_ACCOUNT, binds).first(self.conn)?;
        Ok(count.unwrap_or(0).max(0) as u64)
    }

    /// The same in all accounts together.
    pub fn count_of_value_everywhere(&mut self, key: &SearchKey) -> Result<u64, DbError> {
        let (attribute, most) = (i64::from(key.attribute.0), MOST as i64);
        let binds = vec![Bind::number(attribute), Bind::Text(key.key.clone()), Bind::number(most)];
        let count: Option<i64> = Statement::<BigInt>::new(OF_ALL, binds).first(self.conn)?;
        Ok(count.unwrap_or(0).max(0) as u64)
    }

    /// The keys that several resources of an account share, so many at most, each with how many share it.
    pub fn shared_keys(
        &mut self,
        account: AccountKey,
        attribute: AttributeKey,
        most: u64,
    ) -> Result<Vec<(String, u64)>, DbError> {
        let binds = vec![Bind::number(account), Bind::number(attribute.0), Bind::number(most as i64)];
        let rows: Vec<(String, i64)> = Statement::<(Text, BigInt)>::new(SHARED, binds).load(self.conn)?;
        Ok(rows.into_iter().map(|(key, count)| (key, count.max(0) as u64)).collect())
    }

    /// The ids of the resources that have a key, so many at most.
    pub fn ids_having(
        &mut self,
        account: AccountKey,
        attribute: AttributeKey,
        key: &str,
        most: u64,
    ) -> Result<Vec<String>, DbError> {
        let (attribute, most) = (Bind::number(attribute.0), Bind::number(most as i64));
        let binds = vec![Bind::number(account), attribute, Bind::Text(key.to_owned()), most];
        Statement::<Text>::new(HAVING.of(self.conn), binds).load(self.conn)
    }
}
