//! Letters with links: what an operator has mailed to the person whom a link is for.
//!
//! Each says who sent it and what it is, until when the link counts, and what to do if it was not expected.

use lettre::Address;
use serde::{Deserialize, Serialize};

use crate::domain::password_link::LinkPurpose;
use crate::domain::setup_link::Provider;
use crate::domain::wording::{format_time, strip_invisible};
use crate::platform::timestamp::Timestamp;

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LetterSubject {
    /// The setup page of a client: the account and the link, by id.
    SetupLink {
        /// The account.
        account: String,
        /// The link.
        link: String,
    },
    /// The password of a user: the account and the user, by id.
    User {
        /// The account.
        account: String,
        /// The user.
        user: String,
    },
    /// The password of an operator, by id.
    Operator {
        /// The operator.
        operator: String,
    },
}

/// Whose letter it is.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The vendor's name.
    pub vendor: String,
    /// Where questions are answered.
    pub support: Option<String>,
    /// The operator who had it sent.
    pub operator: String,
}

/// What is said of a link.
#[derive(Debug)]
pub enum Said<'l> {
    /// The setup page of a provider.
    Setup {
        /// Which.
        provider: Provider,
    },
    /// A password of a user of an account.
    User {
        /// What it is for.
        purpose: LinkPurpose,
        /// The name they log in by.
        user: &'l str,
        /// The account's name.
        account: &'l str,
    },
    /// A password at the console.
    Operator {
        /// What it is for.
        purpose: LinkPurpose,
    },
}

/// A letter, as it is handed to the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Where it goes.
    #[serde(with = "address")]
    pub to: Address,
    /// What its reader is called, if that is known.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// An address as the text that it is.
mod address {
    use lettre::Address;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(address)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The message that goes with a setup link, whether it is copied or mailed.
pub fn setup_message(sender: &Sender, provider: Provider, url: &str, expires: Timestamp) -> String {
    let vendor = &sender.vendor;
    let provider = provider.name();
    format!(
        "Hello,\n\nhere is your setup page for provisioning {vendor} users from {provider}:\n{url}\n\nIt takes about 20 minutes, and you \
         need administrator rights in {provider}. The page shows every value to paste, in the words of {provider}, and tells you when \
         each step works.\nDo not forward it: it reveals a secret, once. It expires on {}.\n\n{}, {vendor}",
        format_time(expires),
        strip_invisible(&sender.operator),
    )
}

/// Writes a letter.
pub fn compose(sender: &Sender, said: &Said<'_>, to: Address, name: &str, url: &str, expires: Timestamp) -> Letter {
    let Sender { vendor, operator, .. } = sender;
    let (operator, until) = (strip_invisible(operator), format_time(expires));
    let password = |what: &str, of: &str| {
        let greeting = if name.is_empty() { "Hello,".to_owned() } else { format!("Hello {name},") };
        format!(
            "{greeting}\n\n{operator} of {vendor} has made a link for you, with which you {what} {of}:\n\n{url}\n\nThe link works once, \
             until {until}. No other person can see the password that you choose.\n\n{operator}, {vendor}"
        )
    };
    let (subject, text) = match said {
        Said::Setup { provider } => {
            let subject = format!("Your setup page: {vendor} users from {}", provider.name());
            (subject, setup_message(sender, *provider, url, expires))
        }
        Said::User { purpose, user, account } => {
            let of = format!("for your user {} in the account {}", strip_invisible(user), strip_invisible(account));
            let (subject, what) = words(*purpose);
            (format!("{subject} at {vendor}"), password(what, &of))
        }
        Said::Operator { purpose } => {
            let (subject, what) = words(*purpose);
            (format!("{subject} for the console of {vendor}"), password(what, &format!("for the console of {vendor}")))
        }
    };
    let ask = match &sender.support {
        Some(support) => format!("If in doubt, write to {support}."),
        None => {
            format!("If in doubt, ask {vendor} in a way that you know already, and not by an answer to this letter.")
        }
    };
    let unexpected = format!(
        "If you did not expect this letter, do not open the link: without it nothing changes, and it ends by itself. {ask}"
    );
    Letter { to, name: name.to_owned(), subject, text: format!("{text}\n\n{unexpected}\n") }
}

/// In the subject, and in the sentence.
fn words(purpose: LinkPurpose) -> (&'static str, &'static str) {
    match purpose {
        LinkPurpose::Invitation => ("Choose your password", "choose a password"),
        LinkPurpose::Recovery => ("Choose a new password", "choose a new password"),
    }
}

/// An address as pages show it where it is not to be read in full: `n…@acme.test`
pub fn shortened(address: &Address) -> String {
    let first: String = address.user().chars().take(1).collect();
    format!("{first}…@{}", address.domain())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    fn letter(said: &Said<'_>, support: Option<&str>) -> Letter {
        let sender = Sender {
            vendor: "Exampla".to_owned(),
            support: support.map(str::to_owned),
            operator: "Nora Feld".to_owned(),
        };
        compose(&sender, said, "ada@acme.test".parse().unwrap(), "Ada", "https://p.example/x/1", ms(1_795_700_000_000))
    }

    #[test]
    fn a_letter_says_what_it_is_until_when_it_holds_and_what_to_do_if_it_was_not_expected() {
        let user = |purpose| Said::User { purpose, user: "ada", account: "acme" };
        for (said, subject, words) in [
            (
                user(LinkPurpose::Invitation),
                "Choose your password at Exampla",
                "choose a password for your user ada in the account acme",
            ),
            (
                user(LinkPurpose::Recovery),
                "Choose a new password at Exampla",
                "choose a new password for your user ada",
            ),
            (
                Said::Operator { purpose: LinkPurpose::Invitation },
                "Choose your password for the console of Exampla",
                "choose a password for the console of Exampla",
            ),
            (Said::Setup { provider: Provider::Okta }, "Your setup page: Exampla users from Okta", "rights in Okta"),
            (
                Said::Setup { provider: Provider::Other },
                "Your setup page: Exampla users from your identity provider",
                "users from",
            ),
        ] {
            let letter = letter(&said, Some("help@exampla.test"));
            assert_eq!(letter.subject, subject);
            for told in [words, "https://p.example/x/1\n", "26 November 2026", "Nora Feld, Exampla"] {
                assert!(letter.text.contains(told), "{told}: {}", letter.text);
            }
            assert!(
                letter.text.ends_with("it ends by itself. If in doubt, write to help@exampla.test.\n"),
                "{}",
                letter.text
            );
        }
        let without = letter(&user(LinkPurpose::Invitation), None);
        assert!(without.text.contains("ask Exampla in a way that you know already"), "{}", without.text);
        assert_eq!(shortened(&without.to), "a…@acme.test");
    }
}
