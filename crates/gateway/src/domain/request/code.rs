//! The code of each refusal that the request log may show: those of the two protocols, and those of this server. A code has one meaning.

use std::sync::LazyLock;

use scim::observations::nearest_of;

mod own;

pub use own::OwnCode;

/// How many codes are named to a caller who asks for one that does not exist.
const NAMED: usize = 5;

/// The code of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalCode {
    /// Of the SCIM protocol.
    Scim(scim::RefusalCode),
    /// Of OAuth and OpenID Connect.
    OAuth(oauth::RefusalCode),
    /// Of this server.
    Own(OwnCode),
}

/// Where refusals are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Requests to the SCIM endpoint.
    Scim,
    /// Access tokens.
    AccessToken,
    /// Access that has ended.
    Ended,
    /// Clients.
    Client,
    /// Codes and refresh tokens.
    Grant,
    /// The form of a request of a client.
    Request,
    /// Authorization requests.
    Authorization,
    /// Logging in.
    SignIn,
    /// Accepting access, and logging out.
    Consent,
    /// What identity providers ask to end.
    Signal,
    /// Proofs of possession.
    Proof,
    /// HTTP.
    Http,
    /// Limits.
    Limit,
    /// Failures of the server.
    Server,
    /// Calls of this server to others.
    Call,
}

impl Place {
    /// Every place, in the order in which people look.
    pub const ALL: [Place; 15] = [
        Place::Scim,
        Place::AccessToken,
        Place::Ended,
        Place::Client,
        Place::Grant,
        Place::Request,
        Place::Authorization,
        Place::SignIn,
        Place::Consent,
        Place::Signal,
        Place::Proof,
        Place::Http,
        Place::Limit,
        Place::Server,
        Place::Call,
    ];

    /// For people.
    pub fn heading(self) -> &'static str {
        match self {
            Place::Scim => "Users and groups: what SCIM requests are told",
            Place::AccessToken => "Access tokens, wherever they are presented",
            Place::Ended => "Access that has ended, told with its tokens",
            Place::Client => "Clients: who asks, and what it may",
            Place::Grant => "Token requests: codes and refresh tokens",
            Place::Request => "Token and authorization requests: their form",
            Place::Authorization => "Authorization requests: after Authenticate was pressed",
            Place::SignIn => "Logging in",
            Place::Consent => "Accepting access, and logging out",
            Place::Signal => "Identity providers that have users logged out",
            Place::Proof => "Proofs of possession (DPoP)",
            Place::Http => "HTTP",
            Place::Limit => "Limits",
            Place::Server => "Failures of this server",
            Place::Call => "Calls of this server to others, on behalf of a client",
        }
    }
}

/// Every code, place by place.
static ALL: LazyLock<Vec<RefusalCode>> = LazyLock::new(|| {
    let scim = scim::RefusalCode::ALL.iter().copied().map(RefusalCode::Scim);
    let oauth = oauth::RefusalCode::ALL.iter().copied().map(RefusalCode::OAuth);
    let mut all: Vec<RefusalCode> =
        scim.chain(oauth).chain(OwnCode::ALL.iter().copied().map(RefusalCode::Own)).collect();
    all.sort_by_key(|code| code.place());
    all
});

/// The names of every code, in the order of the letters.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut names: Vec<&str> = ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    names
});

