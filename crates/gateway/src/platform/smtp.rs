//! The operator's SMTP relay: how it is named in the configuration, and one conversation with it.
//!
//! `smtps://` is TLS from the first byte (RFC 8314 §3.3). `smtp://` upgrades by STARTTLS (RFC 3207) and goes no further without it, so no
//! password and no name of a customer travels readable; only to this machine itself there is no TLS. Certificates are checked against the
//! operating system's store.

use std::net::IpAddr;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use tracing::Instrument;
use tracing::field::Empty;
use url::{Host, Url};

use crate::platform::secret_text::SecretText;
use crate::platform::traces::SPANS;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the relay may take for a letter.
const TOTAL: Duration = Duration::from_secs(30);
/// How long we wait for a good-bye: the letter is taken already.
const GOOD_BYE: Duration = Duration::from_secs(2);
/// The most that is kept of a relay's words, in characters.
const LONGEST: usize = 300;

/// How letters are sent.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who takes them.
    pub relay: Relay,
    /// Who they are from.
    pub from: Mailbox,
    /// The first pause before a letter is tried again, in milliseconds; each further one is twice as long.
    pub first_pause: i64,
}

/// An SMTP relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    host: String,
    port: u16,
    security: Security,
    login: Option<Login>,
}

/// When the conversation is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// From the first byte.
    Tls,
    /// Before anything is said that matters.
    StartTls,
    /// Not at all: it does not leave the machine.
    Plain,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Login {
    user: String,
    password: SecretText,
}

/// Why a letter was not taken, in words that hold no secret and are not many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered(pub String);

impl Relay {
    /// From a URL; if it cannot be right, says what would be, and repeats nothing of it, for it may hold a password.
    pub fn parse(text: &str) -> Result<Relay, String> {
        const FORM: &str = "write smtps://USER:PASSWORD@HOST, or smtp:// for STARTTLS, with :PORT where it is not the usual one; \
             what is no letter or digit in the user's name and the password has to be percent-encoded";
        let url = Url::parse(text).map_err(|_| format!("is no URL of a relay: {FORM}"))?;
        let wrong = |what: &str| format!("{what}: {FORM}");
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => return Err(wrong("names no host")),
        };
        let odd = |c: char| !c.is_ascii_alphanumeric() && !"-._:".contains(c);
        if host.is_empty() || host.contains(odd) {
            return Err(wrong("names no host"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has something after the host"));
        }
        let security = match url.scheme() {
            "smtps" => Security::Tls,
            "smtp" if is_here(&host) => Security::Plain,
            "smtp" => Security::StartTls,
            _ => return Err(wrong("does not begin with smtps:// or smtp://")),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
        let unreadable = |_| wrong("has a user or password that is not UTF-8");
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() && !password.is_empty() => {
                let (user, password) = (decoded(user).map_err(unreadable)?, decoded(password).map_err(unreadable)?);
                Some(Login { user, password: SecretText::new(&password) })
            }
            _ => return Err(wrong("has a user or a password without the other")),
        };
        let usual = match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::Plain => 25,
        };
        Ok(Relay { port: url.port().unwrap_or(usual), host, security, login })
    }

    /// Hands a letter over. `public_url` is who we are.
    pub async fn take(&self, public_url: &str, envelope: &Envelope, letter: &[u8]) -> Result<(), Undelivered> {
        let talk = async {
            let mut connection = self.connect(&greeting(public_url)).await?;
            connection.send(envelope, letter).await?;
            Ok(connection)
        };
        let span = tracing::info_span!(
            target: SPANS,
            "mail",
            otel.kind = "client",
            otel.status_code = Empty,
            server.address = self.host
        );
        let taken = tokio::time::timeout(TOTAL, talk).instrument(span.clone()).await;
        if !matches!(taken, Ok(Ok(_))) {
            span.record("otel.status_code", "ERROR");
        }
        match taken {
            Ok(Ok(mut connection)) => {
                let _ = tokio::time::timeout(GOOD_BYE, connection.quit()).await;
                Ok(())
            }
            Ok(Err(error)) => Err(self.explained(&error)),
            Err(_) => Err(Undelivered(format!("the relay did not take it within {} seconds", TOTAL.as_secs()))),
        }
    }

    async fn connect(&self, greeting: &ClientId) -> Result<AsyncSmtpConnection, smtp::Error> {
        let server = (self.host.as_str(), self.port);
        let implicit = if self.security == Security::Tls { Some(self.tls().await?) } else { None };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), greeting, implicit, None).await?;
        if self.security == Security::StartTls {
            connection.starttls(self.tls().await?, greeting).await?;
        }
        if let Some(login) = &self.login {
            let credentials = Credentials::new(login.user.clone(), login.password.reveal().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    /// Reads the operating system's certificates, which takes a moment.
    async fn tls(&self) -> Result<TlsParameters, smtp::Error> {
        let host = self.host.clone();
        match tokio::task::spawn_blocking(move || TlsParameters::new(host)).await {
            Ok(parameters) => parameters,
            Err(_) => TlsParameters::new(self.host.clone()),
        }
    }

    fn explained(&self, error: &smtp::Error) -> Undelivered {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| error.to_string());
        let told = match error.status() {
            Some(code) => format!("the relay answered {code} {cause}"),
            None if error.is_tls() => format!("no TLS with the relay: {cause}"),
            None if error.is_timeout() => "the relay does not answer".to_owned(),
            None => format!("the relay cannot be talked to: {cause}"),
        };
        Undelivered(self.without_secrets(&told))
    }

    /// A relay may repeat what it was told.
    fn without_secrets(&self, text: &str) -> String {
        use base64::Engine;
        let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if let Some(Login { user, password }) = &self.login {
            let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
            let password = password.reveal();
            for secret in [encode(&format!("\0{user}\0{password}")), encode(password), password.to_owned()] {
                text = text.replace(&secret, "(secret)");
            }
        }
        text.chars().take(LONGEST).collect()
    }
}

