//! `[setup]`: links by which customers' administrators set up their identity providers, and what their pages say of single sign-on.

use super::reader::{Reader, Section, Unit};
use crate::domain::setup::Saml;

/// The setup pages.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How long a link counts, in milliseconds.
    pub link_lifetime: i64,
    /// The product's own single sign-on, if it has one by SAML.
    pub saml: Option<Saml>,
}

const DAY_MS: i64 = 86_400_000;

/// `None` if something is wrong, which the reader then knows.
pub(super) fn read(r: &mut Reader) -> Option<Setup> {
    let mut s = r.section("setup");
    let about = "How long a setup link counts, unless its maker says otherwise.";
    let days: Option<i64> = s.number("link_days", 14, 1..=90, Unit::Days, about);
    let acs_url = filled(
        &mut s,
        "saml_acs_url",
        "https://app.example.com/saml/consume",
        "Where your product takes SAML assertions. Setup pages name it where a provider asks for single sign-on. With saml_audience, or neither.",
    );
    let audience = filled(
        &mut s,
        "saml_audience",
        "https://app.example.com/saml",
        "The entity ID of your product in SAML assertions.",
    );
    let other_acs_url = filled(
        &mut s,
        "saml_other_acs_url",
        "app.example.com/saml/consume",
        "One more address for assertions, for Okta's Other Requestable SSO URLs.",
    );
    let saml = match (acs_url, audience) {
        (Some(acs_url), Some(audience)) => Some(Saml { acs_url, audience, other_acs_url }),
        (None, None) if other_acs_url.is_none() => None,
        _ => {
            s.mistake_of_all(
                "set saml_acs_url and saml_audience, or neither of them; saml_other_acs_url goes with both",
            );
            None
        }
    };
    Some(Setup { link_lifetime: days? * DAY_MS, saml })
}

fn filled(s: &mut Section<'_>, name: &'static str, example: &'static str, about: &'static str) -> Option<String> {
    s.optional(name, example, "text", about, |text| {
        let text = text.trim();
        let fits =
            !text.is_empty() && text.len() <= 1024 && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if fits { Ok(text.to_owned()) } else { Err("must be an address without spaces".to_owned()) }
    })
}
