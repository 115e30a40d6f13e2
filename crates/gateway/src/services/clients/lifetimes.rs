//! A client's own lifetimes, where it has any, and whether a newer connection ends its older ones.

use oauth::client::{Connections, Options};

use crate::domain::bodies::clients::ClientOptions;
use crate::domain::described::{Patch, Whole};

/// Sets what is asked for: `null` is the installation's lifetime.
pub(super) fn set(asked: &ClientOptions, options: &mut Options) {
    put(&asked.access_token_seconds, &mut options.access_token_seconds);
    put(&asked.refresh_idle_seconds, &mut options.refresh_idle_seconds);
    put(&asked.refresh_absolute_seconds, &mut options.refresh_absolute_seconds);
    if let Some(connections) = asked.connections.change() {
        options.connections = connections.map_or_else(Connections::default, |connections| *connections);
    }
}

fn put<const LEAST: u64, const MOST: u64>(asked: &Patch<Whole<LEAST, MOST>>, kept: &mut Option<u64>) {
    if let Some(asked) = asked.change() {
        *kept = asked.map(|Whole(seconds)| *seconds);
    }
}
