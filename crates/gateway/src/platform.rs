//! The machine and the network: the clock and entropy, secrets in memory, password hashing, calls to other servers, mail. Nothing here
//! knows what the gateway is for.

pub mod clock;
pub mod gathering;
pub mod lane;
pub mod latest;
pub mod new_file;
pub mod openid_client;
pub mod outbound;
pub mod password_hasher;
pub mod secret_text;
pub mod shutdown;
pub mod smtp;
pub mod system;
pub mod timestamp;
pub mod tls;
pub mod traces;
pub mod trusted_clock;
pub mod turns;
