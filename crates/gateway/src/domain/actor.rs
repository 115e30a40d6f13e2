//! Who acts: an id that stays, and the name the actor had at that time.

use super::request::RequestId;

/// A user, client or operator: by the public id, with the name they have now as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The public id.
    pub id: String,
    /// What it is called, where that was at hand.
    pub name: Option<String>,
}

impl Named {
    /// By the id alone.
    pub fn id(id: impl Into<String>) -> Named {
        Named { id: id.into(), name: None }
    }

    /// With a name.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Named {
        Named { id: id.into(), name: Some(name.into()) }
    }
}

/// Who acts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Actor {
    /// The server itself: its jobs, and what it does when it starts.
    #[default]
    Server,
    /// A command of `gateway`.
    CommandLine,
    /// A browser in which no user is logged in.
    Browser,
    /// A caller who did not prove who they are.
    Unknown,
    /// An OAuth client, such as an identity provider's connector.
    Client(Named),
    /// A user of an account, in a browser.
    User(Named),
    /// An operator of the admin API.
    Operator(Named),
    /// A customer's administrator, by a setup link.
    SetupLink(Named),
    /// The identity provider of an account, by its issuer.
    Provider(Named),
}

impl Actor {
    /// The prefix of an operator's [code](Actor::code).
    pub const OPERATOR: &str = "operator:";
    const CLIENT: &str = "client:";
    const USER: &str = "user:";
    const SETUP_LINK: &str = "setup_link:";
    const PROVIDER: &str = "provider:";

    /// How the actor stands in the audit trail and in `?actor=`: `client:ID`, `user:ID`, `operator:ID`, `provider:ISSUER`, or a word.
    pub fn code(&self) -> String {
        match self {
            Actor::Server => "server".to_owned(),
            Actor::CommandLine => "command line".to_owned(),
            Actor::Browser => "browser".to_owned(),
            Actor::Unknown => "unknown".to_owned(),
            Actor::Client(client) => format!("{}{}", Actor::CLIENT, client.id),
            Actor::User(user) => format!("{}{}", Actor::USER, user.id),
            Actor::Operator(operator) => format!("{}{}", Actor::OPERATOR, operator.id),
            Actor::SetupLink(link) => format!("{}{}", Actor::SETUP_LINK, link.id),
            Actor::Provider(provider) => format!("{}{}", Actor::PROVIDER, provider.id),
        }
    }

    /// The forms of a code, for people.
    pub const CODES: &str = "client:ID, user:ID, operator:ID, setup_link:ID, provider:ISSUER, or one of server, command line, browser, unknown";

    /// Whether this may be the code of an actor. Earlier releases wrote `housekeeping` and `client`, too.
    pub fn is_code(text: &str) -> bool {
        let words = [Actor::Server, Actor::CommandLine, Actor::Browser, Actor::Unknown].map(|actor| actor.code());
        let named = [Actor::CLIENT, Actor::USER, Actor::OPERATOR, Actor::SETUP_LINK, Actor::PROVIDER]
            .into_iter()
            .filter_map(|kind| text.strip_prefix(kind));
        words.iter().any(|word| word == text)
            || ["housekeeping", "client"].contains(&text)
            || named.into_iter().any(|id| !id.is_empty())
    }

    /// The name it had at that time, where that was at hand.
    pub fn name(&self) -> Option<&str> {
        match self {
            Actor::Client(named)
            | Actor::User(named)
            | Actor::Operator(named)
            | Actor::SetupLink(named)
            | Actor::Provider(named) => named.name.as_deref(),
            Actor::Server | Actor::CommandLine | Actor::Browser | Actor::Unknown => None,
        }
    }

    /// Acting from there.
    pub fn at(self, source: impl Into<Source>) -> Origin {
        let Source { address, request } = source.into();
        Origin { actor: self, address, request }
    }
}

/// Who acts, and from where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// The network address the request came from.
    pub address: Option<String>,
    /// The request that asked for it.
    pub request: Option<RequestId>,
}

/// Where a request came from, and which it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The network address.
    pub address: Option<String>,
    /// The id of the request.
    pub request: Option<RequestId>,
}

impl From<Option<String>> for Source {
    fn from(address: Option<String>) -> Source {
        Source { address, request: None }
    }
}
