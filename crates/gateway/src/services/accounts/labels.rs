//! What people call the environments and roles of an account: checked against those that there are.

use crate::domain::account::Account;
use crate::domain::labels::LabelChanges;
use crate::domain::schemas::Schemas;
use crate::services::error::ActError;

/// Changes what the environments and the roles of an account are called, as far as it is asked for: `Some(None)` takes all of it away. An
/// environment that has left the list is no longer called anything.
pub(super) fn apply(
    account: &mut Account,
    schemas: &Schemas,
    role_attribute: &str,
    environments: Option<Option<&LabelChanges>>,
    roles: Option<Option<&LabelChanges>>,
) -> Result<(), ActError> {
    let (options, there) = (&mut account.options, &account.product_environments);
    let mut mistakes = Vec::new();
    if let Some(changes) = environments {
        options.environment_labels.apply(changes);
        let found = |changes| {
            options.environment_labels.mistakes("environment_labels", "product environment", changes, Some(there))
        };
        mistakes.extend(changes.map(found).unwrap_or_default());
    }
    if let Some(changes) = roles {
        options.role_labels.apply(changes);
        let known = super::roles(schemas, role_attribute);
        let found = |changes| options.role_labels.mistakes("role_labels", "role", changes, known);
        mistakes.extend(changes.map(found).unwrap_or_default());
    }
    ActError::unless_right(mistakes)?;
    options.environment_labels.keep_only(there);
    Ok(())
}
