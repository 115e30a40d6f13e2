//! Identity providers and browsers as HTTP clients: they know a server by what it answers, and nothing of its code.
//!
//! The guided tour (`gateway demo`) and the stories use them. How a request gets to the server is the caller's ([`wire::Wire`]).

pub mod browser;
pub mod html;
pub mod okta;
pub mod wire;
