//! What an operator asks for when a client is made, checked as a whole.

use super::{
    Authentication, ClientProfile, GrantType, RedirectUri, RequestedAuthentication, RequestedTokens, TokenOptions,
};
use crate::context::Settings;
use crate::scope::Scopes;

/// More than any identity provider has; a request is compared with each of them.
const MAX_URIS: usize = 50;

/// A registration as an operator requests it; what is left out follows from the profile.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    /// What it has in common with others of its kind.
    pub profile: &'static ClientProfile,
    /// Redirect URIs that follow from something else that is known about the client. They come before `redirect_uris`.
    pub derived_redirect_uris: Vec<RedirectUri>,
    /// The redirect URIs.
    pub redirect_uris: Option<Vec<String>>,
    /// The grant types that it may use.
    pub grant_types: Option<Vec<String>>,
    /// The scopes that it may ask for.
    pub scopes: Option<Vec<String>>,
    /// The scopes of a request that names none.
    pub default_scope: Option<Vec<String>>,
    /// Whether it is a public client.
    pub public: Option<bool>,
    /// Whether it must use PKCE.
    pub require_pkce: Option<bool>,
    /// The options of its tokens.
    pub tokens: RequestedTokens,
    /// The options of its tokens before the change, which hold where `tokens` says nothing.
    pub tokens_before: TokenOptions,
    /// Where browsers may be sent after logging out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// How it authenticates.
    pub authentication: RequestedAuthentication,
    /// The URIs that it has already, for either purpose. They may stay even if they would not be accepted today.
    pub uris_before: Vec<RedirectUri>,
}

/// A registration that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // as in Client
pub struct Registered {
    pub redirect_uris: Vec<RedirectUri>,
    pub grant_types: Vec<GrantType>,
    pub scopes: Scopes,
    pub default_scope: Scopes,
    pub public: bool,
    pub require_pkce: bool,
    pub tokens: TokenOptions,
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    pub authentication: Authentication,
}

/// An error in a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The field, as `redirect_uris[0]`.
    pub field: String,
    /// What would be right.
    pub detail: String,
}

impl Registration {
    /// Checks everything; all mistakes at once.
    pub fn check(&self, settings: &Settings) -> Result<Registered, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let mut wrong = |field: &str, detail: String| mistakes.push(Mistake { field: field.to_owned(), detail });

        let public = self.public.unwrap_or(self.authentication.is_none());
        if self.authentication.is_none() && !public {
            wrong("token_endpoint_auth_method", "none is for public clients only".to_owned());
        }
        let authentication = self.authentication.check(public || self.authentication.is_none(), &mut wrong);

        let mut redirect_uris = self.derived_redirect_uris.clone();
        for uri in uris("redirect_uris", self.redirect_uris.as_deref(), &self.uris_before, &mut wrong) {
            if !redirect_uris.contains(&uri) {
                redirect_uris.push(uri);
            }
        }

        let after_logout = self.post_logout_redirect_uris.as_deref();
        let post_logout_redirect_uris = uris("post_logout_redirect_uris", after_logout, &self.uris_before, &mut wrong);

        let of_keys = self.scopes.iter().flatten().filter(|scope| settings.is_for_keys(scope));
        let of_keys = of_keys.map(String::as_str).collect::<Vec<_>>().join(" ");
        let is_key = !of_keys.is_empty();
        let mut grant_types = Vec::new();
        match &self.grant_types {
            None if is_key => grant_types.push(GrantType::ClientCredentials),
            None if public => grant_types.extend(ClientProfile::PUBLIC_GRANT_TYPES),
            None => grant_types.extend(self.profile.grant_types),
            Some(names) => {
                for (i, name) in names.iter().enumerate() {
                    match GrantType::parse(name) {
                        Some(grant_type) if grant_types.contains(&grant_type) => {}
                        Some(grant_type) => grant_types.push(grant_type),
                        None => wrong(&format!("grant_types[{i}]"), format!("must be {}", GrantType::listed())),
                    }
                }
            }
        }
        if grant_types.contains(&GrantType::RefreshToken) && !grant_types.contains(&GrantType::AuthorizationCode) {
            wrong("grant_types", "refresh_token is of use only together with authorization_code".to_owned());
        }
        if public && grant_types.contains(&GrantType::ClientCredentials) {
            wrong("grant_types", "a public client has no credentials, so client_credentials is not for it".to_owned());
        }
        if grant_types.contains(&GrantType::AuthorizationCode)
            && redirect_uris.is_empty()
            && !self.profile.redirect_uris_may_follow
        {
            wrong("redirect_uris", "must name at least one URI, for authorization_code sends codes there".to_owned());
        }

