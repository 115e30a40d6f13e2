//! Units of work on the database.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::seconds;

/// What a unit of work is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// It reads.
    Read,
    /// It writes, and is on the disk when it is answered.
    Write,
    /// It writes what may be lost in a power failure.
    Jot,
    /// It takes long, and has connections of its own.
    Long,
}

impl Unit {
    /// Every one.
    const ALL: [Unit; 4] = [Unit::Read, Unit::Write, Unit::Jot, Unit::Long];

    /// Its name, for labels and spans.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Unit::Read => "read",
            Unit::Write => "write",
            Unit::Jot => "jot",
            Unit::Long => "long",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByUnit {
    unit: &'static str,
}

/// Units of work on the database. Clones are the same.
#[derive(Debug, Clone)]
pub struct Work {
    took: Family<ByUnit, Histogram, fn() -> Histogram>,
    waited: Family<ByUnit, Histogram, fn() -> Histogram>,
    failed: Family<ByUnit, Counter>,
    again: Counter,
    batches: Histogram,
}

impl Default for Work {
    fn default() -> Work {
        let work = Work {
            took: Family::new_with_constructor(seconds),
            waited: Family::new_with_constructor(seconds),
            failed: Family::default(),
            again: Counter::default(),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 7)),
        };
        // What never failed is seen as well: a rate needs a beginning.
        for unit in Unit::ALL {
            work.failed.get_or_create(&ByUnit { unit: unit.name() }).inc_by(0);
        }
        work
    }
}

impl Work {
    /// A unit was answered so long after it was sent; `failed` if the database could not do it.
    pub fn answered(&self, unit: Unit, took: Duration, failed: bool) {
        let unit = ByUnit { unit: unit.name() };
        self.took.get_or_create(&unit).observe(took.as_secs_f64());
        if failed {
            self.failed.get_or_create(&unit).inc();
        }
    }

    /// A unit waited so long until it was begun.
    pub fn began(&self, unit: Unit, waited: Duration) {
        self.waited.get_or_create(&ByUnit { unit: unit.name() }).observe(waited.as_secs_f64());
    }

    /// A unit is run once more, for it lost a race or its connection.
    pub fn runs_again(&self) {
        self.again.inc();
    }

    /// SQLite's writer committed so many units together.
    pub fn committed(&self, units: usize) {
        self.batches.observe(units as f64);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "unit_of_work_seconds",
            "How long a unit of work on the database took, from when it was sent to its answer",
            self.took.clone(),
        );
        registry.register(
            "unit_of_work_wait_seconds",
            "How long a unit of work waited until it was begun",
            self.waited.clone(),
        );
        registry.register(
            "unit_of_work_failures",
            "Units of work that the database could not do: it was busy, away, or lost the connection",
            self.failed.clone(),
        );
        registry.register(
            "unit_of_work_retries",
            "Units of work that ran once more on PostgreSQL, for they lost a race or their connection",
            self.again.clone(),
        );
        registry.register(
            "sqlite_batch_units",
            "Units of work that SQLite's writer committed together",
            self.batches.clone(),
        );
    }
}
