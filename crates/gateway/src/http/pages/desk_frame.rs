//! What stands around a page of the console, as templates have it.

use std::ops::Deref;
use std::sync::Arc;

/// What stands around a page. Templates have it by the filter `desk`.
#[derive(Debug, Clone)]
pub(in crate::http) struct DeskFrame(Arc<DeskParts>);

/// The parts of it.
#[derive(Debug)]
pub(in crate::http) struct DeskParts {
    /// What the operator is called.
    pub(in crate::http) operator: String,
    /// By what they log in.
    pub(in crate::http) address: Option<String>,
    /// Their role, in a word.
    pub(in crate::http) role: &'static str,
    /// What each form carries.
    pub(in crate::http) token: String,
    /// Where one can go.
    pub(in crate::http) ways: Vec<NavigationItem>,
    /// What was done, for the banner.
    pub(in crate::http) said: Option<String>,
}

/// A link of the navigation.
#[derive(Debug)]
pub(in crate::http) struct NavigationItem {
    pub(in crate::http) label: &'static str,
    pub(in crate::http) path: &'static str,
    pub(in crate::http) is_current: bool,
}

impl DeskFrame {
    /// Of these parts.
    pub(super) fn of(parts: DeskParts) -> DeskFrame {
        DeskFrame(Arc::new(parts))
    }
}

impl Deref for DeskFrame {
    type Target = DeskParts;

    fn deref(&self) -> &DeskParts {
        &self.0
    }
}
