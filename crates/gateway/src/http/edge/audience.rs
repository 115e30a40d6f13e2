//! For whom an endpoint is. Each row of a table says it; what lets a request in reads it there, and so does the story that asks every row as
//! every caller.

use crate::domain::operator::{Need, Power};

/// For whom an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Every caller: what it needs, it looks for by itself.
    Anyone,
    /// The one who has the link that is a part of its path.
    LinkHolder,
    /// A user who is logged in.
    User,
    /// A user who is logged in and may accept access for their account.
    Administrator,
    /// Every operator.
    Operator,
    /// Operators who have a power.
    OperatorWith(Need),
    /// The same, and product keys that have a scope.
    OperatorOrKey(Need, &'static str),
}

/// Operators who have this power, where they have it, and product keys that have this scope, for their accounts.
pub(crate) const fn keys_and(power: Power, scope: &'static str) -> Audience {
    Audience::OperatorOrKey(Need { power, is_everywhere: false }, scope)
}

/// Operators who have this power, where they have it.
pub(crate) const fn within_reach(power: Power) -> Audience {
    Audience::OperatorWith(Need { power, is_everywhere: false })
}

/// Operators who have this power over all accounts, or over what belongs to none.
pub(crate) const fn everywhere(power: Power) -> Audience {
    Audience::OperatorWith(Need { power, is_everywhere: true })
}

impl Audience {
    /// What an operator needs, if it is for operators alone.
    pub const fn need(self) -> Option<Need> {
        match self {
            Audience::OperatorWith(need) | Audience::OperatorOrKey(need, _) => Some(need),
            _ => None,
        }
    }

    /// The scope by which product keys may use it, if they may.
    pub const fn scope_of_keys(self) -> Option<&'static str> {
        match self {
            Audience::OperatorOrKey(_, scope) => Some(scope),
            _ => None,
        }
    }
}
