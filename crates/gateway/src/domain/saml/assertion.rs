//! An assertion as it was read from what was signed, and the rules by which it is judged (saml-core-2.0 §2, saml-profiles-2.0 §4.1.4.3).

use chrono::DateTime;
use roxmltree::Node;

use super::xml::{self, children, elements, only, text_of};
use super::{ASSERTION, SKEW, quoted, refused};
use crate::domain::request::{OwnCode, Refusal};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// What the message around an assertion says. It can only lead to a refusal, for it may not be signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    issuer: Option<String>,
    destination: Option<String>,
    in_response_to: Option<String>,
    version: Option<String>,
}

impl Statement {
    /// Reads it from a response.
    pub fn of(response: Node<'_, '_>) -> Statement {
        let attribute = |name| xml::attribute(response, name).map(str::to_owned);
        Statement {
            issuer: only(response, ASSERTION, "Issuer").and_then(text_of).map(str::to_owned),
            destination: attribute("Destination"),
            in_response_to: attribute("InResponseTo"),
            version: attribute("Version"),
        }
    }
}

/// Who it is about, as the provider names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    /// What kind of name it is, where that is said.
    pub format: Option<String>,
    /// The name.
    pub value: String,
}

/// What else is said of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What people call it, where that is said.
    pub friendly_name: Option<String>,
    /// Its values.
    pub values: Vec<String>,
}

/// An assertion that was signed. Times are in milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Its ID: it counts once.
    pub id: String,
    /// Who made it.
    pub issuer: String,
    /// Who it is about.
    pub name_id: NameId,
    /// What else is said of them.
    pub attributes: Vec<Attribute>,
    /// When they proved who they are.
    pub authenticated: i64,
    /// How, as a class of saml-authn-context-2.0.
    pub context: Option<String>,
    /// From when on it is of no use, with the clocks' difference: so long it has to be remembered.
    pub expires: i64,
    confirmations: Vec<Confirmation>,
    not_before: Option<i64>,
    not_on_or_after: Option<i64>,
    session_ends: Option<i64>,
    audiences: Vec<Vec<String>>,
    response: Statement,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Confirmation {
    recipient: Option<String>,
    in_response_to: Option<String>,
    has_not_before: bool,
    not_on_or_after: Option<i64>,
}

/// Whom an assertion has to be from and for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider's entity ID.
    pub issuer: &'a str,
    /// Our entity IDs, each of which counts.
    pub audiences: &'a [String],
    /// The address at which it arrived.
    pub recipient: &'a str,
    /// The time, in milliseconds since the epoch.
    pub now: i64,
}

fn time(node: Node<'_, '_>, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = xml::attribute(node, name) else { return Ok(None) };
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Some(time.timestamp_millis())),
        Err(_) => refused(
            OwnCode::SamlMalformed,
            format!("{name} is {}, which is no time as 2026-11-26T12:00:00Z is.", quoted(text)),
        ),
    }
}

fn malformed<T>(why: &str) -> Result<T, Refusal> {
    refused(OwnCode::SamlMalformed, why)
}

