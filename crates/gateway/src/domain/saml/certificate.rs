//! The certificates of an identity provider. A certificate is a way to write a key down: it counts because it was configured, and not for what it says of
//! its issuer and its end (saml-metadata-2.0 §2.4.1.1 leaves both to the parties).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;

/// RSA keys.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Keys on an elliptic curve, and two of the curves.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// The least RSA key that is believed, in bits.
const LEAST_RSA_BITS: usize = 2048;

/// What signs with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2048 bits and more.
    Rsa,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
}

/// A key of a provider, by which its signatures are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderKey {
    /// What signs with it.
    pub kind: KeyKind,
    /// As the cryptographic library takes it: `RSAPublicKey` in DER, or a point.
    pub bytes: Vec<u8>,
}

/// A certificate as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// In DER, in base64 without line breaks: as it is kept.
    pub base64: String,
    /// Its key.
    pub key: ProviderKey,
    /// Until when it says that it is valid, in seconds since the epoch.
    pub not_after: i64,
}

impl Certificate {
    /// Reads a certificate in PEM, or in base64 with or without line breaks; or says what is wrong with it.
    pub fn read(text: &str) -> Result<Certificate, String> {
        let bare: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("-----"))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        let der = STANDARD.decode(&bare).map_err(|_| "is no certificate in PEM or base64".to_owned())?;
        let read = x509_cert::Certificate::from_der(&der).map_err(|_| "is no X.509 certificate".to_owned())?;
        let (info, validity) = (&read.tbs_certificate.subject_public_key_info, &read.tbs_certificate.validity);
        let bytes = info.subject_public_key.as_bytes().ok_or("has a key that cannot be read")?.to_vec();
        let curve = || info.algorithm.parameters.as_ref().and_then(|named| named.decode_as::<ObjectIdentifier>().ok());
        let kind = match info.algorithm.oid {
            RSA => {
                let bits = rsa_bits(&bytes).ok_or("has an RSA key that cannot be read")?;
                if bits < LEAST_RSA_BITS {
                    return Err(format!("has an RSA key of {bits} bits; {LEAST_RSA_BITS} are the least"));
                }
                KeyKind::Rsa
            }
            EC if curve() == Some(P256) => KeyKind::P256,
            EC if curve() == Some(P384) => KeyKind::P384,
            _ => return Err("has a key that is neither RSA nor on P-256 or P-384".to_owned()),
        };
        let not_after = validity.not_after.to_unix_duration().as_secs().cast_signed();
        Ok(Certificate { base64: STANDARD.encode(&der), key: ProviderKey { kind, bytes }, not_after })
    }
}

/// The bits of an RSA key's modulus.
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let key = rsa::pkcs1::RsaPublicKey::try_from(der).ok()?;
    let modulus = key.modulus.as_bytes();
    let first = modulus.first()?;
    Some(modulus.len() * 8 - first.leading_zeros() as usize)
}
