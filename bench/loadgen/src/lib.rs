//! What the load generators share: a small keep-alive HTTP/1.1 client, the closed loop that drives it, and the accounting of
//! the server's processor time and memory.
//!
//! A closed loop: so many connections, and each sends its next request when the last answer is in. So a slower server is
//! asked less, and `rps` is what it can do at that concurrency, not what it was offered. An open loop asks at a rate that it is told.

pub mod args;
pub mod closed_loop;
pub mod http;
pub mod open_loop;
pub mod process;
pub mod text;

pub use args::Args;
pub use closed_loop::{Limits, Outcome, Rng, closed_loop, percentile_ms, report};
pub use http::{Pool, Response, split_url};
pub use open_loop::{Arrivals, open_loop};
