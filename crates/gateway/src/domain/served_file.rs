//! Files that browsers are given, such as stylesheets and logos. The address of each has a hash of its content, so that browsers may keep
//! it for ever: other content has another address.

use std::sync::Arc;

use ring::digest::{SHA256, digest};

/// So many bytes of the hash stand in an address.
const SHORT: usize = 6;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MediaType {
    Css,
    JavaScript,
    Svg,
    Png,
}

impl MediaType {
    /// As `Content-Type` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            MediaType::Css => "text/css; charset=utf-8",
            MediaType::JavaScript => "text/javascript; charset=utf-8",
            MediaType::Svg => "image/svg+xml",
            MediaType::Png => "image/png",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            MediaType::Css => "css",
            MediaType::JavaScript => "js",
            MediaType::Svg => "svg",
            MediaType::Png => "png",
        }
    }
}

/// A file as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedFile {
    /// `design` of `design.3f2a….css`
    pub stem: &'static str,
    /// What it is.
    pub media_type: MediaType,
    /// What is in it.
    pub content: Arc<[u8]>,
    hash: String,
}

impl ServedFile {
    /// With the hash of its content.
    pub fn new(stem: &'static str, media_type: MediaType, content: impl Into<Arc<[u8]>>) -> ServedFile {
        let content = content.into();
        let hash = digest(&SHA256, &content);
        let hash = hash.as_ref().iter().take(SHORT).map(|byte| format!("{byte:02x}")).collect();
        ServedFile { stem, media_type, content, hash }
    }

    /// `design.3f2a….css`
    pub fn name(&self) -> String {
        format!("{}.{}.{}", self.stem, self.hash, self.media_type.extension())
    }

    /// Whether this is the file that an address names, and whether in this very version: while replicas are replaced, a page of one may
    /// ask another for its own version.
    pub fn is_named(&self, name: &str) -> Option<bool> {
        let (stem, rest) = name.split_once('.')?;
        let (hash, extension) = rest.split_once('.')?;
        (stem == self.stem && extension == self.media_type.extension()).then_some(hash == self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_content_has_another_address() {
        let [one, other] = ["a {}", "b {}"].map(|css| ServedFile::new("design", MediaType::Css, css.as_bytes()));
        assert_ne!(one.name(), other.name());
        assert_eq!(one.is_named(&one.name()), Some(true));
        assert_eq!(one.is_named(&other.name()), Some(false), "the same file in another version");
        for foreign in ["design.css", "design.0.js", "icons.0.css", "", "..", "design"] {
            assert_eq!(one.is_named(foreign), None, "{foreign}");
        }
    }
}
