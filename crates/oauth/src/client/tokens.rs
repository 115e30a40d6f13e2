//! What a client's tokens are like, and how it has to ask for them: a chapter of its options.

use serde::{Deserialize, Serialize};

use crate::constraints::Resource;
use crate::signing::SigningAlgorithm;

/// More than any client has a use for.
const MAX_RESOURCES: usize = 8;

/// How an access token looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// Sealed: only we can read it.
    #[default]
    Opaque,
    /// A signed JWT (RFC 9068), for resource servers elsewhere. At ours it is as revocable as the other.
    Jwt,
}

/// The tokens of one client. An absent member has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenOptions {
    /// How its access tokens look.
    pub access_token_format: AccessTokenFormat,
    /// What signs them, where they are signed.
    pub access_token_signing_alg: SigningAlgorithm,
    /// What signs its ID tokens (OpenID Connect Registration §2).
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Resources elsewhere that it may ask tokens for, besides ours (RFC 8707).
    pub resources: Vec<Resource>,
    /// The resources elsewhere for which it answers: it may introspect the tokens of other clients that are meant for one of them
    /// (RFC 7662 §2.1).
    pub introspects: Vec<Resource>,
    /// Whether it must push its authorization requests (RFC 9126 §6).
    pub require_pushed_authorization_requests: bool,
    /// Whether its access tokens must be bound to a key (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
}

/// The same as an operator asks for it; what is left out is as it was.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // as in TokenOptions
pub struct RequestedTokens {
    pub access_token_format: Option<String>,
    pub access_token_signing_alg: Option<String>,
    pub id_token_signed_response_alg: Option<String>,
    pub resources: Option<Vec<String>>,
    pub introspects: Option<Vec<String>>,
    pub require_pushed_authorization_requests: Option<bool>,
    pub dpop_bound_access_tokens: Option<bool>,
}

impl RequestedTokens {
    /// Checks everything. What is not asked for is as `before`.
    pub(super) fn check(&self, before: &TokenOptions, wrong: &mut impl FnMut(&str, String)) -> TokenOptions {
        let mut tokens = before.clone();
        match self.access_token_format.as_deref() {
            None => {}
            Some("opaque") => tokens.access_token_format = AccessTokenFormat::Opaque,
            Some("jwt") => tokens.access_token_format = AccessTokenFormat::Jwt,
            Some(_) => wrong("access_token_format", "must be opaque or jwt".to_owned()),
        }
        for (name, asked, to) in [
            ("access_token_signing_alg", &self.access_token_signing_alg, &mut tokens.access_token_signing_alg),
            (
                "id_token_signed_response_alg",
                &self.id_token_signed_response_alg,
                &mut tokens.id_token_signed_response_alg,
            ),
        ] {
            match asked.as_deref().map(SigningAlgorithm::parse) {
                None => {}
                Some(Some(algorithm)) => *to = algorithm,
                Some(None) => wrong(name, "must be RS256, ES256 or EdDSA".to_owned()),
            }
        }
        for (name, asked, to) in [
            ("resources", &self.resources, &mut tokens.resources),
            ("introspects", &self.introspects, &mut tokens.introspects),
        ] {
            let Some(texts) = asked else { continue };
            to.clear();
            if texts.len() > MAX_RESOURCES {
                wrong(name, format!("must name at most {MAX_RESOURCES} resources"));
            }
            for (i, text) in texts.iter().take(MAX_RESOURCES).enumerate() {
                match Resource::parse(text) {
                    Ok(resource) if to.contains(&resource) => {}
                    Ok(resource) => to.push(resource),
                    Err(why) => wrong(&format!("{name}[{i}]"), why.to_owned()),
                }
            }
        }
        let flag = |asked: Option<bool>, to: &mut bool| *to = asked.unwrap_or(*to);
        flag(self.require_pushed_authorization_requests, &mut tokens.require_pushed_authorization_requests);
        flag(self.dpop_bound_access_tokens, &mut tokens.dpop_bound_access_tokens);
        tokens
    }
}
