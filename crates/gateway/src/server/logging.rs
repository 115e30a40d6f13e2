//! The log, and spans on their way to a collector.

use std::io::IsTerminal;

use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Config;
use crate::platform::traces::{Collector, Traces};

/// Logs go to standard error, so that what commands print can be piped. Spans go to the collector, if there is one: what is given has to be
/// ended.
pub(crate) fn start_logging(config: &Config, collector: Option<&Collector>) -> Result<Option<Traces>, String> {
    let filter = config.log.filter.to_env_filter();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !config.log.json);
    let lines = if config.log.json { lines.json().boxed() } else { lines.boxed() };
    let traces = collector.map(Traces::start).transpose().map_err(|why| format!("traces.endpoint: {why}"))?;
    // A second start in one process (a test) keeps the first's.
    let _ = match &traces {
        Some(traces) => tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces.layer()).try_init(),
        None => tracing_subscriber::registry().with(lines).with(filter).try_init(),
    };
    Ok(traces)
}
