//! Where the security events of an account are fetched. The caller has said who acts.

use oauth::Keyring;

use super::super::find;
use crate::domain::bodies::sign_in::{NewSignalPoll, SignalPollSettings, SignalPollStanding};
use crate::domain::described::{FieldError, Line, Time};
use crate::domain::ids::AccountKey;
use crate::domain::operator::{Mandate, Power};
use crate::domain::sealing;
use crate::platform::outbound::Outbound;
use crate::platform::system;
use crate::services::error::ActError;
use crate::storage::Tx;
use crate::storage::signal_polls::SignalPoll;

/// Why nothing can be fetched for an account.
pub(super) const NEEDS_AN_ISSUER: &str =
    "needs an issuer whose keys verify what is fetched: name it in signals, or set up the OpenID provider";

/// The longest token, in bytes.
const LONGEST: usize = 4096;

/// What is wrong with a transmitter.
pub(super) fn wrong(asked: &NewSignalPoll, outbound: &Outbound) -> Option<FieldError> {
    let field = |field: &str, detail: String| FieldError { field: field.to_owned(), detail };
    let Line(endpoint) = &asked.endpoint.0;
    if let Some(detail) = outbound.url(endpoint).err().filter(|_| !endpoint.is_empty()) {
        return Some(field("signal_poll.endpoint", detail));
    }
    // RFC 6750 section 2.1.
    let is_token = |text: &str| {
        let text = text.trim_end_matches('=');
        text.len() <= LONGEST && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c))
    };
    let Line(token) = asked.token.as_ref()?;
    let detail = "must be a bearer token: letters, digits and -._~+/ without spaces, as the transmitter gave it";
    (!is_token(token)).then(|| field("signal_poll.token", detail.to_owned()))
}

/// Fetches at this transmitter from now on, or at none. The token that is known stays with its endpoint.
pub(super) fn set(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    account: AccountKey,
    asked: Option<&NewSignalPoll>,
    known: Option<SignalPoll>,
) -> Result<Option<SignalPoll>, ActError> {
    let now = tx.now();
    let Some(asked) = asked else {
        tx.set_signal_poll(account, None, now)?;
        return Ok(None);
    };
    let Line(endpoint) = &asked.endpoint.0;
    let sealed = match &asked.token {
        Some(Line(token)) if token.is_empty() => None,
        Some(Line(token)) => Some(keys.seal(sealing::SIGNAL_POLL_TOKEN, system::nonce(), token.as_bytes())),
        None => match known {
            // Nothing changes, and what is known of it stays.
            Some(known) if known.endpoint == *endpoint => return Ok(Some(known)),
            _ => None,
        },
    };
    tx.set_signal_poll(account, Some((endpoint, sealed.as_deref())), now)?;
    Ok(tx.signal_poll(account)?)
}

/// As operators read it: never the token.
pub(super) fn settings(poll: &SignalPoll) -> SignalPollSettings {
    SignalPollSettings { endpoint: poll.endpoint.clone(), has_token: poll.sealed.is_some() }
}

/// How it goes. Only reads.
pub fn standing(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<SignalPollStanding, ActError> {
    let account = find(tx, mandate, Power::Read, id)?;
    let poll = tx.signal_poll(account.seq)?;
    let of = poll.as_ref();
    let time = |time: Option<crate::platform::timestamp::Timestamp>| time.map(Time);
    Ok(SignalPollStanding {
        endpoint: of.map(|poll| poll.endpoint.clone()),
        last_answer: time(of.and_then(|poll| poll.answered)),
        last_event: time(of.and_then(|poll| poll.received)),
        failures: of.map_or(0, |poll| poll.failures),
        failing_since: time(of.and_then(|poll| poll.failing_since)),
        problem: of.and_then(|poll| poll.problem.clone()),
        next_poll: time(of.map(|poll| poll.next_poll)),
    })
}
