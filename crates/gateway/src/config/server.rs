//! `[server]`: where the server listens, who it is, and what it grants each connection.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use super::proxies::{self, TrustedProxies};
use super::public_url::{self, is_exposed};
use super::reader::{Reader, Section, Unit};

/// Where the server listens, who it is, and what it grants each connection.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it listens.
    pub bind: SocketAddr,
    /// The issuer, and the base of every URL that is printed or answered.
    pub public_url: Option<String>,
    /// Whether plain http may leave the machine.
    pub insecure_http: bool,
    /// Threads that serve requests; 0: one for each core.
    pub workers: usize,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// How long a request may take to send its body.
    pub body_timeout: Duration,
    /// How long a connection may take to send the headers of its first request.
    pub header_timeout: Duration,
    /// How long a client may take nothing of its answer.
    pub write_timeout: Duration,
    /// How long SIGTERM lets connections end by themselves.
    pub drain_time: Duration,
    /// The most connections from one address; `None`: half of all.
    pub connections_per_address: Option<usize>,
    /// What requests and answers may take.
    pub memory: Memory,
}

/// How many bytes requests and answers may take while they are worked on and on their way.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Of all accounts.
    pub all: usize,
    /// Of one.
    pub of_one_account: usize,
}

pub(super) fn read(r: &mut Reader) -> Option<Server> {
    let mut s = r.section("server");
    let bind = s.text("bind", "127.0.0.1:8080", "HOST:PORT", "Where the server listens.", address);
    let public_url = s.optional(
        "public_url",
        "https://provisioning.example.com",
        "URL",
        "The issuer, and the base of every URL that is printed or answered: the https address of your proxy. It may have \
         [a path](#below-a-path), but no query and no fragment. Without it: http:// and what is bound.",
        |text| public_url::parse(&text),
    );
    let insecure_http = s.flag(
        "insecure_http",
        false,
        "Accept a public_url that is plain http and does not stay on this machine. For a closed test network only.",
    );
    let workers = s.number("workers", 0, 0..=1024, Unit::None, "Threads that serve requests; 0: one for each core.");
    let trusted_proxies = s.list(
        "trusted_proxies",
        &[],
        "addresses and networks, such as 10.0.0.7, 172.16.0.0/12, 2001:db8::/32",
        "Reverse proxies whose X-Forwarded-For is believed, for the audit trail and for throttling, and whose X-Request-Id is taken over ([how](#behind-a-proxy)).",
        |text| proxies::network(&text),
    );
    let body_timeout = s.time(
        "body_seconds",
        60,
        1..=3600,
        Unit::Seconds,
        "How long a request may take to send its body; then it is refused, and the connection closed.",
    );
    let header_timeout = s.time(
        "header_seconds",
        10,
        1..=3600,
        Unit::Seconds,
        "How long a connection may take to send the headers of its first request.",
    );
    let write_timeout = s.time(
        "write_seconds",
        30,
        1..=3600,
        Unit::Seconds,
        "How long a client may take nothing of its answer; then the connection is given up.",
    );
    let connections_per_address = s.number(
        "connections_per_address",
        0,
        0..=100_000,
        Unit::None,
        "Connections that one address may have, unless it is a trusted proxy's; more are closed at once. 0: half of what the limit of \
         open files, which is raised at the start as far as the system allows, leaves for all.",
    );
    let memory = memory(&mut s);
    let drain_time = s.time(
        "drain_seconds",
        5,
        0..=300,
        Unit::Seconds,
        "After SIGTERM: how long the server says that it is not ready, and closes each connection with its answer, before it accepts no \
         more. It ends early when no connection is open. SIGINT, and a second signal, skip this.",
    );
    let insecure_http = insecure_http?;
    if let Some(name) = public_url.as_deref().and_then(public_url::host_that_okta_refuses) {
        let why = format!(
            "the host name {name} has an underscore, which Okta refuses in every URL of an integration; other identity providers take it. Give the \
             server a name with letters, digits and hyphens"
        );
        s.warn("public_url", why);
    }
    if let Some(url) = public_url.as_deref().filter(|url| !insecure_http && is_exposed(url)) {
        let why = format!(
            "`{url}` is plain http, and passwords and tokens would travel readable; put a proxy with TLS in front and use its https:// \
             address. (server.insecure_http = true allows it in a closed test network.)"
        );
        s.mistake("public_url", why);
    }
    if let Some(bind) = bind.filter(|bind| !bind.ip().is_loopback() && !insecure_http)
        && !r.is_set("server.public_url")
    {
        r.at_start(no_public_url(bind));
    }
    Some(Server {
        bind: bind?,
        public_url,
        insecure_http,
        workers: workers?,
        trusted_proxies: trusted_proxies.map(TrustedProxies::new)?,
        body_timeout: body_timeout?,
        header_timeout: header_timeout?,
        write_timeout: write_timeout?,
        drain_time: drain_time?,
        connections_per_address: connections_per_address.map(|most: usize| Some(most).filter(|most| *most > 0))?,
        memory: memory?,
    })
}

fn memory(s: &mut Section<'_>) -> Option<Memory> {
    let all = s.bytes(
        "in_flight_mib",
        384,
        16..=1 << 20,
        Unit::Mib,
        "What SCIM requests and their answers of all accounts may take in memory at one time, until the network has taken the last of \
         an answer. Beyond it: 503 with Retry-After ([why](decisions/0039-what-may-a-request-take-in-memory.md)).",
    );
    let of_one = s.bytes(
        "account_in_flight_mib",
        128,
        8..=1 << 20,
        Unit::Mib,
        "The same of one account; at most three quarters of in_flight_mib. Beyond it: 429 with Retry-After.",
    );
    let (all, of_one) = (all?, of_one?);
    if of_one > all / 4 * 3 {
        s.mistake(
            "account_in_flight_mib",
            "at most three quarters of server.in_flight_mib, or one account could take what is kept for the others",
        );
        return None;
    }
    Some(Memory { all, of_one_account: of_one })
}

/// It listens on all interfaces, and its public URL is not configured.
pub(crate) fn no_public_url(bind: SocketAddr) -> String {
    format!(
        "server.public_url is missing: listening on {bind}, this server cannot know the address that people and identity providers use. Set \
         it to the https:// address of your proxy; on your own machine, to http://localhost:PORT"
    )
}

pub(super) fn address(text: String) -> Result<SocketAddr, String> {
    let mut found = text
        .to_socket_addrs()
        .map_err(|_| format!("`{text}` is not an address to listen on: write HOST:PORT, as in 127.0.0.1:8080"))?;
    found.next().ok_or_else(|| format!("`{text}` names no address"))
}
