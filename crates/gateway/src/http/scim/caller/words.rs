//! What a client is told that may not end itself, or an account's last administrator.

use crate::app::App;
use crate::domain::event::AdministratorLeft;

/// The account's policy is not to let a connection end itself.
pub(super) const OWN_ENDING: &str = "This connection belongs to this user, and would end with them: it may not deactivate or delete them, \
     or take the role away that may accept access. Let an operator name a co-owner for the account, to whom the connection passes, or \
     connect again as a service account; then repeat this.";

/// The account's policy is to keep the last user who may accept access.
pub(super) fn last_administrator(app: &App, left: &AdministratorLeft) -> String {
    let AdministratorLeft { id, name, .. } = left;
    let (attribute, roles) = (&app.config.consent.role_attribute, app.config.consent.roles.join(" or "));
    format!(
        "The User {name:?} ({id}) is the last active user of this account whose role may accept access ({attribute}: {roles}), and the \
         account keeps its last administrator: they may not be deactivated or deleted, nor lose the role. Give another user the role \
         first, or ask the service provider; then repeat this."
    )
}
