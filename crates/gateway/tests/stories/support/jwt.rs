//! JSON Web Tokens as a client reads them (RFC 7515, RFC 7519): taken apart, and verified against a published key set.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::Value;

/// A token in its parts.
pub struct Jwt {
    pub header: Value,
    pub claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    #[track_caller]
    pub fn read(text: &str) -> Jwt {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { panic!("not a JWT: {text}") };
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
        let json = |part: &str| serde_json::from_slice(&decoded(part)).expect("JSON");
        Jwt {
            header: json(header),
            claims: json(claims),
            signed: format!("{header}.{claims}"),
            signature: decoded(signature),
        }
    }

    /// Insists that the key of the set that the header names has signed this, with RS256.
    #[track_caller]
    pub fn verify(&self, keys: &Value) {
        assert_eq!(self.header["alg"], "RS256", "{}", self.header);
        let key = keys["keys"].as_array().into_iter().flatten().find(|key| key["kid"] == self.header["kid"]);
        let key = key.unwrap_or_else(|| panic!("no key {} in {keys}", self.header["kid"]));
        let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap_or_default()).expect("base64url");
        let public = RsaPublicKeyComponents { n: number("n"), e: number("e") };
        let verified = public.verify(&RSA_PKCS1_2048_8192_SHA256, self.signed.as_bytes(), &self.signature);
        verified.expect("the signature is that of the published key");
    }

    /// `at_hash` (OpenID Connect Core §3.1.3.6).
    pub fn left_half_of_hash(&self, token: &str) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
        URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
    }
}
