//! What is for operators: whether it is reached from here, and what it says of the health of clients.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::probe::{Probe, Sent};
use super::{Findings, State};

/// Whether operators' doors are open at the public URL. They are on a listener of their own if the admin API is said to be elsewhere.
pub(super) async fn admin(probe: &Probe, base: &str, elsewhere: Option<&str>, findings: &mut Findings) {
    let mut open = Vec::new();
    for path in ["/admin/accounts", "/console/login"] {
        let url = format!("{base}{path}");
        if probe.get(&url).await.is_ok_and(|got| got.is_of_gateway() && matches!(got.status, 200..=399 | 401 | 403)) {
            open.push(url);
        }
    }
    let listed = open.join(" and ");
    match (open.is_empty(), elsewhere) {
        (true, _) => findings.ok("admin", "the admin API and the console are not reached from here"),
        (false, None) => findings.ok(
            "admin",
            format!("reached from here, where an operator's token or password is asked for: {listed}. admin.bind serves both elsewhere only"),
        ),
        (false, Some(elsewhere)) => findings.fail(
            "admin",
            format!("the admin API is at {elsewhere}, and it is reached from here too: {listed}"),
            "Set admin.bind (GATEWAY__ADMIN__BIND), and let no proxy in front of the public URL lead /admin, /console, /openapi or /metrics there.",
        ),
    }
}

/// How clients are: one, or all that the operator reaches.
pub(super) async fn health(
    probe: &Probe,
    admin: &str,
    token: Option<&str>,
    client: Option<&str>,
    findings: &mut Findings,
) {
    let Some(token) = token else {
        findings.fail(
            "client",
            "how a client is, is told to operators alone",
            "Set GATEWAY_TOKEN to an operator's token, or say --token-file FILE.",
        );
        return;
    };
    let path = match client {
        Some(id) => format!("/admin/clients/{}/health", utf8_percent_encode(id, NON_ALPHANUMERIC)),
        None => "/admin/health?limit=1000".to_owned(),
    };
    let url = format!("{admin}{path}");
    let told = match probe.ask("GET", &url, Sent { bearer: Some(token), body: None }).await {
        Ok(got) if got.status == 200 => got.json().unwrap_or_default(),
        Ok(got) => {
            let detail = got.json().and_then(|told| told["detail"].as_str().map(str::to_owned));
            let found = format!("{url} answered {}: {}", got.status, detail.unwrap_or_default());
            findings.fail(
                "client",
                found,
                "Use the token of an operator who may read, and --admin if the admin API is elsewhere.",
            );
            return;
        }
        Err(why) => {
            findings.fail("client", format!("{url}: {why}"), "Say --admin URL if the admin API is elsewhere.");
            return;
        }
    };
    match told["items"].as_array() {
        Some(all) if all.is_empty() => findings.ok("clients", "there are none yet"),
        Some(all) => all.iter().for_each(|one| judged(one, findings)),
        None => judged(&told, findings),
    }
}

fn judged(told: &Value, findings: &mut Findings) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let whose = match &told["account_name"] {
        Value::String(account) => format!("{} of {account}", text(&told["client_name"])),
        _ => text(&told["client_name"]),
    };
    let last = match told["last_request"]["at"].as_str() {
        Some(at) => format!("last there {at}"),
        None => "never there".to_owned(),
    };
    let reasons = told["reasons"].as_array().into_iter().flatten();
    let wrong: Vec<&Value> =
        reasons.filter(|reason| reason["severity"] == "broken" || reason["severity"] == "attention").collect();
    if wrong.is_empty() {
        findings.ok("client", format!("{whose}: {}, {last}", text(&told["state"]).replace('_', " ")));
    }
    for reason in wrong {
        let state = if reason["severity"] == "broken" { State::Failed } else { State::Warning };
        findings.note("client", state, format!("{whose}: {}", text(&reason["sentence"])), text(&reason["what_to_do"]));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_reason_is_a_finding() {
        let mut findings = Findings::default();
        judged(
            &json!({"client_name": "Okta", "account_name": "acme", "state": "ok", "reasons": [], "last_request": {"at": "T"}}),
            &mut findings,
        );
        assert_eq!(findings.0[0].found, "Okta of acme: ok, last there T");
        let reasons = json!([{"severity": "broken", "sentence": "It is refused.", "what_to_do": "Do."}, {"severity": "information"}]);
        judged(
            &json!({"client_name": "Okta", "account_name": null, "state": "broken", "reasons": reasons}),
            &mut findings,
        );
        assert_eq!((findings.0.len(), findings.worst()), (2, State::Failed));
        assert_eq!(findings.0[1].what_to_do.as_deref(), Some("Do."));
    }
}
