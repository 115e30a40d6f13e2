//! A unit of work as the oauth crate's store. Each port is implemented beside its SQL: `Clients` in `clients.rs`, `Grants` and
//! `AccessTokens` in `grants.rs`, `Codes` and `RefreshTokens` in `tokens.rs`, `StaticTokens` in `static_tokens.rs`, `PushedRequests` in
//! `pushed_requests.rs`, `SpentProofs` in `spent_proofs.rs`; and `Events` here.

use oauth::Event;

use super::tx::Tx;

impl oauth::store::Events for Tx<'_> {
    fn record(&mut self, event: Event) {
        self.raise(self.now(), None, event);
    }
}
