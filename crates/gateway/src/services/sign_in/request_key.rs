//! The key that signs our requests to SAML providers, and the certificate by which it is told to them: one for the installation, made when the
//! first account has its requests signed, sealed under the master key. It is no key of tokens, and does not follow their rotation: a
//! certificate is typed into the provider of each customer by hand ([why](../../../../../docs/decisions/0086-what-signs-a-saml-request.md)).

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oauth::Keyring;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use serde::{Deserialize, Serialize};
use url::Url;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::der::asn1::{AnyRef, BitString, UtcTime};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use zeroize::Zeroizing;

use crate::domain::actor::{Actor, Source};
use crate::domain::event::{Act, Action};
use crate::domain::sealing;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::{Db, DbError, ReadCost, Tx};

/// Under which name it is kept.
const NAME: &str = "saml_request_key";
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
/// How long a certificate says that it is valid, in seconds. Providers refuse one that is over, and to replace it takes each customer.
const TEN_YEARS: u64 = 3652 * 24 * 3600;
/// The clocks of providers differ, in seconds.
const BEFORE: u64 = 24 * 3600;

/// As it is kept, in base64.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// PKCS#8.
    key: String,
    /// DER.
    certificate: String,
    /// What is to take its place, and is told to providers already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Box<Kept>>,
    /// The certificate before it, in base64, which is told to providers still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
}

/// The key, ready to sign.
#[allow(missing_debug_implementations)] // holds the key
pub struct RequestKey {
    pair: RsaKeyPair,
    certificate: String,
    /// Certificates that are told beside it: of the next key, or of the one before.
    beside: Vec<String>,
}

/// A step of replacing the key. Between two of them providers are given the certificate that counts next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The next key is made, and its certificate told.
    Announce,
    /// It signs.
    Switch,
    /// The certificate before is told no more.
    Withdraw,
}

/// Why a step is not taken; for the one who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoStep {
    /// There is no key.
    #[error(
        "no account has its requests signed, so there is no key yet (`sign_requests` in the sign-in settings of an account)"
    )]
    NoKey,
    /// There is no next key.
    #[error("there is no next key: announce it first, and give its certificate to the providers")]
    NoNext,
    /// There is one before.
    #[error("the certificate before is still told: withdraw it first")]
    StillBefore,
    /// There is none before.
    #[error("no certificate before is told")]
    NoBefore,
}

fn failed(why: impl std::fmt::Display) -> DbError {
    DbError::Corrupt(format!("the key that signs requests to SAML providers: {why}"))
}

impl RequestKey {
    /// The signature of a text (RSA PKCS#1 v1.5 with SHA-256).
    pub fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
        Some(signature)
    }

    /// The certificate, in base64.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// All certificates that providers are told, its own first.
    pub fn certificates(&self) -> Vec<String> {
        std::iter::once(&self.certificate).chain(&self.beside).cloned().collect()
    }

    /// The certificate as a file that providers take.
    pub fn pem(&self) -> String {
        pem(&self.certificate)
    }

    /// A new key, with a certificate that calls it so; and the key as PKCS#8.
    pub fn generate(host: &str, now: Timestamp) -> Result<(RequestKey, Zeroizing<Vec<u8>>), DbError> {
        let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).map_err(failed)?;
        let der = private.to_pkcs8_der().map_err(failed)?;
        let public = private.to_public_key().to_public_key_der().map_err(failed)?;
        let pair = RsaKeyPair::from_pkcs8(der.as_bytes()).map_err(failed)?;
        let mut key = RequestKey { pair, certificate: String::new(), beside: Vec::new() };
        let mut serial = [0; 16];
        system::fill(&mut serial);
        let certificate = self_signed(&key, public.as_bytes(), host, &serial, now).map_err(failed)?;
        key.certificate = STANDARD.encode(certificate.ok_or_else(|| failed("it does not sign"))?);
        Ok((key, Zeroizing::new(der.as_bytes().to_vec())))
    }

    fn open(keys: &Keyring, sealed: &str) -> Result<RequestKey, DbError> {
        let Kept { key, certificate, next, before } = opened(keys, sealed)?;
        let key = Zeroizing::new(key);
        let der = Zeroizing::new(STANDARD.decode(key.as_bytes()).map_err(failed)?);
        let beside = next.map(|next| next.certificate).into_iter().chain(before).collect();
        Ok(RequestKey { pair: RsaKeyPair::from_pkcs8(&der).map_err(failed)?, certificate, beside })
    }
}

