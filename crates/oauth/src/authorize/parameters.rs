//! Parameters as pairs (RFC 6749 §3.1): without a value counts as left out; twice is a mistake.

const KNOWN: [&str; 16] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "request",
    "request_uri",
    "id_token_hint",
    "dpop_jkt",
];

/// What a parameter may weigh.
const MAX_LENGTH: usize = 4096;

pub(super) struct Parameters<'a>(pub(super) &'a [(String, String)]);

impl<'a> Parameters<'a> {
    /// The values of a parameter that may stand more than once.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The value, if there is one and no other.
    pub(super) fn one(&self, name: &str) -> Result<Option<&'a str>, ()> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(()),
            (value, None) => Ok(value),
        }
    }

    /// The value of a parameter that is known not to be repeated.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Whether something is longer than any client's parameter, or has a NUL in it. It would be carried through forms and pages.
    pub(super) fn is_monstrous(&self) -> bool {
        self.0.iter().any(|(name, value)| name.len() > MAX_LENGTH || value.len() > MAX_LENGTH || value.contains('\0'))
    }

    /// A parameter we understand that stands more than once. What we do not understand is ignored.
    pub(super) fn repeated(&self) -> Option<&'static str> {
        KNOWN.into_iter().find(|name| self.one(name).is_err())
    }
}