impl Assertion {
    /// Reads an assertion out of what was signed.
    pub fn read(assertion: Node<'_, '_>, response: &Statement) -> Result<Assertion, Refusal> {
        if !xml::is(assertion, ASSERTION, "Assertion") || xml::attribute(assertion, "Version") != Some("2.0") {
            return malformed("The assertion is not one of SAML 2.0.");
        }
        let id = xml::attribute(assertion, "ID").filter(|id| !id.is_empty() && id.len() <= 256);
        let Some(id) = id else { return malformed("The assertion has no ID, or one of more than 256 bytes.") };
        let Some(issuer) = only(assertion, ASSERTION, "Issuer").and_then(text_of) else {
            return malformed("The assertion does not say who made it.");
        };
        let Some(subject) = only(assertion, ASSERTION, "Subject") else {
            return malformed("The assertion does not say who it is about.");
        };
        let name_id = only(subject, ASSERTION, "NameID");
        let Some((node, value)) = name_id.and_then(|node| Some((node, text_of(node)?))) else {
            let why = "The NameID of the assertion is missing, or is more than one plain text.";
            return refused(OwnCode::SamlSubject, why);
        };
        let name_id = NameId { format: xml::attribute(node, "Format").map(str::to_owned), value: value.to_owned() };
        let Some(statement) = only(assertion, ASSERTION, "AuthnStatement") else {
            return malformed("The assertion does not say how and when the person logged in.");
        };
        let Some(authenticated) = time(statement, "AuthnInstant")? else {
            return malformed("The assertion does not say when the person logged in.");
        };
        let context = only(statement, ASSERTION, "AuthnContext");
        let class = context.and_then(|context| only(context, ASSERTION, "AuthnContextClassRef")).and_then(text_of);
        let Some(conditions) = only(assertion, ASSERTION, "Conditions") else {
            return malformed("The assertion has no conditions, so it says neither for whom nor how long it counts.");
        };
        let confirmations = confirmations(subject)?;
        let (not_before, not_on_or_after) = (time(conditions, "NotBefore")?, time(conditions, "NotOnOrAfter")?);
        let ends = confirmations.iter().filter_map(|confirmation| confirmation.not_on_or_after).max();
        Ok(Assertion {
            id: id.to_owned(),
            issuer: issuer.to_owned(),
            name_id,
            attributes: attributes(assertion),
            authenticated,
            context: class.map(str::to_owned),
            expires: ends.unwrap_or(i64::MAX).min(not_on_or_after.unwrap_or(i64::MAX)).saturating_add(SKEW),
            confirmations,
            not_before,
            not_on_or_after,
            session_ends: time(statement, "SessionNotOnOrAfter")?,
            audiences: audiences(conditions)?,
            response: response.clone(),
        })
    }

    /// The first value of an attribute, by its name or by what people call it.
    pub fn value(&self, name: &str) -> Option<&str> {
        let by_name = self.attributes.iter().find(|attribute| attribute.name == name);
        let by_friendly_name = || self.attributes.iter().find(|a| a.friendly_name.as_deref() == Some(name));
        by_name.or_else(by_friendly_name)?.values.first().map(String::as_str)
    }

    /// Whether it counts: from whom it has to be, for whom, here and now. Gives the request that it answers; none if the provider began.
    pub fn judge(&self, expected: &Expected<'_>) -> Result<Option<&str>, Refusal> {
        if self.response.version.as_deref() != Some("2.0") {
            return malformed("The response is not one of SAML 2.0.");
        }
        let issuers = [Some(&self.issuer), self.response.issuer.as_ref()];
        if let Some(other) = issuers.into_iter().flatten().find(|issuer| *issuer != expected.issuer) {
            let why = format!(
                "The response is from {}, and this account's provider is {}.",
                quoted(other),
                quoted(expected.issuer)
            );
            return refused(OwnCode::SamlIssuer, why);
        }
        if let Some(other) = self.response.destination.as_deref().filter(|at| *at != expected.recipient) {
            let why = format!(
                "The response is for the address {} (Destination), and arrived at {}.",
                quoted(other),
                expected.recipient
            );
            return refused(OwnCode::SamlDestination, why);
        }
        self.is_for_us(expected)?;
        self.is_valid(expected.now)?;
        self.is_confirmed(expected)
    }

    /// Each restriction has to name us; there has to be one (saml-profiles-2.0 §4.1.4.2).
    fn is_for_us(&self, expected: &Expected<'_>) -> Result<(), Refusal> {
        let names_us = |audiences: &Vec<String>| audiences.iter().any(|audience| expected.audiences.contains(audience));
        if !self.audiences.is_empty() && self.audiences.iter().all(names_us) {
            return Ok(());
        }
        let theirs = self.audiences.iter().flatten().next().map(String::as_str).unwrap_or_default();
        let ours = expected.audiences.first().map(String::as_str).unwrap_or_default();
        refused(
            OwnCode::SamlAudience,
            format!("The assertion is for the audience {}; the audience here is {ours}.", quoted(theirs)),
        )
    }

    fn is_valid(&self, now: i64) -> Result<(), Refusal> {
        let early = |time: Option<i64>| time.is_some_and(|time| now < time.saturating_sub(SKEW));
        let late = |time: Option<i64>| time.is_some_and(|time| now >= time.saturating_add(SKEW));
        let minutes = SKEW / 60_000;
        if early(self.not_before) || early(Some(self.authenticated)) {
            let why = format!(
                "The assertion is not valid yet. Clocks may differ by {minutes} minutes; compare the provider's."
            );
            return refused(OwnCode::SamlTime, why);
        }
        if late(self.not_on_or_after) || late(self.session_ends) {
            let why =
                format!("The assertion is not valid any more. Log in again; clocks may differ by {minutes} minutes.");
            return refused(OwnCode::SamlTime, why);
        }
        Ok(())
    }

