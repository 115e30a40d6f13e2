//! The known name that an unknown one most likely means.
//!
//! Two names are compared without letter case, `_` and `-`, in the singular as well, and by the number of edits: a
//! letter dropped, inserted, replaced or swapped with its neighbour. How many edits are allowed depends on the length.

use std::sync::Arc;

use crate::schema::{Attribute, Mutability, ResourceType};

#[cfg(test)]
mod tests;

/// The longest name that is compared by edits.
const LONGEST: usize = 64;
/// Names of sub-attributes that many attributes have, and that therefore hint at none of them.
const COMMON_PARTS: [&str; 6] = ["value", "type", "display", "primary", "formatted", "$ref"];

/// The path of the attribute that is most like an unknown path, in the registry's spelling; `None` if none is like it.
/// Attributes of the same schema go first, then those of other schemas, then sub-attributes.
pub fn nearest(resource_type: &ResourceType, unknown: &str) -> Option<Arc<str>> {
    let sent = Sent::of(resource_type, unknown);
    let mut best = Best(None);
    for (urn, attribute) in resource_type.attributes_with_urns() {
        let place = match sent.urn {
            Some(sent) if crate::urn::same(sent, urn.unwrap_or(&resource_type.schema.id)) => Place::Same,
            None if urn.is_none() => Place::Same,
            _ => Place::Elsewhere,
        };
        let name = sent.name.edits(&attribute.name);
        let spelled = |attribute: &Attribute| sent.is_spelled(&attribute.path).then_some(0);
        match &sent.sub {
            None => best.offer(name.or_else(|| spelled(attribute)), place, attribute),
            // `title.value`, and an attribute that stands inside another one.
            Some(sub) => {
                let simple = name.filter(|_| attribute.sub_attributes.is_empty());
                best.offer(simple, Place::Below, attribute);
                best.offer(sub.edits(&attribute.name).filter(|edits| *edits == 0), Place::Below, attribute);
                best.offer(spelled(attribute), Place::Below, attribute);
            }
        }
        for part in &attribute.sub_attributes {
            let (edits, place) = match &sent.sub {
                Some(sub) => (name.and_then(|name| Some(name + sub.edits(&part.name)?)), place),
                None if COMMON_PARTS.contains(&part.name.as_str()) => (None, Place::Below),
                None => (sent.name.edits(&part.name), Place::Below),
            };
            best.offer(edits.or_else(|| spelled(part)), place, part);
        }
    }
    let Best(best) = best;
    best.map(|(_, attribute)| attribute.path.clone())
        .or_else(|| sent.urn.and_then(|_| nearest_extension(resource_type, unknown)))
}

/// The one of these names that is most like an unknown one.
pub fn nearest_of(known: &[&'static str], unknown: &str) -> Option<&'static str> {
    let unknown = Folded::of(unknown);
    let near = known.iter().filter_map(|known| Some((unknown.edits(known)?, *known)));
    near.min_by_key(|(edits, _)| *edits).map(|(_, known)| known)
}

fn nearest_extension(resource_type: &ResourceType, unknown: &str) -> Option<Arc<str>> {
    let unknown = unknown.to_ascii_lowercase();
    let edits = |urn: &str| strsim::osa_distance(&urn.to_ascii_lowercase(), &unknown);
    let schemas = resource_type.extensions.iter().map(|(schema, _)| schema).chain([&resource_type.schema]);
    let near = schemas.map(|schema| (edits(&schema.id), &schema.id)).filter(|(edits, _)| *edits <= 3);
    near.min_by_key(|(edits, _)| *edits).map(|(_, urn)| urn.as_str().into())
}

/// The best suggestion so far.
struct Best<'r>(Option<(Rank, &'r Attribute)>);

