//! `[admin]`: an operator's token for automation, and a listener for operators.

use std::net::SocketAddr;

use super::public_url::{self, path_of};
use super::reader::Reader;
use super::server::{Server, address};
use crate::platform::secret_text::SecretText;

/// A token for automation, and a listener for operators.
#[derive(Debug, Clone)]
pub struct Admin {
    /// It counts beside those of `gateway operator create`.
    pub token: Option<SecretText>,
    /// Where the console and the admin API are served, and nowhere else.
    pub bind: Option<SocketAddr>,
    /// The base of their URLs, where it is not that of all.
    pub public_url: Option<String>,
}

pub(super) fn read(r: &mut Reader) -> Option<Admin> {
    let mut s = r.section("admin");
    let token = s.secret().optional(
        "token",
        "",
        "at least 16 visible ASCII characters",
        "An operator's token for automation, beside those that `gateway operator create` makes.",
        |text| admin_token(&text),
    );
    let in_file = s.secret_file(
        "token_file",
        "/run/secrets/gateway-admin-token",
        "In place of token: a file that holds it.",
        |text| admin_token(text.trim()),
    );
    let bind = s.optional(
        "bind",
        "127.0.0.1:8081",
        "HOST:PORT",
        "A listener of its own for operators: /console, /admin, /openapi and /metrics are [served there](#listeners), and nowhere else. Without it: on \
         the server's own.",
        address,
    );
    let public_url = s.optional(
        "public_url",
        "https://console.example.com",
        "URL",
        "The base of the URLs of the console and the admin API where operators reach them by another host than server.public_url: the address \
         of the proxy in front of admin.bind.",
        |text| public_url::parse(&text),
    );
    if token.is_some() && in_file.is_some() {
        r.mistake("admin.token and admin.token_file: set one of them");
    }
    Some(Admin { token: token.or(in_file), bind, public_url })
}

/// Where operators come has to suit where all others come: cookies are made for one scheme and one path.
pub(super) fn agree(r: &mut Reader, admin: &Admin, server: &Server, spoken: &str, metrics: Option<SocketAddr>) {
    let mut s = r.section("admin");
    for (name, other) in [("server.bind", Some(server.bind)), ("metrics.bind", metrics)] {
        if let Some(bind) = admin.bind.filter(|bind| bind.port() != 0 && Some(*bind) == other) {
            s.mistake("bind", format!("{bind} is {name} too; each listener needs an address of its own"));
        }
    }
    let Some(url) = &admin.public_url else { return };
    if admin.bind.is_none() {
        return s.warn("public_url", "has no effect without admin.bind");
    }
    let spoken = format!("{spoken}://");
    let of_all = server.public_url.as_deref().unwrap_or(&spoken);
    let scheme = |url: &str| url.split("://").next().map(str::to_owned);
    if scheme(url) != scheme(of_all) {
        s.mistake(
            "public_url",
            format!(
                "`{url}` and server.public_url have to be both https or both http: cookies are made for one of them"
            ),
        );
    }
    if path_of(url) != path_of(of_all) {
        s.mistake("public_url", format!("`{url}` has to have the path of server.public_url (`{}`)", path_of(of_all)));
    }
    if public_url::is_exposed(url) && !server.insecure_http {
        s.mistake(
            "public_url",
            format!("`{url}` is plain http, and operators' passwords and tokens would travel readable"),
        );
    }
}

fn admin_token(text: &str) -> Result<SecretText, String> {
    if text.len() < 16 {
        return Err(
            "is too short to be safe: use at least 16 characters, such as `openssl rand -hex 32` prints".to_owned()
        );
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("may only have visible ASCII characters, for it travels in a header".to_owned());
    }
    Ok(SecretText::new(text))
}
