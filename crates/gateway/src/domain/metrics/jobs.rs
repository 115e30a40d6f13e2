//! What happens in the background.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::platform::timestamp::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    task: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTask {
    task: &'static str,
}

type Number = Gauge<f64, std::sync::atomic::AtomicU64>;

/// What happens in the background. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Jobs {
    runs: Family<ByOutcome, Counter>,
    last: Family<ByTask, Number>,
    took: Family<ByTask, Number>,
}

impl Jobs {
    /// A job ran until now. (Its label is `task`: Prometheus has a label `job` of its own.)
    pub fn ran(&self, task: &'static str, now: Timestamp, took: Duration, is_well: bool) {
        for (outcome, n) in [("done", is_well.into()), ("failed", (!is_well).into())] {
            self.runs.get_or_create(&ByOutcome { task, outcome }).inc_by(n);
        }
        if is_well {
            self.last.get_or_create(&ByTask { task }).set(now.millis() as f64 / 1000.0);
        }
        self.took.get_or_create(&ByTask { task }).set(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("job_runs", "Runs of a job of the background: done, or failed", self.runs.clone());
        registry.register("job_last_success_timestamp_seconds", "When a job was done last", self.last.clone());
        registry.register("job_last_duration_seconds", "How long its last run took", self.took.clone());
    }
}
