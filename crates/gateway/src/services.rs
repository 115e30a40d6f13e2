//! What the product does, whichever door asks: functions over a unit of work, keys, policy and time. None knows HTTP.

pub mod accounts;
pub mod admission;
pub mod allowed_values;
pub mod budget;
pub mod clients;
pub mod consent;
pub mod error;
pub mod field_counts;
pub mod grants;
pub mod health;
pub mod indexing;
pub mod master_key;
pub mod notices;
pub mod operators;
pub mod password_links;
pub mod reactions;
pub mod recorder;
pub mod second_factor;
pub mod self_service;
pub mod service_provider;
pub mod setup_links;
pub mod sign_in;
pub mod signing;
pub mod tolerance_counts;
pub mod users;
