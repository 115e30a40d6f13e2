//! What a customer's administrator does at their identity provider, as data: each provider's screens in their order, in its own words. The
//! setup page and the guides in `docs/` are made from it.
//!
//! Text is marked up as in Markdown: `**bold**` for what stands on the provider's screen, `` `code` `` for values, `[text](#step)` for
//! steps. `{vendor}`, `{provider}`, `{app}`, `{separator}` and `{service_account}` stand for what [`Values`] say.

use super::labels::Called;
use super::setup_link::Provider;

pub mod checks;
mod entra;
mod jumpcloud;
#[cfg(test)]
mod markdown;
mod okta;
mod okta_attributes;
mod onelogin;
mod other;
mod ping;
pub mod text;
pub mod variable;
pub mod view;
pub mod workload;

pub use checks::Check;

/// What is done at one provider.
#[derive(Debug)]
pub struct Guide {
    /// Which.
    pub provider: Provider,
    /// What it is called where its screens are: `In Okta`.
    pub place: &'static str,
    /// How long it takes, and who can do it.
    pub takes: &'static str,
    /// The steps, in their order.
    pub steps: &'static [Step],
    /// What the server is to see in the end.
    pub checks: &'static [Check],
}

impl Guide {
    /// The guide of a provider.
    pub fn of(provider: Provider) -> &'static Guide {
        match provider {
            Provider::Okta => &okta::GUIDE,
            Provider::Entra => &entra::GUIDE,
            Provider::OneLogin => &onelogin::GUIDE,
            Provider::JumpCloud => &jumpcloud::GUIDE,
            Provider::Ping => &ping::GUIDE,
            Provider::Other => &other::GUIDE,
        }
    }
}

/// Something to do on one screen, or on a few.
#[derive(Debug)]
pub struct Step {
    /// Its name in addresses.
    pub id: &'static str,
    /// What it is a part of.
    pub section: &'static str,
    /// In the list of steps.
    pub short: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
    /// By what the server sees that it is done; none where it cannot see that.
    pub seen: &'static [Check],
    /// What it consists of.
    pub parts: &'static [Part],
}

/// A part of a step.
#[derive(Debug)]
pub enum Part {
    /// A paragraph.
    Say(&'static str),
    /// A heading.
    Heading(&'static str),
    /// The screen: from one menu to the next.
    Path(&'static [&'static str]),
    /// What is done one after the other.
    List(&'static [&'static str]),
    /// The fields of a form, under a caption.
    Table(&'static str, &'static [Row]),
    /// What words mean.
    Facts(&'static [(&'static str, &'static str)]),
    /// The values that an attribute may have.
    Values(ValueList),
    /// Text to paste as a whole: what it is called, and which.
    Template(&'static str, &'static str),
    /// A drawing of the screen.
    Drawing(Drawing),
    /// Something that is done on this page.
    Form(Form),
    /// What there is only if something holds.
    If(When, &'static [Part]),
}

/// The values of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueList {
    /// The roles.
    Roles,
    /// The account's product environments.
    Environments,
}

/// A drawing of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Where Okta's Profile Editor shows the variable name.
    VariableName,
    /// Okta's form of the integration.
    Integration,
    /// The choice of Okta's attributes for groups.
    GroupPriority,
    /// Where Entra asks how credentials are sent.
    EntraCredentials,
}

/// Something that is done on this page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The password of the service account.
    Password,
    /// The secret or static token: it is shown once.
    Credential,
    /// The variable name of the app.
    VariableName,
    /// Entra's workload identity: the four values by which its tokens are known.
    WorkloadIdentity,
    /// What the server has seen.
    Checks,
}

/// When a part is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The product's single sign-on by SAML is configured.
    Saml,
    /// It is not.
    NoSaml,
    /// Users have product environments.
    Environments,
    /// The account has a character that separates several values in one text.
    Separator,
    /// It has none.
    NoSeparator,
    /// The account names no issuer who may have users logged out.
    NoSignals,
}

/// A field of a form.
#[derive(Debug)]
pub struct Row {
    /// As it is called on the screen.
    pub label: &'static str,
    /// What is done with it.
    pub verb: Verb,
    /// What with.
    pub value: Value,
    /// What there is to know.
    pub hint: &'static str,
}

/// What is done with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// The value is copied from here.
    Paste,
    /// It is written by hand.
    Type,
    /// One of several is chosen.
    Choose,
    /// Boxes are ticked
    Tick,
    /// or cleared.
    Untick,
    /// A button is pressed.
    Press,
    /// It stays as it is.
    Leave,
}

impl Verb {
    /// In the table.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Paste => "paste",
            Verb::Type => "type",
            Verb::Choose => "choose",
            Verb::Tick => "tick",
            Verb::Untick => "untick",
            Verb::Press => "press",
            Verb::Leave => "leave",
        }
    }
}

