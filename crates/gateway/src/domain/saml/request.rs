//! Requests to log in (saml-core-2.0 §3.4), as they travel in an address (saml-bindings-2.0 §3.4.4.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::{Url, form_urlencoded};

use super::metadata::escaped;
use super::{ASSERTION, POST, PROTOCOL};

/// The most bytes that one block of a stream that is not compressed can have.
const BLOCK: usize = 0xffff;

/// What requests are signed with.
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A request to log in.
#[derive(Debug, Clone, Copy)]
pub struct AuthnRequest<'a> {
    /// Its ID, which the response repeats. It begins with a letter or `_`.
    pub id: &'a str,
    /// Who asks: our entity ID.
    pub issuer: &'a str,
    /// Where the response is to be sent.
    pub consumer: &'a str,
    /// Where the request is sent.
    pub destination: &'a str,
    /// When, as `2026-11-26T12:00:00Z`.
    pub issued: &'a str,
    /// That the person logs in again there.
    pub force: bool,
}

impl AuthnRequest<'_> {
    /// As XML.
    pub fn xml(&self) -> String {
        let AuthnRequest { id, issuer, consumer, destination, issued, force } = self;
        let force = if *force { r#" ForceAuthn="true""# } else { "" };
        format!(
            r#"<samlp:AuthnRequest xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" ID="{}" Version="2.0" IssueInstant="{}" Destination="{}"{force} ProtocolBinding="{POST}" AssertionConsumerServiceURL="{}"><saml:Issuer>{}</saml:Issuer></samlp:AuthnRequest>"#,
            escaped(id),
            escaped(issued),
            escaped(destination),
            escaped(consumer),
            escaped(issuer)
        )
    }

    /// Where to send the browser; none if the destination is no address.
    pub fn url(&self) -> Option<String> {
        let mut url = Url::parse(self.destination).ok()?;
        url.query_pairs_mut().append_pair("SAMLRequest", &self.carried());
        Some(url.into())
    }

    /// The same, signed: the signature is of these parameters as they stand in the address, in this order (saml-bindings-2.0 §3.4.4.1).
    pub fn signed_url(&self, sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Option<String> {
        let mut url = Url::parse(self.destination).ok()?;
        let pairs = [("SAMLRequest", self.carried()), ("SigAlg", RSA_SHA256.to_owned())];
        let signed = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let signature = STANDARD.encode(sign(signed.as_bytes())?);
        url.query_pairs_mut().extend_pairs(&pairs).append_pair("Signature", &signature);
        Some(url.into())
    }

    fn carried(&self) -> String {
        STANDARD.encode(deflated(self.xml().as_bytes()))
    }
}

/// A DEFLATE stream (RFC 1951) of blocks that are not compressed (§3.2.4): a request is short, and what never compresses needs no library.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let blocks: Vec<&[u8]> = bytes.chunks(BLOCK).collect();
    let mut stream = Vec::with_capacity(bytes.len() + 5 * blocks.len());
    for (n, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(n + 1 == blocks.len()));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_travels_in_the_address_of_the_provider() {
        let request = AuthnRequest {
            id: "_1",
            issuer: "https://front.test/saml/a",
            consumer: "https://front.test/saml/a/consume",
            destination: "https://id.test/sso?a=b&c=d",
            issued: "2026-11-26T12:00:00Z",
            force: true,
        };
        let url = Url::parse(&request.url().unwrap()).unwrap();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        assert_eq!(pairs[..2], [("a".to_owned(), "b".to_owned()), ("c".to_owned(), "d".to_owned())]);
        let stream = STANDARD.decode(&pairs[2].1).unwrap();
        let length = usize::from(u16::from_le_bytes([stream[1], stream[2]]));
        assert_eq!((stream[0], stream.len()), (1, length + 5));
        let xml = std::str::from_utf8(&stream[5..]).unwrap();
        assert_eq!(xml, request.xml());
        assert!(xml.contains(r#" Destination="https://id.test/sso?a=b&amp;c=d" ForceAuthn="true" "#), "{xml}");
        assert!(AuthnRequest { destination: "nowhere", ..request }.url().is_none());

        // Signed, it is the same with two parameters more, and the signature is of what stands there.
        let mut seen = Vec::new();
        let signed = request.signed_url(|text| {
            seen = text.to_vec();
            Some(vec![0xfb, 0xff])
        });
        let signed = signed.unwrap();
        let query = signed.split_once("c=d&").unwrap().1;
        assert_eq!(query, format!("{}&Signature=%2B%2F8%3D", std::str::from_utf8(&seen).unwrap()));
        assert!(
            query.ends_with(
                "&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature=%2B%2F8%3D"
            )
        );
        assert!(signed.starts_with(url.as_str()) && request.signed_url(|_| None).is_none());
    }
}
