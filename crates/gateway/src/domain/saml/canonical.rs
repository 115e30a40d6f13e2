//! Exclusive XML Canonicalization 1.0 of one element (<https://www.w3.org/TR/xml-exc-c14n/>). Documents have no comments here, so the
//! forms with and without them are one.

use std::collections::BTreeMap;

use roxmltree::{Attribute, Node, NodeId};

/// The canonical form of an element, without the one that is left out of it.
pub fn canonical(element: Node<'_, '_>, left_out: Option<NodeId>, inclusive: &[&str]) -> String {
    let mut writer = Writer { out: String::new(), left_out, inclusive };
    writer.element(element, &BTreeMap::new());
    writer.out
}

/// Prefixes that are declared, and as what; `""` is the default namespace.
type Declared<'a> = BTreeMap<&'a str, &'a str>;

struct Writer<'w> {
    out: String,
    left_out: Option<NodeId>,
    /// The prefixes of an `InclusiveNamespaces`.
    inclusive: &'w [&'w str],
}

impl<'w> Writer<'w> {
    fn element<'a>(&mut self, element: Node<'a, '_>, above: &Declared<'a>)
    where
        'w: 'a,
    {
        let name = name_of(element);
        let mut attributes: Vec<Attribute<'a, '_>> = element.attributes().collect();
        attributes.sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));

        // What is visibly utilized (§1.1), and what the signer asked for besides.
        let mut used: Vec<&str> = vec![prefix_of(name)];
        used.extend(
            attributes.iter().map(|attribute| prefix_of(attribute_name(element, attribute))).filter(|p| !p.is_empty()),
        );
        used.extend(self.inclusive.iter().copied());
        used.retain(|prefix| *prefix != "xml");
        used.sort_unstable();
        used.dedup();

        self.out.push('<');
        self.out.push_str(name);
        let mut declared = above.clone();
        for prefix in used {
            let here = element.lookup_namespace_uri(Some(prefix).filter(|prefix| !prefix.is_empty()));
            let (here, before) = match (here, prefix) {
                (None, "") => ("", above.get("").copied().unwrap_or_default()),
                (None, _) => continue, // asked for, and not in scope
                (Some(here), "") => (here, above.get("").copied().unwrap_or_default()),
                (Some(here), prefix) if above.get(prefix) == Some(&here) => (here, here),
                (Some(here), _) => (here, "\0"),
            };
            if here != before {
                self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
                self.out.push_str(prefix);
                self.value(here);
                declared.insert(prefix, here);
            }
        }
        for attribute in &attributes {
            self.out.push(' ');
            self.out.push_str(attribute_name(element, attribute));
            self.value(attribute.value());
        }
        self.out.push('>');
        for child in element.children() {
            match child.text() {
                _ if Some(child.id()) == self.left_out => {}
                Some(text) if child.is_text() => self.text(text),
                _ if child.is_element() => self.element(child, &declared),
                _ => {}
            }
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn value(&mut self, value: &str) {
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '"' => self.out.push_str("&quot;"),
                '\t' => self.out.push_str("&#x9;"),
                '\n' => self.out.push_str("&#xA;"),
                '\r' => self.out.push_str("&#xD;"),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\r' => self.out.push_str("&#xD;"),
                c => self.out.push(c),
            }
        }
    }
}

/// An element's name as it is written, with its prefix.
fn name_of<'a>(element: Node<'a, '_>) -> &'a str {
    let tag = &element.document().input_text()[element.range()];
    let name = tag.strip_prefix('<').unwrap_or(tag);
    let end = name.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(name.len());
    &name[..end]
}

/// An attribute's name as it is written, with its prefix.
fn attribute_name<'a>(element: Node<'a, '_>, attribute: &Attribute<'a, '_>) -> &'a str {
    &element.document().input_text()[attribute.range_qname()]
}

fn prefix_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}
