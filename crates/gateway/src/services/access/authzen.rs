//! The questions of the OpenID AuthZEN Authorization API 1.0, answered from the same access: may this user enter this environment, or have
//! this role; and who may.
//!
//! What is not known (a user, an environment, an action) is denied, with the reason. What is asked wrongly is refused.

use std::collections::HashMap;

use super::answers::{self, Listed};
use crate::domain::access::{Access, Reason, Terms};
use crate::domain::account::{Account, ENVIRONMENTS_ATTRIBUTE};
use crate::domain::bodies::authzen::{
    Batch, Context, Decision, DecisionContext, Decisions, Entity, Evaluation, Evaluations, FoundSubject, FoundSubjects,
    NamedAction, NextPage, SubjectProperties, SubjectSearch,
};
use crate::domain::described::{FieldError, Sometimes};
use crate::domain::operator::{Mandate, Power, Reach};
use crate::services::error::ActError;
use crate::services::resolution::{Candidate, current_terms, memberships};
use crate::storage::{DbError, Tx};

/// So many questions of a batch are read at once.
const AT_ONCE: usize = 200;

/// When a batch ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Semantic {
    All,
    FirstDeny,
    FirstPermit,
}

/// A question that is whole.
struct Question {
    subject: (String, String),
    action: String,
    resource: (String, String),
    account: Option<String>,
}

/// What a resource is.
enum Asked<'a> {
    Environment(&'a str),
    Role(&'a str),
}

fn question(asked: &Evaluation, at: &str, mistakes: &mut Vec<FieldError>) -> Option<Question> {
    let mut missing = |field: &str| {
        mistakes.push(FieldError { field: format!("{at}{field}"), detail: "is missing".to_owned() });
    };
    let mut entity = |entity: &Option<Entity>, name: &str| match entity {
        None => {
            missing(name);
            None
        }
        Some(Entity { id: None, .. }) => {
            missing(&format!("{name}.id"));
            None
        }
        Some(Entity { kind, id: Some(id), .. }) => Some((kind.0.0.clone(), id.0.clone())),
    };
    let (subject, resource) = (entity(&asked.subject, "subject"), entity(&asked.resource, "resource"));
    if asked.action.is_none() {
        missing("action");
    }
    let action = asked.action.as_ref().map(|action| action.name.0.0.clone());
    let account = asked.context.as_ref().and_then(account_of);
    Some(Question { subject: subject?, action: action?, resource: resource?, account })
}

fn account_of(context: &Context) -> Option<String> {
    context.account.as_ref().map(|account| account.0.clone())
}

/// The account that is asked about: by its id or name, or the only one that the operator reaches.
fn account(tx: &mut Tx<'_>, mandate: &Mandate, named: Option<&str>) -> Result<Account, ActError> {
    mandate.may(Power::Read)?;
    let found = match (named, mandate.reach()) {
        (Some(named), _) => tx.accounts_called(named)?.into_iter().find(|account| mandate.reaches(Some(account.seq))),
        (None, Reach::Accounts(one)) if one.len() == 1 => tx.account_at(one[0])?,
        (None, _) => {
            let detail = "is missing: say in which account, by its id or its name";
            return Err(ActError::field("context.account", detail));
        }
    };
    let found = found.filter(|account| mandate.reaches(Some(account.seq)));
    found.ok_or_else(|| ActError::not_found("account", named.unwrap_or_default()))
}

/// Answers questions one after the other, and reads each account and each user once.
#[derive(Default)]
struct Answering {
    accounts: HashMap<Option<String>, (Account, Terms)>,
    users: HashMap<(i64, String), Option<Access>>,
}

impl Answering {
    fn decide(&mut self, tx: &mut Tx<'_>, mandate: &Mandate, asked: &Question) -> Result<Decision, ActError> {
        if !self.accounts.contains_key(&asked.account) {
            let account = account(tx, mandate, asked.account.as_deref())?;
            let terms = current_terms(tx, &account)?;
            self.accounts.insert(asked.account.clone(), (account, terms));
        }
        self.read_users(tx, std::slice::from_ref(asked))?;
        let (account, _) = &self.accounts[&asked.account];
        let (kind, name) = &asked.subject;
        if kind != "user" {
            return Ok(denied("subjects are of the type \"user\""));
        }
        let Some(resource) = resource(&asked.action, &asked.resource) else {
            return Ok(denied(
                "a user may \"enter\" an \"environment\" or \"have\" a \"role\"; nothing else is known here",
            ));
        };
        let key = (account.seq.into(), name.clone());
        Ok(decision(account, self.users.get(&key).and_then(Option::as_ref), &resource))
    }

    /// Reads the users that questions about accounts at hand are about, all of an account at once.
    fn read_users(&mut self, tx: &mut Tx<'_>, asked: &[Question]) -> Result<(), DbError> {
        let policy = tx.grant_policy();
        let mut unread: HashMap<&Option<String>, Vec<&str>> = HashMap::new();
        for Question { subject: (kind, name), account, .. } in asked {
            let Some((known, _)) = self.accounts.get(account).filter(|_| kind == "user") else { continue };
            if !self.users.contains_key(&(known.seq.into(), name.clone())) {
                unread.entry(account).or_default().push(name);
            }
        }
        for (named, mut names) in unread {
            let (account, terms) = &self.accounts[named];
            names.sort_unstable();
            names.dedup();
            let found = tx.users_called(account.seq, &names)?;
            let users = found.iter().map(|(name, user)| (name, Candidate::of(user, policy.attribute())));
            let (called, users): (Vec<&String>, Vec<Candidate>) = users.unzip();
            let memberships = memberships(tx, account.seq, &users, !terms.rules.is_empty())?;
            let mut access: HashMap<&String, Access> = called
                .into_iter()
                .zip(&users)
                .map(|(name, user)| (name, user.access(&memberships, terms, None)))
                .collect();
            for name in names {
                self.users.insert((account.seq.into(), name.to_owned()), access.remove(&name.to_owned()));
            }
        }
        Ok(())
    }

    /// Reads what the next questions are about. An account that cannot be asked about is told when its question comes.
    fn read(&mut self, tx: &mut Tx<'_>, mandate: &Mandate, asked: &[Question]) -> Result<(), ActError> {
        for Question { account: named, .. } in asked {
            if self.accounts.contains_key(named) {
                continue;
            }
            match account(tx, mandate, named.as_deref()) {
                Ok(account) => {
                    let terms = current_terms(tx, &account)?;
                    self.accounts.insert(named.clone(), (account, terms));
                }
                Err(ActError::Database(error)) => return Err(error.into()),
                Err(ActError::Refused(_)) => {}
            }
        }
        Ok(self.read_users(tx, asked)?)
    }
}

fn resource<'a>(action: &str, (kind, id): &'a (String, String)) -> Option<Asked<'a>> {
    match (action, kind.as_str()) {
        ("enter", "environment") => Some(Asked::Environment(id)),
        ("have", "role") => Some(Asked::Role(id)),
        _ => None,
    }
}

