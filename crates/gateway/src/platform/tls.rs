//! The certificate that the server shows to clients (RFC 8446 §4.4.2): read from PEM files, and read again when they change, while
//! connections go on. TLS 1.2 and 1.3 by rustls over ring; of ALPN (RFC 7301) only http/1.1.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;

use chrono::DateTime;
use rustls::client::verify_server_name;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, crypto};
use x509_cert::der::Decode;

use super::timestamp::Timestamp;

/// A file of certificates and keys has at most so many bytes.
const MOST: u64 = 1 << 20;

/// Where the certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The server's certificate, then the intermediate ones.
    pub certificate: PathBuf,
    /// The key of the first of them.
    pub key: PathBuf,
}

/// What is wrong with which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The file of certificates.
    Certificate(String),
    /// The file of the key.
    Key(String),
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Unfit::Certificate(why) | Unfit::Key(why)) = self;
        f.write_str(why)
    }
}

/// A certificate with its chain and its key, which fit each other.
#[derive(Debug, Clone)]
pub struct Pair {
    shown: Arc<CertifiedKey>,
    /// From when on it counts.
    pub begins: Timestamp,
    /// Until when it counts.
    pub ends: Timestamp,
}

impl Pair {
    /// Reads both files. That it counts now, and for whom, is another question.
    pub fn read(files: &Files) -> Result<Pair, Unfit> {
        let chain = chain(&files.certificate).map_err(Unfit::Certificate)?;
        let (begins, ends) = validity(&files.certificate, &chain[0]).map_err(Unfit::Certificate)?;
        let key = key(&files.key).map_err(Unfit::Key)?;
        let shown = CertifiedKey::from_der(chain, key, &crypto::ring::default_provider()).map_err(|error| {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            Unfit::Key(match error {
                rustls::Error::InconsistentKeys(_) => format!(
                    "the key in `{key}` is not that of the first certificate in `{certificate}`, which has to be the server's own, before the \
                     intermediate ones"
                ),
                _ => format!(
                    "the key in `{key}` is none that can be used: ECDSA on P-256 or P-384, RSA of 2048 to 4096 bits, and Ed25519 can be"
                ),
            })
        })?;
        Ok(Pair { shown: Arc::new(shown), begins, ends })
    }

    /// Whether it is a certificate of this host: a name, or an address.
    pub fn covers(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let parsed = self.shown.end_entity_cert().and_then(ParsedCertificate::try_from);
        let (Ok(certificate), Ok(name)) = (parsed, ServerName::try_from(bare)) else { return false };
        verify_server_name(&certificate, &name).is_ok()
    }

    /// Why it does not count at this moment, if it does not.
    pub fn not_current(&self, now: Timestamp) -> Option<String> {
        if now < self.begins {
            Some(format!("is not valid before {}", day(self.begins)))
        } else if now >= self.ends {
            Some(format!("expired on {}", day(self.ends)))
        } else {
            None
        }
    }
}

/// A day, for people.
pub fn day(time: Timestamp) -> String {
    DateTime::from_timestamp_millis(time.millis()).unwrap_or_default().format("%-d %B %Y").to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let failed = |e| format!("cannot read `{}`: {e}", path.display());
    let mut content = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(MOST + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > MOST {
        return Err(format!("`{}` has more than {} MiB, and is no file of certificates", path.display(), MOST >> 20));
    }
    Ok(content)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let content = read(path)?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&content).collect();
    let chain = chain.map_err(|error| format!("`{}` is not PEM: {error}", path.display()))?;
    match chain.is_empty() {
        true => {
            Err(format!("there is no certificate in `{}`: PEM is expected, with BEGIN CERTIFICATE", path.display()))
        }
        false => Ok(chain),
    }
}

fn validity(path: &Path, certificate: &CertificateDer<'_>) -> Result<(Timestamp, Timestamp), String> {
    let read = x509_cert::Certificate::from_der(certificate)
        .map_err(|error| format!("the first certificate in `{}` cannot be read: {error}", path.display()))?;
    let validity = read.tbs_certificate.validity;
    let time = |time: x509_cert::time::Time| {
        Timestamp::of_millis(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
    };
    Ok((time(validity.not_before), time(validity.not_after)))
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let content = read(path)?;
    PrivateKeyDer::from_pem_slice(&content).map_err(|error| {
        let path = path.display();
        let is_encrypted = content.windows(9).any(|word| word == b"ENCRYPTED");
        match error {
            pem::Error::NoItemsFound if is_encrypted => format!(
                "the key in `{path}` is encrypted with a password, and a server that starts by itself has none: write it without, by `openssl \
                 pkey`, readable for the server's user only"
            ),
            pem::Error::NoItemsFound => {
                format!("there is no private key in `{path}`: PEM is expected, with BEGIN PRIVATE KEY")
            }
            error => format!("`{path}` is not PEM: {error}"),
        }
    })
}

/// Which state of the files was looked at.
type Marks = [Option<(SystemTime, u64)>; 2];

/// The certificate that is shown now.
#[derive(Debug)]
pub struct Certificate {
    files: Files,
    shown: RwLock<Pair>,
    /// The state of the files that was looked at last, whether it was taken or not.
    seen: Mutex<Marks>,
}

impl Certificate {
    /// Reads it for the first time.
    pub fn open(files: Files) -> Result<Certificate, Unfit> {
        let marks = marks(&files);
        let pair = Pair::read(&files)?;
        Ok(Certificate { files, shown: RwLock::new(pair), seen: Mutex::new(marks) })
    }

    /// Until when the one that is shown counts.
    pub fn ends(&self) -> Timestamp {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).ends
    }

    /// Reads the files again. What cannot be shown now is refused, and the one that was shown stays. Connections that are open know
    /// nothing of it.
    pub fn read_again(&self, now: Timestamp) -> Result<Timestamp, String> {
        let marks = marks(&self.files);
        let outcome = Pair::read(&self.files).map_err(|unfit| unfit.to_string()).and_then(|pair| {
            let wrong = pair.not_current(now);
            match wrong {
                Some(why) => Err(format!("the certificate in `{}` {why}", self.files.certificate.display())),
                None => Ok(pair),
            }
        });
        *self.seen() = marks;
        let path = self.files.certificate.display();
        let pair = outcome.inspect_err(|error| {
            tracing::warn!(%path, %error, "the certificate was read again and refused; the one before is shown still");
        })?;
        let ends = pair.ends;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = pair;
        tracing::info!(%path, until = day(ends), "the certificate was read again");
        Ok(ends)
    }

    /// The same if the files are others than those that were looked at last.
    pub fn read_if_changed(&self, now: Timestamp) -> Option<Result<Timestamp, String>> {
        let has_changed = *self.seen() != marks(&self.files);
        has_changed.then(|| self.read_again(now))
    }

    fn seen(&self) -> MutexGuard<'_, Marks> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn marks(files: &Files) -> Marks {
    [&files.certificate, &files.key].map(|path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    })
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.read().unwrap_or_else(PoisonError::into_inner).shown.clone())
    }
}