/// A certificate in base64 as a file that providers take.
fn pem(certificate: &str) -> String {
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = certificate;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

fn opened(keys: &Keyring, sealed: &str) -> Result<Kept, DbError> {
    let unreadable = || failed("it cannot be opened with this master key");
    let plain = Zeroizing::new(keys.open(sealing::SAML_REQUEST_KEY, sealed).ok_or_else(unreadable)?);
    serde_json::from_slice(&plain).map_err(failed)
}

fn sealed(keys: &Keyring, kept: &Kept) -> Result<String, DbError> {
    let kept = Zeroizing::new(serde_json::to_vec(kept).map_err(failed)?);
    Ok(keys.seal(sealing::SAML_REQUEST_KEY, system::nonce(), &kept))
}

/// Takes a step of replacing the key, and gives the certificate that counts next, or from now on, as a file. A step that was taken before is not
/// taken again.
pub async fn step(
    db: &Db,
    keys: &Arc<Keyring>,
    public_url: &str,
    step: Step,
) -> Result<Result<String, NoStep>, DbError> {
    let made = match step {
        Step::Announce => {
            let (now, host) = (db.clock().now(), host(public_url));
            let made = tokio::task::spawn_blocking(move || generated(&host, now)).await;
            Some(made.map_err(|_| DbError::Interrupted)??)
        }
        Step::Switch | Step::Withdraw => None,
    };
    let made = made.map(|made| serde_json::to_string(&made).map(Zeroizing::new)).transpose().map_err(failed)?;
    let keys = keys.clone();
    db.write(move |tx| {
        let Some(known) = tx.installation_value(NAME)? else { return Ok(Err(NoStep::NoKey)) };
        let mut kept = opened(&keys, &known)?;
        let shown = match step {
            Step::Announce => {
                if kept.before.is_some() {
                    return Ok(Err(NoStep::StillBefore));
                }
                let fresh = made.as_ref().map(|made| serde_json::from_str(made)).transpose().map_err(failed)?;
                if let Some(next) = &kept.next {
                    return Ok(Ok(pem(&next.certificate)));
                }
                kept.next = fresh;
                kept.next.as_ref().map(|next| pem(&next.certificate)).unwrap_or_default()
            }
            Step::Switch => {
                let Some(next) = kept.next.take() else { return Ok(Err(NoStep::NoNext)) };
                let Kept { key, certificate, .. } = *next;
                kept = Kept { key, certificate, next: None, before: Some(kept.certificate) };
                pem(&kept.certificate)
            }
            Step::Withdraw => {
                if kept.before.take().is_none() {
                    return Ok(Err(NoStep::NoBefore));
                }
                pem(&kept.certificate)
            }
        };
        tx.set_installation_value(NAME, &sealed(&keys, &kept)?)?;
        tx.act_as(Actor::CommandLine.at(Source::default()));
        let said = match step {
            Step::Announce => "the next key is announced",
            Step::Switch => "the next key signs",
            Step::Withdraw => "the certificate before is withdrawn",
        };
        tx.raise(tx.now(), None, Act::new(Action::SamlRequestKeyReplaced).saying(said.to_owned()));
        Ok::<_, DbError>(Ok(shown))
    })
    .await
}

/// The key, if there is one.
pub fn find(tx: &mut Tx<'_>, keys: &Keyring) -> Result<Option<RequestKey>, DbError> {
    tx.installation_value(NAME)?.map(|sealed| RequestKey::open(keys, &sealed)).transpose()
}

/// The key, which is made if there is none. Of two replicas that make one, the first has made it.
pub async fn ensure(db: &Db, keys: &Arc<Keyring>, public_url: &str) -> Result<RequestKey, DbError> {
    let of = keys.clone();
    if let Some(found) = db.read(ReadCost::Point, move |tx| find(tx, &of)).await? {
        return Ok(found);
    }
    let (of, now, host) = (keys.clone(), db.clock().now(), host(public_url));
    // To make an RSA key may take a second.
    let made = tokio::task::spawn_blocking(move || make(&of, &host, now)).await.map_err(|_| DbError::Interrupted)??;
    let kept = db.write::<_, DbError, _>(move |tx| tx.establish_fact(NAME, &made)).await?;
    RequestKey::open(keys, &kept)
}

/// What the certificate is called: where users reach this server.
fn host(public_url: &str) -> String {
    let url = Url::parse(public_url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).take(64).collect()
}

/// A new key and its certificate, sealed.
fn make(keys: &Keyring, host: &str, now: Timestamp) -> Result<String, DbError> {
    sealed(keys, &generated(host, now)?)
}

fn generated(host: &str, now: Timestamp) -> Result<Kept, DbError> {
    let (made, der) = RequestKey::generate(host, now)?;
    Ok(Kept { key: STANDARD.encode(&*der), certificate: made.certificate, next: None, before: None })
}

/// A certificate that the key has signed itself (RFC 5280 §4.1): a way to write the key down.
fn self_signed(
    key: &RequestKey,
    public: &[u8],
    host: &str,
    serial: &[u8; 16],
    now: Timestamp,
) -> Result<Option<Vec<u8>>, x509_cert::der::Error> {
    let algorithm = AlgorithmIdentifierOwned { oid: SHA256_WITH_RSA, parameters: Some(AnyRef::NULL.into()) };
    let seconds = u64::try_from(now.millis() / 1000).unwrap_or_default();
    let at = |seconds| UtcTime::from_unix_duration(Duration::from_secs(seconds)).map(Time::UtcTime);
    let name = Name::from_str(&format!("CN={}", if host.is_empty() { "gateway" } else { host }))?;
    // A positive number (§4.1.2.2), and not zero.
    let mut serial = *serial;
    serial[0] = serial[0] & 0x7f | 0x01;
    let of = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial)?,
        signature: algorithm.clone(),
        issuer: name.clone(),
        validity: Validity {
            not_before: at(seconds.saturating_sub(BEFORE))?,
            not_after: at(seconds.saturating_add(TEN_YEARS))?,
        },
        subject: name,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(public)?,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: None,
    };
    let Some(signature) = key.sign(&of.to_der()?) else { return Ok(None) };
    let signature = BitString::from_bytes(&signature)?;
    let whole = x509_cert::Certificate { tbs_certificate: of, signature_algorithm: algorithm, signature };
    whole.to_der().map(Some)
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;
    use crate::domain::saml::certificate::{Certificate, KeyKind};
    use crate::platform::timestamp::ms;

    #[test]
    fn what_the_key_signs_is_verified_by_its_certificate_which_is_its_own_issuer() {
        let keys = Keyring::new(&[1; 32]);
        let made = make(&keys, "front.test", ms(1_800_000_000_000)).unwrap();
        assert!(RequestKey::open(&Keyring::new(&[2; 32]), &made).is_err(), "another master key");
        let key = RequestKey::open(&keys, &made).unwrap();
        let read = Certificate::read(&key.pem()).unwrap();
        assert_eq!((read.key.kind, read.base64.as_str()), (KeyKind::Rsa, key.certificate()));
        assert_eq!(read.not_after, 1_800_000_000 + TEN_YEARS.cast_signed());
        let by = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &read.key.bytes);
        by.verify(b"text", &key.sign(b"text").unwrap()).unwrap();
        let der = STANDARD.decode(&read.base64).unwrap();
        let whole = x509_cert::Certificate::from_der(&der).unwrap();
        by.verify(&whole.tbs_certificate.to_der().unwrap(), whole.signature.raw_bytes()).unwrap();
        assert_eq!(whole.tbs_certificate.subject.to_string(), "CN=front.test");
    }

    #[test]
    fn a_certificate_is_called_as_the_host_is() {
        for (url, expected) in [
            ("https://front.example/base", "front.example"),
            ("http://[::1]:8080", "1"),
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("nowhere", ""),
        ] {
            assert_eq!(host(url), expected);
        }
    }
}
