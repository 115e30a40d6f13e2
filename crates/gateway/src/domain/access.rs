//! Who may do what: a user's role and product environments, resolved from what they have themselves, from the groups they are in, and from
//! the account's policy for users who have none, each with its reason.
//!
//! The words of the set-up guide are kept: the role is that of the first rule that matches (*group priority*), the environments of all
//! rules that match are united (*combine values*).
//!
//! ```text
//!     Person + Terms ──resolve──▶ Access
//! ```
//!
//! Everything here is pure; `services::access` reads what it takes.

pub mod memberships;
pub mod past;
pub mod resolve;
pub mod rules;
#[cfg(test)]
mod tests;

pub use memberships::{Edge, Memberships};
pub use past::{PastFacts, PastTerms};
pub use resolve::{Access, Person, Reason, Terms, resolve};
pub use rules::{EVERY, Environments, GroupName, Precedence, Rule, Rules, UnsetEnvironments};
