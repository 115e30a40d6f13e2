//! Secrets: how they are made, and what is kept in their place.
//!
//! Every secret of ours is 256 random bits behind a prefix, so that users and secret scanners can tell what leaked. Storage
//! keeps a [`Fingerprint`]: a keyed hash, fast because there is nothing to guess. What we have to carry through strangers' hands
//! (access tokens, authorization requests in forms) is sealed with XChaCha20-Poly1305.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a secret is for, as its first letters say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// `gws_`: a client's secret.
    ClientSecret,
    /// `gwc_`: an authorization code.
    Code,
    /// `gwr_`: a refresh token.
    RefreshToken,
    /// `gwa_`: an access token.
    AccessToken,
    /// `gwt_`: a static token.
    StaticToken,
    /// `gwo_`: an operator's token for the admin API.
    Operator,
    /// `gwn_`: a browser session.
    Session,
    /// `gwp_`: a link that sets a password.
    PasswordLink,
    /// `gwl_`: a link by which a client is set up.
    SetupLink,
}

impl Prefix {
    /// All of them.
    pub const ALL: [Prefix; 9] = [
        Prefix::ClientSecret,
        Prefix::Code,
        Prefix::RefreshToken,
        Prefix::AccessToken,
        Prefix::StaticToken,
        Prefix::Operator,
        Prefix::Session,
        Prefix::PasswordLink,
        Prefix::SetupLink,
    ];

    /// What this text would be a secret of.
    pub fn of(text: &str) -> Option<Prefix> {
        Prefix::ALL.into_iter().find(|prefix| text.starts_with(prefix.as_str()))
    }

    /// The letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Prefix::ClientSecret => "gws_",
            Prefix::Code => "gwc_",
            Prefix::RefreshToken => "gwr_",
            Prefix::AccessToken => "gwa_",
            Prefix::StaticToken => "gwt_",
            Prefix::Operator => "gwo_",
            Prefix::Session => "gwn_",
            Prefix::PasswordLink => "gwp_",
            Prefix::SetupLink => "gwl_",
        }
    }
}

/// A new secret: the prefix and 256 random bits in base64url.
pub fn generated(prefix: Prefix, entropy: &mut dyn FnMut(&mut [u8])) -> String {
    let mut bits = Zeroizing::new([0_u8; 32]);
    entropy(&mut *bits);
    secret_of(prefix, &bits)
}

pub(crate) fn secret_of(prefix: Prefix, bits: &[u8; 32]) -> String {
    let mut secret = String::with_capacity(47);
    secret.push_str(prefix.as_str());
    URL_SAFE_NO_PAD.encode_string(bits, &mut secret);
    secret
}

/// What storage keeps of a secret: HMAC-SHA256 under a key of the installation.
#[derive(Clone)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From storage.
    pub fn from_bytes(bytes: &[u8]) -> Option<Fingerprint> {
        bytes.try_into().ok().map(Fingerprint)
    }

    /// For storage.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Fingerprint {
    /// In constant time.
    fn eq(&self, other: &Fingerprint) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Fingerprint {}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// The installation's keys, one for each use.
///
/// They come from two places, so that a master key can be replaced. **Master keys** seal: the first of the list seals, all of
/// them open. The **root** is 32 random bytes that never change, for stored rows are found by what is derived from it:
/// fingerprints, successors and tags. It is kept sealed under a master key like everything else.
pub struct Keyring {
    fingerprints: Hmac<Sha256>,
    successors: Hmac<Sha256>,
    codes: Hmac<Sha256>,
    tags: Hmac<Sha256>,
    sealing: Vec<XChaCha20Poly1305>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(…)")
    }
}

fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC pads a short key with zeros to one block of the hash (RFC 2104 §2), so a whole block needs no fallible constructor.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    <Hmac<Sha256> as KeyInit>::new(&block)
}

fn derived(master: &[u8; 32], label: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = hmac(master);
    mac.update(label.as_bytes());
    Zeroizing::new(finish(mac))
}

fn sealing(master: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*derived(master, "gateway sealing 1")).into())
}

fn finish(mac: Hmac<Sha256>) -> [u8; 32] {
    mac.finalize().into_bytes().into()
}

impl Keyring {
    /// Derives all keys (HMAC-SHA256 of a label) from one master key, which is also the root.
    pub fn new(master: &[u8; 32]) -> Keyring {
        Keyring::with_root(master, std::slice::from_ref(master))
    }

    /// Derives all keys; of the master keys the first seals, and all open.
    pub fn with_root(root: &[u8; 32], masters: &[[u8; 32]]) -> Keyring {
        Keyring {
            fingerprints: hmac(&derived(root, "gateway fingerprint 1")),
            successors: hmac(&derived(root, "gateway successor 1")),
            codes: hmac(&derived(root, "gateway code 1")),
            tags: hmac(&derived(root, "gateway tag 1")),
            sealing: masters.iter().map(sealing).collect(),
        }
    }

    /// What storage keeps of this secret.
    pub fn fingerprint(&self, secret: &str) -> Fingerprint {
        let mut mac = self.fingerprints.clone();
        mac.update(secret.as_bytes());
        Fingerprint(finish(mac))
    }

    /// A keyed hash for a purpose of the caller's.
    pub fn tag(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.tags.clone();
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(bytes);
        finish(mac)
    }

