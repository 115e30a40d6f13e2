//! The steps of a random history: what happens to an account, through the services and the SCIM engine, and to the model of it.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use gateway::domain::bodies::access::NewAccess;
use gateway::domain::bodies::accounts::{AccountChange, NewAccount};
use gateway::domain::described::{Body, Mistakes};
use gateway::domain::operator::{Mandate, Power};
use gateway::services::access::rules;
use gateway::services::accounts::{self, CheckedChange};
use gateway::services::error::ActError;
use gateway::services::service_provider::{ScimEngine, ServiceProvider};
use gateway::storage::{AccountTx, Db, Tx};
use scim::schema::{GROUP, ResourceTypeId, USER};
use scim::{Context, Id, Observations, PatchRequest, Precondition, ToleranceTracker, service};
use serde_json::{Map, Value, json};

use super::model::{ALL, Dice, Group, May, Model, NAMES, Names, Person, ROLES, Rule};

/// Where steps are taken.
pub(super) struct Place {
    pub(super) engine: ScimEngine,
    pub(super) db: Db,
}

/// An account, what it should be, and what is to come.
#[derive(Clone)]
pub(super) struct History {
    pub(super) seed: u64,
    /// The account's id.
    pub(super) account: String,
    /// How many steps are left.
    pub(super) left: usize,
    pub(super) said: Vec<String>,
    model: Model,
    dice: Dice,
    made: usize,
}

fn body<B: Body>(value: Value) -> B {
    let Value::Object(fields) = value else { panic!("not an object: {value}") };
    let mut mistakes = Mistakes::default();
    let body = B::read_whole(fields, &mut mistakes);
    mistakes.finish().expect("a body");
    body
}

fn unexpected(what: impl std::fmt::Debug) -> ActError {
    ActError::conflict(format!("unexpected: {what:?}"))
}

impl History {
    /// Makes its account. It has from 6 to 20 steps, more often few.
    pub(super) fn begin(tx: &mut Tx<'_>, place: &Place, seed: u64) -> Result<History, ActError> {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let environments: Names = ALL[..2].iter().map(|name| (*name).to_owned()).collect();
        let unset = ["all", "none", "refuse"][dice.below(3)];
        let new = json!({"name": format!("history{seed}"), "product_environments": environments, "unset_environments": unset});
        let made = accounts::create(tx, &Mandate::EVERYTHING, &place.engine.schemas, &body::<NewAccount>(new))?;
        let left = 6 + dice.below(15).min(dice.below(15)).min(dice.below(15));
        let model = Model {
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            rules: Vec::new(),
            groups_first: false,
            unset,
            environments,
            suspended: false,
        };
        let said = vec![format!("unset is {unset}")];
        Ok(History { seed, account: made.id, left, said, model, dice, made: 0 })
    }

    /// What the model says of everyone.
    pub(super) fn everyone(&self) -> BTreeMap<String, (String, May)> {
        let named = |(id, may): (String, May)| {
            let name = self.model.users[&id].resource["userName"].as_str().unwrap_or_default().to_owned();
            (id, (name, may))
        };
        self.model.all().into_iter().map(named).collect()
    }

