//! What operators are called: each name once, in text that reads as what it is. The audit trail knows them by id.

use scim::key_of_text;
use scim::resource::user_name::{trimmed, unseen};

/// The longest name.
const LONGEST: usize = 200;
/// The operator of the configuration.
pub const BOOTSTRAP: &str = "bootstrap";

/// A name that an operator may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorName(String);

impl OperatorName {
    /// Reads a name; the error says what it must be.
    pub fn parse(text: &str) -> Result<OperatorName, String> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > LONGEST {
            return Err(format!("must have 1 to {LONGEST} characters"));
        }
        if trimmed(name) != name || unseen(name).is_some() {
            return Err(
                "must have no control characters, none that turn text around, and none that cannot be seen".to_owned()
            );
        }
        let name = OperatorName(name.to_owned());
        if name.key() == BOOTSTRAP {
            return Err(format!("must not be {BOOTSTRAP:?}: so the operator of the configuration is called"));
        }
        Ok(name)
    }

    /// The nearest name to what an earlier release or an OpenID provider calls an operator.
    pub fn near(text: &str) -> OperatorName {
        let seen: String =
            text.chars().filter(|c| !c.is_control() && unseen(c.encode_utf8(&mut [0; 4])).is_none()).collect();
        let seen: String = trimmed(&seen).chars().take(LONGEST - 10).collect();
        match OperatorName::parse(&seen) {
            Ok(name) => name,
            Err(_) => OperatorName(format!("operator {seen}").trim().to_owned()),
        }
    }

    /// The n-th name like this, where it is taken: `ops`, `ops (2)`.
    #[must_use]
    pub fn again(&self, n: u32) -> OperatorName {
        if n < 2 { self.clone() } else { OperatorName(format!("{} ({n})", self.0)) }
    }

    /// As it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is compared.
    pub fn key(&self) -> String {
        key_of_text(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardening_4_an_operators_name_reads_as_what_it_is() {
        for name in ["ops", "Ada Lovelace", "cs of orchard", "ada@vendor.test", "josé", "山田 太郎", "محمد", " ops "]
        {
            let read = OperatorName::parse(name).expect(name);
            assert_eq!((read.as_str(), OperatorName::near(name)), (name.trim(), read.clone()));
        }
        for name in [
            "",
            "  ",
            "o\u{202e}ps",
            "o\u{200f}ps",
            "o\u{2066}ps",
            "ops\u{200b}",
            "o\tps",
            "o\nps",
            "o\u{7}ps",
            "\u{feff}ops",
            "Bootstrap",
            "ｂootstrap",
        ] {
            assert!(OperatorName::parse(name).is_err(), "{name:?}");
            assert!(OperatorName::parse(OperatorName::near(name).as_str()).is_ok(), "{name:?}");
        }
        assert!(OperatorName::parse(&"x".repeat(201)).is_err());
        assert_eq!(OperatorName::near("o\u{202e}ps\u{200b}").as_str(), "ops");
        assert_eq!(OperatorName::near("\u{200b}").as_str(), "operator");
        assert_eq!(OperatorName::near("bootstrap").as_str(), "operator bootstrap");
    }

    #[test]
    fn hardening_4_operators_names_are_compared_as_users_names_are() {
        for (one, other) in [("Ops", "oPS"), ("josé", "JOSE\u{301}"), ("ops", "ｏｐｓ")] {
            assert_eq!(OperatorName::parse(one).map(|n| n.key()), OperatorName::parse(other).map(|n| n.key()));
        }
        let ops = OperatorName::parse("ops").expect("a name");
        assert_eq!([ops.again(1).as_str(), ops.again(2).as_str()], ["ops", "ops (2)"]);
    }
}
