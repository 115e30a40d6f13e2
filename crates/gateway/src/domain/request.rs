//! Requests of identity providers, clients and browsers: their ids, what handlers find out about them, and what the request log says.

mod code;
mod findings;
pub mod full;
mod id;
pub mod kind;
mod pasted;
mod record;
pub mod redaction;
pub mod stand_ins;

pub use code::{OwnCode, Place, RefusalCode};
pub use findings::{Changed, Findings, IgnoredAttribute, Notes, Owner, Part, Refusal};
pub use id::RequestId;
pub use pasted::Pasted;
pub use record::{RequestRecord, Share, Told};
