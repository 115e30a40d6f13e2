//! The variable name of an Okta app, as administrators type it: with spaces around, in quotation marks, or inside an address.

use crate::domain::profiles::AppName;

/// The name that is meant, or why it cannot be one, with what would be right.
pub fn parse(typed: &str) -> Result<AppName, String> {
    let text = typed.trim().trim_matches(['"', '\'', '`', '“', '”', '‘', '’']).trim();
    if text.is_empty() {
        return Err("Type the variable name. It looks like acmemedia_scim_1.".to_owned());
    }
    if text.contains("://") || text.contains("okta.com") || text.contains('/') {
        return in_address(text);
    }
    let shown: String = text.chars().take(60).collect();
    if text.contains(char::is_whitespace) {
        return Err(format!(
            "“{shown}” is the display name. The variable name is below it in the Profile Editor and has no spaces."
        ));
    }
    if text.starts_with("0oa") && !text.contains('_') {
        return Err(format!(
            "“{shown}” is the ID of the app. The variable name is in Directory › Profile Editor and looks like acmemedia_scim_1."
        ));
    }
    let name = text.split_once('.').map_or(text, |(app, _)| app);
    AppName::parse(name).map_err(|_| {
        format!("“{shown}” has characters that no variable name has: letters, digits and underscores, as in acmemedia_scim_1.")
    })
}

/// Okta's addresses have the name after `/app/`, or after `/app/cpc/`.
fn in_address(address: &str) -> Result<AppName, String> {
    let segments: Vec<&str> = address.split(['/', '?', '#']).collect();
    let after_app = segments.iter().position(|segment| *segment == "app").map(|at| &segments[at + 1..]);
    let name = match after_app {
        Some(["cpc", name, ..]) | Some([name, ..]) => Some(*name),
        _ => None,
    };
    let name = name.filter(|name| !name.is_empty() && !name.starts_with("0oa"));
    name.and_then(|name| AppName::parse(name).ok()).ok_or_else(|| {
        "This address has no variable name in it. Copy the name from Directory › Profile Editor: it looks like acmemedia_scim_1.".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_understood_as_administrators_write_it() {
        for typed in [
            "acme_scim_1",
            "  acme_scim_1\n",
            "\"acme_scim_1\"",
            "“acme_scim_1”",
            "acme_scim_1.role",
            "https://acme-admin.okta.com/admin/app/acme_scim_1/instance/0oab1c2/#tab-general",
            "acme-admin.okta.com/admin/app/acme_scim_1/instance/0oab1c2/",
            "https://system-admin.okta.com/admin/app/cpc/acme_scim_1/oauth/callback",
        ] {
            assert_eq!(parse(typed).map(|name| name.as_str().to_owned()), Ok("acme_scim_1".to_owned()), "{typed}");
        }
    }

    #[test]
    fn what_is_no_name_is_told_apart() {
        for (typed, said) in [
            ("", "Type the variable name"),
            (" \" \" ", "Type the variable name"),
            ("Exampla SCIM User", "is the display name"),
            ("0oab1c2d3e", "is the ID of the app"),
            ("https://acme.okta.com/admin/profile-editor", "has no variable name in it"),
            ("https://acme.okta.com/admin/app/", "has no variable name in it"),
            ("acmé_1", "no variable name has"),
            ("nora@acme.test", "no variable name has"),
        ] {
            let why = parse(typed).unwrap_err();
            assert!(why.contains(said), "{typed}: {why}");
        }
    }
}