    /// Takes one step.
    pub(super) fn step(&mut self, tx: &mut Tx<'_>, place: &Place) -> Result<(), ActError> {
        self.left -= 1;
        // Each begins with users about whom there is something to say.
        let what = match self.said.len() {
            1 | 2 => 0,
            3 => 7,
            4 => 13,
            _ if self.model.suspended && self.dice.below(2) == 0 => 19,
            _ => self.dice.below(20),
        };
        let (user, group) = (self.a_user(), self.a_group());
        let said = match (what, user, group) {
            (0 | 1, ..) => self.user_is_made(tx, place)?,
            (2, Some(user), _) => {
                let own = self.dice.environments(&self.model.environments);
                self.patch(tx, place, USER, &user, json!([{"op": "replace", "value": {"product_environments": own}}]))?;
                let said = format!("{user} has {own:?}");
                self.person(&user).own = Some(own);
                said
            }
            (3, Some(user), _) => self.is_unset(tx, place, &user)?,
            (4, Some(user), _) => self.is_put(tx, place, &user)?,
            (5, Some(user), _) => {
                let active = !self.person(&user).active;
                self.patch(tx, place, USER, &user, json!([{"op": "replace", "path": "active", "value": active}]))?;
                self.person(&user).active = active;
                format!("{user} is active: {active}")
            }
            (6, Some(user), _) => {
                let role = ROLES[self.dice.below(3)];
                self.patch(tx, place, USER, &user, json!([{"op": "replace", "path": "role", "value": role}]))?;
                self.person(&user).role = role.to_owned();
                format!("{user} is {role}")
            }
            (7, ..) => self.group_is_made(tx, place)?,
            (8 | 9, _, Some(group)) => {
                let Some(member) = self.a_member_for(&group) else { return Ok(()) };
                let add = json!([{"op": "add", "path": "members", "value": [{"value": member}]}]);
                self.patch(tx, place, GROUP, &group, add)?;
                let said = format!("{member} joins {group}");
                self.group(&group).members.insert(member);
                said
            }
            (10, _, Some(group)) => {
                let members = self.group(&group).members.clone();
                let Some(member) = self.dice.one(members) else { return Ok(()) };
                let path = format!("members[value eq \"{member}\"]");
                self.patch(tx, place, GROUP, &group, json!([{"op": "remove", "path": path}]))?;
                self.group(&group).members.remove(&member);
                format!("{member} leaves {group}")
            }
            (11, _, Some(group)) => self.group_ends_or_is_renamed(tx, place, &group)?,
            (12, _, Some(group)) => {
                let some: Names = (0..3).filter_map(|_| self.a_member_for(&group)).collect();
                let values: Vec<Value> = some.iter().map(|id| json!({"value": id})).collect();
                self.patch(tx, place, GROUP, &group, json!([{"op": "replace", "path": "members", "value": values}]))?;
                let said = format!("{group} has {some:?}");
                self.group(&group).members = some;
                said
            }
            (13 | 14, ..) => self.rules_are_replaced(tx, place)?,
            (15, ..) => {
                self.model.unset = ["all", "none", "refuse"][self.dice.below(3)];
                self.change_account(tx, place, json!({"unset_environments": self.model.unset}))?;
                format!("unset is {}", self.model.unset)
            }
            (16 | 17, ..) => self.environments_are_others(tx, place)?,
            (18, Some(user), _) => {
                self.scim(
                    tx,
                    place,
                    |store, cx, id| service::delete(store, cx, USER, id, &Precondition::None),
                    &user,
                )??;
                self.model.users.remove(&user);
                self.model.leave(&user);
                format!("{user} is deleted")
            }
            (19, ..) => {
                self.model.suspended = !self.model.suspended;
                let act = if self.model.suspended { accounts::suspend } else { accounts::resume };
                act(tx, &Mandate::EVERYTHING, &self.account)?;
                format!("suspended: {}", self.model.suspended)
            }
            _ => "nothing".to_owned(),
        };
        self.said.push(said);
        Ok(())
    }

    fn a_user(&mut self) -> Option<String> {
        self.dice.one(self.model.users.keys().cloned())
    }

    fn a_group(&mut self) -> Option<String> {
        self.dice.one(self.model.groups.keys().cloned())
    }

    /// A user or another group.
    fn a_member_for(&mut self, group: &str) -> Option<String> {
        match self.dice.below(3) {
            0 => self.dice.one(self.model.groups.keys().filter(|id| *id != group).cloned()),
            _ => self.a_user(),
        }
    }

    fn person(&mut self, id: &str) -> &mut Person {
        self.model.users.get_mut(id).expect("there")
    }

    fn group(&mut self, id: &str) -> &mut Group {
        self.model.groups.get_mut(id).expect("there")
    }

