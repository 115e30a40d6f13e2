//! What is delivered to receivers of the feed.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::receiver::{Form, Reply};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    form: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByForm {
    form: &'static str,
}

/// Requests to receivers. Clones are the same.
#[derive(Debug, Clone)]
pub struct Deliveries {
    sent: Family<ByOutcome, Counter>,
    dead: Family<ByForm, Counter>,
    took: Family<ByForm, Histogram, fn() -> Histogram>,
}

impl Default for Deliveries {
    fn default() -> Deliveries {
        let seconds: fn() -> Histogram = || Histogram::new([0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0]);
        Deliveries { sent: Family::default(), dead: Family::default(), took: Family::new_with_constructor(seconds) }
    }
}

impl Deliveries {
    /// A request was sent, with this outcome.
    pub fn sent(&self, form: Form, reply: &Reply, took: Duration) {
        let form = form.code();
        self.sent.get_or_create(&ByOutcome { form, outcome: reply.outcome() }).inc();
        self.took.get_or_create(&ByForm { form }).observe(took.as_secs_f64());
    }

    /// So many events became dead letters.
    pub fn died(&self, form: Form, letters: usize) {
        self.dead.get_or_create(&ByForm { form: form.code() }).inc_by(letters as u64);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        // What has not happened is counted too, as 0.
        for form in Form::ALL.iter().map(|form| form.code()) {
            for outcome in Reply::OUTCOMES {
                drop(self.sent.get_or_create(&ByOutcome { form, outcome }));
            }
            drop(self.dead.get_or_create(&ByForm { form }));
            drop(self.took.get_or_create(&ByForm { form }));
        }
        let about = "Requests to receivers of the feed: taken, refused, failed, unreachable, gone";
        registry.register("deliveries", about, self.sent.clone());
        registry.register("dead_letters", "Events that a receiver refused while it took others", self.dead.clone());
        registry.register("delivery_duration_seconds", "How long a receiver took to answer", self.took.clone());
    }
}