/// How TLS is spoken with clients.
pub fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    const NOW: Timestamp = Timestamp::of_millis(1_800_000_000_000);

    /// A certificate of this name for these years, and its key.
    fn made(name: &str, years: (i32, i32)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn files(&self) -> Files {
            Files { certificate: self.0.path().join("fullchain.pem"), key: self.0.path().join("privkey.pem") }
        }

        fn write(&self, (certificate, key): &(String, String)) {
            fs::write(self.files().certificate, certificate).unwrap();
            fs::write(self.files().key, key).unwrap();
        }
    }

    fn folder() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    #[test]
    fn what_is_wrong_with_a_certificate_or_its_key_is_said_with_the_path() {
        let folder = folder();
        let (one, other) = (made("a.example", (2020, 2100)), made("a.example", (2020, 2100)));
        let told = |certificate: &str, key: &str| {
            folder.write(&(certificate.to_owned(), key.to_owned()));
            Pair::read(&folder.files()).map(|_| ()).unwrap_err()
        };
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (told, is_of_key, words) in [
            (told("", &one.1), false, "there is no certificate in"),
            (told(&one.1, &one.1), false, "there is no certificate in"),
            (told(broken, &one.1), false, "cannot be read"),
            (told(&one.0, ""), true, "there is no private key in"),
            (told(&one.0, &one.0), true, "there is no private key in"),
            (told(&one.0, encrypted), true, "openssl pkey"),
            (told(&one.0, &other.1), true, "is not that of the first certificate"),
        ] {
            assert_eq!(matches!(told, Unfit::Key(_)), is_of_key, "{told:?}");
            let path = if is_of_key { "privkey.pem" } else { "fullchain.pem" };
            assert!(told.to_string().contains(words) && told.to_string().contains(path), "{told:?}");
        }
        fs::remove_file(folder.files().key).unwrap();
        let told = Pair::read(&folder.files()).map(|_| ()).unwrap_err();
        assert!(matches!(&told, Unfit::Key(why) if why.starts_with("cannot read")), "{told:?}");
    }

    #[test]
    fn a_certificate_is_one_of_its_names_and_of_its_time() {
        let folder = folder();
        let read = |name: &str, years| {
            folder.write(&made(name, years));
            Pair::read(&folder.files()).unwrap()
        };
        let pair = read("*.vendor.example", (2020, 2100));
        assert!(pair.covers("id.vendor.example") && !pair.covers("vendor.example") && !pair.covers("127.0.0.1"));
        assert_eq!(pair.not_current(NOW), None);
        let pair = read("::1", (2020, 2025));
        assert!(pair.covers("[::1]") && pair.covers("::1") && !pair.covers("::2"));
        assert_eq!(pair.not_current(NOW).as_deref(), Some("expired on 1 January 2025"));
        assert_eq!(
            read("a.example", (2090, 2100)).not_current(NOW).as_deref(),
            Some("is not valid before 1 January 2090")
        );
    }

    #[test]
    fn files_that_change_are_read_again_and_a_bad_one_changes_nothing() {
        let folder = folder();
        folder.write(&made("a.example", (2020, 2050)));
        let certificate = Certificate::open(folder.files()).unwrap();
        let first = certificate.ends();
        assert_eq!(certificate.read_if_changed(NOW), None, "nothing changed");
        // A certificate is there before its key is: it is looked at again when the key is there too.
        let next = made("a.example", (2020, 2060));
        fs::write(folder.files().certificate, format!("{}\n", next.0)).unwrap();
        let said = certificate.read_if_changed(NOW).expect("it changed").unwrap_err();
        assert!(said.contains("is not that of the first certificate"), "{said}");
        assert_eq!((certificate.ends(), certificate.read_if_changed(NOW)), (first, None), "it is said once");
        fs::write(folder.files().key, format!("{}\n", next.1)).unwrap();
        let ends = certificate.read_if_changed(NOW).expect("it changed").unwrap();
        assert!(ends > first && certificate.ends() == ends);
        folder.write(&made("a.example", (2010, 2020)));
        assert!(certificate.read_again(NOW).unwrap_err().contains("expired on"));
        fs::remove_file(folder.files().key).unwrap();
        assert!(certificate.read_again(NOW).unwrap_err().starts_with("cannot read"));
        assert_eq!(certificate.ends(), ends, "the old one stays");
    }
}
