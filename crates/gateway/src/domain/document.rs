//! Values that are stored as a document.

/// A document could not be read or written as what it should be.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DocumentError(#[from] serde_json::Error);
