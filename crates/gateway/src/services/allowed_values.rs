//! Values that the configuration allows no longer while users have them.
//!
//! A file cannot be asked whether it means that, and a server that did not start would be worse: it says in its log how many users have
//! the value. They keep it until it is changed; nothing that happens to them is refused because of it.

use std::collections::BTreeMap;

use scim::{AccountValues, Registry};

use crate::storage::{Db, DbError};

/// The lists of the configuration of before.
const FACT: &str = "allowed_values";

type Lists = BTreeMap<String, Vec<String>>;

/// Compares the lists of this configuration with those of the last start.
pub async fn compare(db: &Db, configured: &Registry) -> Result<(), DbError> {
    let lists = configured.closed_lists(&AccountValues::default());
    let name = |list: &scim::schema::ClosedList| format!("{}:{}", list.attribute.resource_type.0, list.attribute.path);
    let wanted: Lists = lists.iter().map(|list| (name(list), list.values.clone())).collect();
    let wanted = serde_json::to_string(&wanted).map_err(|e| DbError::Corrupt(e.to_string()))?;
    let fresh = wanted.clone();
    let current = db.write(move |tx| tx.establish_fact(FACT, &fresh)).await?;
    if current == wanted {
        return Ok(());
    }
    let before: Lists = serde_json::from_str(&current).unwrap_or_default();
    for list in lists {
        for value in before.get(&name(&list)).into_iter().flatten() {
            let key = list.attribute.key_of(value);
            if list.values.iter().any(|allowed| list.attribute.key_of(allowed) == key) {
                continue;
            }
            let attribute = &list.attribute.path;
            let count = match list.is_indexed {
                true => Some(db.write(move |tx| tx.count_of_value_everywhere(&key)).await?),
                false => None,
            };
            match count {
                Some(0) => {}
                Some(users) => tracing::warn!(
                    attribute,
                    value,
                    users,
                    "a value that users have is no longer allowed: they keep it until it is changed"
                ),
                None => tracing::warn!(
                    attribute,
                    value,
                    "a value is no longer allowed: users who have it keep it until it is changed"
                ),
            }
        }
    }
    db.write(move |tx| tx.set_installation_value(FACT, &wanted)).await
}
