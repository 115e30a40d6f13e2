//! The digest of an account at a cursor: what a reader's copy is compared with. `docs/events.md` says exactly how it is made.

use ring::digest;
use scim::schema::{GROUP, USER};
use serde_json::{Value, json};

use super::snapshot::Shown;
use super::{Feed, readable};
use crate::domain::bodies::events::{AccountDigest, PartDigest};
use crate::domain::operator::Mandate;
use crate::domain::schemas::Schemas;
use crate::services::error::ActError;
use crate::services::resolution::short;
use crate::storage::Tx;

/// So many users, groups or members are read at once.
const AT_ONCE: i64 = 500;

impl Feed {
    /// The digest of an account at an end that was asked for [before](Feed::end); `None`: something of the account has changed since. Only
    /// reads.
    pub fn digest(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        schemas: &Schemas,
        account: &str,
        end: i64,
    ) -> Result<Option<AccountDigest>, ActError> {
        let readable = readable(tx, mandate, Some(account))?;
        self.ensure_on()?;
        let cursor = readable.cursor(&self.id, end).to_string();
        let Some(account) = readable.account else { return Err(ActError::not_found("account", account)) };
        let seq = account.seq;
        // What is read here is of one moment. If no event of the account follows the end in it, it is what the events up to there made.
        if !tx.events_between(Some(seq), end, i64::MAX, 1)?.is_empty() {
            return Ok(None);
        }
        let shown = Shown::of(tx, schemas, account)?;
        let (mut users, mut access, mut groups, mut members) = <(Sum, Sum, Sum, Sum)>::default();
        let mut last = 0;
        loop {
            let rows = tx.resources_after(seq, USER, last, AT_ONCE)?;
            let Some(end) = rows.last() else { break };
            last = end.handle.0;
            let (candidates, memberships) = shown.access(tx, &rows)?;
            for (row, user) in rows.iter().zip(&candidates) {
                users.add(&canonical(&Value::Object(shown.attributes(row))));
                let may = short(&user.access(&memberships, shown.terms(), None));
                access.add(&canonical(&json!({"id": user.user.id, "access": may})));
            }
        }
        last = 0;
        loop {
            let rows = tx.resources_after(seq, GROUP, last, AT_ONCE)?;
            let Some(end) = rows.last() else { break };
            last = end.handle.0;
            for row in &rows {
                groups.add(&canonical(&Value::Object(shown.attributes(row))));
                let mut after = 0;
                loop {
                    let ids = tx.member_ids_after(seq, row.handle.0, after, AT_ONCE)?;
                    let Some((end, _)) = ids.last() else { break };
                    after = *end;
                    ids.iter().for_each(|(_, id)| members.add(&format!("{} {id}", row.resource.id)));
                }
            }
        }
        let [users, access, groups, members] = [users, access, groups, members].map(Sum::told);
        Ok(Some(AccountDigest { cursor, users, access, groups, members }))
    }
}

/// How many lines, and the sum of their SHA-256 as numbers, modulo 2²⁵⁶.
#[derive(Debug, Default)]
struct Sum {
    lines: u64,
    /// From the lowest.
    limbs: [u64; 4],
}

impl Sum {
    fn add(&mut self, line: &str) {
        let hash = digest::digest(&digest::SHA256, line.as_bytes());
        let mut carry = false;
        for (limb, part) in self.limbs.iter_mut().zip(hash.as_ref().rchunks_exact(8)) {
            let number = part.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
            let (sum, over) = limb.overflowing_add(number);
            let (sum, again) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, over || again);
        }
        self.lines += 1;
    }

    fn told(self) -> PartDigest {
        let digest = self.limbs.iter().rev().map(|limb| format!("{limb:016x}")).collect();
        PartDigest { count: self.lines, digest }
    }
}

/// A value as JSON without spaces, the members of each object in the order of their names.
fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (n, (name, value)) in sorted.into_iter().enumerate() {
                text.push_str(if n == 0 { "" } else { "," });
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(elements) => {
            text.push('[');
            for (n, value) in elements.iter().enumerate() {
                text.push_str(if n == 0 { "" } else { "," });
                write(value, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_the_lines_in_any_order() {
        let sum = |lines: &[&str]| {
            let mut sum = Sum::default();
            lines.iter().for_each(|line| sum.add(line));
            sum.told()
        };
        let empty = sum(&[]);
        assert_eq!((empty.count, empty.digest), (0, "0".repeat(64)));
        // SHA-256 of "a", and of "a" and "b" together.
        assert_eq!(sum(&["a"]).digest, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
        assert_eq!(sum(&["a", "b"]).digest, "08bb6928ca5517152e4b8118ff058d82334469f89d507abd84f46634858a4958");
        assert_eq!(sum(&["b", "a"]).digest, sum(&["a", "b"]).digest);
        assert_ne!(sum(&["a", "a"]).digest, sum(&["a"]).digest);
    }

    #[test]
    fn json_has_one_form() {
        let value = json!({"b": [1, true, null, {"z": "é\"\n", "a": 1.5}], "a": {}});
        assert_eq!(canonical(&value), r#"{"a":{},"b":[1,true,null,{"a":1.5,"z":"é\"\n"}]}"#);
    }
}