/// Whether a host is this machine (loopback).
fn is_here(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// How we introduce ourselves (RFC 5321 §4.1.1.1).
fn greeting(public_url: &str) -> ClientId {
    let url = Url::parse(public_url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
        Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
        None => ClientId::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_relay_is_named_by_a_url_and_only_this_machine_without_tls() {
        let relay = |text: &str| Relay::parse(text).unwrap();
        let found = |text: &str| (relay(text).host, relay(text).port, relay(text).security);
        assert_eq!(found("smtps://mail.example.com"), ("mail.example.com".to_owned(), 465, Security::Tls));
        assert_eq!(found("smtps://u:p@mail.example.com:1465/"), ("mail.example.com".to_owned(), 1465, Security::Tls));
        assert_eq!(found("smtp://mail.example.com"), ("mail.example.com".to_owned(), 587, Security::StartTls));
        assert_eq!(found("smtp://10.0.0.7:25"), ("10.0.0.7".to_owned(), 25, Security::StartTls));
        assert_eq!(found("smtp://localhost.example.com").2, Security::StartTls);
        for here in ["smtp://127.0.0.1", "smtp://127.8.0.1", "smtp://[::1]", "smtp://localhost"] {
            assert_eq!((found(here).1, found(here).2), (25, Security::Plain), "{here}");
        }
        let login = relay("smtps://ada%40example.com:p%40ss%2Fw%C3%B6rd+%25@mail.example.com").login.unwrap();
        assert_eq!((login.user.as_str(), login.password.reveal()), ("ada@example.com", "p@ss/wörd+%"));
        assert!(!format!("{:?}", relay("smtps://ada:hush-hush@mail.example.com")).contains("hush"));
    }

    #[test]
    fn what_cannot_be_a_relay_is_refused_without_repeating_it() {
        for wrong in [
            "hush-hush",
            "https://ada:hush-hush@mail.example.com",
            "smtps://ada:hush-hush@",
            "smtps://ada:hush-hush@mail.example.com/path",
            "smtps://ada:hush-hush@mail.example.com?tls=none",
            "smtps://ada:hush#hush@mail.example.com",
            "smtps://:hush-hush@mail.example.com",
            "smtps://hush-hush@mail.example.com",
            "smtps://ada:hush-hush%FF@mail.example.com",
            "smtps://ada:hush-hush@mail example.com",
            "smtps://ada:hush-hush@mail.example.com:99999",
            "smtps:mail.example.com",
        ] {
            let why = Relay::parse(wrong).expect_err(wrong);
            assert!(!why.contains("hush") && why.contains("smtps://USER:PASSWORD@HOST"), "{wrong}: {why}");
        }
    }

    #[test]
    fn what_a_relay_says_is_kept_short_and_without_the_password() {
        let relay = Relay::parse("smtps://ada:hush-hush@mail.example.com").unwrap();
        let plain = "AGFkYQBodXNoLWh1c2g="; // \0ada\0hush-hush
        let kept = relay.without_secrets(&format!("535 hush-hush, {plain}, aHVzaC1odXNo:\r\n no {}", "é".repeat(1000)));
        assert!(kept.starts_with("535 (secret), (secret), (secret):   no é"), "{kept}");
        assert_eq!(kept.chars().count(), LONGEST);
    }

    #[test]
    fn without_starttls_nothing_is_said_to_a_relay_elsewhere() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"220 here\r\n").unwrap();
            let mut heard = Vec::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                let answer: &[u8] =
                    if line.starts_with("EHLO") { b"250-here\r\n250 AUTH PLAIN\r\n" } else { b"221 bye\r\n" };
                let _ = stream.write_all(answer);
                heard.push(line);
            }
            heard
        });
        let mut relay = Relay::parse("smtp://ada:hush-hush@mail.example.com").unwrap();
        (relay.host, relay.port) = ("127.0.0.1".to_owned(), port); // it is elsewhere, for all it knows
        let envelope = Envelope::new(None, vec!["eve@acme.test".parse().unwrap()]).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let Undelivered(problem) =
            runtime.block_on(relay.take("https://p.example", &envelope, b"Subject: x\r\n\r\nhello")).unwrap_err();
        assert!(problem.contains("STARTTLS"), "{problem}");
        let heard = heard.join().unwrap();
        assert_eq!(heard.first().map(String::as_str), Some("EHLO p.example"));
        assert!(heard.iter().skip(1).all(|line| line == "QUIT"), "{heard:?}");
    }
}
