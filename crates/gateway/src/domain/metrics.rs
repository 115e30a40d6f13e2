//! What the server counts about itself, in the form that Prometheus reads ([OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/)).
//!
//! Labels come from tables of our own: routes, codes, names of jobs. Nothing that a caller makes up becomes one, so their number is bounded.
//! The series of one process are lost with it; `docs/metrics.md` lists them.

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub mod deliveries;
pub mod jobs;
pub mod polls;
pub mod requests;
pub mod work;

pub use deliveries::Deliveries;
pub use jobs::Jobs;
pub use polls::Polls;
pub use requests::Requests;
pub use work::Work;

/// Everything that is counted. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Requests and their outcomes.
    pub requests: Requests,
    /// Units of work on the database.
    pub work: Work,
    /// What happens in the background.
    pub jobs: Jobs,
    /// Requests to receivers of the feed.
    pub deliveries: Deliveries,
    /// Security events that are fetched.
    pub polls: Polls,
}

impl Metrics {
    /// With the counts that the database keeps already.
    pub fn with(work: Work) -> Metrics {
        Metrics { work, ..Metrics::default() }
    }

    /// Puts all of it in.
    pub fn register(&self, registry: &mut Registry) {
        self.requests.register(registry);
        self.work.register(registry);
        self.jobs.register(registry);
        self.deliveries.register(registry);
        self.polls.register(registry);
    }
}

/// Seconds, from a millisecond to ten seconds.
fn seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}
