//! `[metrics]`: where what the server counts about itself is read.

use std::net::SocketAddr;

use super::reader::Reader;
use super::server::address;

/// Where metrics are read.
#[derive(Debug, Clone, Copy)]
pub struct Metrics {
    /// A listener that answers `/metrics` and nothing else, to anyone who reaches it.
    pub bind: Option<SocketAddr>,
}

pub(super) fn read(r: &mut Reader) -> Option<Metrics> {
    let mut s = r.section("metrics");
    let bind = s.optional(
        "bind",
        "127.0.0.1:9464",
        "HOST:PORT",
        "A listener of its own that answers `/metrics` and nothing else, without a token: for a network that only Prometheus reaches. \
         Without it, `/metrics` of the server takes the token of an operator who may read all accounts ([metrics](metrics.md)).",
        address,
    );
    Some(Metrics { bind })
}
