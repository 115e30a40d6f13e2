//! XML as it may arrive: small, shallow, and without what documents can do beyond saying something. Whether it is well-formed is
//! [`roxmltree`]'s to say; what it must not have is looked for before, so that no document makes the parser work.

use roxmltree::{Document, Node, ParsingOptions};

use super::{quoted, refused};
use crate::domain::request::{OwnCode, Refusal};

/// The most bytes of a response, as XML.
pub const MAX_BYTES: usize = 192 << 10;
/// The most bytes of metadata, as XML: that of Entra has some 60 KiB.
pub const MAX_METADATA_BYTES: usize = 256 << 10;
/// How deep elements may lie in each other. Real ones lie ten deep.
const MAX_DEPTH: usize = 32;
/// How many attributes and namespaces an element may have.
const MAX_ATTRIBUTES: usize = 32;
/// How many nodes a document may have.
const MAX_NODES: u32 = 20_000;

/// What a document may have beside elements, attributes and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message: nothing. A comment splits a text, and readers differ in what they make of the halves.
    Message,
    /// Metadata: comments, and processing instructions, which mean nothing.
    Metadata,
}

/// Parses a document that has none of what its kind must not have.
pub fn parse(text: &str, kind: Kind) -> Result<Document<'_>, Refusal> {
    screen(text, kind)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, entity_resolver: None };
    Document::parse_with_options(text, options).or_else(|error| match error {
        roxmltree::Error::DtdDetected | roxmltree::Error::UnknownEntityReference(..) => {
            refused(OwnCode::SamlForbiddenXml, "The document defines or names entities of its own.")
        }
        roxmltree::Error::NodesLimitReached => {
            refused(OwnCode::SamlMalformed, format!("The document has more than {MAX_NODES} elements and texts."))
        }
        error => refused(OwnCode::SamlMalformed, format!("The document is not XML: {}.", quoted(&error.to_string()))),
    })
}

/// Looks over the bytes once. In well-formed XML a `<` begins markup wherever it stands.
fn screen(text: &str, kind: Kind) -> Result<(), Refusal> {
    let most = if kind == Kind::Message { MAX_BYTES } else { MAX_METADATA_BYTES };
    if text.len() > most {
        return refused(OwnCode::SamlMalformed, format!("The document has more than {} KiB.", most >> 10));
    }
    let bytes = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'<') {
        let start = at + found;
        let rest = &bytes[start..];
        at = start + 1;
        match rest.get(1) {
            Some(b'!') => at = start + declaration(rest, kind)?,
            Some(b'?') if start == 0 && rest.starts_with(b"<?xml ") => {}
            Some(b'?') if kind == Kind::Metadata => {}
            Some(b'?') => return refused(OwnCode::SamlForbiddenXml, "The document has a processing instruction."),
            Some(b'/') => depth = depth.saturating_sub(1),
            _ => {
                let (length, is_empty) = tag(rest)?;
                at = start + length;
                depth += usize::from(!is_empty);
                if depth > MAX_DEPTH {
                    let why = format!("Elements of the document lie more than {MAX_DEPTH} deep in each other.");
                    return refused(OwnCode::SamlMalformed, why);
                }
            }
        }
    }
    Ok(())
}

/// What begins with `<!`: how many bytes of it need no further look.
fn declaration(rest: &[u8], kind: Kind) -> Result<usize, Refusal> {
    let why = match rest {
        [b'<', b'!', b'-', ..] if kind == Kind::Metadata => {
            let end = rest.windows(3).skip(4).position(|three| three == b"-->");
            return Ok(end.map_or(rest.len(), |end| end + 7));
        }
        [b'<', b'!', b'-', ..] => "The document has a comment.",
        [b'<', b'!', b'[', ..] => "The document has a CDATA section.",
        _ => "The document has a document type definition (DTD).",
    };
    refused(OwnCode::SamlForbiddenXml, why)
}

/// The length of a start tag, and whether its element is empty.
fn tag(rest: &[u8]) -> Result<(usize, bool), Refusal> {
    let (mut quote, mut attributes) = (None, 0);
    for (n, byte) in rest.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'=') => attributes += 1,
            (None, b'>') => return Ok((n + 1, n > 0 && rest[n - 1] == b'/')),
            _ => {}
        }
        if attributes > MAX_ATTRIBUTES {
            let why = format!("An element of the document has more than {MAX_ATTRIBUTES} attributes.");
            return refused(OwnCode::SamlMalformed, why);
        }
    }
    Ok((rest.len(), false))
}

/// Whether it is this element.
pub fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The elements in an element.
pub fn elements<'a, 'input: 'a>(node: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(Node::is_element)
}

/// The children of this name.
pub fn children<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    namespace: &'a str,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// The child of this name; none if there are several.
pub fn only<'a, 'input: 'a>(node: Node<'a, 'input>, namespace: &'a str, name: &'a str) -> Option<Node<'a, 'input>> {
    let mut found = children(node, namespace, name);
    found.next().filter(|_| found.next().is_none())
}

/// The text of an element that has nothing but text, without the space around it; none if it has an element in it, a comment, or no text.
pub fn text_of<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let mut children = node.children();
    let text = children.next().filter(|_| children.next().is_none()).filter(Node::is_text)?;
    text.text().map(str::trim).filter(|text| !text.is_empty())
}

/// An attribute without a namespace.
pub fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.namespace().is_none() && attribute.name() == name).map(|a| a.value())
}
