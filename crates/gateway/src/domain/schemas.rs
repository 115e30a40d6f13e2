//! The schemas of each account: what the configuration says, and what the account declares beyond that.
//!
//! The declarations come with the account, by the look-up that checks the token, so every replica goes by the new ones from
//! the next request on. What was built of them is kept by their text, and built again when the text is another: nothing here
//! can be stale.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use scim::Registry;
use scim::schema::overlay::Mistake;

use crate::domain::account::Account;
use crate::domain::declared_attributes::{Declarations, Declared};
use crate::domain::document::DocumentError;
use crate::domain::ids::AccountKey;

/// For how many accounts the schemas are kept ready.
const KEPT: usize = 1_000;

/// Knows every account's schemas. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schemas {
    configured: Arc<Registry>,
    built: Arc<RwLock<HashMap<AccountKey, Built>>>,
}

#[derive(Debug)]
struct Built {
    of: Declarations,
    registry: Arc<Registry>,
}

impl Schemas {
    /// With what the configuration says.
    pub fn new(configured: Registry) -> Schemas {
        Schemas { configured: Arc::new(configured), built: Arc::default() }
    }

    /// Those of an account that declares nothing.
    pub fn configured(&self) -> &Arc<Registry> {
        &self.configured
    }

    /// Those of this account, as it was read.
    pub fn of(&self, account: &Account) -> Result<Arc<Registry>, DocumentError> {
        let declarations = &account.options.attributes;
        if declarations.is_empty() {
            return Ok(self.configured.clone());
        }
        let built = self.built.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = built.get(&account.seq).filter(|known| known.of == *declarations) {
            return Ok(known.registry.clone());
        }
        drop(built);
        let registry = Arc::new(self.with(&declarations.read()?));
        let mut built = self.built.write().unwrap_or_else(PoisonError::into_inner);
        if built.len() >= KEPT
            && !built.contains_key(&account.seq)
            && let Some(other) = built.keys().next().copied()
        {
            built.remove(&other);
        }
        built.insert(account.seq, Built { of: declarations.clone(), registry: registry.clone() });
        Ok(registry)
    }

    /// What is wrong with one of these declarations beside the others.
    pub fn mistakes(&self, declared: &[Declared], at: usize) -> Option<Vec<Mistake>> {
        let additions: Vec<_> = declared.iter().map(Declared::addition).collect();
        let left_out = self.configured.with(&additions).1;
        left_out.into_iter().find(|(index, _)| *index == at).map(|(_, mistakes)| mistakes)
    }

    /// Whether the configuration took this declaration's place since it was made.
    pub fn overrules(&self, declared: &[Declared], at: usize) -> bool {
        self.mistakes(declared, at).is_some()
    }

    /// Those of an account that declares this. What the configuration took for itself since then is left out.
    pub fn with(&self, declared: &[Declared]) -> Registry {
        let additions: Vec<_> = declared.iter().map(Declared::addition).collect();
        self.configured.with(&additions).0
    }
}
