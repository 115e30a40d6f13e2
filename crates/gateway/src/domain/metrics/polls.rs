//! Security events that are fetched from accounts' identity providers.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// Requests to transmitters, and what they had. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Polls {
    requests: Family<ByOutcome, Counter>,
    tokens: Family<ByOutcome, Counter>,
}

/// What became of a token that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// It was taken.
    Taken,
    /// It had been taken before.
    Again,
    /// It is not believed.
    Refused,
}

impl Fetched {
    const ALL: [Fetched; 3] = [Fetched::Taken, Fetched::Again, Fetched::Refused];

    fn code(self) -> &'static str {
        match self {
            Fetched::Taken => "taken",
            Fetched::Again => "again",
            Fetched::Refused => "refused",
        }
    }
}

impl Polls {
    /// A transmitter was asked.
    pub fn asked(&self, is_well: bool) {
        let outcome = if is_well { "answered" } else { "failed" };
        self.requests.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// A token came.
    pub fn fetched(&self, what: Fetched) {
        self.tokens.get_or_create(&ByOutcome { outcome: what.code() }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        // What has not happened is counted too, as 0.
        for outcome in ["answered", "failed"] {
            drop(self.requests.get_or_create(&ByOutcome { outcome }));
        }
        for outcome in Fetched::ALL.map(Fetched::code) {
            drop(self.tokens.get_or_create(&ByOutcome { outcome }));
        }
        let about = "Requests to transmitters of security events that are polled: answered, failed";
        registry.register("signal_poll_requests", about, self.requests.clone());
        let about = "Security event tokens that were fetched: taken, again (taken before), refused";
        registry.register("signal_poll_tokens", about, self.tokens.clone());
    }
}