    /// As a client of SCIM does something to what has this id.
    fn scim<T>(
        &self,
        tx: &mut Tx<'_>,
        place: &Place,
        run: impl FnOnce(&mut AccountTx<'_, '_>, &mut Context<'_>, &Id) -> T,
        id: &str,
    ) -> Result<T, ActError> {
        let now = tx.now();
        let account = accounts::find(tx, &Mandate::EVERYTHING, Power::Read, &self.account)?;
        let provider = ServiceProvider::of(&place.engine.schemas, &account)?;
        let id = Id::new(if id.is_empty() { "none" } else { id }).ok_or_else(|| unexpected(id))?;
        let (leniency, seen) = (ToleranceTracker::generous(), Observations::default());
        let mut store = tx.in_account(account.seq, now, true);
        Ok(place.engine.run_with(None, &leniency, &seen, &provider, now, |cx| run(&mut store, cx, &id)))
    }

    fn patch(
        &self,
        tx: &mut Tx<'_>,
        place: &Place,
        of: ResourceTypeId,
        id: &str,
        operations: Value,
    ) -> Result<(), ActError> {
        self.try_patch(tx, place, of, id, operations)??;
        Ok(())
    }

    fn try_patch(
        &self,
        tx: &mut Tx<'_>,
        place: &Place,
        of: ResourceTypeId,
        id: &str,
        operations: Value,
    ) -> Result<Result<(), scim::Error>, ActError> {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        let request = PatchRequest::parse(&json!({"schemas": schemas, "Operations": operations}))?;
        let patch = |store: &mut AccountTx<'_, '_>, cx: &mut Context<'_>, id: &Id| {
            service::patch(store, cx, of, id, &request, &Precondition::None, None).map(drop)
        };
        self.scim(tx, place, patch, id)
    }

    fn change_account(&self, tx: &mut Tx<'_>, place: &Place, change: Value) -> Result<(), ActError> {
        let change = body::<AccountChange>(change);
        // What is confirmed is not looked at before.
        let checked =
            CheckedChange::of(&place.db, &Mandate::EVERYTHING, &place.engine.schemas, &self.account, change, true);
        let checked = checked.now_or_never().ok_or_else(|| unexpected("it waits"))??;
        accounts::change(tx, &Mandate::EVERYTHING, &place.engine, &self.account, &checked)?;
        Ok(())
    }

