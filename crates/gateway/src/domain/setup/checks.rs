//! What the server has seen of a setup: a pure rule over what is known of the client. It claims no more than was seen.

use super::{Guide, Values};
use crate::domain::health::Facts;
use crate::domain::when::When;
use crate::domain::wording::grouped;
use crate::platform::timestamp::Timestamp;

/// Something that the server can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// The client was given a token.
    Connected,
    /// It called the SCIM endpoint.
    FirstCall,
    /// Access was accepted by a service account.
    ServiceAccount,
    /// Users arrive.
    Users,
    /// The role arrives.
    Role,
    /// Product environments arrive.
    Environments,
    /// Groups arrive.
    Groups,
    /// It reads the list of users.
    Import,
    /// The service account has a password.
    Password,
    /// The variable name is registered.
    VariableName,
    /// The account has a role for users who come without one.
    DefaultRole,
}

impl Check {
    /// Whether a setup may be finished without it.
    pub fn is_optional(self) -> bool {
        matches!(self, Check::Groups | Check::Import)
    }
}

/// What is known, beside the facts of the client's health.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// The client's facts.
    pub facts: &'k Facts,
    /// Whether the service account has a password.
    pub has_password: bool,
    /// The variable name that is registered.
    pub variable: Option<&'k str>,
    /// How many requests with groups the client sent that were not refused.
    pub groups: i64,
    /// Now.
    pub now: Timestamp,
}

/// How it is with a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenState {
    /// The server saw it.
    Ok,
    /// Not yet.
    Waiting,
    /// It saw something else, which has to be corrected.
    Attention,
}

impl SeenState {
    /// The class and the icon of it.
    pub fn name(self) -> &'static str {
        match self {
            SeenState::Ok => "ok",
            SeenState::Waiting => "neutral",
            SeenState::Attention => "attention",
        }
    }
}

/// What the server has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it is about.
    pub check: Check,
    /// How it is.
    pub state: SeenState,
    /// What was seen, or is waited for.
    pub title: String,
    /// More of it; empty if there is none. Values are marked as code, and a link leads to a step.
    pub detail: String,
}

impl Seen {
    fn new(check: Check, state: SeenState, title: impl Into<String>, detail: impl Into<String>) -> Seen {
        Seen { check, state, title: title.into(), detail: detail.into() }
    }

    fn waits(check: Check, title: impl Into<String>) -> Seen {
        Seen::new(check, SeenState::Waiting, title, if check.is_optional() { "optional" } else { "not seen yet" })
    }

    fn ok(check: Check, title: impl Into<String>, detail: impl Into<String>) -> Seen {
        Seen::new(check, SeenState::Ok, title, detail)
    }
}

/// Everything that is looked for, in the order of the guide. Without product environments there is no check of them.
pub fn all(guide: &Guide, known: &Known<'_>, values: &Values) -> Vec<Seen> {
    let asked = guide.checks.iter().filter(|check| **check != Check::Environments || values.environments.is_some());
    asked.map(|check| look(*check, guide, known, values)).collect()
}