impl RefusalCode {
    /// Every code, place by place.
    pub fn all() -> &'static [RefusalCode] {
        &ALL
    }

    /// The names of every code, in the order of the letters.
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            RefusalCode::Scim(code) => code.name(),
            RefusalCode::OAuth(code) => code.name(),
            RefusalCode::Own(code) => code.name(),
        }
    }

    /// Where it is met.
    pub fn place(self) -> Place {
        match self {
            RefusalCode::Scim(_) => Place::Scim,
            RefusalCode::Own(code) => code.place(),
            RefusalCode::OAuth(code) => match code.place() {
                oauth::Place::Request => Place::Request,
                oauth::Place::Client => Place::Client,
                oauth::Place::Grant => Place::Grant,
                oauth::Place::AccessToken => Place::AccessToken,
                oauth::Place::Ended => Place::Ended,
                oauth::Place::Proof => Place::Proof,
                oauth::Place::Authorization => Place::Authorization,
            },
        }
    }

    /// What it means, for people who look after a connection.
    pub fn meaning(self) -> &'static str {
        match self {
            RefusalCode::Scim(code) => code.meaning(),
            RefusalCode::OAuth(code) => code.meaning(),
            RefusalCode::Own(code) => code.meaning(),
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            RefusalCode::Scim(code) => code.remedy(),
            RefusalCode::OAuth(code) => code.remedy(),
            RefusalCode::Own(code) => code.remedy(),
        }
    }

    /// The code of this name.
    pub fn named(name: &str) -> Option<RefusalCode> {
        ALL.iter().copied().find(|code| code.name() == name)
    }

    /// The names that are most like one that does not exist: the one that is nearly spelled so, or else those with a word of it.
    pub fn nearest(name: &str) -> Vec<&'static str> {
        if let Some(near) = nearest_of(&NAMES, name) {
            return vec![near];
        }
        let name = name.to_lowercase();
        let words: Vec<&str> =
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 2).take(NAMED).collect();
        let shared = |known: &str| known.split('_').filter(|of| words.iter().any(|word| alike(word, of))).count();
        let mut near: Vec<(usize, &str)> = NAMES.iter().map(|known| (shared(known), *known)).collect();
        near.retain(|(shared, _)| *shared > 0);
        near.sort_by_key(|(shared, known)| (std::cmp::Reverse(*shared), known.len()));
        near.into_iter().take(NAMED).map(|(_, known)| known).collect()
    }
}

/// Whether one word begins with the other.
fn alike(word: &str, of: &str) -> bool {
    word.starts_with(of) && of.len() > 2 || of.starts_with(word)
}

impl std::fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl From<scim::RefusalCode> for RefusalCode {
    fn from(code: scim::RefusalCode) -> Self {
        RefusalCode::Scim(code)
    }
}

impl From<oauth::RefusalCode> for RefusalCode {
    fn from(code: oauth::RefusalCode) -> Self {
        RefusalCode::OAuth(code)
    }
}

impl From<OwnCode> for RefusalCode {
    fn from(code: OwnCode) -> Self {
        RefusalCode::Own(code)
    }
}

#[cfg(test)]
mod page;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_meanings_share_a_code_and_each_has_a_place_and_two_sentences() {
        let names = RefusalCode::names();
        assert_eq!(names.len(), RefusalCode::all().len());
        let twice: Vec<_> = names.windows(2).filter(|two| two[0] == two[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
        let mut met = Vec::new();
        for code in RefusalCode::all() {
            assert_eq!(RefusalCode::named(code.name()), Some(*code));
            assert!(code.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            for sentence in [code.meaning(), code.remedy()] {
                assert!(sentence.ends_with('.') && !sentence.contains('|'), "{code}: {sentence}");
            }
            met.push(code.place());
        }
        met.dedup();
        assert_eq!(met, Place::ALL, "every place has codes, and they stand together");
    }

    #[test]
    fn the_nearest_codes_are_those_nearly_spelled_so_or_with_a_word_of_it() {
        for (asked, near) in [
            ("uniquenes", "uniqueness"),
            ("invalidValue", "invalid_value"),
            ("token_expird", "token_expired"),
            ("unique", "uniqueness"),
            ("owner_deactivated", "ended_owner_deactivated"),
            ("proof", "proof_url"),
        ] {
            let found = RefusalCode::nearest(asked);
            assert!(found.contains(&near) && found.len() <= NAMED, "{asked}: {found:?}");
        }
        assert!(RefusalCode::nearest("xyzzy").is_empty());
    }
}
