//! What becomes of values that leave a list while users have them: they are replaced by others, or taken away.
//!
//! The first users are changed in the unit of work of the request; where there are more, how far it went is a row of its own
//! ([`ReplacedValue`]), and any replica goes on. Until a user is changed they keep the old value, which opens nothing any more. The last
//! value of a user is never taken away: without one the user would be unset, and that may mean every environment.

use std::collections::BTreeMap;

use scim::schema::{ClosedList, USER};
use scim::{Id, Precondition, Projection, Store, service};
use serde_json::{Map, Value, json};

use crate::domain::access::{EVERY, PastTerms, Rules};
use crate::domain::account::Account;
use crate::domain::account::ENVIRONMENTS_ATTRIBUTE;
use crate::domain::actor::{Actor, Source};
use crate::domain::bodies::force::{Fate, Fates};
use crate::domain::described::FieldError;
use crate::domain::event::{Act, Action, Changes};
use crate::domain::operator::{Mandate, Power};
use crate::services::error::ActError;
use crate::services::service_provider::{ScimEngine, ServiceProvider};
use crate::storage::replaced_values::ReplacedValue;
use crate::storage::{Db, DbError, ReadCost, Tx};

/// So many users are changed by the request itself, of all values together,
const BY_THE_REQUEST: i64 = 200;
/// and so many in each unit of work that follows.
const AT_ONCE: i64 = 100;

/// Does what a change of an account says of values; returns it in words, for the row of the change. The account is locked, and stored as it is
/// after the change.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    engine: &ScimEngine,
    before: &Account,
    after: &Account,
    fates: Option<&Fates>,
) -> Result<Vec<String>, ActError> {
    // What is on the list again is no longer replaced.
    for value in after.product_environments.iter().filter(|name| !before.product_environments.contains(name)) {
        tx.forget_replaced_value(after.seq, ENVIRONMENTS_ATTRIBUTE, value)?;
    }
    let Some(fates) = fates else { return Ok(Vec::new()) };
    let provider = ServiceProvider::of(&engine.schemas, after)?;
    let lists = provider.registry.closed_lists(&provider.account_values);
    let role = tx.grant_policy().attribute().to_owned();
    let list = |path: &str| {
        lists.iter().find(|list| list.attribute.resource_type == USER && list.attribute.path == path && list.is_indexed)
    };
    let mut mistakes = Vec::new();
    let had = |name: &String| before.product_environments.contains(name);
    check("environments", &fates.environments, list(ENVIRONMENTS_ATTRIBUTE), had, &mut mistakes);
    check("roles", &fates.roles, list(&role), |_| true, &mut mistakes);
    for (value, fate) in &fates.roles {
        if matches!(fate, Fate::Becomes(values) if values.len() != 1) {
            let detail = "must be null or one role: a user has one, and is never left without".to_owned();
            mistakes.push(FieldError { field: format!("force.roles.{value}"), detail });
        }
    }
    ActError::unless_right(mistakes)?;
    replace_in_rules(tx, after, fates)?;
    let (mut said, mut left) = (Vec::new(), BY_THE_REQUEST);
    let environments = fates.environments.iter().map(|(value, fate)| (ENVIRONMENTS_ATTRIBUTE, value, fate));
    let roles = fates.roles.iter().map(|(value, fate)| (role.as_str(), value, fate));
    for (attribute, value, fate) in environments.chain(roles) {
        let Fate::Becomes(becomes) = fate else { continue };
        let mut work = ReplacedValue {
            account: after.seq,
            attribute: attribute.to_owned(),
            value: value.clone(),
            becomes: becomes.clone(),
            done_to: 0,
            changed: 0,
            kept: 0,
        };
        tx.forget_replaced_value(after.seq, attribute, value)?;
        let is_done = left > 0 && go_on(tx, engine, after, &mut work, left)?;
        if !is_done {
            tx.note_replaced_value(&work)?;
        }
        left -= work.changed + work.kept;
        said.push(told(&work, is_done));
    }
    Ok(said)
}