        let scopes = scopes(settings, "scopes", self.scopes.as_deref(), &mut wrong);
        let scopes = scopes.unwrap_or_else(|| usual_scopes(settings));
        if is_key && (public || !scopes.iter().all(|scope| settings.is_for_keys(scope))) {
            let detail = "no other scopes: make another client for what else is needed";
            let detail = if public { "a secret or keys: it cannot be public" } else { detail };
            wrong("scopes", format!("`{of_keys}` makes the client a key, which has {detail}"));
        }
        if is_key && grant_types.iter().any(|grant_type| *grant_type != GrantType::ClientCredentials) {
            wrong("grant_types", format!("must be client_credentials alone, for `{of_keys}` makes the client a key"));
        }
        let default_scope = scopes_or(settings, &self.default_scope, &scopes, &mut wrong);
        if let Some(beyond) = default_scope.beyond(&scopes) {
            wrong("default_scope", format!("`{beyond}` is not among the client's scopes"));
        }
        let tokens = self.tokens.check(&self.tokens_before, &mut wrong);
        let registered = Registered {
            tokens,
            redirect_uris,
            grant_types,
            scopes,
            default_scope,
            public,
            require_pkce: public || self.require_pkce.unwrap_or(self.profile.require_pkce),
            post_logout_redirect_uris,
            authentication,
        };
        if mistakes.is_empty() { Ok(registered) } else { Err(mistakes) }
    }
}

/// Each once, in the order they were named.
fn uris(
    field: &str,
    texts: Option<&[String]>,
    before: &[RedirectUri],
    wrong: &mut impl FnMut(&str, String),
) -> Vec<RedirectUri> {
    let texts = texts.unwrap_or_default();
    if texts.len() > MAX_URIS {
        wrong(field, format!("must name at most {MAX_URIS} URIs"));
    }
    let mut uris = Vec::new();
    for (i, text) in texts.iter().take(MAX_URIS).enumerate() {
        let known = before.iter().find(|uri| uri.as_str() == text).cloned();
        match known.map_or_else(|| RedirectUri::register(text), Ok) {
            Ok(uri) if uris.contains(&uri) => {}
            Ok(uri) => uris.push(uri),
            Err(detail) => wrong(&format!("{field}[{i}]"), detail),
        }
    }
    uris
}

