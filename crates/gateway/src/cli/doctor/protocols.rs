//! TLS, OpenID Connect discovery, OAuth 2.0 and SCIM, as they are seen from outside.

use chrono::DateTime;
use serde_json::Value;
use url::Url;

use super::probe::{Got, Probe, Sent};
use super::{Findings, base};
use crate::domain::wording::beginning;

/// Clocks may differ by so many seconds;
const UNNOTICED: i64 = 30;
/// by more, tokens are refused.
const TOLERATED: i64 = 300;
/// What is said of a certificate of no known authority; the last is one that signed itself.
const UNTRUSTED: [&str; 4] = ["unknownissuer", "unknown issuer", "self-signed", "causedasendentity"];
/// A token that no server has given.
const NO_TOKEN: &str = "gateway-doctor";
const NO_USER: &str = "/scim/v2/Users/00000000-0000-4000-8000-000000000000";

pub(super) async fn look(probe: &Probe, url: &Url, findings: &mut Findings) {
    let base = base(url);
    let discovery = format!("{base}/.well-known/openid-configuration");
    let got = match probe.get(&discovery).await {
        Ok(got) => got,
        Err(why) => {
            let (check, what_to_do) = unreached(url, &why);
            findings.fail(check, why, what_to_do);
            return;
        }
    };
    if got.is_over_tls {
        findings.ok("tls", "the chain of certificates is trusted, and the name is right");
    }
    clear_text(probe, url, findings).await;
    clock(&got, findings);
    match got.json().filter(|_| got.status == 200) {
        Some(document) => {
            findings.ok("discovery", format!("{discovery} answers"));
            described(probe, url, &document, findings).await;
        }
        None => {
            let what_to_do = "Let the proxy pass every path below the public URL on to the gateway, and check that this is that URL.";
            findings.fail("discovery", format!("{discovery} answered {}", short(&got)), what_to_do);
        }
    }
    pages(probe, url, findings).await;
    scim(probe, base, findings).await;
}

/// What an answer is, in a few words.
fn short(got: &Got) -> String {
    let by = if got.is_of_gateway() { "" } else { ", and not by the gateway: it has no X-Request-Id" };
    let begins = beginning(got.body.trim(), 60).replace(['\n', '\r'], " ");
    if begins.is_empty() { format!("{}{by}", got.status) } else { format!("{}{by}: {begins}", got.status) }
}

/// Which check failed where nothing was answered, and what to do.
fn unreached(url: &Url, why: &str) -> (&'static str, &'static str) {
    let has = |words: &[&str]| words.iter().any(|word| why.to_lowercase().contains(word));
    match url.scheme() == "https" {
        true if has(&UNTRUSTED) => (
            "tls",
            "Let the proxy send the whole chain: its certificate and the intermediate ones (fullchain.pem), of an authority that identity \
             providers know.",
        ),
        true if has(&["expired"]) => ("tls", "Renew the certificate, and have the proxy read it again."),
        true if has(&["not valid for", "notvalidforname", "name"]) && has(&["certificate"]) => {
            ("tls", "Get a certificate that has this host name among its names.")
        }
        true if has(&["certificate", "handshake", "tls", "alert"]) => {
            ("tls", "Mend the certificate or the TLS settings of the proxy: TLS 1.2 or 1.3 is spoken here.")
        }
        _ => ("answer", "The port is open, but no HTTP server answers there. Start it, or look at the proxy's log."),
    }
}

/// What is answered without TLS.
async fn clear_text(probe: &Probe, url: &Url, findings: &mut Findings) {
    if url.scheme() != "https" || url.port().is_some() {
        return;
    }
    let mut clear = url.clone();
    let _ = clear.set_scheme("http");
    let page = format!("{}/oauth2/auth", base(&clear));
    match probe.get(&page).await {
        Err(_) => findings.ok("http", "nothing answers without TLS"),
        Ok(got) => match (got.status, got.header("location").starts_with("https://")) {
            (301 | 302 | 307 | 308, true) => findings.ok("http", "what browsers open is redirected to https"),
            (400..=499, _) if !got.is_of_gateway() => findings.ok("http", format!("refused without TLS, with {}", got.status)),
            _ => findings.warn(
                "http",
                format!("{page} answered {}", short(&got)),
                "Let the proxy redirect what browsers open to https, and refuse the rest: a secret that was sent in clear is none any more.",
            ),
        },
    }
}

