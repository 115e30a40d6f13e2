//! `gateway doctor URL`: what an identity provider sees of a server from outside, line by line, each with what to do.

use std::process::ExitCode;

use serde_json::{Value, json};
use url::Url;

use crate::domain::wording::strip_invisible;

mod answers;
mod greeting;
mod network;
mod probe;
mod protocols;

use probe::Probe;

/// What `gateway doctor` can be told.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The server's public URL, as identity providers have it.
    url: String,
    /// The id of a client whose health is looked at too, by an operator's token in GATEWAY_TOKEN or --token-file.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// A file with the operator's token; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// Where the admin API is, if it is not below the public URL.
    #[arg(long, value_name = "URL")]
    admin: Option<String>,
    /// Print the findings in JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ok,
    Warning,
    Failed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Failed => "failed",
        }
    }
}

/// What was found out.
#[derive(Debug)]
struct Finding {
    check: &'static str,
    state: State,
    found: String,
    what_to_do: Option<String>,
}

/// What was found out so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.0.push(Finding { check, state: State::Ok, found: found.into(), what_to_do: None });
    }

    fn warn(&mut self, check: &'static str, found: impl Into<String>, what_to_do: impl Into<String>) {
        self.note(check, State::Warning, found, what_to_do);
    }

    fn fail(&mut self, check: &'static str, found: impl Into<String>, what_to_do: impl Into<String>) {
        self.note(check, State::Failed, found, what_to_do);
    }

    fn note(&mut self, check: &'static str, state: State, found: impl Into<String>, what_to_do: impl Into<String>) {
        self.0.push(Finding { check, state, found: found.into(), what_to_do: Some(what_to_do.into()) });
    }

    fn worst(&self) -> State {
        self.0.iter().map(|finding| finding.state).max().unwrap_or(State::Ok)
    }

    /// For scripts.
    fn json(&self, url: &Url) -> Value {
        let checks = self.0.iter().map(|finding| {
            json!({"check": finding.check, "state": finding.state.word(), "found": finding.found, "what_to_do": finding.what_to_do})
        });
        json!({"url": url.as_str(), "state": self.worst().word(), "checks": checks.collect::<Vec<_>>()})
    }

    /// For people. What servers said is shown without what would change the terminal.
    fn text(&self) -> String {
        let mut text = String::new();
        for Finding { check, state, found, what_to_do } in &self.0 {
            text.push_str(&format!("{:<8} {check:<14} {}\n", state.word(), strip_invisible(found)));
            if let Some(what_to_do) = what_to_do {
                text.push_str(&format!("{:24}→ {}\n", "", strip_invisible(what_to_do)));
            }
        }
        let count = |state: State| self.0.iter().filter(|finding| finding.state == state).count();
        let (warnings, failed) = (count(State::Warning), count(State::Failed));
        text.push_str(&format!("\n{} checks, {warnings} warnings, {failed} failed\n", self.0.len()));
        text
    }
}

/// Looks at a server. The exit code is 0 if nothing failed, 1 if something did, 2 if this is no address of one.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let url = match address(&arguments.url) {
        Ok(url) => url,
        Err(why) => {
            eprintln!("gateway: {}: {why}, as in https://gateway.example", arguments.url);
            return ExitCode::from(2);
        }
    };
    let token = match super::remote::server::token(arguments.token_file.as_deref()) {
        Ok(token) => token,
        Err(why) => {
            eprintln!("gateway: {why}");
            return ExitCode::from(2);
        }
    };
    let mut findings = Findings::default();
    if network::look(&url, &mut findings) {
        greeting::look(&url, &mut findings);
        let looked = async {
            let probe = Probe::new()?;
            protocols::look(&probe, &url, &mut findings).await;
            let admin = arguments.admin.as_deref().map(|url| url.trim_end_matches('/'));
            answers::admin(&probe, base(&url), admin.filter(|admin| *admin != base(&url)), &mut findings).await;
            if token.is_some() || arguments.client.is_some() {
                let admin = arguments.admin.as_deref().unwrap_or(url.as_str()).trim_end_matches('/');
                answers::health(&probe, admin, token.as_deref(), arguments.client.as_deref(), &mut findings).await;
            }
            Ok::<_, String>(())
        };
        if let Err(why) = actix_web::rt::System::new().block_on(looked) {
            findings.fail("this machine", why, "Start it where other programs can connect.");
        }
    }
    match arguments.json {
        true => println!("{:#}", findings.json(&url)),
        false => print!("{}", findings.text()),
    }
    match findings.worst() {
        State::Failed => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// The public URL of a server, as the configuration takes it.
fn address(typed: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(typed).map_err(|_| "must be a URL")?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("must have no user, no query and no fragment");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// A URL without the slash at its end, as it is put before paths.
fn base(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_a_line_each_and_the_worst_decides() {
        let mut findings = Findings::default();
        findings.ok("dns", "gateway.example is 203.0.113.7");
        assert_eq!(findings.worst(), State::Ok);
        findings.warn("clock", "40 seconds \u{1b}[1mahead", "Set both by NTP.");
        findings.fail("issuer", "other", "Set server.public_url.");
        let text = findings.text();
        assert!(text.contains("ok       dns            gateway.example is 203.0.113.7\n"), "{text}");
        assert!(text.contains("40 seconds [1mahead") && text.contains("→ Set both by NTP."), "{text}");
        assert!(text.ends_with("3 checks, 1 warnings, 1 failed\n"), "{text}");
        let told = findings.json(&Url::parse("https://gateway.example").unwrap());
        assert_eq!((&told["state"], &told["checks"][1]["state"]), (&json!("failed"), &json!("warning")));
    }

    #[test]
    fn an_address_is_what_the_configuration_takes_for_one() {
        assert_eq!(base(&address("https://gateway.example/").unwrap()), "https://gateway.example");
        assert_eq!(base(&address("https://vendor.example/identity/").unwrap()), "https://vendor.example/identity");
        for wrong in ["gateway.example", "ftp://x", "https://a:b@x", "https://x?y", "https://x#y"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
