//! What a server says when a client greets it in TLS: the version, and until when its certificate counts, whether it is trusted or not.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme};
use url::Url;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::Findings;
use crate::platform::clock::Clock;
use crate::platform::timestamp::Timestamp;
use crate::platform::tls::day;

const PATIENCE: Duration = Duration::from_secs(5);
const DAY: i64 = 86_400_000;
/// A certificate has to be replaced by then.
const SOON: i64 = 21;

/// Nothing is said where no handshake comes about: why is said where the server is asked.
pub(super) fn look(url: &Url, findings: &mut Findings) {
    if url.scheme() != "https" {
        return;
    }
    let Ok(greeted) = greet(url) else { return };
    let version = match greeted.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "another version",
    };
    findings.ok("tls version", version);
    let Some(certificate) = greeted.peer_certificates().and_then(<[_]>::first) else { return };
    expiry(certificate, Clock::of_the_machine().now(), findings);
}

fn greet(url: &Url) -> io::Result<ClientConnection> {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let provider = Arc::new(ring::default_provider());
    let anyone = Arc::new(Anyone(provider.signature_verification_algorithms));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(anyone)
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect((host, url.port_or_known_default().unwrap_or(443)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    Ok(client)
}

/// Until when the certificate counts.
fn expiry(certificate: &[u8], now: Timestamp, findings: &mut Findings) {
    let Ok(certificate) = Certificate::from_der(certificate) else { return };
    let tbs = certificate.tbs_certificate;
    let end = i64::try_from(tbs.validity.not_after.to_unix_duration().as_millis()).unwrap_or(i64::MAX);
    let end = Timestamp::of_millis(end);
    let left = (end - now).div_euclid(DAY);
    let found = format!("until {}, for {left} days; of {}", day(end), tbs.issuer);
    match left {
        ..SOON => findings.warn("certificate", found, "Renew it, and make sure that it is renewed by itself."),
        _ => findings.ok("certificate", found),
    }
}

/// Takes each certificate: nothing is sent to the server, and whether its certificate is trusted is looked at elsewhere.
#[derive(Debug)]
struct Anyone(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
