//! The section `mail`: who takes letters, and who they are from.

use lettre::message::Mailbox;

use super::between;
use super::reader::Reader;
use crate::platform::smtp::{Mail, Relay};

/// `None` if no mail is to be sent, or if something is wrong, which the reader then knows.
pub(super) fn read(r: &mut Reader) -> Option<Mail> {
    let relay = r.optional("mail.smtp_url", |text: String| Relay::parse(text.trim()));
    let in_file = r.secret_file("mail.smtp_url_file", |text| Relay::parse(text.trim()));
    let from = r.optional("mail.from", |text: String| sender(&text));
    let first_pause = r.required("mail.retry_seconds", |n: u64| between(n, 1, 3600).map(|n| n as i64 * 1000))?;
    if relay.is_some() && in_file.is_some() {
        r.mistake("mail.smtp_url and mail.smtp_url_file: set one of them".to_owned());
    }
    match (relay.or(in_file), from) {
        (Some(relay), Some(from)) => Some(Mail { relay, from, first_pause }),
        (None, None) => None,
        _ => {
            r.mistake("mail: set smtp_url (or smtp_url_file) and from, or neither".to_owned());
            None
        }
    }
}

fn sender(text: &str) -> Result<Mailbox, String> {
    let from: Option<Mailbox> = text.parse().ok().filter(|_| !text.contains(char::is_control));
    from.ok_or_else(|| format!("`{text}` is no sender: write Provisioning <no-reply@example.com>, or an address alone"))
}
