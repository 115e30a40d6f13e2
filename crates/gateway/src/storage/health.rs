//! The health of connections: when clients were there ([`activity`]), what is known of many of them at once ([`facts`]), and what was
//! found and told ([`states`]).

pub mod activity;
pub mod facts;
pub mod states;