/// How it is with one check.
pub fn look(check: Check, guide: &Guide, known: &Known<'_>, values: &Values) -> Seen {
    let (facts, provider) = (known.facts, values.provider);
    let moment = |at: Timestamp, from: Option<&str>| {
        let from = from.map(|from| format!(", from {from}")).unwrap_or_default();
        format!("last {}{from}", When::at(at).words)
    };
    match check {
        Check::Connected => {
            let token = facts.activity.as_ref().and_then(|activity| activity.last_token.as_ref());
            let title = format!("A token for {provider}");
            match token {
                Some(token) => Seen::ok(check, title, moment(token.at, token.address.as_deref())),
                None if !facts.connections.is_empty() || facts.own_grant.is_some() => Seen::ok(check, title, ""),
                None => Seen::waits(check, title),
            }
        }
        Check::FirstCall => {
            let activity = facts.activity.as_ref();
            let request =
                activity.and_then(|activity| activity.last_success.as_ref().or(activity.last_request.as_ref()));
            match request {
                Some(seen) => {
                    Seen::ok(check, format!("Calls from {provider}"), moment(seen.at, seen.address.as_deref()))
                }
                None => Seen::waits(check, format!("First call from {provider}")),
            }
        }
        Check::ServiceAccount => service_account(guide, known, values),
        Check::Users => match facts.fields.users {
            0 => Seen::waits(check, "First user"),
            n => Seen::ok(check, "Users arrive", counted(n, "user was sent", "users were sent")),
        },
        Check::Role => arrives(check, ("Role", "role"), facts.fields.role, guide, known, values),
        Check::Environments => {
            let named = ("Product environments", "product_environments");
            arrives(check, named, facts.fields.environments, guide, known, values)
        }
        Check::Groups => match known.groups {
            0 => Seen::waits(check, "First group"),
            n => Seen::ok(check, "Groups arrive", counted(n, "request with a group", "requests with groups")),
        },
        Check::Import => match facts.activity.as_ref().and_then(|activity| activity.last_import.as_ref()) {
            Some(import) => Seen::ok(check, "Import of users", moment(import.at, import.address.as_deref())),
            None => Seen::waits(check, "Import of users"),
        },
        Check::Password => match known.has_password {
            true => Seen::ok(check, "Password of the service account", "set"),
            false => Seen::waits(check, "Password of the service account"),
        },
        Check::VariableName => match known.variable {
            Some(name) => Seen::ok(check, "Variable name", format!("`{}`", plain(name))),
            None => Seen::waits(check, "Variable name"),
        },
        Check::DefaultRole => match facts.account.as_ref().and_then(|account| account.default_role.as_deref()) {
            Some(role) => Seen::ok(check, "Role of users who come without one", format!("`{}`", plain(role))),
            None => {
                let detail = format!(
                    "{provider} sends no role, so every user is refused. Ask {} to set a default role for your account.",
                    values.vendor
                );
                Seen::new(check, SeenState::Attention, "No role for users who come without one", detail)
            }
        },
    }
}

fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// A name from outside, without what would be markup.
fn plain(name: &str) -> String {
    name.replace(['`', '*', '['], "")
}

/// The step at which a check is put right.
fn step_of(guide: &Guide, check: Check) -> Option<String> {
    let at = guide.steps.iter().position(|step| step.seen.contains(&check))?;
    Some(format!("[Step {}](#{})", at + 1, guide.steps[at].id))
}

fn service_account(guide: &Guide, known: &Known<'_>, values: &Values) -> Seen {
    let check = Check::ServiceAccount;
    let newest = known.facts.connections.iter().find(|connection| connection.lives(known.now));
    let Some(connection) = newest else { return Seen::waits(check, "Logged in as a service account") };
    let owner = plain(&connection.owner);
    if connection.is_service_account {
        return Seen::ok(check, "Logged in as a service account", format!("`{owner}`"));
    }
    let step = step_of(guide, check).unwrap_or_else(|| "Authenticate again".to_owned());
    let detail = format!(
        "Access was accepted by `{owner}`, so the connection ends when they leave. {step}: authenticate once more, and log in as `{}`.",
        plain(&values.service_account)
    );
    Seen::new(check, SeenState::Attention, "Logged in as a person", detail)
}

