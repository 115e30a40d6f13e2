//! The gateway's nouns as plain values, and the rules that need nothing but them: no SQL, no HTTP, no clock.

pub mod catalogs;
pub mod notice;
pub mod operator_name;
pub mod person;
pub mod refusals;
pub mod schemas;
pub mod sign_in;
pub mod throttle;
pub mod tolerances;
pub mod totp;
pub mod wording;