/// A value may be replaced that left the list, by values that are on it.
fn check(
    field: &str,
    fates: &BTreeMap<String, Fate>,
    list: Option<&ClosedList>,
    was_there: impl Fn(&String) -> bool,
    mistakes: &mut Vec<FieldError>,
) {
    for (value, fate) in fates {
        let mut wrong = |detail: String| {
            mistakes.push(FieldError { field: format!("force.{field}.{value}"), detail });
        };
        let Some(list) = list else {
            wrong("cannot be replaced: the attribute has no list of allowed values, or is not indexed".to_owned());
            continue;
        };
        let key = |value: &str| list.attribute.key_of(value).key;
        let is_listed = |value: &str| list.values.iter().any(|one| key(one) == key(value));
        if is_listed(value) || !was_there(value) {
            wrong("is not a value that leaves the list: say only what becomes of those".to_owned());
        }
        let Fate::Becomes(becomes) = fate else { continue };
        for other in becomes.iter().filter(|other| !is_listed(other)) {
            wrong(format!("must become one of {}, and `{other}` is not", list.values.join(", ")));
        }
    }
}

/// Rules give the others in its place, too. A rule that would give nothing keeps the value.
fn replace_in_rules(tx: &mut Tx<'_>, account: &Account, fates: &Fates) -> Result<(), ActError> {
    let (there, _) = tx.access_rules(account.seq)?;
    let mut rules = there.clone();
    for rule in &mut rules.rules {
        if let Some(Fate::Becomes(roles)) = rule.role.as_ref().and_then(|role| fates.roles.get(role)) {
            rule.role = roles.first().cloned().or(rule.role.take());
        }
        let new = replaced(&rule.environments.0, |name| match fates.environments.get(name) {
            Some(Fate::Becomes(others)) if name != EVERY => Some(others),
            _ => None,
        });
        if !new.is_empty() || rule.role.is_some() {
            rule.environments.0 = new;
        }
    }
    if rules == there {
        return Ok(());
    }
    tx.keep_past_terms(account.seq, &PastTerms::of(account, &there))?;
    tx.set_access_rules(account.seq, &rules)?;
    let told = |rules: &Rules| {
        let rule = |rule: &crate::domain::access::Rule| json!({"group": rule.group, "role": rule.role, "environments": rule.environments});
        json!({"rules": rules.rules.iter().map(rule).collect::<Vec<_>>()})
    };
    let act = Act::new(Action::AccessRulesChanged).on_named(&account.id, &account.name);
    let act = act.saying("values that left a list were replaced".to_owned());
    tx.raise(tx.now(), Some(account.seq), act.changing(Changes::between(&told(&there), &told(&rules), &[])));
    Ok(())
}

/// Values with others in the place of some, each once.
fn replaced<'v>(values: &'v [String], others: impl Fn(&str) -> Option<&'v Vec<String>>) -> Vec<String> {
    let mut new: Vec<String> = Vec::with_capacity(values.len());
    for value in values {
        let instead = others(value).map_or(std::slice::from_ref(value), Vec::as_slice);
        for one in instead {
            if !new.contains(one) {
                new.push(one.clone());
            }
        }
    }
    new
}

/// Changes the next users, so many at most; says whether those were all.
fn go_on(
    tx: &mut Tx<'_>,
    engine: &ScimEngine,
    account: &Account,
    work: &mut ReplacedValue,
    most: i64,
) -> Result<bool, ActError> {
    let provider = ServiceProvider::of(&engine.schemas, account)?;
    let lists = provider.registry.closed_lists(&provider.account_values);
    let is_it = |list: &&ClosedList| list.attribute.resource_type == USER && list.attribute.path == work.attribute;
    let Some(list) = lists.iter().find(is_it) else { return Ok(true) };
    let key = list.attribute.key_of(&work.value);
    let holders = tx.holders_after(account.seq, &key, work.done_to, most)?;
    let is_all = (holders.len() as i64) < most;
    let shown = Projection::standard(provider.registry.get(USER));
    let now = tx.now();
    for (seq, id) in holders {
        work.done_to = seq;
        let Some(id) = Id::new(id) else { continue };
        let mut store = tx.in_account(account.seq, now, false);
        let Some(stored) = store.lock(USER, &id)? else { continue };
        let is_value = |value: &str| list.attribute.key_of(value) == key;
        let Some(value) = instead(stored.resource.attributes().get(&work.attribute), &work.becomes, is_value) else {
            work.kept += 1;
            continue;
        };
        let Ok(Some(patch)) = crate::services::users::patch_of(Map::from_iter([(work.attribute.clone(), value)]))
        else {
            work.kept += 1;
            continue;
        };
        let done = engine
            .run(&provider, now, |cx| service::patch(&mut store, cx, USER, &id, &patch, &Precondition::None, &shown));
        match done {
            Ok(_) => work.changed += 1,
            Err(scim::Error::Store(failed)) => return Err(failed.into()),
            // Something else of the user cannot be written as it is.
            Err(_) => work.kept += 1,
        }
    }
    Ok(is_all)
}