/// Whether an attribute arrives that decides about access.
fn arrives(
    check: Check,
    (title, name): (&str, &str),
    count: Option<i64>,
    guide: &Guide,
    known: &Known<'_>,
    values: &Values,
) -> Seen {
    let fields = &known.facts.fields;
    let verb = if check == Check::Role { "arrives" } else { "arrive" };
    match (count.unwrap_or(0), fields.users) {
        (0, 0) => Seen::waits(check, format!("{title} {verb}")),
        (0, _) => {
            let misspelt = fields.misspelt.iter().find(|sent| sent.nearest == name);
            let sent = misspelt.map(|sent| {
                format!("{} sends `{}`, which {} does not know", values.provider, plain(&sent.name), values.vendor)
            });
            let sent = sent.unwrap_or_else(|| format!("{} has sent users without it", values.provider));
            let means = match check {
                Check::Role => match known.facts.account.as_ref().and_then(|account| account.default_role.as_deref()) {
                    Some(role) => format!(", so everyone has the role `{}`", plain(role)),
                    None => String::new(),
                },
                _ => ", so everyone can enter all of them".to_owned(),
            };
            let step = step_of(guide, check).or_else(|| step_of(guide, Check::Role));
            let step = step.map(|step| format!(" {step}: the name has to be `{name}`.")).unwrap_or_default();
            Seen::new(
                check,
                SeenState::Attention,
                format!("{title} never arrived yet"),
                format!("{sent}{means}.{step}"),
            )
        }
        (n, users) if n >= users => Seen::ok(check, format!("{title} {verb}"), "with every user"),
        (n, users) => {
            let detail = format!("in {} of {} requests", grouped(n), grouped(users));
            Seen::ok(check, format!("{title} {verb}"), detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::markdown::sample;
    use super::*;
    use crate::domain::health::{Connection, FieldFacts, Misspelt};
    use crate::domain::setup_link::Provider;

    const NOW: Timestamp = Timestamp::of_millis(1_800_000_000_000);

    fn seen(check: Check, facts: &Facts) -> Seen {
        let known = Known { facts, has_password: false, variable: None, groups: 0, now: NOW };
        look(check, Guide::of(Provider::Okta), &known, &sample())
    }

    #[test]
    fn nothing_is_claimed_of_a_client_that_was_never_there() {
        let facts = Facts::default();
        let known = Known { facts: &facts, has_password: false, variable: None, groups: 0, now: NOW };
        for provider in Provider::ALL {
            for seen in all(Guide::of(provider), &known, &sample()) {
                assert_ne!(seen.state, SeenState::Ok, "{provider:?}: {seen:?}");
            }
        }
    }

    #[test]
    fn environments_that_never_arrive_are_told_with_the_screen_for_them() {
        let misspelt = Misspelt {
            name: "product_environment".to_owned(),
            nearest: "product_environments".to_owned(),
            count: 3,
            last: None,
        };
        let fields = FieldFacts { users: 3, role: Some(3), environments: Some(0), misspelt: vec![misspelt] };
        let facts = Facts { fields, ..Facts::default() };
        assert_eq!(seen(Check::Role, &facts).state, SeenState::Ok);
        let told = seen(Check::Environments, &facts);
        assert_eq!(told.state, SeenState::Attention);
        assert_eq!(
            told.detail,
            "Okta sends `product_environment`, which Exampla does not know, so everyone can enter all of them. [Step 7](#attributes): the name \
             has to be `product_environments`."
        );
        let fields = FieldFacts { users: 4, role: Some(1), environments: Some(4), misspelt: Vec::new() };
        let facts = Facts { fields, ..Facts::default() };
        assert_eq!(seen(Check::Role, &facts).detail, "in 1 of 4 requests");
        assert_eq!(seen(Check::Environments, &facts).detail, "with every user");
    }

    #[test]
    fn a_connection_of_a_person_is_no_service_account() {
        let connection =
            |is_service_account| Connection { owner: "ada".to_owned(), is_service_account, ..Connection::default() };
        let facts = |is| Facts { connections: vec![connection(is)], ..Facts::default() };
        assert_eq!(seen(Check::ServiceAccount, &facts(true)).state, SeenState::Ok);
        let person = seen(Check::ServiceAccount, &facts(false));
        assert_eq!(person.state, SeenState::Attention);
        assert!(person.detail.contains("[Step 6](#authenticate)"), "{}", person.detail);
        assert_eq!(seen(Check::ServiceAccount, &Facts::default()).state, SeenState::Waiting);
    }
}
