//! Parameters as pairs (RFC 6749 §3.1). One without a value is treated as left out; a repeated one is an error; an unknown one is
//! ignored, of any length.

const KNOWN: [&str; 18] = [
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
    "acr_values",
    "request",
    "request_uri",
    "registration",
    "id_token_hint",
    "dpop_jkt",
];

/// Whether anything is made of a parameter.
pub(crate) fn is_known(name: &str) -> bool {
    name == "resource" || KNOWN.contains(&name)
}

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

    /// A parameter we understand whose value cannot have been meant: it has a NUL, or was not UTF-8, so that decoding it left a
    /// replacement character.
    pub(super) fn unreadable(&self) -> Option<&'a str> {
        let is_unreadable = |value: &str| value.contains(['\0', char::REPLACEMENT_CHARACTER]);
        self.0.iter().find(|(name, value)| is_known(name) && is_unreadable(value)).map(|(name, _)| name.as_str())
    }

    /// A parameter we understand that stands more than once. What we do not understand is ignored.
    pub(super) fn repeated(&self) -> Option<&'static str> {
        KNOWN.into_iter().find(|name| self.one(name).is_err())
    }
}
