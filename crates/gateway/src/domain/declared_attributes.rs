//! Attributes that an account declares beyond those of the configuration.

use scim::schema::{Addition, Overlay, Stage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::document::DocumentError;

/// What an account declares, as text: a caller that knows the text already need not read it ([`Schemas`](crate::domain::schemas::Schemas)).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Declarations(Option<Box<RawValue>>);

/// One attribute that an account declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// As it was declared; its schema is always named.
    pub declaration: Overlay,
    /// How far it went.
    pub stage: Stage,
    /// Why it could not be made unique: the values that several resources had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Duplicate>,
}

/// A value that several resources have, of an attribute that was to be unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// As one of them has it, and only its beginning where it is long.
    pub value: String,
    /// The ids of the resources, or some of them.
    pub resources: Vec<String>,
}

impl Declarations {
    /// Nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What is declared, in the order it was.
    pub fn read(&self) -> Result<Vec<Declared>, DocumentError> {
        let Some(text) = &self.0 else { return Ok(Vec::new()) };
        Ok(serde_json::from_str(text.get())?)
    }

    /// This is declared.
    pub fn write(declared: &[Declared]) -> Result<Declarations, DocumentError> {
        if declared.is_empty() {
            return Ok(Declarations(None));
        }
        let text = serde_json::value::to_raw_value(declared)?;
        Ok(Declarations(Some(text)))
    }

    fn text(&self) -> Option<&str> {
        self.0.as_deref().map(RawValue::get)
    }
}

impl PartialEq for Declarations {
    fn eq(&self, other: &Declarations) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Declarations {}

impl Declared {
    /// For the registry.
    pub fn addition(&self) -> Addition<'_> {
        Addition { overlay: &self.declaration, stage: self.stage }
    }
}
