//! The guides in `docs/` are written from the same data as the setup pages.

use std::fmt::Write as _;

use super::text::{Piece, filled};
use super::view::{ShownPart, ShownValue, parts};
use super::{Form, Guide, Saml, Values};
use crate::domain::labels::Called;
use crate::domain::setup_link::Provider;
use crate::domain::written::says;

const BEGIN: &str = "<!-- The steps are written by a test of crates/gateway/src/domain/setup/markdown.rs: REWRITE=1 cargo test -p gateway --lib setup -->\n";
const END: &str = "<!-- The end of the steps. -->\n";

/// What the guides in `docs/` are written with.
pub(super) fn sample() -> Values {
    const URL: &str = "https://provisioning.example.com";
    let value = |value: &str| Called { value: value.to_owned(), ..Called::default() };
    Values {
        vendor: "Exampla".to_owned(),
        provider: "Okta",
        origin: URL.to_owned(),
        scim_base: format!("{URL}/scim/v2"),
        token_url: format!("{URL}/oauth2/token"),
        authorization_url: format!("{URL}/oauth2/auth?scope=openid offline provision:scim"),
        client_id: "the client ID".to_owned(),
        saml: Some(Saml {
            acs_url: "https://app.example.com/saml/consume".to_owned(),
            audience: "https://app.example.com/saml".to_owned(),
            other_acs_url: Some("app.example.com/saml/consume".to_owned()),
        }),
        revocation_endpoint: format!("{URL}/signals/the-account/global-token-revocation"),
        has_signals: false,
        service_account: "okta-provisioning".to_owned(),
        roles: [
            "master_admin",
            "admin",
            "technical_admin",
            "billing",
            "reports",
            "media_library_admin",
            "media_library_user",
        ]
        .map(value)
        .into(),
        environments: Some(vec![value("acme-prod"), value("acme-stage")]),
        separator: Some(';'),
    }
}

fn line(pieces: &[Piece]) -> String {
    pieces.iter().fold(String::new(), |mut line, piece| {
        match piece {
            Piece::Words(words) => line.push_str(words),
            Piece::Bold(words) => write!(line, "**{words}**").unwrap(),
            Piece::Code(code) => write!(line, "`{code}`").unwrap(),
            Piece::Link(words, _) => line.push_str(words),
        }
        line
    })
}

fn steps(guide: &Guide) -> String {
    let values = Values { provider: guide.provider.name(), ..sample() };
    let mut page = String::new();
    let mut section = "";
    for (at, step) in guide.steps.iter().enumerate() {
        if section != step.section {
            section = step.section;
            write!(page, "\n## {section}\n").unwrap();
        }
        let optional = if step.optional { " (optional)" } else { "" };
        write!(page, "\n### {}. {}{optional}\n", at + 1, filled(step.title, &values)).unwrap();
        for part in parts(guide, step.parts, &values) {
            page.push('\n');
            write_part(&mut page, guide.provider, part);
        }
    }
    page.push('\n');
    page
}

fn write_part(page: &mut String, provider: Provider, part: ShownPart) {
    match part {
        ShownPart::Say(text) => writeln!(page, "{}", line(&text)).unwrap(),
        ShownPart::Heading(text) => writeln!(page, "**{text}**").unwrap(),
        ShownPart::Path(path) => writeln!(page, "{}: *{}*", path[0], path[1..].join(" › ")).unwrap(),
        ShownPart::List(items) => {
            for (n, item) in items.iter().enumerate() {
                writeln!(page, "{}. {}", n + 1, line(item)).unwrap();
            }
        }
        ShownPart::Table { caption, rows } => {
            page.push_str(&format!("| {caption} | | |\n|---|---|---|\n"));
            for row in rows {
                let value = match row.value {
                    ShownValue::Words(words) => words.join("; "),
                    ShownValue::Copy(text) => format!("`{text}`"),
                    ShownValue::Below => "revealed on the setup page, once".to_owned(),
                };
                let hint = if row.hint.is_empty() { String::new() } else { format!(" ({})", line(&row.hint)) };
                writeln!(page, "| {} | {} | {value}{hint} |", row.label, row.verb).unwrap();
            }
        }
        ShownPart::Facts(facts) => {
            facts.iter().for_each(|(name, text)| writeln!(page, "- **{name}**: {}", line(text)).unwrap());
        }
        ShownPart::Values { rows, .. } => {
            let values: Vec<String> = rows.iter().map(|called| format!("`{}`", called.value)).collect();
            writeln!(page, "Values: {}", values.join(", ")).unwrap();
        }
        ShownPart::Template { name, text } => write!(page, "{name}:\n\n```json\n{text}\n```\n").unwrap(),
        ShownPart::Drawing(_) => {
            page.pop(); // the page shows it
        }
        ShownPart::Form(form) => {
            let credential = provider.credential().name();
            let said = match form {
                Form::Password => "On the setup page: they choose the password of the service account.".to_owned(),
                Form::Credential => {
                    format!("On the setup page: **Reveal the {credential}** makes it and shows it once, to them alone.")
                }
                Form::VariableName => {
                    "On the setup page: they register the name. The redirect URIs follow from it.".to_owned()
                }
                Form::WorkloadIdentity => {
                    "On the setup page: they enter the four values. From then on tokens of their tenant count."
                        .to_owned()
                }
                Form::Checks => {
                    "On the setup page: what the server has seen, such as the first call and whether the role arrives."
                        .to_owned()
                }
            };
            writeln!(page, "{said}").unwrap();
        }
    }
}

#[test]
fn the_guides_say_what_the_setup_pages_say() {
    for provider in Provider::ALL {
        let guide = Guide::of(provider);
        says(&format!("docs/setup-{}.md", provider.as_str()), |page| {
            let (before, rest) = page.split_once(BEGIN).unwrap_or_else(|| panic!("{provider:?}: no beginning"));
            let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("{provider:?}: no end"));
            format!("{before}{BEGIN}{}{END}{after}", steps(guide))
        });
    }
}
