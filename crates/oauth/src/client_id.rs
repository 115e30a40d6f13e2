//! A client's name.

/// A client's public name (RFC 6749 §2.2): visible ASCII, at most 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// `None` if no client could be called so.
    pub fn new(text: impl Into<String>) -> Option<ClientId> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then_some(ClientId(text))
    }

    /// The `client_id` on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
