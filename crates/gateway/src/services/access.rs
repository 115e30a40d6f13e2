//! Who may do what in an account: rules are set, access is answered with its reasons, and changes are looked at before they are made.

pub mod answers;
pub mod authzen;
pub mod rules;
pub mod what_if;
pub mod widenings;