/// How far this machine's clock and the server's are apart.
fn clock(got: &Got, findings: &mut Findings) {
    let Ok(date) = DateTime::parse_from_rfc2822(got.header("date")) else {
        findings.warn("clock", "the answer has no Date", "Let the proxy pass it on (RFC 9110 §6.6.1).");
        return;
    };
    // It has whole seconds.
    let apart = (date.timestamp_millis() + 500 - got.at.millis()) / 1000;
    let way = if apart < 0 { "behind" } else { "ahead of" };
    let found = format!("the server's clock is {} seconds {way} this machine's", apart.abs());
    let what_to_do = "Set both by NTP: identity providers refuse tokens that are not valid yet, or not any more.";
    if apart.abs() <= UNNOTICED {
        findings.ok("clock", found);
    } else if apart.abs() <= TOLERATED {
        findings.warn("clock", found, what_to_do);
    } else {
        findings.fail("clock", found, what_to_do);
    }
}

/// The issuer, and the endpoints that the discovery document names.
async fn described(probe: &Probe, url: &Url, document: &Value, findings: &mut Findings) {
    let base = base(url);
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    match text("issuer") {
        issuer if issuer == base => findings.ok("issuer", format!("it is {base}")),
        issuer => findings.fail(
            "issuer",
            format!("it is {issuer}, and not {base}"),
            format!("Set server.public_url (GATEWAY__SERVER__PUBLIC_URL) to {base}, or have identity providers use {issuer}."),
        ),
    }
    let fields = document.as_object().into_iter().flatten();
    let elsewhere: Vec<&str> = fields
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .filter_map(|(_, value)| value.as_str())
        .filter(|place| !place.starts_with(&format!("{base}/")))
        .collect();
    if !elsewhere.is_empty() {
        findings.fail(
            "endpoints",
            format!("not below {base}: {}", elsewhere.join(", ")),
            "Set server.public_url to this address.",
        );
    }
    if !url.path().trim_matches('/').is_empty() {
        behind_a_path(probe, url, findings).await;
    }
    match probe.get(text("jwks_uri")).await {
        Ok(got) => match got.json().and_then(|keys| keys["keys"].as_array().map(Vec::len)) {
            Some(count) if count > 0 => findings.ok("keys", format!("{count} keys to verify signatures with")),
            _ => findings.fail(
                "keys",
                format!("{} answered {}", text("jwks_uri"), short(&got)),
                "Let the proxy pass this path on.",
            ),
        },
        Err(why) => findings.fail("keys", format!("{}: {why}", text("jwks_uri")), "Let the proxy pass this path on."),
    }
    let sent =
        Sent { body: Some(("application/x-www-form-urlencoded", "grant_type=client_credentials")), bearer: None };
    match probe.ask("POST", text("token_endpoint"), sent).await {
        Ok(got) if matches!(got.status, 400 | 401) && got.json().is_some_and(|told| told["error"].is_string()) => {
            findings.ok("token", "the token endpoint takes forms, and refuses one without a client");
        }
        Ok(got) => findings.fail(
            "token",
            format!("{} answered {}", text("token_endpoint"), short(&got)),
            "Let the proxy pass POST with a form on to the gateway: identity providers fetch their tokens there.",
        ),
        Err(why) => {
            findings.fail("token", format!("{}: {why}", text("token_endpoint")), "Let the proxy pass this path on.")
        }
    }
}