    /// One confirmation has to be for the bearer, at this address, and not over (saml-profiles-2.0 §4.1.4.2).
    fn is_confirmed(&self, expected: &Expected<'_>) -> Result<Option<&str>, Refusal> {
        if self.confirmations.is_empty() {
            return refused(
                OwnCode::SamlSubject,
                "The assertion does not count for the person who brings it (no bearer confirmation).",
            );
        }
        let here = |of: &&Confirmation| of.recipient.as_deref() == Some(expected.recipient);
        let Some(confirmation) = self.confirmations.iter().find(here) else {
            let other = self.confirmations[0].recipient.as_deref().unwrap_or_default();
            let why = format!(
                "The assertion is for the address {} (Recipient), and arrived at {}.",
                quoted(other),
                expected.recipient
            );
            return refused(OwnCode::SamlRecipient, why);
        };
        if confirmation.has_not_before {
            return refused(
                OwnCode::SamlSubject,
                "The bearer confirmation has a NotBefore, which the profile forbids.",
            );
        }
        let Some(end) = confirmation.not_on_or_after else {
            return refused(OwnCode::SamlTime, "The bearer confirmation does not say how long it counts.");
        };
        if expected.now >= end.saturating_add(SKEW) {
            return refused(OwnCode::SamlTime, "The assertion is not valid any more. Log in again.");
        }
        // A response that is not signed may leave out what it answers; it may not name another request.
        let (of_response, answered) = (&self.response.in_response_to, &confirmation.in_response_to);
        if of_response.is_some() && of_response != answered {
            return refused(OwnCode::SamlRequestUnknown, "The response and its assertion answer different requests.");
        }
        Ok(answered.as_deref())
    }
}

fn confirmations(subject: Node<'_, '_>) -> Result<Vec<Confirmation>, Refusal> {
    let mut found = Vec::new();
    for confirmation in children(subject, ASSERTION, "SubjectConfirmation") {
        if xml::attribute(confirmation, "Method") != Some(BEARER) {
            continue;
        }
        let Some(data) = only(confirmation, ASSERTION, "SubjectConfirmationData") else { continue };
        found.push(Confirmation {
            recipient: xml::attribute(data, "Recipient").map(str::to_owned),
            in_response_to: xml::attribute(data, "InResponseTo").map(str::to_owned),
            has_not_before: xml::attribute(data, "NotBefore").is_some(),
            not_on_or_after: time(data, "NotOnOrAfter")?,
        });
    }
    Ok(found)
}

/// The audiences of each restriction. A condition that is not known is one that cannot be met (saml-core-2.0 §2.5.1).
fn audiences(conditions: Node<'_, '_>) -> Result<Vec<Vec<String>>, Refusal> {
    let mut found = Vec::new();
    for condition in elements(conditions) {
        if xml::is(condition, ASSERTION, "AudienceRestriction") {
            found.push(children(condition, ASSERTION, "Audience").filter_map(text_of).map(str::to_owned).collect());
        } else if !["OneTimeUse", "ProxyRestriction"].iter().any(|name| xml::is(condition, ASSERTION, name)) {
            let name = quoted(condition.tag_name().name());
            return refused(
                OwnCode::SamlMalformed,
                format!("The assertion has the condition {name}, which is not known here."),
            );
        }
    }
    Ok(found)
}

fn attributes(assertion: Node<'_, '_>) -> Vec<Attribute> {
    let statements = children(assertion, ASSERTION, "AttributeStatement");
    let attributes = statements.flat_map(|statement| children(statement, ASSERTION, "Attribute").collect::<Vec<_>>());
    attributes
        .filter_map(|attribute| {
            Some(Attribute {
                name: xml::attribute(attribute, "Name")?.to_owned(),
                friendly_name: xml::attribute(attribute, "FriendlyName").map(str::to_owned),
                values: children(attribute, ASSERTION, "AttributeValue")
                    .filter_map(text_of)
                    .map(str::to_owned)
                    .collect(),
            })
        })
        .collect()
}
