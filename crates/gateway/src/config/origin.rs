//! Where the value of a setting comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::de::{DeTable, DeValue};

/// Where the value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Nothing is set.
    Default,
    /// It stands in the configuration file.
    File {
        /// As the file was named.
        path: PathBuf,
        /// The line of the name, from 1 on.
        line: usize,
    },
    /// It is a variable of the environment.
    Environment {
        /// As it is written.
        variable: String,
    },
    /// It is what stands in a file that another setting names.
    SecretFile {
        /// Of that file.
        path: PathBuf,
        /// `admin.token_file`
        setting: String,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Origin::Environment { variable } => f.write_str(variable),
            Origin::SecretFile { path, setting } => write!(f, "{} ({setting})", path.display()),
        }
    }
}

/// Where each name that is set was set: `server.bind`.
#[derive(Debug, Default)]
pub(super) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    pub(super) fn of_file(path: &Path, text: &str, table: &DeTable<'_>) -> Origins {
        let mut origins = Origins::default();
        let mut stands = |key: String, at: usize| {
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            origins.0.insert(key, Origin::File { path: path.to_owned(), line });
        };
        for (section, value) in table {
            stands(section.get_ref().to_string(), section.span().start);
            let DeValue::Table(names) = value.get_ref() else { continue };
            for name in names.keys() {
                stands(format!("{}.{}", section.get_ref(), name.get_ref()), name.span().start);
            }
        }
        origins
    }

    /// With a variable, which counts before the file. Says which other variable is the same name in other letters.
    pub(super) fn set_by(&mut self, variable: &str) -> Option<String> {
        let key = variable.to_lowercase().strip_prefix("gateway__")?.replace("__", ".");
        match self.0.insert(key, Origin::Environment { variable: variable.to_owned() }) {
            Some(Origin::Environment { variable: other }) => Some(other),
            _ => None,
        }
    }

    /// Where this name was set, or the first one within it.
    pub(super) fn of(&self, key: &str) -> Option<&Origin> {
        let within = format!("{key}.");
        self.0.get(key).or_else(|| self.0.iter().find(|(name, _)| name.starts_with(&within)).map(|(_, origin)| origin))
    }
}
