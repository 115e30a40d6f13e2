//! `[attributes]`: what users have beyond RFC 7643.

use std::path::Path;

use scim::Registry;
use scim::schema::overlay::Overlay;

use super::file;
use super::reader::Reader;

const BUILT_IN: &str = include_str!("../../../../config/attributes.toml");

/// What users have beyond RFC 7643.
#[derive(Debug, Clone)]
pub struct Attributes {
    /// As they are declared.
    pub declared: Vec<Overlay>,
    /// The schemas that they make.
    pub registry: Registry,
    /// Where they were declared; `None`: in those that are compiled in.
    pub file: Option<String>,
}

pub(super) fn read(r: &mut Reader) -> Option<Attributes> {
    let mut s = r.section("attributes");
    let about = "What users have beyond RFC 7643 ([how](#declaring-attributes)). Without it: [config/attributes.toml](../config/attributes.toml), as \
         it is compiled in.";
    let file = s.optional("file", "/etc/gateway/attributes.toml", "path", about, |path| {
        Ok((file::filled(Path::new(&path))?, path))
    });
    if file.is_none() && s.is_set("file") {
        return None;
    }
    let (text, path) = file.as_ref().map_or((BUILT_IN, None), |(text, path)| (text.as_str(), Some(path.as_str())));
    let named = |why: String| path.map_or(why.clone(), |path| format!("`{path}`: {why}"));
    if let Some(path) = path {
        s.warn_if_others_can_change("file", Path::new(path));
    }
    let declared = overlays(text).map_err(|why| s.mistake("file", named(why))).ok()?;
    match Registry::build(&declared) {
        Ok(registry) => Some(Attributes { declared, registry, file: path.map(str::to_owned) }),
        Err(mistakes) => {
            mistakes.into_iter().for_each(|why| s.mistake("file", named(why)));
            None
        }
    }
}

fn overlays(text: &str) -> Result<Vec<Overlay>, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Attributes {
        #[serde(default)]
        attribute: Vec<Overlay>,
    }
    toml::from_str::<Attributes>(text).map(|a| a.attribute).map_err(|e| e.to_string())
}
