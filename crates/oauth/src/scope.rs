//! Scopes (RFC 6749 §3.3).

use std::collections::BTreeSet;

/// The scope of OpenID Connect requests (OpenID Connect Core §3.1.2.1).
pub const OPENID: &str = "openid";

/// A scope that this server knows, and how requests for it are treated. A client cannot be given a scope without a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeDefinition {
    /// The scope token.
    pub name: &'static str,
    /// Whether it is about the user who accepts. A client with its own credentials does not get such a scope.
    pub is_personal: bool,
    /// Whether consent to it is remembered, so that the next request with as much or less needs no page.
    pub remembers_consent: bool,
    /// Whether a client may ask for it if its registration names no scopes.
    pub is_usual: bool,
    /// Whether a request that names no scope asks for it, if neither the request nor the registration says otherwise.
    pub is_default: bool,
    /// Whether it is for keys alone: clients that have no other scopes, and get tokens by their own credentials. A key without an account
    /// acts for every account. No resource owner is asked for such a scope.
    pub is_for_keys: bool,
}

impl ScopeDefinition {
    /// `openid` (OpenID Connect Core §3.1.2.1).
    pub const OPENID: ScopeDefinition = ScopeDefinition {
        name: OPENID,
        is_personal: true,
        remembers_consent: true,
        is_usual: true,
        is_default: false,
        is_for_keys: false,
    };

    /// `offline`, as some servers call `offline_access`. OpenID Connect Core §11 wants consent for each refresh token.
    pub const OFFLINE: ScopeDefinition = ScopeDefinition {
        name: "offline",
        is_personal: true,
        remembers_consent: false,
        is_usual: true,
        is_default: true,
        is_for_keys: false,
    };

    /// `offline_access` (OpenID Connect Core §11).
    pub const OFFLINE_ACCESS: ScopeDefinition =
        ScopeDefinition { name: "offline_access", is_default: false, ..ScopeDefinition::OFFLINE };

    /// `profile` (OpenID Connect Core §5.4).
    pub const PROFILE: ScopeDefinition =
        ScopeDefinition { name: "profile", is_usual: false, ..ScopeDefinition::OPENID };

    /// `email` (OpenID Connect Core §5.4).
    pub const EMAIL: ScopeDefinition = ScopeDefinition { name: "email", ..ScopeDefinition::PROFILE };

    /// `address` (OpenID Connect Core §5.4).
    pub const ADDRESS: ScopeDefinition = ScopeDefinition { name: "address", ..ScopeDefinition::PROFILE };

    /// `phone` (OpenID Connect Core §5.4).
    pub const PHONE: ScopeDefinition = ScopeDefinition { name: "phone", ..ScopeDefinition::PROFILE };

    /// The scopes of OpenID Connect.
    pub const STANDARD: [ScopeDefinition; 7] = [
        ScopeDefinition::OPENID,
        ScopeDefinition::OFFLINE,
        ScopeDefinition::OFFLINE_ACCESS,
        ScopeDefinition::PROFILE,
        ScopeDefinition::EMAIL,
        ScopeDefinition::ADDRESS,
        ScopeDefinition::PHONE,
    ];
}

/// Which claims of `/userinfo` each scope opens (OpenID Connect Core §5.4), as far as a user can have them here.
pub const STANDARD_CLAIMS: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email"]),
    ("address", &["address"]),
    ("phone", &["phone_number"]),
];

/// A set of scopes, in the order they were named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Reads `a b c`. `None` if a part is no scope token. Duplicates count once; extra spaces are forgiven.
    pub fn parse(text: &str) -> Option<Scopes> {
        let mut seen = BTreeSet::new();
        let mut scopes = Vec::new();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            let fits = token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
            if !fits {
                return None;
            }
            if seen.insert(token) {
                scopes.push(token.to_owned());
            }
        }
        Some(Scopes(scopes))
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this scope is in it.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|s| s == scope)
    }

    /// Whether it asks for tokens that outlive the log-in: `offline` (as Ory Hydra has it) or `offline_access` (OpenID
    /// Connect Core §11).
    pub fn is_offline(&self) -> bool {
        self.contains("offline") || self.contains("offline_access")
    }

    /// The first scope that the other set lacks. The two names of offline access count as one.
    pub fn beyond<'a>(&'a self, allowed: &Scopes) -> Option<&'a str> {
        let covered = |scope: &str| match scope {
            "offline" | "offline_access" => allowed.is_offline(),
            scope => allowed.contains(scope),
        };
        self.0.iter().map(String::as_str).find(|scope| !covered(scope))
    }

    /// Those for which the question answers yes.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Scopes {
        Scopes(self.0.iter().filter(|scope| keep(scope)).cloned().collect())
    }

    /// These and those, each once.
    #[must_use]
    pub fn and(&self, other: &Scopes) -> Scopes {
        let more = other.0.iter().filter(|scope| !self.contains(scope));
        Scopes(self.0.iter().chain(more).cloned().collect())
    }

    /// Each by another name; those that come to have the same one count once.
    pub(crate) fn renamed<'a>(&'a self, name: impl Fn(&'a str) -> &'a str) -> Scopes {
        let mut seen = BTreeSet::new();
        let names = self.iter().map(|scope| name(scope).to_owned());
        Scopes(names.filter(|scope| seen.insert(scope.clone())).collect())
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_set_in_the_order_named() {
        let scopes = Scopes::parse("openid offline  openid records:write").unwrap();
        assert_eq!(scopes.to_string(), "openid offline records:write");
        assert!(Scopes::parse("a\"b").is_none());
        assert!(Scopes::parse("ä").is_none());
        assert!(Scopes::parse("").unwrap().is_empty());
    }

    #[test]
    fn scopes_are_joined_without_saying_any_twice() {
        let (one, other) = (Scopes::parse("openid email").unwrap(), Scopes::parse("profile openid").unwrap());
        assert_eq!(one.and(&other).to_string(), "openid email profile");
    }

    #[test]
    fn the_two_names_of_offline_access_are_one() {
        let allowed = Scopes::parse("offline_access records:write").unwrap();
        assert_eq!(Scopes::parse("offline records:write").unwrap().beyond(&allowed), None);
        assert_eq!(Scopes::parse("openid").unwrap().beyond(&allowed), Some("openid"));
    }
}