/// RFC 8414 §3.1 looks for the metadata before the issuer's path.
async fn behind_a_path(probe: &Probe, url: &Url, findings: &mut Findings) {
    let mut place = url.clone();
    place.set_path(&format!("/.well-known/oauth-authorization-server{}", url.path().trim_end_matches('/')));
    match probe.get(place.as_str()).await {
        Ok(got) if got.status == 200 && got.json().is_some() => findings.ok("metadata", format!("{place} answers")),
        Ok(got) => findings.warn(
            "metadata",
            format!("{place} answered {}", short(&got)),
            "RFC 8414 looks for the metadata there: let the proxy pass this path on too.",
        ),
        Err(why) => {
            findings.warn("metadata", format!("{place}: {why}"), "Let the proxy pass this path on too (RFC 8414 §3.1).")
        }
    }
}

/// What browsers open: the authorization endpoint, and where OpenID providers send them back to.
async fn pages(probe: &Probe, url: &Url, findings: &mut Findings) {
    let base = base(url);
    for (check, path, whose) in [
        ("authorization", "/oauth2/auth?client_id=gateway-doctor", "the page of an unknown client"),
        ("callback", "/login/callback?state=gateway-doctor", "the page of a log-in that was not begun"),
    ] {
        match probe.get(&format!("{base}{path}")).await {
            Ok(got) if got.is_of_gateway() && got.status < 500 => {
                findings.ok(check, format!("{whose} comes from the gateway"));
                if check == "authorization" {
                    headers(&got, url, findings);
                }
            }
            Ok(got) => findings.fail(
                check,
                format!("{base}{path} answered {}", short(&got)),
                "Let the proxy pass it on with its query: browsers of the customer's administrators and users come there.",
            ),
            Err(why) => findings.fail(check, format!("{base}{path}: {why}"), "Let the proxy pass it on."),
        }
    }
}

