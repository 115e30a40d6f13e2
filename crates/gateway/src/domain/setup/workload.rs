//! Entra's workload identity: by what the customer's administrator types on their setup page, Entra is known by the tokens that their tenant
//! signs (RFC 7523), and no secret exists.
//!
//! Only issuers of Microsoft's are taken: a setup page is no place from which this server is sent to any address.

use serde_json::{Value, json};

/// Where Microsoft signs tokens, in each of its clouds.
const HOSTS: [&str; 3] = ["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"];
/// No value that Entra shows is longer.
const LONGEST: usize = 500;

/// The four values as they are typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// `Issuer`
    pub issuer: String,
    /// `Subject`
    pub subject: String,
    /// `Audience`
    pub audience: String,
    /// `JWKS URL`
    pub jwks_url: String,
}

/// The same, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    issuer: String,
    subject: String,
    audience: String,
    jwks_uri: String,
}

impl Workload {
    /// Reads what was typed; else what is wrong, in a sentence for each field.
    pub fn parse(typed: &Typed) -> Result<Workload, Vec<(&'static str, String)>> {
        let mut wrong = Vec::new();
        let mut text = |field: &'static str, typed: &str| {
            let text = typed.trim();
            if text.is_empty() {
                wrong.push((field, "is missing: copy it from Entra".to_owned()));
            } else if text.len() > LONGEST || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
                wrong.push((field, "is one value without spaces: copy it alone".to_owned()));
            }
            text.to_owned()
        };
        let issuer = text("issuer", &typed.issuer);
        let subject = text("subject", &typed.subject);
        let audience = text("audience", &typed.audience);
        let jwks_uri = text("jwks_url", &typed.jwks_url);
        let is_told = |wrong: &[(&str, String)], field: &str| wrong.iter().any(|(told, _)| *told == field);
        if !is_told(&wrong, "issuer") && tenant(&issuer).is_none() {
            let right = format!("https://{}/{{tenant}}/v2.0", HOSTS[0]);
            wrong.push(("issuer", format!("is no issuer of Entra: it looks like {right}")));
        }
        if !is_told(&wrong, "jwks_url") && path(&jwks_uri).is_none() {
            let right = format!("https://{}/{{tenant}}/discovery/v2.0/keys", HOSTS[0]);
            wrong.push(("jwks_url", format!("is no address of Entra's keys: it looks like {right}")));
        }
        if !is_told(&wrong, "subject") && subject.contains("://") {
            wrong.push(("subject", "is an address: the subject is an ID, as 9a3f0c52-…".to_owned()));
        }
        match wrong.is_empty() {
            true => Ok(Workload { issuer, subject, audience, jwks_uri }),
            false => Err(wrong.into_iter().map(|(field, why)| (field, format!("{} {why}.", label(field)))).collect()),
        }
    }

    /// As a client is registered with it.
    pub fn to_federation(&self) -> Value {
        json!({
            "issuer": self.issuer, "subject": self.subject, "audience": self.audience, "jwks_uri": self.jwks_uri,
        })
    }
}

/// What Entra calls a field.
pub fn label(field: &str) -> &'static str {
    match field {
        "issuer" => "Issuer",
        "jwks_url" => "JWKS URL",
        "subject" => "Subject",
        _ => "Audience",
    }
}

/// The path of an address of Microsoft's.
fn path(address: &str) -> Option<&str> {
    let (host, path) = address.strip_prefix("https://")?.split_once('/')?;
    HOSTS.contains(&host).then_some(path)
}

/// The tenant of an issuer.
fn tenant(issuer: &str) -> Option<&str> {
    let tenant = path(issuer)?.strip_suffix("/v2.0")?;
    let fits = !tenant.is_empty() && tenant.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    fits.then_some(tenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Typed {
        Typed {
            issuer: " https://login.microsoftonline.com/5b1c-77/v2.0 ".to_owned(),
            subject: "9a3f0c52".to_owned(),
            audience: "api://6c0d".to_owned(),
            jwks_url: "https://login.microsoftonline.com/5b1c-77/discovery/v2.0/keys".to_owned(),
        }
    }

    #[test]
    fn the_four_values_of_entra_are_read_and_no_others() {
        let workload = Workload::parse(&typed()).expect("it is right");
        assert_eq!(workload.to_federation()["issuer"], "https://login.microsoftonline.com/5b1c-77/v2.0");
        let wrong = |change: fn(&mut Typed)| {
            let mut typed = typed();
            change(&mut typed);
            Workload::parse(&typed).expect_err("it is wrong").into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        for issuer in [
            "https://evil.example/5b1c/v2.0",
            "https://login.microsoftonline.com.evil.example/5b1c/v2.0",
            "https://login.microsoftonline.com@evil.example/5b1c/v2.0",
            "https://login.microsoftonline.com:8080/5b1c/v2.0",
            "http://login.microsoftonline.com/5b1c/v2.0",
            "https://login.microsoftonline.com/v2.0",
            "https://login.microsoftonline.com/a/b/v2.0",
            "5b1c",
        ] {
            let mut typed = typed();
            issuer.clone_into(&mut typed.issuer);
            assert_eq!(Workload::parse(&typed).expect_err(issuer)[0].0, "issuer", "{issuer}");
        }
        assert_eq!(wrong(|typed| typed.jwks_url = "https://10.0.0.1/keys".to_owned()), ["jwks_url"]);
        assert_eq!(wrong(|typed| typed.subject = "Subject 9a3f".to_owned()), ["subject"]);
        assert_eq!(wrong(|typed| typed.subject.clone_from(&typed.issuer)), ["subject"]);
        assert_eq!(wrong(|typed| *typed = Typed::default()), ["issuer", "subject", "audience", "jwks_url"]);
    }
}