    fn a_body(name: &str, role: &str, own: Option<&Names>, active: bool) -> Value {
        let mut user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": active, "role": role,
            "name": {"givenName": "A", "familyName": "Person"}, "emails": [{"primary": true, "value": "a@acme.test", "type": "work"}]});
        if let Some(own) = own {
            user["product_environments"] = json!(own);
        }
        user
    }

    /// A user is made; or one who is inactive comes back.
    fn user_is_made(&mut self, tx: &mut Tx<'_>, place: &Place) -> Result<String, ActError> {
        self.made += 1;
        let own = (self.dice.below(2) == 0).then(|| self.dice.environments(&self.model.environments));
        let role = ROLES[self.dice.below(3)].to_owned();
        let left = self.model.users.values().find(|person| !person.active).cloned();
        let name = match &left {
            Some(person) => person.resource["userName"].as_str().unwrap_or_default().to_owned(),
            None => format!("user{}@acme.test", self.made),
        };
        let user = Self::a_body(&name, &role, own.as_ref(), true);
        let made = self.scim(tx, place, |store, cx, _| service::create(store, cx, USER, &user, None), "")??;
        let id = made.resource.id.as_str().to_owned();
        let is_same = left.as_ref().is_none_or(|person| person.resource["id"] == json!(id));
        if !is_same {
            return Err(unexpected(format!("{name} came back as another user")));
        }
        let own = own.or_else(|| left.and_then(|person| person.own));
        let said = format!("{id} is made or comes back: {own:?}, {role}");
        self.model
            .users
            .insert(id.clone(), Person { resource: json!({"id": id, "userName": name}), active: true, role, own });
        Ok(said)
    }

    /// Whether a change that leaves a user without environments is refused.
    fn refuses_unset(&mut self, user: &str) -> bool {
        let is_restricted = self.person(user).own.as_ref().is_some_and(|own| !own.contains("*"));
        self.model.unset == "refuse" && is_restricted
    }

    /// The attribute is unassigned, or that is refused.
    fn is_unset(&mut self, tx: &mut Tx<'_>, place: &Place, user: &str) -> Result<String, ActError> {
        let operation = match self.dice.below(3) {
            0 => json!({"op": "remove", "path": "product_environments"}),
            1 => json!({"op": "replace", "path": "product_environments", "value": []}),
            _ => json!({"op": "replace", "value": {"product_environments": null}}),
        };
        let outcome = self.try_patch(tx, place, USER, user, json!([operation]))?;
        self.was_unset(user, outcome)
    }

    /// What becomes of a user's environments by a request that would unassign them.
    fn was_unset(&mut self, user: &str, outcome: Result<(), scim::Error>) -> Result<String, ActError> {
        let refuses = self.refuses_unset(user);
        let unset = self.model.unset;
        let person = self.person(user);
        match (outcome, refuses, person.active) {
            (Err(scim::Error::InvalidValue(_)), true, true) => Ok(format!("{user} would be unset, and is not")),
            // An inactive user keeps what they have.
            (Ok(()), true, false) => Ok(format!("{user} would be unset, and stays as they are")),
            (Ok(()), false, _) => {
                person.own = None;
                Ok(format!("{user} is unset, where that is {unset}"))
            }
            (outcome, ..) => Err(unexpected(outcome)),
        }
    }

    /// A PUT, with a new name, role, and environments or none.
    fn is_put(&mut self, tx: &mut Tx<'_>, place: &Place, user: &str) -> Result<String, ActError> {
        self.made += 1;
        let (name, role) = (format!("user{}@acme.test", self.made), ROLES[self.dice.below(3)].to_owned());
        let own = (self.dice.below(2) == 0).then(|| self.dice.environments(&self.model.environments));
        let sent = Self::a_body(&name, &role, own.as_ref(), self.person(user).active);
        let put = |store: &mut AccountTx<'_, '_>, cx: &mut Context<'_>, id: &Id| {
            service::replace(store, cx, USER, id, &sent, &Precondition::None, None).map(drop)
        };
        let outcome = self.scim(tx, place, put, user)?;
        let is_done = outcome.is_ok();
        let said = match own {
            Some(own) => {
                outcome?;
                self.person(user).own = Some(own);
                String::new()
            }
            None => self.was_unset(user, outcome)?,
        };
        if is_done {
            let person = self.person(user);
            (person.role, person.resource["userName"]) = (role, json!(name));
        }
        Ok(format!("{user} is put: {:?} {said}", self.person(user).own))
    }

    fn group_is_made(&mut self, tx: &mut Tx<'_>, place: &Place) -> Result<String, ActError> {
        let name = NAMES[self.dice.below(3)].to_owned();
        let members: Names = (0..2).filter_map(|_| self.a_member_for("")).collect();
        let values: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
        let group = json!({"schemas": schemas, "displayName": name, "members": values});
        let made = self.scim(tx, place, |store, cx, _| service::create(store, cx, GROUP, &group, None), "")??;
        let id = made.resource.id.as_str().to_owned();
        let said = format!("group {id} {name} is made with {members:?}");
        self.model.groups.insert(id.clone(), Group { resource: json!({"id": id}), name, members });
        Ok(said)
    }

    fn group_ends_or_is_renamed(&mut self, tx: &mut Tx<'_>, place: &Place, group: &str) -> Result<String, ActError> {
        if self.dice.below(2) == 0 {
            self.scim(tx, place, |store, cx, id| service::delete(store, cx, GROUP, id, &Precondition::None), group)??;
            self.model.groups.remove(group);
            self.model.leave(group);
            return Ok(format!("group {group} is deleted"));
        }
        let name = NAMES[self.dice.below(3)];
        self.patch(tx, place, GROUP, group, json!([{"op": "replace", "path": "displayName", "value": name}]))?;
        self.group(group).name = name.to_owned();
        Ok(format!("group {group} is called {name}"))
    }

    fn rules_are_replaced(&mut self, tx: &mut Tx<'_>, place: &Place) -> Result<String, ActError> {
        let (model, dice) = (&mut self.model, &mut self.dice);
        let mut rules = Vec::new();
        for _ in 0..=dice.below(4) {
            let id = dice.one(model.groups.keys().cloned()).filter(|_| dice.below(2) == 0);
            let name = NAMES[dice.below(3)].to_owned();
            let role = (dice.below(2) == 0).then(|| ROLES[dice.below(3)].to_owned());
            let gives = role.is_none() || dice.below(2) == 0;
            let environments = if gives { dice.environments(&model.environments) } else { Names::new() };
            rules.push(Rule { id, name, role, environments });
        }
        model.groups_first = dice.below(2) == 0;
        let sent = rules.iter().map(|rule| {
            let mut sent = Map::new();
            match &rule.id {
                Some(id) => sent.insert("group_id".to_owned(), json!(id)),
                None => sent.insert("group_name".to_owned(), json!(rule.name)),
            };
            sent.extend(rule.role.iter().map(|role| ("role".to_owned(), json!(role))));
            if !rule.environments.is_empty() {
                sent.insert("environments".to_owned(), json!(rule.environments));
            }
            Value::Object(sent)
        });
        let precedence = if model.groups_first { "groups" } else { "user" };
        let access = json!({"precedence": precedence, "rules": sent.collect::<Vec<_>>()});
        let new = body::<NewAccess>(access.clone());
        rules::put(tx, &Mandate::EVERYTHING, &place.engine.schemas, &self.account, &new)?;
        self.model.rules = rules;
        Ok(format!("rules: {access}"))
    }

    /// Other environments; what becomes of those that leave is said in each of its ways.
    fn environments_are_others(&mut self, tx: &mut Tx<'_>, place: &Place) -> Result<String, ActError> {
        let (model, dice) = (&mut self.model, &mut self.dice);
        let some: Names = ALL.iter().filter(|_| dice.below(3) > 0).map(|name| (*name).to_owned()).collect();
        let new = if some.is_empty() { Names::from([ALL[0].to_owned()]) } else { some };
        let gone: Vec<String> = model.environments.difference(&new).cloned().collect();
        let mut fates = BTreeMap::new();
        for value in gone {
            let fate = match dice.below(4) {
                0 => None,
                1 => Some(Names::new()),
                _ => Some(Names::from_iter(
                    dice.one(new.iter().cloned()).into_iter().chain(dice.one(new.iter().cloned())),
                )),
            };
            fates.insert(value, fate);
        }
        let is_said = dice.below(3) > 0;
        let force = if is_said { json!({"environments": fates}) } else { json!(true) };
        let change = json!({"product_environments": new, "force": force});
        model.environments = new;
        if is_said {
            replace(model, &fates);
        }
        self.change_account(tx, place, change.clone())?;
        Ok(format!("environments: {change}"))
    }
}

/// Values with others in the place of some; `None` where nothing would be left.
fn instead(values: &Names, of: &BTreeMap<&String, &Names>) -> Option<Names> {
    let new: Names = values
        .iter()
        .flat_map(|value| of.get(value).map_or(Names::from([value.clone()]), |fate| (*fate).clone()))
        .collect();
    Some(new).filter(|new| !new.is_empty())
}

/// Users and rules get other environments in the place of those that have left. The last value of a user stays, and that of a rule which gives
/// nothing else.
fn replace(model: &mut Model, fates: &BTreeMap<String, Option<Names>>) {
    let said: BTreeMap<&String, &Names> =
        fates.iter().filter_map(|(value, fate)| Some((value, fate.as_ref()?))).collect();
    for person in model.users.values_mut() {
        // Of a user, one value after the other is looked at.
        for (value, fate) in &said {
            let Some(own) = &person.own else { continue };
            person.own = Some(instead(own, &BTreeMap::from([(*value, *fate)])).unwrap_or_else(|| own.clone()));
        }
    }
    for rule in &mut model.rules {
        match instead(&rule.environments, &said) {
            Some(new) => rule.environments = new,
            None if rule.role.is_some() => rule.environments.clear(),
            None => {}
        }
    }
}
