//! `[mail]`: who takes letters, and who they are from.

use lettre::message::Mailbox;

use super::reader::{Reader, Unit};
use crate::platform::smtp::{Mail, Relay};

/// `None` if no mail is to be sent, or if something is wrong, which the reader then knows.
pub(super) fn read(r: &mut Reader) -> Option<Mail> {
    let mut s = r.section("mail");
    let relay = s.url_with_password().optional(
        "smtp_url",
        "smtps://USER:PASSWORD@mail.example.com",
        "URL",
        "The relay that takes [mail](#the-mail-relay). smtps:// is TLS from the start; smtp:// is STARTTLS, which the relay has to offer, and no TLS \
         to this machine itself. The relay and from: both, or neither.",
        |text| Relay::parse(text.trim()),
    );
    let in_file = s.secret_file(
        "smtp_url_file",
        "/run/secrets/gateway-smtp-url",
        "In place of smtp_url: a file that holds it.",
        |text| Relay::parse(text.trim()),
    );
    let from =
        s.optional("from", "Provisioning <no-reply@example.com>", "sender", "Who mail is from.", |text| sender(&text));
    let first_pause: Option<i64> = s.number(
        "retry_seconds",
        60,
        1..=3600,
        Unit::Seconds,
        "How soon mail is tried again that the relay did not take; then after twice as long, and so on for three days.",
    );
    if relay.is_some() && in_file.is_some() {
        r.mistake("mail.smtp_url and mail.smtp_url_file: set one of them");
    }
    match (relay.or(in_file), from) {
        (Some(relay), Some(from)) => Some(Mail { relay, from, first_pause: first_pause? * 1000 }),
        (None, None) => None,
        _ => {
            r.mistake("mail: set smtp_url (or smtp_url_file) and from, or neither");
            None
        }
    }
}

fn sender(text: &str) -> Result<Mailbox, String> {
    let from: Option<Mailbox> = text.parse().ok().filter(|_| !text.contains(char::is_control));
    from.ok_or_else(|| format!("`{text}` is no sender: write Provisioning <no-reply@example.com>, or an address alone"))
}
