//! The log.

use std::io::IsTerminal;

use crate::config::Config;

/// Logs go to standard error, so that what commands print can be piped.
pub(crate) fn start_logging(config: &Config) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(config.log.filter.to_env_filter())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start in one process (a test) keeps the first's.
    let _ = if config.log.json { builder.json().try_init() } else { builder.try_init() };
}
