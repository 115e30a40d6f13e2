//! Cursors (RFC 9865 §2), sealed for one client in one account: for other clients they are invalid.

use oauth::Keyring;

use crate::domain::account::Account;
use crate::domain::actor::Actor;
use crate::platform::system;

/// The cursors of one client in one account.
#[derive(Debug)]
pub(super) struct SealedCursors<'a> {
    keys: &'a Keyring,
    purpose: String,
}

impl SealedCursors<'_> {
    /// Those of this actor in this account. They outlive the access token, which may expire in the middle of a walk.
    pub(super) fn of<'a>(keys: &'a Keyring, account: &Account, actor: &Actor) -> SealedCursors<'a> {
        SealedCursors { keys, purpose: format!("scim cursor, account {}, {}", account.seq, actor.code()) }
    }
}

impl scim::Cursors for SealedCursors<'_> {
    fn seal(&self, plain: &[u8]) -> String {
        let mut nonce = [0; 24];
        system::fill(&mut nonce);
        self.keys.seal(&self.purpose, nonce, plain)
    }

    fn open(&self, text: &str) -> Option<Vec<u8>> {
        self.keys.open(&self.purpose, text)
    }
}
