//! What is kept of a request that is recorded in full. Secrets are replaced before anything of it is kept: in memory, at the edge.
//!
//! A SCIM body is read by the schemas of its account: what no attribute is declared for is replaced, what is declared to be written only or
//! returned never is replaced, and so is what is called like a secret. A message of OAuth is read by a list of words that are no secrets, and
//! everything else of it is replaced. Of what cannot be read as the form that it should have, only the length is kept
//! ([why so](../../../../../docs/decisions/0052-what-is-kept-of-a-request-in-full.md)).

use oauth::Prefix;

mod header;
mod oauth_message;
mod scim_message;
#[cfg(test)]
mod tests;

pub use header::{answer_header, request_header};
pub use oauth_message::{OAuthRedactor, address};
pub use scim_message::{Form, ScimRedactor};

/// What stands in the place of a secret.
pub const REPLACED: &str = "(replaced)";
/// What stands in the place of a name that does not look like one.
pub const UNNAMED: &str = "(name)";
/// So many bytes a name has at most.
const LONGEST_NAME: usize = 200;

/// What was replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Anything.
    pub anything: bool,
    /// Something that the outcome of the request may depend on.
    pub matters: bool,
}

impl Replaced {
    fn harmless(&mut self) -> String {
        self.anything = true;
        REPLACED.to_owned()
    }

    fn decisive(&mut self) -> String {
        self.matters = true;
        self.harmless()
    }

    /// A text that is kept, unless it looks as if a secret stood in it.
    pub fn text(&mut self, text: &str) -> String {
        if is_suspicious(text) { self.decisive() } else { text.to_owned() }
    }

    /// The same for a text that decides nothing.
    fn remark(&mut self, text: &str) -> String {
        if is_suspicious(text) { self.harmless() } else { text.to_owned() }
    }

    /// A name as it was sent, if it looks like the name of an attribute, a parameter or a header.
    fn name(&mut self, name: &str) -> String {
        let bare = without_literals(name);
        match name.len() <= LONGEST_NAME && is_shaped(&bare) && !is_suspicious(&bare) {
            true if bare == name => bare,
            true => {
                self.anything = true;
                bare
            }
            false => {
                self.decisive();
                UNNAMED.to_owned()
            }
        }
    }
}

/// Whether a text looks like a name: letters, digits and `_.:$-`, and a filter in brackets.
fn is_shaped(name: &str) -> bool {
    let mut depth = 0_usize;
    name.chars().all(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c.is_ascii_alphanumeric() || "_.:$-[]".contains(c) || depth > 0 && "() \"".contains(c)
    })
}

/// Names of secrets have one of these in them, without regard to letter case and to what is neither letter nor digit.
const SECRET_WORDS: [&str; 20] = [
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "authoriz",
    "cookie",
    "assertion",
    "verifier",
    "bearer",
    "jwt",
    "onetimecode",
    "totp",
    "recoverycode",
    "securityanswer",
];

/// Whether what is called so is a secret by its name.
pub fn is_secret_name(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase());
    let plain: String = letters.collect();
    SECRET_WORDS.iter().any(|word| plain.contains(word))
}

/// Whether a secret seems to stand in a text: one of ours, a JWT, credentials of HTTP, a private key, a URL with a password, or a word for
/// secrets with a value behind it.
pub fn is_suspicious(text: &str) -> bool {
    if Prefix::ALL.iter().any(|prefix| text.contains(prefix.as_str())) || text.contains("-----BEGIN") {
        return true;
    }
    let coded = |rest: &str| rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+/=._~-".contains(b)).count();
    if text.match_indices("eyJ").any(|(at, _)| coded(&text[at..]) > 20) {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    for scheme in ["bearer ", "basic ", "dpop ", "digest "] {
        if lower.match_indices(scheme).any(|(at, _)| coded(lower[at + scheme.len()..].trim_start()) >= 12) {
            return true;
        }
    }
    if lower.match_indices("://").any(|(at, _)| {
        let authority = lower[at + 3..].split(['/', '?', '#', '\n']).next().unwrap_or_default();
        authority.contains('@')
    }) {
        return true;
    }
    has_assignment(&lower)
}

/// `password=…`, `secret: …`, `"token":"…"`, `pwd eq …`, `code=…`
fn has_assignment(lower: &str) -> bool {
    const MORE: [&str; 3] = ["code", "otp", "pin"];
    let operator = |rest: &str| {
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || "\"'\\]".contains(c));
        rest.starts_with(['=', ':']) || ["eq ", "ne ", "co ", "sw ", "ew ", "is "].iter().any(|op| rest.starts_with(op))
    };
    let of_word = |word: &&str| {
        lower.match_indices(*word).any(|(at, _)| {
            // The rest of the name: `passwordHash`, `token_value`.
            let rest = &lower[at + word.len()..];
            let name = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
            operator(&rest[name..])
        })
    };
    let starts = |word: &&str| {
        lower.match_indices(*word).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            before.is_none_or(|c| !c.is_ascii_alphanumeric()) && lower[at + word.len()..].trim_start().starts_with('=')
        })
    };
    SECRET_WORDS.iter().any(of_word) || MORE.iter().any(starts)
}

/// A text with what it repeats of a request replaced: what stands in backticks or quotation marks.
pub fn without_quotations(text: &str) -> String {
    let (mut told, mut inside) = (String::with_capacity(text.len()), None);
    for c in text.chars() {
        match inside {
            // A quotation in backticks may have quotation marks in it.
            Some(mark) if c == mark => {
                told.push_str(REPLACED);
                told.push(c);
                inside = None;
            }
            Some(_) => {}
            None => {
                told.push(c);
                inside = matches!(c, '`' | '"').then_some(c);
            }
        }
    }
    if inside.is_some() {
        told.push_str(REPLACED);
    }
    told
}

/// A path or filter with what stands in quotation marks replaced.
fn without_literals(text: &str) -> String {
    let (mut bare, mut inside, mut escaped) = (String::with_capacity(text.len()), false, false);
    for c in text.chars() {
        match c {
            '"' if !escaped => {
                if inside {
                    bare.push_str(REPLACED);
                }
                bare.push('"');
                inside = !inside;
            }
            _ if inside => escaped = c == '\\' && !escaped,
            _ => bare.push(c),
        }
        if !inside {
            escaped = false;
        }
    }
    bare
}