fn decision(account: &Account, access: Option<&Access>, asked: &Asked<'_>) -> Decision {
    let Some(access) = access else { return denied("there is no such user in this account") };
    if account.suspended.is_some() {
        return denied("the account is suspended");
    }
    if !access.active {
        return denied("the user is not active");
    }
    match asked {
        Asked::Environment(name) => match access.environments.get(*name) {
            Some(reasons) => permitted(ENVIRONMENTS_ATTRIBUTE, reasons.first()),
            None if !account.product_environments.iter().any(|known| known == name) => {
                denied("the account has no such environment")
            }
            None => denied("nothing gives the user this environment"),
        },
        Asked::Role(name) => match &access.role {
            Some((role, reason)) if role == name => permitted("role", Some(reason)),
            Some((role, _)) => denied(&format!("the role of the user is {role:?}")),
            None => denied("the user has no role"),
        },
    }
}

fn permitted(attribute: &str, reason: Option<&Reason>) -> Decision {
    let reason = match reason {
        Some(Reason::Rule { rule, .. }) => format!("rule {} of the account, for a group of the user", rule + 1),
        Some(Reason::Own) => format!("the user's own {attribute}"),
        Some(Reason::Unset) | None => "nothing restricts the user, and in this account that means all".to_owned(),
    };
    Decision { decision: true, context: DecisionContext { reason } }
}

fn denied(reason: &str) -> Decision {
    Decision { decision: false, context: DecisionContext { reason: reason.to_owned() } }
}

/// Decides one question. Only reads.
pub fn evaluate(tx: &mut Tx<'_>, mandate: &Mandate, asked: &Evaluation) -> Result<Decision, ActError> {
    let mut mistakes = Vec::new();
    let question = question(asked, "", &mut mistakes);
    ActError::unless_right(mistakes)?;
    let question = question.ok_or_else(|| ActError::field("subject", "is missing"))?;
    Answering::default().decide(tx, mandate, &question)
}

