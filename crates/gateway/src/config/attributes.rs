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
}

pub(super) fn read(r: &mut Reader) -> Option<Attributes> {
    let mut s = r.section("attributes");
    let about = "What users have beyond RFC 7643 ([how](#declaring-attributes)). Without it: [config/attributes.toml](../config/attributes.toml), as \
         it is compiled in.";
    let text = s.optional("file", "/etc/gateway/attributes.toml", "path", about, |path| file::read(Path::new(&path)));
    let declared = overlays(text.as_deref().unwrap_or(BUILT_IN)).map_err(|why| s.mistake("file", why)).ok()?;
    match Registry::build(&declared) {
        Ok(registry) => Some(Attributes { declared, registry }),
        Err(mistakes) => {
            mistakes.into_iter().for_each(|why| s.mistake("file", why));
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
