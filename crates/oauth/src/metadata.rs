//! What clients can find out by themselves (OpenID Connect Discovery §3, RFC 8414).

use openidconnect::core::{
    CoreClientAuthMethod, CoreGrantType, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AuthUrl, EmptyAdditionalProviderMetadata, IssuerUrl, JsonWebKeySetUrl, ResponseTypes, Scope, TokenUrl, UserInfoUrl,
};
use serde_json::{Value, json};

use crate::authentication::CLASSES;
use crate::client::GrantType;
use crate::context::Settings;
use crate::jose::Algorithm;
use crate::protected_resource::ProtectedResource;
use crate::scope::STANDARD_CLAIMS;

/// `/.well-known/openid-configuration`
pub fn openid_configuration(settings: &Settings) -> Value {
    let at = |path: &str| format!("{}{path}", settings.issuer);
    let mut document = match (
        IssuerUrl::new(settings.issuer.clone()),
        AuthUrl::new(at("/oauth2/auth")),
        JsonWebKeySetUrl::new(at("/.well-known/jwks.json")),
    ) {
        (Ok(issuer), Ok(authorization), Ok(keys)) => {
            let metadata = CoreProviderMetadata::new(
                issuer,
                authorization,
                keys,
                vec![ResponseTypes::new(vec![CoreResponseType::Code])],
                vec![CoreSubjectIdentifierType::Public],
                vec![
                    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                    CoreJwsSigningAlgorithm::EdDsa,
                ],
                EmptyAdditionalProviderMetadata {},
            )
            .set_token_endpoint(TokenUrl::new(at("/oauth2/token")).ok())
            .set_userinfo_endpoint(UserInfoUrl::new(at("/userinfo")).ok())
            .set_scopes_supported(Some(settings.scopes.iter().map(|scope| Scope::new(scope.name.to_owned())).collect()))
            .set_response_modes_supported(Some(vec![CoreResponseMode::Query]))
            .set_grant_types_supported(Some(GrantType::ALL.map(core).to_vec()))
            .set_token_endpoint_auth_methods_supported(Some(vec![
                CoreClientAuthMethod::ClientSecretBasic,
                CoreClientAuthMethod::ClientSecretPost,
                CoreClientAuthMethod::PrivateKeyJwt,
                CoreClientAuthMethod::Extension("none".to_owned()),
            ]))
            .set_claims_parameter_supported(Some(false))
            .set_request_parameter_supported(Some(false))
            .set_request_uri_parameter_supported(Some(false));
            serde_json::to_value(metadata).unwrap_or_default()
        }
        // The issuer was checked when the configuration was read.
        _ => json!({"issuer": settings.issuer}),
    };
    let with_proof = json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]);
    let methods = json!(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]);
    let algorithms = json!(Algorithm::ALL.map(Algorithm::as_str));
    for (name, value) in [
        ("token_endpoint_auth_signing_alg_values_supported", algorithms.clone()),
        ("revocation_endpoint", json!(at("/oauth2/revoke"))),
        ("revocation_endpoint_auth_methods_supported", methods),
        ("revocation_endpoint_auth_signing_alg_values_supported", algorithms.clone()),
        ("introspection_endpoint", json!(at("/oauth2/introspect"))),
        ("introspection_endpoint_auth_methods_supported", with_proof),
        ("introspection_endpoint_auth_signing_alg_values_supported", algorithms),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("pushed_authorization_request_endpoint", json!(at("/oauth2/par"))),
        ("require_pushed_authorization_requests", json!(false)),
        ("dpop_signing_alg_values_supported", json!(Algorithm::NAMES)),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("end_session_endpoint", json!(at("/oauth2/logout"))),
        ("backchannel_logout_supported", json!(true)),
        ("backchannel_logout_session_supported", json!(true)),
        ("prompt_values_supported", json!(["none", "login", "consent", "select_account"])),
        ("acr_values_supported", json!(CLASSES)),
        ("claims_supported", json!(claims_supported(settings))),
        ("claim_types_supported", json!(["normal", "distributed"])),
        (
            "protected_resources",
            json!(settings.resources.iter().map(|resource| resource.uri.as_ref()).collect::<Vec<_>>()),
        ),
    ] {
        document[name] = value;
    }
    document
}