/// What protects pages, unless a proxy takes it away.
fn headers(got: &Got, url: &Url, findings: &mut Findings) {
    let mut missing = Vec::new();
    let mut wanted = vec![
        ("Content-Security-Policy", "frame-ancestors"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ];
    if url.scheme() == "https" {
        wanted.push(("Strict-Transport-Security", "max-age="));
    }
    for (name, word) in wanted {
        if !got.header(name).to_lowercase().contains(&word.to_lowercase()) {
            missing.push(name);
        }
    }
    match missing.is_empty() {
        true => findings.ok("headers", "pages come with what protects them"),
        false => findings.warn(
            "headers",
            format!("pages come without {}", missing.join(", ")),
            "The gateway sends it: let the proxy pass it on as it is.",
        ),
    }
}

/// The SCIM endpoint: what it says of itself, and whether methods, headers and filters reach it.
async fn scim(probe: &Probe, base: &str, findings: &mut Findings) {
    let config = format!("{base}/scim/v2/ServiceProviderConfig");
    match probe.get(&config).await {
        Ok(got) if got.status == 200 && got.json().is_some_and(|told| told["patch"]["supported"] == true) => {
            findings.ok("scim", format!("{config} answers"));
        }
        Ok(got) if got.status == 401 && got.is_of_gateway() => {
            findings.ok("scim", format!("{config} asks for a token"))
        }
        Ok(got) => findings.fail(
            "scim",
            format!("{config} answered {}", short(&got)),
            "Let the proxy pass /scim/v2 on to the gateway.",
        ),
        Err(why) => findings.fail("scim", format!("{config}: {why}"), "Let the proxy pass /scim/v2 on to the gateway."),
    }
    let users =
        format!("{base}/scim/v2/Users?filter=userName%20eq%20%22o'brien%40acme.example%22&startIndex=1&count=1");
    match probe.ask("GET", &users, Sent { bearer: Some(NO_TOKEN), body: None }).await {
        Ok(got) if got.status == 401 && got.header("www-authenticate").contains("invalid_token") => {
            findings.ok("token passing", "the Authorization header and filters reach the gateway");
        }
        Ok(got) if got.status == 401 && got.is_of_gateway() => findings.fail(
            "token passing",
            "the gateway gets no Authorization header",
            "Let the proxy pass it on: without it no identity provider is let in.",
        ),
        Ok(got) => findings.fail(
            "token passing",
            format!("{users} answered {}", short(&got)),
            "Let the proxy pass filters on as they are; a firewall may take a quotation mark for an attack.",
        ),
        Err(why) => findings.fail("token passing", why, "Let the proxy pass /scim/v2 on to the gateway."),
    }
    let mut refused = Vec::new();
    for (method, body) in [
        ("PATCH", Some(("application/scim+json", "{}"))),
        ("PUT", Some(("application/scim+json", "{}"))),
        ("DELETE", None),
    ] {
        let sent = Sent { bearer: Some(NO_TOKEN), body };
        match probe.ask(method, &format!("{base}{NO_USER}"), sent).await {
            Ok(got) if got.status == 401 && got.is_of_gateway() => {}
            Ok(got) => refused.push(format!("{method}: {}", short(&got))),
            Err(why) => refused.push(format!("{method}: {why}")),
        }
    }
    match refused.is_empty() {
        true => findings.ok("methods", "PATCH, PUT and DELETE reach the gateway"),
        false => findings.fail(
            "methods",
            refused.join("; "),
            "Let the proxy pass these methods on with application/scim+json: identity providers change and delete users by them.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpResponse, HttpServer, web};

    use super::super::State;
    use super::*;

    /// What is found where a server answers everything with this.
    fn seen(answer: fn() -> HttpResponse) -> Vec<(&'static str, State, String)> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        actix_web::rt::System::new().block_on(async {
            let app = move || App::new().default_service(web::to(move || async move { answer() }));
            let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
            let url = Url::parse(&format!("http://{}", server.addrs()[0])).unwrap();
            let server = server.run();
            let handle = server.handle();
            actix_web::rt::spawn(server);
            let mut findings = Findings::default();
            look(&Probe::new().unwrap(), &url, &mut findings).await;
            handle.stop(true).await;
            let said = |finding: super::super::Finding| {
                (finding.check, finding.state, finding.found + &finding.what_to_do.unwrap_or_default())
            };
            findings.0.into_iter().map(said).collect()
        })
    }

    #[test]
    fn what_a_proxy_answers_or_takes_away_is_told_apart_from_the_gateway() {
        let refused = seen(|| HttpResponse::Forbidden().body("<h1>Request blocked</h1>"));
        for check in ["discovery", "authorization", "callback", "scim", "token passing", "methods"] {
            let (_, state, said) = refused.iter().find(|(name, ..)| *name == check).expect(check);
            assert!(*state == State::Failed && said.contains("not by the gateway"), "{check}: {said}");
        }
        assert!(refused.iter().any(|(check, state, _)| *check == "clock" && *state == State::Ok), "{refused:?}");
        let without = seen(|| {
            HttpResponse::Unauthorized()
                .insert_header(("X-Request-Id", "1"))
                .insert_header(("WWW-Authenticate", "Bearer realm=\"gateway\""))
                .finish()
        });
        let passing = without.iter().find(|(check, ..)| *check == "token passing").expect("it was looked at");
        assert!(passing.2.contains("gets no Authorization header"), "{passing:?}");
        let headers = without.iter().find(|(check, ..)| *check == "headers").expect("they were looked at");
        assert!(headers.1 == State::Warning && headers.2.contains("Content-Security-Policy"), "{headers:?}");
    }

    #[test]
    fn what_failed_of_tls_is_said_with_what_to_do() {
        let url = Url::parse("https://gateway.example").unwrap();
        let told = |why: &str| unreached(&url, why);
        assert!(told("invalid peer certificate: UnknownIssuer").1.contains("fullchain.pem"));
        assert!(told("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))").1.contains("of an authority"));
        assert!(told("invalid peer certificate: Expired").1.contains("Renew"));
        assert!(told("invalid peer certificate: certificate not valid for name \"a\"").1.contains("among its names"));
        assert_eq!(told("received fatal alert: HandshakeFailure").0, "tls");
        assert_eq!(told("connection closed before message completed").0, "answer");
        assert_eq!(unreached(&Url::parse("http://gateway.example").unwrap(), "certificate").0, "answer");
    }
}