    /// The refresh token that follows this one in its grant: the same whenever it is asked for.
    pub(crate) fn successor(&self, token: &str, grant: i64, generation: i32) -> String {
        let mut mac = self.successors.clone();
        mac.update(&grant.to_be_bytes());
        mac.update(&generation.to_be_bytes());
        mac.update(token.as_bytes());
        secret_of(Prefix::RefreshToken, &Zeroizing::new(finish(mac)))
    }

    /// The authorization code for the request of this id, accepted by this user: the same whenever it is asked for.
    pub(crate) fn code(&self, request: &str, subject: &str) -> String {
        let mut mac = self.codes.clone();
        mac.update(&(request.len() as u64).to_be_bytes());
        mac.update(request.as_bytes());
        mac.update(subject.as_bytes());
        secret_of(Prefix::Code, &Zeroizing::new(finish(mac)))
    }

    /// Seals bytes for a purpose; only [`open`](Self::open) with the same purpose reads them.
    pub fn seal(&self, purpose: &str, nonce: [u8; 24], plain: &[u8]) -> String {
        let nonce = XNonce::from(nonce);
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let mut sealed = nonce.to_vec();
        // There is always a first key, and it refuses only more than 256 GiB; a text that cannot be opened is the safe answer to both.
        let ciphertext = self.sealing.first().and_then(|key| key.encrypt(&nonce, payload).ok());
        sealed.extend(ciphertext.unwrap_or_default());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// What was sealed; `None` if it was not sealed by us, for this purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        open_with(&self.sealing, purpose, sealed)
    }

    /// Whether this was sealed by the key that seals now, so that the older ones are not needed for it.
    pub fn is_newest(&self, purpose: &str, sealed: &str) -> bool {
        open_with(self.sealing.get(..1).unwrap_or_default(), purpose, sealed).is_some()
    }
}

fn open_with(keys: &[XChaCha20Poly1305], purpose: &str, sealed: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(24)?;
    let nonce = XNonce::try_from(nonce).ok()?;
    let payload = || Payload { msg: sealed, aad: purpose.as_bytes() };
    keys.iter().find_map(|key| key.decrypt(&nonce, payload()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_its_prefix_and_256_bits() {
        let secret = generated(Prefix::Code, &mut |bytes| bytes.fill(7));
        assert_eq!(secret.len(), 47);
        assert!(secret.starts_with("gwc_BwcH"));
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_only_and_not_when_touched() {
        let keys = Keyring::new(&[1; 32]);
        let sealed = keys.seal("a", [9; 24], b"hello");
        assert_eq!(keys.open("a", &sealed).as_deref(), Some(&b"hello"[..]));
        assert_eq!(keys.open("b", &sealed), None);
        assert_eq!(Keyring::new(&[2; 32]).open("a", &sealed), None);
        for i in 0..sealed.len() {
            let mut touched = sealed.clone().into_bytes();
            touched[i] = if touched[i] == b'A' { b'B' } else { b'A' };
            assert_eq!(keys.open("a", std::str::from_utf8(&touched).unwrap()), None);
        }
        assert_eq!(keys.open("a", "not base64!"), None);
        assert_eq!(keys.open("a", ""), None);
    }

    #[test]
    fn fingerprints_differ_between_secrets_and_between_installations() {
        let keys = Keyring::new(&[1; 32]);
        assert_eq!(keys.fingerprint("x"), keys.fingerprint("x"));
        assert_ne!(keys.fingerprint("x"), keys.fingerprint("y"));
        assert_ne!(keys.fingerprint("x"), Keyring::new(&[2; 32]).fingerprint("x"));
    }

    #[test]
    fn attack_86_of_several_master_keys_the_first_seals_and_all_open() {
        let old = Keyring::new(&[1; 32]);
        let both = Keyring::with_root(&[1; 32], &[[2; 32], [1; 32]]);
        let (sealed_before, sealed_after) = (old.seal("a", [9; 24], b"old"), both.seal("a", [9; 24], b"new"));
        assert_eq!(both.open("a", &sealed_before).as_deref(), Some(&b"old"[..]));
        assert_eq!(both.open("a", &sealed_after).as_deref(), Some(&b"new"[..]));
        assert!(!both.is_newest("a", &sealed_before) && both.is_newest("a", &sealed_after));
        assert!(!both.is_newest("b", &sealed_after));
        assert_eq!(old.open("a", &sealed_after), None);
        // The first key is taken away: the root keeps what rows are found by.
        let without = Keyring::with_root(&[1; 32], &[[2; 32]]);
        assert_eq!(without.fingerprint("x"), old.fingerprint("x"));
        assert_eq!(without.open("a", &sealed_before), None);
    }

    #[test]
    fn the_hash_is_hmac_sha256_as_rfc_4231_has_it() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mut mac = hmac(&key);
        mac.update(b"what do ya want for nothing?");
        let hex: String = finish(mac).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn tags_of_different_purposes_and_nothing_secret_in_debug_output() {
        let keys = Keyring::new(&[1; 32]);
        assert_ne!(keys.tag("ab", b"c"), keys.tag("a", b"bc"));
        assert_ne!(&keys.tag("", b"x")[..], keys.fingerprint("x").as_bytes());
        assert_ne!(keys.code("ab", "c"), keys.code("a", "bc"));
        assert_ne!(keys.code("a", "b"), Keyring::new(&[2; 32]).code("a", "b"), "another key gives another code");
        assert_eq!(format!("{keys:?}{:?}", keys.fingerprint("x")), "Keyring(…)Fingerprint(…)");
    }
}
