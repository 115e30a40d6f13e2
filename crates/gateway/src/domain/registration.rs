//! What an operator asks for when a client is made or changed: the registration of the protocol, and what a vendor's profile adds.

use oauth::client::Mistake;

use super::profiles::{AppName, Profile};

/// As asked for; what is left out follows from the profile.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    /// `okta`, `entra`, …; `generic` if left out.
    pub profile: Option<String>,
    /// The app's variable name, for Okta.
    pub okta_app_name: Option<String>,
    /// What the protocol has to know. Its profile and derived redirect URIs follow from the rest.
    pub client: oauth::client::Registration,
}

/// As it will be.
#[derive(Debug)]
pub struct Registered {
    /// The vendor.
    pub profile: Profile,
    /// The app's variable name, for Okta.
    pub okta_app_name: Option<AppName>,
    /// What the protocol has to know.
    pub client: oauth::client::Registered,
}

impl Registration {
    /// Checks everything; all mistakes at once. `allow_internal_http` is about Okta's internal redirect URI.
    pub fn check(&self, settings: &oauth::Settings, allow_internal_http: bool) -> Result<Registered, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let mut wrong = |field: &str, detail: String| mistakes.push(Mistake { field: field.to_owned(), detail });
        let profile = match self.profile.as_deref().map(Profile::parse) {
            None => Profile::Generic,
            Some(Some(profile)) => profile,
            Some(None) => {
                wrong("profile", format!("must be one of {}", Profile::ALL.map(Profile::as_str).join(", ")));
                Profile::Generic
            }
        };
        let okta_app_name = self.okta_app_name.as_deref().map(AppName::parse);
        let okta_app_name = okta_app_name.and_then(|name| name.map_err(|detail| wrong("okta_app_name", detail)).ok());
        if self.okta_app_name.is_some() && profile != Profile::Okta {
            wrong("okta_app_name", "is for clients of profile okta only".to_owned());
        }
        let derived = okta_app_name.as_ref().map(|app| app.redirect_uris(allow_internal_http));
        let client = oauth::client::Registration {
            profile: profile.of_clients(),
            derived_redirect_uris: derived.unwrap_or_default(),
            ..self.client.clone()
        };
        match client.check(settings) {
            Ok(client) if mistakes.is_empty() => Ok(Registered { profile, okta_app_name, client }),
            Ok(_) => Err(mistakes),
            Err(others) => Err(mistakes.into_iter().chain(others).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scopes;

    fn check(asked: &Registration) -> Result<Registered, Vec<String>> {
        let settings = oauth::Settings { scopes: scopes::all(), ..oauth::Settings::default() };
        asked.check(&settings, false).map_err(|mistakes| mistakes.into_iter().map(|mistake| mistake.field).collect())
    }

    #[test]
    fn an_okta_client_needs_nothing_but_its_profile() {
        let asked = Registration { profile: Some("okta".into()), ..Registration::default() };
        let made = check(&asked).unwrap();
        assert!(made.client.redirect_uris.is_empty());
        assert_eq!(made.client.scopes.to_string(), "openid offline offline_access provision:scim");
        assert_eq!(made.client.default_scope.to_string(), "offline provision:scim");
        let named = check(&Registration { okta_app_name: Some("acme_1".into()), ..asked }).unwrap();
        assert_eq!(named.client.redirect_uris.len(), 4);
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        let client = oauth::client::Registration {
            scopes: Some(vec!["admin".into()]),
            ..oauth::client::Registration::default()
        };
        let (profile, okta_app_name) = (Some("oktta".into()), Some("a/b".into()));
        let fields = check(&Registration { profile, okta_app_name, client }).unwrap_err();
        assert_eq!(fields, ["profile", "okta_app_name", "okta_app_name", "redirect_uris", "scopes[0]"]);
    }

    #[test]
    fn a_variable_name_is_for_okta() {
        let client = oauth::client::Registration {
            redirect_uris: Some(vec!["https://a.example/".into()]),
            ..oauth::client::Registration::default()
        };
        let asked = Registration { client, ..Registration::default() };
        assert!(check(&asked).is_ok());
        let named = Registration { okta_app_name: Some("acme_1".to_owned()), ..asked };
        assert_eq!(check(&named).unwrap_err(), ["okta_app_name"]);
    }
}