fn core(grant_type: GrantType) -> CoreGrantType {
    match grant_type {
        GrantType::AuthorizationCode => CoreGrantType::AuthorizationCode,
        GrantType::RefreshToken => CoreGrantType::RefreshToken,
        GrantType::ClientCredentials => CoreGrantType::ClientCredentials,
    }
}

/// Those of ID tokens, and those of `/userinfo`.
fn claims_supported(settings: &Settings) -> Vec<&'static str> {
    let of_id_tokens = ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "at_hash", "sid"];
    let standard = STANDARD_CLAIMS.iter().flat_map(|(_, claims)| claims.iter());
    of_id_tokens.iter().chain(standard).chain(&settings.claims).copied().collect()
}

/// The metadata of a protected resource (RFC 9728 §2).
pub fn protected_resource(settings: &Settings, resource: &ProtectedResource, name: &str) -> Value {
    json!({
        "resource": resource.uri.as_ref(),
        "authorization_servers": [settings.issuer],
        "scopes_supported": resource.scopes,
        "bearer_methods_supported": ["header"],
        "resource_name": name,
        "dpop_signing_alg_values_supported": Algorithm::NAMES,
    })
}

/// `/.well-known/oauth-authorization-server` (RFC 8414 §3): the same, less what only OpenID Connect knows.
pub fn authorization_server(settings: &Settings) -> Value {
    let mut document = openid_configuration(settings);
    if let Some(members) = document.as_object_mut() {
        members.retain(|name, _| {
            !matches!(
                name.as_str(),
                "subject_types_supported"
                    | "id_token_signing_alg_values_supported"
                    | "userinfo_endpoint"
                    | "end_session_endpoint"
                    | "backchannel_logout_supported"
                    | "backchannel_logout_session_supported"
                    | "claims_supported"
                    | "claim_types_supported"
                    | "claims_parameter_supported"
                    | "request_parameter_supported"
                    | "request_uri_parameter_supported"
            )
        });
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_12_and_87_the_issuer_is_the_same_everywhere_and_the_response_names_it() {
        let settings = Settings { issuer: "https://id.example".to_owned(), ..Settings::default() };
        for document in [openid_configuration(&settings), authorization_server(&settings)] {
            assert_eq!(document["issuer"], "https://id.example");
            assert_eq!(document["authorization_response_iss_parameter_supported"], true);
            assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
            assert_eq!(document["token_endpoint"], "https://id.example/oauth2/token");
        }
    }

    #[test]
    fn the_document_is_what_the_openid_specification_asks_for() {
        let settings = Settings { issuer: "https://id.example/base".to_owned(), ..Settings::default() };
        let document = openid_configuration(&settings);
        let read: CoreProviderMetadata = serde_json::from_value(document.clone()).expect("valid provider metadata");
        assert_eq!(read.issuer().as_str(), "https://id.example/base");
        assert_eq!(read.jwks_uri().as_str(), "https://id.example/base/.well-known/jwks.json");
        assert_eq!(read.userinfo_endpoint().map(|url| url.as_str()), Some("https://id.example/base/userinfo"));
        assert_eq!(read.response_types_supported(), &vec![ResponseTypes::new(vec![CoreResponseType::Code])]);
        let methods = json!(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]);
        assert_eq!(document["token_endpoint_auth_methods_supported"], methods);
        assert_eq!(document["introspection_endpoint_auth_methods_supported"].as_array().map(Vec::len), Some(3));
        for endpoint in ["token", "revocation", "introspection"] {
            let algorithms = &document[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")];
            assert_eq!(algorithms, &json!(["ES256", "EdDSA", "PS256", "RS256"]), "RFC 8414 section 2: never none");
        }
        let plain = authorization_server(&settings);
        assert!(plain.get("subject_types_supported").is_none() && plain.get("jwks_uri").is_some());
        assert_eq!(
            plain["scopes_supported"],
            json!(["openid", "offline", "offline_access", "profile", "email", "address", "phone"])
        );
    }
}
