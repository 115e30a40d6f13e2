//! How resource owners authenticated, as relying parties are told (OpenID Connect Core §2: `acr`, `amr`).
//!
//! [`Login`] is what a session knows of it and what a grant keeps: tokens say it as it was when access was accepted.

use serde::{Deserialize, Serialize};

/// A password over TLS, and nothing else (saml-authn-context-2.0 §3.4.19).
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// Two independent factors, as the REFEDS MFA profile defines them.
pub const MULTI_FACTOR: &str = "https://refeds.org/profile/mfa";
/// What this server says of the log-ins that it checks itself: `acr_values_supported`. What a person's own provider says is passed on.
pub const CLASSES: [&str; 2] = [PASSWORD, MULTI_FACTOR];

/// The longest value that is passed on, in bytes.
const LONGEST: usize = 255;
/// The most methods that are passed on.
const MOST: usize = 16;

/// How a resource owner authenticated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Authentication {
    /// The class, `acr`; `None` where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The methods, `amr` (RFC 8176 §2); none where they are not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// An authentication and its time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// How.
    pub how: Authentication,
}

/// Texts of other servers go into tokens: no long ones, and none that is not plain.
fn is_sound(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control)
}

impl Authentication {
    /// A password was typed here.
    pub fn by_password() -> Authentication {
        Authentication { acr: Some(PASSWORD.to_owned()), amr: vec!["pwd".to_owned()] }
    }

    /// The code of an authenticator app was typed here as well.
    pub fn and_app(self) -> Authentication {
        self.and_further(&["otp", "mfa"])
    }

    /// A recovery code took the place of the app: another factor, but no one-time password of it.
    pub fn and_recovery_code(self) -> Authentication {
        self.and_further(&["mfa"])
    }

    fn and_further(mut self, methods: &[&str]) -> Authentication {
        self.amr.extend(methods.iter().map(|method| (*method).to_owned()));
        Authentication { acr: Some(MULTI_FACTOR.to_owned()), amr: self.amr }
    }

    /// What another server says. What is too long, too much or not plain text is left out.
    pub fn told<'a>(acr: Option<&str>, amr: impl IntoIterator<Item = &'a str>) -> Authentication {
        let mut methods: Vec<String> = Vec::new();
        for method in amr.into_iter().filter(|method| is_sound(method)) {
            if methods.len() < MOST && !methods.iter().any(|known| known == method) {
                methods.push(method.to_owned());
            }
        }
        Authentication { acr: acr.filter(|acr| is_sound(acr)).map(str::to_owned), amr: methods }
    }

    /// As it is stored; `None` if nothing is known.
    pub fn to_stored(&self) -> Option<String> {
        (*self != Authentication::default()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// What was stored. What cannot be read is as good as nothing.
    pub fn from_stored(text: Option<&str>) -> Authentication {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_log_in_here_says_what_was_done() {
        let password = Authentication::by_password();
        assert_eq!((password.acr.as_deref(), password.amr.join(" ").as_str()), (Some(PASSWORD), "pwd"));
        let app = password.clone().and_app();
        assert_eq!((app.acr.as_deref(), app.amr.join(" ").as_str()), (Some(MULTI_FACTOR), "pwd otp mfa"));
        let recovered = password.and_recovery_code();
        assert_eq!((recovered.acr.as_deref(), recovered.amr.join(" ").as_str()), (Some(MULTI_FACTOR), "pwd mfa"));
    }

    #[test]
    fn what_another_server_says_is_passed_on_as_far_as_it_is_plain_and_short() {
        let long = "x".repeat(256);
        let many: Vec<String> = (0..40).map(|n| format!("m{n}")).collect();
        let told = Authentication::told(Some("urn:acme:gold"), ["pwd", "pwd", "", "a\nb", &long, "mfa"]);
        assert_eq!(told, Authentication { acr: Some("urn:acme:gold".into()), amr: vec!["pwd".into(), "mfa".into()] });
        assert_eq!(Authentication::told(Some(&long), []), Authentication::default());
        assert_eq!(Authentication::told(None, many.iter().map(String::as_str)).amr.len(), 16);
    }

    #[test]
    fn it_comes_back_as_it_was_stored() {
        for known in [Authentication::by_password(), Authentication::told(None, ["mfa"]), Authentication::default()] {
            assert_eq!(Authentication::from_stored(known.to_stored().as_deref()), known);
        }
        assert_eq!(Authentication::default().to_stored(), None);
        assert_eq!(Authentication::from_stored(Some("not JSON")), Authentication::default());
    }
}
