//! What is done with requests that were recorded in full, whichever door asks.

pub(super) mod conversation;
pub(super) mod replay;
