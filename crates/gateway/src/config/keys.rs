//! Master keys as they are written down.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Reads a key in base64.
pub fn parse(text: &str) -> Result<[u8; 32], String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
    bytes.try_into().map_err(|_| wrong())
}

/// What would be right.
pub(crate) fn wrong() -> String {
    "must be 32 bytes in base64, such as `openssl rand -base64 32` prints".to_owned()
}