impl<'r> Best<'r> {
    fn offer(&mut self, edits: Option<u32>, place: Place, attribute: &'r Attribute) {
        let Some(edits) = edits else { return };
        let (standard, fixed) = (!attribute.declared, attribute.mutability == Mutability::ReadOnly);
        let rank = Rank { edits, place, standard, fixed };
        if self.0.is_none_or(|(best, _)| rank < best) {
            self.0 = Some((rank, attribute));
        }
    }
}

/// How good a suggestion is; the least is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    edits: u32,
    place: Place,
    standard: bool,
    fixed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Same,
    Elsewhere,
    Below,
}

/// An unknown path.
struct Sent<'t> {
    urn: Option<&'t str>,
    name: Folded,
    sub: Option<Folded>,
    whole: &'t str,
}

impl<'t> Sent<'t> {
    fn of(resource_type: &ResourceType, whole: &'t str) -> Sent<'t> {
        let schemas = resource_type.extensions.iter().map(|(schema, _)| schema).chain([&resource_type.schema]);
        // `urn:…:User:department` and `urn:…:User.department`
        let below = |urn: &str| {
            let (prefix, rest) = whole.split_at_checked(urn.len())?;
            let path = rest.strip_prefix([':', '.'])?;
            crate::urn::same(prefix, urn).then_some((prefix, path))
        };
        let known = schemas.map(|schema| below(&schema.id)).find_map(|below| below);
        let (urn, path) = match known.or_else(|| whole.rsplit_once(':')) {
            Some((urn, path)) => (Some(urn), path),
            None => (None, whole),
        };
        let (name, sub) = match path.split_once('.') {
            Some((name, sub)) => (name, Some(Folded::of(sub))),
            None => (path, None),
        };
        Sent { urn, name: Folded::of(name), sub, whole }
    }

    /// Whether the path is this one with other separators: `name_givenName`, `urn:…:User.department`.
    fn is_spelled(&self, path: &str) -> bool {
        fold(self.whole).eq(fold(path))
    }
}

/// A name without letter case and separators.
struct Folded {
    text: String,
    letters: u32,
}

impl Folded {
    fn of(name: &str) -> Folded {
        let text: String = fold(name).map(char::from).collect();
        Folded { letters: letters(&text), text }
    }

    /// The edits between this and a known name; `None` if there are too many. The plural counts as one.
    fn edits(&self, known: &str) -> Option<u32> {
        let (longest, shortest) = (self.text.len().max(known.len()), self.text.len().min(known.len()));
        if longest > LONGEST || shortest == 0 {
            return None;
        }
        let allowed = allowed(longest);
        // Letters that only one of two names has take an edit each, or half of one; a plural has two more.
        let mut mask = 0;
        fold(known).for_each(|byte| mask |= bit(byte));
        if (mask ^ self.letters).count_ones() > 2 * allowed + 2 {
            return None;
        }
        let known = Folded::of(known);
        if known.text == self.text {
            return Some(0);
        }
        let edits = strsim::osa_distance(&known.text, &self.text) as u32;
        let singular = strsim::osa_distance(singular(&known.text), singular(&self.text)) as u32 + 1;
        let edits = edits.min(singular);
        (edits <= allowed && (edits as usize) < known.text.len().min(self.text.len())).then_some(edits)
    }
}

fn fold(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

fn letters(text: &str) -> u32 {
    text.bytes().fold(0, |mask, byte| mask | bit(byte))
}

fn bit(byte: u8) -> u32 {
    1 << (byte % 32)
}

fn allowed(length: usize) -> u32 {
    match length {
        ..=8 => 1,
        9..=12 => 2,
        _ => 3,
    }
}

fn singular(name: &str) -> &str {
    let of = |ending: &str| name.strip_suffix(ending);
    let hisses = |stem: &&str| ["s", "x", "z", "ch", "sh"].iter().any(|ending| stem.ends_with(ending));
    match of("es").filter(hisses) {
        Some(stem) => stem,
        None => of("ies").or_else(|| of("y")).or_else(|| of("s").filter(|stem| !stem.ends_with('s'))).unwrap_or(name),
    }
}