/// What goes into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Words on the screen; several of them, one on each line, are separated by `;`.
    Words(&'static str),
    /// A text that is copied.
    Copy(&'static str),
    /// The base URL of the SCIM endpoint.
    ScimBase,
    /// The token endpoint.
    TokenUrl,
    /// The authorization endpoint, with its scopes.
    AuthorizationUrl,
    /// The client ID.
    ClientId,
    /// The secret or token, which stands below the table.
    Credential,
    /// What the app is called.
    App,
    /// Where SAML assertions are sent.
    Acs,
    /// For whom they are.
    Audience,
    /// Another place for them; the row is left out where there is none.
    OtherAcs,
    /// Where an identity provider has users logged out.
    RevocationEndpoint,
    /// The address of this server, where a form wants one and none is used.
    Origin,
}

impl Row {
    const fn new(label: &'static str, verb: Verb, value: Value) -> Row {
        Row { label, verb, value, hint: "" }
    }

    /// With something to know.
    const fn hint(self, hint: &'static str) -> Row {
        Row { hint, ..self }
    }
}

const fn paste(label: &'static str, value: Value) -> Row {
    Row::new(label, Verb::Paste, value)
}

const fn copy(label: &'static str, text: &'static str) -> Row {
    Row::new(label, Verb::Paste, Value::Copy(text))
}

const fn choose(label: &'static str, words: &'static str) -> Row {
    Row::new(label, Verb::Choose, Value::Words(words))
}

const fn press(label: &'static str, words: &'static str) -> Row {
    Row::new(label, Verb::Press, Value::Words(words))
}

const fn typed(label: &'static str, words: &'static str) -> Row {
    Row::new(label, Verb::Type, Value::Words(words))
}

const fn tick(label: &'static str, words: &'static str) -> Row {
    Row::new(label, Verb::Tick, Value::Words(words))
}

const fn leave(label: &'static str, words: &'static str) -> Row {
    Row::new(label, Verb::Leave, Value::Words(words))
}

/// What identity providers are told of the product's single sign-on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saml {
    /// Where assertions are sent.
    pub acs_url: String,
    /// For whom they are.
    pub audience: String,
    /// Another place where assertions may be sent.
    pub other_acs_url: Option<String>,
}

/// What the texts stand for, for one client.
#[derive(Debug, Clone)]
pub struct Values {
    /// The product, as its vendor calls it.
    pub vendor: String,
    /// The provider.
    pub provider: &'static str,
    /// The public URL of this server.
    pub origin: String,
    /// The base URL of the SCIM endpoint.
    pub scim_base: String,
    /// The token endpoint.
    pub token_url: String,
    /// The authorization endpoint, with its scopes.
    pub authorization_url: String,
    /// The client.
    pub client_id: String,
    /// Single sign-on.
    pub saml: Option<Saml>,
    /// Where an identity provider has users logged out everywhere.
    pub revocation_endpoint: String,
    /// Whether the account names who may do that.
    pub has_signals: bool,
    /// The name of the service account.
    pub service_account: String,
    /// The values of the attribute `role`.
    pub roles: Vec<Called>,
    /// The account's product environments; `None` where users have none.
    pub environments: Option<Vec<Called>>,
    /// What separates several values in one text, where the account has said so.
    pub separator: Option<char>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn texts(parts: &[Part], all: &mut Vec<&'static str>) {
        for part in parts {
            match part {
                Part::Say(text) | Part::Heading(text) => all.push(text),
                Part::List(texts) => all.extend(*texts),
                Part::Table(_, rows) => all.extend(rows.iter().map(|row| row.hint)),
                Part::Facts(facts) => all.extend(facts.iter().map(|(_, text)| *text)),
                Part::If(_, parts) => texts(parts, all),
                _ => {}
            }
        }
    }

    #[test]
    fn every_step_has_a_name_of_its_own_and_links_lead_to_steps() {
        for provider in Provider::ALL {
            let guide = Guide::of(provider);
            assert_eq!(guide.provider, provider);
            let ids: HashSet<&str> = guide.steps.iter().map(|step| step.id).collect();
            assert_eq!(ids.len(), guide.steps.len(), "{provider:?}");
            for step in guide.steps {
                let mut all = Vec::new();
                texts(step.parts, &mut all);
                for target in all.iter().flat_map(|text| text.split("](#").skip(1)) {
                    let target = target.split(')').next().unwrap_or_default();
                    assert!(ids.contains(target), "{provider:?}, {}: there is no step {target}", step.id);
                }
            }
            let last = guide.steps.last().expect("there are steps");
            assert!(
                matches!(last.parts.last(), Some(Part::Form(Form::Checks))),
                "{provider:?} ends with what was seen"
            );
        }
    }
}
