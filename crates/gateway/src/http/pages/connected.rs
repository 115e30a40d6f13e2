//! What a client has connected already: the consent page says it before one more connection is accepted.

use oauth::authorize::AuthorizationRequest;
use oauth::client::Connections;
use scim::schema::USER;
use scim::{Id, Store};

use super::failure::PageFailure;
use super::templates::{AlreadyConnected, ConnectedBefore};
use crate::domain::wording;
use crate::platform::system;
use crate::storage::Tx;

/// How many connections are named.
const SHOWN: i64 = 5;

impl AlreadyConnected {
    /// Nothing, if the request is not for provisioning.
    pub(super) fn of(
        tx: &mut Tx<'_>,
        account: i64,
        asked: &AuthorizationRequest,
        connections: Connections,
    ) -> Result<AlreadyConnected, PageFailure> {
        if !asked.scope.contains("provision:scim") {
            return Ok(AlreadyConnected::default());
        }
        let mut found = tx.connections_of_client(account, &asked.client, SHOWN + 1)?;
        let more = found.len() as i64 > SHOWN;
        found.truncate(SHOWN as usize);
        let mut shown = Vec::with_capacity(found.len());
        for connected in found {
            let user = match Id::new(connected.owner_id.as_str()) {
                Some(id) => tx.in_account(account, system::now(), false).get(USER, &id)?,
                None => None,
            };
            let name = user.as_ref().and_then(|user| user.resource.attributes().get("userName")?.as_str());
            shown.push(ConnectedBefore {
                user: wording::strip_invisible(name.unwrap_or_default()),
                since: wording::day(connected.created),
                is_used: connected.used.is_some(),
            });
        }
        Ok(AlreadyConnected { connections: shown, more, are_replaced: connections == Connections::Replace })
    }
}
