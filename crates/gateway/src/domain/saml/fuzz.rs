//! What holds of every input. The suite calls these with generated input, and so do the targets of `fuzz/`.

use super::canonical::canonical;
use super::metadata::IdentityProvider;
use super::response::{Envelope, decoded};
use super::signature::Trust;
use super::xml::{self, Kind};

/// No key signed it, so it is refused, in words.
pub fn response(text: &str) {
    let _ = decoded(text);
    let read = Envelope::parse(text).and_then(|envelope| envelope.verify(Trust { keys: &[], sha1: true }));
    let refusal = read.expect_err("nothing is accepted without a key");
    assert!(!refusal.detail.is_empty());
    canonical_form(text);
}

/// The canonical form of a document is a document, and its own canonical form.
pub fn canonical_form(text: &str) {
    let Ok(document) = xml::parse(text, Kind::Message) else { return };
    let once = canonical(document.root_element(), None, &[]);
    if once.len() > xml::MAX_BYTES {
        return; // references grow when they are written out
    }
    let again = xml::parse(&once, Kind::Message).expect("what is canonical can be read");
    assert_eq!(canonical(again.root_element(), None, &[]), once);
}

/// Metadata is read, or refused in words.
pub fn metadata(text: &str) {
    match IdentityProvider::read(text) {
        Ok(read) => assert!(!read.certificates.is_empty()),
        Err(why) => assert!(!why.is_empty()),
    }
}
