//! The gateway's nouns as plain values, and the rules that need nothing but them: no SQL, no HTTP, no clock.

pub mod account;
pub mod actor;
pub mod bodies;
pub mod brand;
pub mod browser_name;
pub mod catalogs;
pub mod client;
pub mod declared_attributes;
pub mod described;
pub mod device;
pub mod document;
pub mod event;
pub mod fields;
pub mod grant_policy;
pub mod health;
pub mod ids;
pub mod notice;
pub mod operator_name;
pub mod password_link;
pub mod person;
pub mod profiles;
pub mod refusals;
pub mod registration;
pub mod request;
pub mod schemas;
pub mod scopes;
pub mod sealing;
pub mod served_file;
pub mod sign_in;
pub mod throttle;
pub mod tolerances;
pub mod totp;
pub mod wording;
#[cfg(test)]
pub(crate) mod written;