/// Decides several. Only reads.
pub fn evaluate_all(tx: &mut Tx<'_>, mandate: &Mandate, asked: &Evaluations) -> Result<Decisions, ActError> {
    let Evaluations { subject, action, resource, context, evaluations, options, .. } = asked.clone();
    let top = Evaluation { subject, action, resource, context, rest: serde_json::Map::new() };
    let Some(Batch(batch)) = evaluations.filter(|batch| !batch.0.is_empty()) else {
        let Decision { decision, context } = evaluate(tx, mandate, &top)?;
        let (decision, context) = (Sometimes(Some(decision)), Sometimes(Some(context)));
        return Ok(Decisions { decision, context, evaluations: Sometimes(None) });
    };
    let mut mistakes = Vec::new();
    let semantic = options.and_then(|options| options.evaluations_semantic);
    let semantic = match semantic.as_ref().map(|text| text.as_str()) {
        None | Some("execute_all") => Semantic::All,
        Some("deny_on_first_deny") => Semantic::FirstDeny,
        Some("permit_on_first_permit") => Semantic::FirstPermit,
        Some(_) => {
            let detail = "must be execute_all, deny_on_first_deny or permit_on_first_permit".to_owned();
            mistakes.push(FieldError { field: "options.evaluations_semantic".to_owned(), detail });
            Semantic::All
        }
    };
    let number = |(i, one): (usize, Evaluation)| question(&one.or(&top), &format!("evaluations[{i}]."), &mut mistakes);
    let questions: Vec<Question> = batch.into_iter().enumerate().filter_map(number).collect();
    mistakes.truncate(50);
    ActError::unless_right(mistakes)?;
    let (mut answering, mut decisions) = (Answering::default(), Vec::with_capacity(questions.len()));
    for (number, question) in questions.iter().enumerate() {
        if number % AT_ONCE == 0 {
            answering.read(tx, mandate, &questions[number..questions.len().min(number + AT_ONCE)])?;
        }
        let decided = answering.decide(tx, mandate, question)?;
        let ends = match semantic {
            Semantic::All => false,
            Semantic::FirstDeny => !decided.decision,
            Semantic::FirstPermit => decided.decision,
        };
        decisions.push(decided);
        if ends {
            break;
        }
    }
    Ok(Decisions { decision: Sometimes(None), context: Sometimes(None), evaluations: Sometimes(Some(decisions)) })
}

/// Who may. Only reads.
pub fn search_subjects(tx: &mut Tx<'_>, mandate: &Mandate, asked: &SubjectSearch) -> Result<FoundSubjects, ActError> {
    let mut mistakes = Vec::new();
    let mut wrong = |field: &str, detail: &str| {
        mistakes.push(FieldError { field: field.to_owned(), detail: detail.to_owned() });
    };
    if asked.subject.is_none() {
        wrong("subject", "is missing");
    }
    if asked.action.is_none() {
        wrong("action", "is missing");
    }
    let resource_id =
        asked.resource.as_ref().and_then(|resource| Some((resource.kind.0.0.clone(), resource.id.as_ref()?.0.clone())));
    if resource_id.is_none() {
        wrong("resource.id", "is missing");
    }
    let token = asked.page.as_ref().and_then(|page| page.token.as_ref()).filter(|token| !token.is_empty());
    let after = token.map(|token| token.parse::<i64>());
    if matches!(after, Some(Err(_))) {
        wrong("page.token", "must be the `next_token` of the page before");
    }
    ActError::unless_right(mistakes)?;
    let after = after.and_then(Result::ok).unwrap_or(0);
    let limit = asked.page.as_ref().and_then(|page| page.limit).map_or(100, |limit| limit.0);
    let account = account(tx, mandate, asked.context.as_ref().and_then(account_of).as_deref())?;
    let none = || FoundSubjects { results: Vec::new(), page: NextPage { next_token: String::new(), count: 0 } };
    let is_user = asked.subject.as_ref().is_some_and(|subject| subject.kind.0.0 == "user");
    let (Some(NamedAction { name, .. }), Some(resource_id), true) = (&asked.action, resource_id, is_user) else {
        return Ok(none());
    };
    let listed = match resource(&name.0, &resource_id) {
        Some(Asked::Environment(name)) if account.product_environments.iter().any(|known| known == name) => {
            Listed { environment: Some(name.to_owned()), ..Listed::default() }
        }
        Some(Asked::Role(name)) => Listed { role: Some(name.to_owned()), ..Listed::default() },
        Some(Asked::Environment(_)) | None => return Ok(none()),
    };
    let limit = i64::try_from(limit).unwrap_or(100);
    let (found, next) = answers::list(tx, mandate, &account.id, &listed, after, limit)?;
    let results: Vec<FoundSubject> = found
        .into_iter()
        .map(|one| FoundSubject {
            kind: "user",
            id: one.user.id,
            properties: SubjectProperties { user_name: one.user.user_name },
        })
        .collect();
    let page = NextPage { next_token: next.map(|row| row.to_string()).unwrap_or_default(), count: results.len() };
    Ok(FoundSubjects { results, page })
}