/// What an attribute is with other values in the place of one; `None` where nothing would be left of it, or nothing changes.
fn instead(value: Option<&Value>, becomes: &[String], is_value: impl Fn(&str) -> bool) -> Option<Value> {
    let new = match value? {
        Value::Array(values) => {
            let values: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let becomes = becomes.to_vec();
            json!(replaced(&values, |value| is_value(value).then_some(&becomes)))
        }
        Value::String(text) if is_value(text) => json!(becomes.first()?),
        _ => return None,
    };
    let is_empty = new.as_array().is_some_and(Vec::is_empty);
    (!is_empty && Some(&new) != value).then_some(new)
}

fn told(work: &ReplacedValue, is_done: bool) -> String {
    let ReplacedValue { attribute, value, becomes, changed, kept, .. } = work;
    let becomes =
        if becomes.is_empty() { "is taken away".to_owned() } else { format!("becomes {}", becomes.join(", ")) };
    let users = if *changed == 1 { "1 user was changed" } else { &format!("{changed} users were changed") };
    let kept = match kept {
        0 => String::new(),
        1 => ", 1 keeps it".to_owned(),
        many => format!(", {many} keep it"),
    };
    let more = if is_done { "" } else { ", more follow" };
    format!("{attribute} {value} {becomes}: {users}{kept}{more}")
}

/// What is worth knowing of values that are being replaced.
pub(super) fn warnings(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<String>, DbError> {
    Ok(tx.replaced_values(account.seq)?.iter().map(|work| told(work, false)).collect())
}

/// Goes on in the background, from now on rather than in a few seconds.
pub fn run_now(db: Db, engine: ScimEngine) {
    actix_web::rt::spawn(async move {
        if let Err(error) = catch_up(&db, &engine).await {
            tracing::warn!(%error, "replacing values of users failed; it will be tried again");
        }
    });
}

/// Replaces what is left to be replaced, a slice of users in each unit of work. Any replica may, and several may at once: they take turns by
/// the lock on the account's row.
pub async fn catch_up(db: &Db, engine: &ScimEngine) -> Result<(), DbError> {
    for account in db.read(ReadCost::Point, |tx| tx.accounts_with_replaced_values()).await? {
        loop {
            let (engine, account) = (engine.clone(), account.clone());
            let work = move |tx: &mut Tx<'_>| slice(tx, &engine, &account);
            let is_done = match db.write(work).await {
                Ok(is_done) => is_done,
                Err(ActError::Database(error)) => return Err(error),
                // The account is gone.
                Err(ActError::Refused(_)) => true,
            };
            if is_done {
                break;
            }
        }
    }
    Ok(())
}

/// The next users of the first value of an account that is left; says whether none is.
fn slice(tx: &mut Tx<'_>, engine: &ScimEngine, account: &str) -> Result<bool, ActError> {
    tx.act_as(Actor::Server.at(Source::default()));
    let account = super::lock(tx, &Mandate::EVERYTHING, Power::ChangeAccounts, account)?;
    let Some(mut work) = tx.replaced_values(account.seq)?.into_iter().next() else { return Ok(true) };
    if !go_on(tx, engine, &account, &mut work, AT_ONCE)? {
        tx.note_replaced_value(&work)?;
        return Ok(false);
    }
    tx.forget_replaced_value(account.seq, &work.attribute, &work.value)?;
    let act = Act::new(Action::AccountChanged).on_named(&account.id, &account.name);
    tx.raise(tx.now(), Some(account.seq), act.saying(told(&work, true)));
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_and_the_last_one_stays() {
        let is_old = |value: &str| value == "old";
        let new = |value: Value, becomes: &[&str]| {
            let becomes: Vec<String> = becomes.iter().map(|one| (*one).to_owned()).collect();
            instead(Some(&value), &becomes, is_old)
        };
        assert_eq!(new(json!(["a", "old"]), &["b"]), Some(json!(["a", "b"])));
        assert_eq!(new(json!(["old", "b"]), &["b", "c"]), Some(json!(["b", "c"])));
        assert_eq!(new(json!(["a", "old"]), &[]), Some(json!(["a"])));
        assert_eq!(new(json!(["old"]), &[]), None, "the last value is never taken away");
        assert_eq!(new(json!("old"), &["b"]), Some(json!("b")));
        assert_eq!((new(json!("old"), &[]), new(json!("a"), &["b"])), (None, None));
    }
}