fn usual_scopes(settings: &Settings) -> Scopes {
    let usual = settings.scopes.iter().filter(|scope| scope.is_usual).map(|scope| scope.name);
    Scopes::parse(&usual.collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

fn scopes(
    settings: &Settings,
    field: &str,
    names: Option<&[String]>,
    wrong: &mut impl FnMut(&str, String),
) -> Option<Scopes> {
    let names = names?;
    for (i, name) in names.iter().enumerate() {
        if settings.scope(name).is_none() {
            let known: Vec<&str> = settings.scopes.iter().map(|scope| scope.name).collect();
            wrong(&format!("{field}[{i}]"), format!("`{name}` is not a scope; there are {}", known.join(", ")));
        }
    }
    Some(Scopes::parse(&names.join(" ")).unwrap_or_default())
}

/// What a client gets that names no scope: what it was given, or the defaults among its scopes.
fn scopes_or(
    settings: &Settings,
    given: &Option<Vec<String>>,
    allowed: &Scopes,
    wrong: &mut impl FnMut(&str, String),
) -> Scopes {
    let is_default = |scope: &str| settings.scope(scope).is_some_and(|scope| scope.is_default);
    scopes(settings, "default_scope", given.as_deref(), wrong).unwrap_or_else(|| allowed.only(is_default))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::ScopeDefinition;
    use crate::testing::RECORDS_READ;

    fn settings() -> Settings {
        Settings::default()
    }

    #[test]
    fn what_is_left_out_follows_from_the_profile() {
        const EAGER: ClientProfile = ClientProfile {
            name: "eager",
            grant_types: &GrantType::ALL,
            require_pkce: true,
            redirect_uris_may_follow: true,
            ..ClientProfile::GENERIC
        };
        let asked = Registration { profile: &EAGER, ..Registration::default() };
        let client = asked.check(&settings()).unwrap();
        assert!(client.redirect_uris.is_empty() && client.require_pkce);
        assert_eq!(client.grant_types, GrantType::ALL);
        assert_eq!(client.scopes.to_string(), "openid offline offline_access");
        assert_eq!(client.default_scope.to_string(), "offline");
        let uris = ["https://a.example/1", "https://a.example/2"].map(|uri| RedirectUri::register(uri).unwrap());
        let own = Some(vec!["https://a.example/3".to_owned(), "https://a.example/1".to_owned()]);
        let named = Registration { derived_redirect_uris: uris.to_vec(), redirect_uris: own, ..asked };
        let named = named.check(&settings()).unwrap();
        let named: Vec<&str> = named.redirect_uris.iter().map(RedirectUri::as_str).collect();
        assert_eq!(named, ["https://a.example/1", "https://a.example/2", "https://a.example/3"]);
        let public = Registration { public: Some(true), profile: &EAGER, ..Registration::default() };
        let public = public.check(&settings()).unwrap();
        assert_eq!(public.grant_types, ClientProfile::PUBLIC_GRANT_TYPES, "it has no credentials of its own");
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        let asked = Registration {
            redirect_uris: Some(vec!["http://a.example".into()]),
            grant_types: Some(vec!["password".into(), "client_credentials".into()]),
            scopes: Some(vec!["admin".into()]),
            public: Some(true),
            ..Registration::default()
        };
        let fields: Vec<String> = asked.check(&settings()).unwrap_err().into_iter().map(|m| m.field).collect();
        assert_eq!(fields, ["redirect_uris[0]", "grant_types[0]", "grant_types", "scopes[0]"]);
    }

    #[test]
    fn report_16_what_was_registered_before_does_not_stand_in_the_way_of_another_change() {
        let old = "https://a.example/cb?code=1";
        let asked = Registration {
            redirect_uris: Some(vec![old.to_owned()]),
            post_logout_redirect_uris: Some(vec!["https://a.example/?state=1".to_owned()]),
            ..Registration::default()
        };
        let fields: Vec<String> = asked.check(&settings()).unwrap_err().into_iter().map(|m| m.field).collect();
        assert_eq!(fields, ["redirect_uris[0]", "post_logout_redirect_uris[0]", "redirect_uris"], "none is left");
        let before = [old, "https://a.example/?state=1"].map(|uri| RedirectUri::from_stored(uri.to_owned()));
        let asked = Registration { uris_before: before.to_vec(), ..asked };
        assert_eq!(asked.check(&settings()).unwrap().redirect_uris[0].as_str(), old);
    }

    #[test]
    fn a_key_has_nothing_but_scopes_for_keys_and_its_own_credentials() {
        let settings = Settings { scopes: vec![ScopeDefinition::OPENID, RECORDS_READ], ..settings() };
        let asked = |scopes: &[&str], grant_types: Option<&[&str]>| {
            let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            let asked = Registration {
                scopes: Some(texts(scopes)),
                grant_types: grant_types.map(texts),
                redirect_uris: Some(vec!["https://a.example/".to_owned()]),
                ..Registration::default()
            };
            let fields = |found: Vec<Mistake>| found.into_iter().map(|mistake| mistake.field).collect::<Vec<_>>();
            asked.check(&settings).map_err(fields)
        };
        let key = asked(&["records:read"], None).unwrap();
        assert_eq!(
            (key.grant_types, key.default_scope.to_string()),
            (vec![GrantType::ClientCredentials], "records:read".to_owned())
        );
        assert!(asked(&["records:read"], Some(&[])).is_ok(), "one that has static tokens only");
        assert_eq!(asked(&["records:read", "openid"], None).unwrap_err(), ["scopes"]);
        assert_eq!(asked(&["records:read"], Some(&["authorization_code"])).unwrap_err(), ["grant_types"]);
        let public = Registration {
            scopes: Some(vec!["records:read".to_owned()]),
            public: Some(true),
            ..Registration::default()
        };
        assert_eq!(public.check(&settings).unwrap_err().len(), 2, "it has no credentials at all");
    }

    #[test]
    fn a_public_client_must_use_pkce() {
        let asked = Registration {
            public: Some(true),
            redirect_uris: Some(vec!["https://a.example/".into()]),
            ..Registration::default()
        };
        assert!(asked.check(&settings()).unwrap().require_pkce);
    }

    #[test]
    fn what_makes_no_sense_is_said_by_field() {
        #[track_caller]
        fn check(asked: Registration, field: &str) {
            let mistakes = asked.check(&settings()).unwrap_err();
            assert_eq!(mistakes.iter().map(|m| m.field.as_str()).collect::<Vec<_>>(), [field], "{mistakes:?}");
        }
        let texts = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let usual = || Registration { redirect_uris: texts(&["https://a.example/"]), ..Registration::default() };
        assert!(usual().check(&settings()).is_ok());
        check(Registration { redirect_uris: None, ..usual() }, "redirect_uris");
        check(Registration { grant_types: texts(&["refresh_token"]), ..usual() }, "grant_types");
        check(
            Registration { grant_types: texts(&["client_credentials"]), public: Some(true), ..usual() },
            "grant_types",
        );
        check(
            Registration { scopes: texts(&["openid"]), default_scope: texts(&["offline"]), ..usual() },
            "default_scope",
        );
        let many: Vec<String> = (0..=MAX_URIS).map(|n| format!("https://a.example/{n}")).collect();
        check(Registration { redirect_uris: Some(many), ..usual() }, "redirect_uris");
    }
}
