//! A letter: plain text (RFC 5322), with a link to the page where its reader is told the same.

use std::time::{Duration, UNIX_EPOCH};

use askama::Template;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::{Address, Message};

use crate::domain::person;
use crate::domain::wording::{self, Span};
use crate::platform::timestamp::Timestamp;

/// What a letter says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter<'n> {
    /// The notice's public id.
    pub(super) id: &'n str,
    pub(super) subject: &'n str,
    /// What has happened.
    pub(super) told: &'n [Span],
    /// What can be done about it,
    pub(super) hint: &'n str,
    /// and why they are told.
    pub(super) why: &'n str,
    /// The page where its reader goes on.
    pub(super) link: &'n str,
    /// When it is sent.
    pub(super) now: Timestamp,
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct Body<'n> {
    name: &'n str,
    told: String,
    hint: &'n str,
    why: &'n str,
    link: &'n str,
}

/// RFC 3834 §5: automatic replies such as vacation notices do not answer it.
#[derive(Clone)]
pub(super) struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<AutoSubmitted, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Letter<'_> {
    /// Builds the message, addressed to this name. Its `Message-ID` comes from the notice, so a second copy can be
    /// recognized.
    pub(super) fn write(&self, from: Mailbox, to: Address, name: &str) -> Result<Message, lettre::error::Error> {
        // A line break in a name is nothing that a mailbox could be written with.
        let name = person::short_name(name);
        let body =
            Body { name: &name, told: wording::to_text(self.told), hint: self.hint, why: self.why, link: self.link };
        let body = body.render().unwrap_or_default();
        let id = format!("<{}@{}>", self.id, from.email.domain());
        let now = Duration::from_millis(u64::try_from(self.now.millis()).unwrap_or_default());
        let builder: MessageBuilder = Message::builder().message_id(Some(id)).date(UNIX_EPOCH + now);
        let builder =
            builder.from(from).to(Mailbox::new(Some(name.clone()), to)).subject(self.subject).header(AutoSubmitted);
        builder.header(ContentType::TEXT_PLAIN).body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    fn letter(name: &str) -> String {
        let told = [Span::Words("It happened to ".to_owned()), Span::Name("Ada".to_owned())];
        let letter = Letter {
            id: "0198",
            subject: "News",
            told: &told,
            hint: "Look.",
            why: "Why.",
            link: "https://p.example/account",
            now: ms(0),
        };
        let from = "Provisioning <no-reply@p.example>".parse().unwrap();
        let message = letter.write(from, "eve@acme.test".parse().unwrap(), name).unwrap();
        assert_eq!(message.envelope().to().len(), 1);
        String::from_utf8(message.formatted()).unwrap()
    }

    #[test]
    fn a_letter_says_what_happened_and_where_to_look() {
        let text = letter("Eve");
        for line in [
            "Message-ID: <0198@p.example>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "From: Provisioning <no-reply@p.example>\r\n",
            "To: Eve <eve@acme.test>\r\n",
            "Subject: News\r\n",
            "Hello Eve,\r\n\r\nIt happened to Ada Look.\r\n",
            "https://p.example/account\r\n",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
    }

    #[test]
    fn a_hostile_name_adds_no_header() {
        let hostile = ["a\r\nBcc: x@y.test", "\"a\" <x@y.test>, b", "a\nBcc: x@y.test\n\nbody", "é\r\nBcc: x@y.test"];
        let of_every_letter = ('\0'..'\u{3000}').map(|c| format!("a{c}b"));
        for name in hostile.map(str::to_owned).into_iter().chain(of_every_letter) {
            let text = letter(&name);
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split_once(':').map_or(line, |(name, _)| name))
                .collect();
            let expected = [
                "Message-ID",
                "Date",
                "From",
                "To",
                "Subject",
                "Auto-Submitted",
                "Content-Type",
                "Content-Transfer-Encoding",
            ];
            assert!(names.iter().all(|name| expected.contains(name)), "{head}");
            assert_eq!(names.len(), expected.len(), "{head}");
        }
    }
}
