//! `[tls]`: the certificate of a server that speaks TLS itself, without a proxy in front.

use std::path::PathBuf;

use url::Url;

use super::admin::Admin;
use super::reader::Reader;
use super::server::Server;
use crate::platform::clock::Clock;
use crate::platform::tls::{Files, Pair, Unfit};

pub(super) fn read(r: &mut Reader) -> Option<Files> {
    let mut s = r.section("tls");
    let certificate = s.optional(
        "certificate_file",
        "/etc/letsencrypt/live/provisioning.example.com/fullchain.pem",
        "path",
        "A file in PEM with the server's certificate and, after it, the intermediate ones. With it, server.bind and admin.bind speak \
         [TLS 1.2 and 1.3](#tls), and nothing else. It is read again at SIGHUP, and within a minute when it changes.",
        |text| Ok(PathBuf::from(text)),
    );
    let key = s.optional(
        "key_file",
        "/etc/letsencrypt/live/provisioning.example.com/privkey.pem",
        "path",
        "A file in PEM with the key of the server's certificate, without a password: ECDSA on P-256 or P-384, RSA, or Ed25519.",
        |text| Ok(PathBuf::from(text)),
    );
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            s.warn_if_open_to_others("key_file", &key);
            Some(Files { certificate, key })
        }
        (None, None) => None,
        (Some(_), None) => {
            s.mistake("certificate_file", "needs tls.key_file, the file with its key");
            None
        }
        (None, Some(_)) => {
            s.mistake("key_file", "needs tls.certificate_file, the file with its certificate");
            None
        }
    }
}

/// The files have to be there and to fit each other, and the certificate should be one of the hosts that people and identity providers ask
/// for, at this time.
pub(super) fn agree(r: &mut Reader, files: &Files, server: &Server, admin: &Admin) {
    let of_operators = admin.public_url.as_ref().filter(|_| admin.bind.is_some());
    if let Some(url) = server.public_url.as_ref().filter(|url| url.starts_with("http://")) {
        r.section("server").mistake(
            "public_url",
            format!("`{url}` is plain http, and with tls.certificate_file this server speaks TLS: write https://"),
        );
    }
    let mut s = r.section("tls");
    let pair = match Pair::read(files) {
        Ok(pair) => pair,
        Err(Unfit::Certificate(why)) => return s.at_start("certificate_file", why),
        Err(Unfit::Key(why)) => return s.at_start("key_file", why),
    };
    let path = files.certificate.display();
    if let Some(why) = pair.not_current(Clock::of_the_machine().now()) {
        s.warn("certificate_file", format!("the certificate in `{path}` {why}: clients refuse it. Renew it"));
    }
    for (setting, url) in [("server.public_url", server.public_url.as_ref()), ("admin.public_url", of_operators)] {
        let host = url.and_then(|url| Url::parse(url).ok()?.host_str().map(str::to_owned));
        if let Some(host) = host.filter(|host| !pair.covers(host)) {
            let why = format!(
                "the certificate in `{path}` is not one of {host}, the host of {setting}: clients that ask for it refuse the certificate"
            );
            s.warn("certificate_file", why);
        }
    }
}
