//! The size of documents and pages.
//!
//! A document is stored and sent as text and processed as JSON values, which take more memory: a page of small values
//! takes many times its text. Both sizes are counted.

use serde_json::{Map, Value};

use crate::resource::{GroupReference, Member, Resource};

/// The most bytes of values on a page, as a multiple of its bytes of text.
const VALUES_FOR_TEXT: usize = 8;
/// The bytes that an answer adds to a document: `schemas`, `id` and `meta`.
const ENVELOPE: usize = 400;
/// The bytes that an answer writes of a member or a group beside its name and its id, which it writes twice.
const REFERENCE: usize = 64;
/// The bytes of a value in memory, and with its name in an object.
const VALUE: usize = size_of::<Value>();
const ENTRY: usize = size_of::<Value>() + size_of::<String>() + 8;

/// A size in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// The bytes as JSON text.
    pub text: usize,
    /// The approximate bytes in memory.
    pub values: usize,
}

impl Size {
    /// The size of a value. The text is that of [`serde_json::to_string`].
    pub fn of(value: &Value) -> Size {
        match value {
            Value::Null => Size { text: 4, values: 0 },
            Value::Bool(value) => Size { text: if *value { 4 } else { 5 }, values: 0 },
            Value::Number(number) => Size { text: number.to_string().len(), values: 0 },
            Value::String(text) => Size { text: written(text), values: text.len() },
            Value::Array(elements) => {
                let mut size = Size { text: 2 + elements.len().saturating_sub(1), values: VALUE * elements.len() };
                elements.iter().for_each(|element| size = size.and(Size::of(element)));
                size
            }
            Value::Object(object) => Size::of_object(object),
        }
    }

    /// The size of an object.
    pub fn of_object(object: &Map<String, Value>) -> Size {
        // An object has room for at least four entries, and a table of their positions.
        let room = object.len().next_power_of_two().max(4);
        let mut size = Size { text: 2 + object.len().saturating_sub(1), values: (ENTRY + 16) * room };
        for (name, value) in object {
            size = size.and(Size { text: written(name) + 1, values: name.len() }).and(Size::of(value));
        }
        size
    }

    /// The size of a resource's own attributes: as text, as long as they are text in memory.
    pub fn of_document(resource: &Resource) -> Size {
        match resource.attributes.unread() {
            Some(text) => Size { text: text.len(), values: text.len() },
            None => Size::of_object(&resource.attributes),
        }
    }

    /// The size of a resource as answered, with the members and groups that are loaded.
    pub fn of_resource(resource: &Resource, base: &str) -> Size {
        let mut size = Size::of_document(resource).and(Size { text: ENVELOPE + base.len(), values: ENVELOPE });
        for member in resource.members.iter().flatten() {
            size = size.and(Size::of_member(member, base));
        }
        for group in resource.groups.iter().flatten() {
            size = size.and(Size::of_group(group, base));
        }
        size
    }

    fn of_member(Member { id, display, .. }: &Member, base: &str) -> Size {
        let text = REFERENCE + base.len() + 2 * id.as_str().len() + written(display);
        Size { text, values: size_of::<Member>() + id.as_str().len() + display.len() }
    }

    fn of_group(GroupReference { id, display, .. }: &GroupReference, base: &str) -> Size {
        let text = REFERENCE + base.len() + 2 * id.as_str().len() + written(display);
        Size { text, values: size_of::<GroupReference>() + id.as_str().len() + display.len() }
    }

    /// The sum of both.
    pub fn and(self, other: Size) -> Size {
        Size { text: self.text.saturating_add(other.text), values: self.values.saturating_add(other.values) }
    }

    /// The bytes of text and values together.
    pub fn total(self) -> usize {
        self.text.saturating_add(self.values)
    }
}

/// The bytes of a string as JSON.
fn written(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.len() + 2 + text.bytes().map(escaped).sum::<usize>()
}

/// The remaining room of a page. The first resource always fits.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    text: usize,
    values: usize,
    is_empty: bool,
}

impl Room {
    /// The room of a page of this many bytes of text.
    pub fn of(bytes: usize) -> Room {
        Room { text: bytes, values: bytes.saturating_mul(VALUES_FOR_TEXT), is_empty: true }
    }

    /// Takes room for a resource. Returns whether it fits.
    pub fn take(&mut self, size: Size) -> bool {
        let fits = size.text <= self.text && size.values <= self.values;
        if !fits && !self.is_empty {
            return false;
        }
        self.is_empty = false;
        self.text = self.text.saturating_sub(size.text);
        self.values = self.values.saturating_sub(size.values);
        true
    }

    /// Whether a document of this many bytes may fit, before it is read.
    pub fn may_take(&self, bytes: usize) -> bool {
        self.is_empty || bytes <= self.text
    }

    /// The most members or groups that fit; the first resource may have any number.
    pub(crate) fn references(&self, base: &str) -> usize {
        if self.is_empty { usize::MAX } else { self.text / (REFERENCE + base.len()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::any_value;

    proptest! {
        #[test]
        fn hardening_5_the_size_of_a_document_is_that_of_its_text(value in any_value(), text: String) {
            let value = json!([value, text, 1.5e300, -7, u64::MAX]);
            prop_assert_eq!(Size::of(&value).text, value.to_string().len());
        }
    }

    #[test]
    fn hardening_5_many_small_values_are_larger_than_their_text() {
        let many = json!(vec![json!({ "value": "a" }); 1_000]);
        let size = Size::of(&many);
        assert!(size.values > 25 * size.text, "{size:?}");
        let long = Size::of(&json!("a".repeat(10_000)));
        assert!(long.values <= long.text, "{long:?}");
    }

    #[test]
    fn hardening_5_what_comes_first_fits_on_any_page() {
        let size = |text| Size { text, values: 0 };
        let mut room = Room::of(10);
        assert!(
            room.may_take(100)
                && room.take(size(100))
                && !room.may_take(1)
                && !room.take(size(1))
                && room.take(size(0))
        );
        let mut room = Room::of(10);
        assert!(room.take(size(9)) && !room.take(size(2)) && room.take(size(1)));
        let mut room = Room::of(10);
        assert!(room.take(Size { text: 1, values: 80 }) && !room.take(Size { text: 1, values: 1 }));
    }
}
