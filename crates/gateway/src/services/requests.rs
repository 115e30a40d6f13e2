//! Reading the request log: what came of requests, and what was recorded of them in full.

use std::cmp::Reverse;
use std::collections::HashMap;

use oauth::Keyring;

use super::error::ActError;
use super::{accounts, clients};
use crate::domain::actor::Named;
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::operator::{Mandate, Power, Reach};
use crate::domain::request::Pasted;
use crate::domain::request::full::FullRecording;
use crate::storage::Tx;
use crate::storage::requests::search::{Asked, RequestFilter, RequestPage, StoredRequest};

/// What an operator reads where there is no recording.
const HOW: &str = "this request was not recorded in full, so only what came of it is known. Record its client for a while \
     (`PUT /admin/clients/{client}/recording` with `{\"hours\": 1}`), let the identity provider send it again, and use the id of that request";

/// Whose requests are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// Those of an account.
    Account(&'a str),
    /// Those of a client.
    Client(&'a str),
}

/// A request, with what its account and its client are called.
#[derive(Debug)]
pub struct LoggedRequest {
    /// What came of it.
    pub row: StoredRequest,
    /// Its account, if it is known.
    pub account: Option<Named>,
    /// The name of its client, if it is known.
    pub client_name: Option<String>,
}

/// A page of requests.
#[derive(Debug)]
pub struct Answer {
    /// The requests.
    pub items: Vec<LoggedRequest>,
    /// The row after which the next page begins.
    pub next: Option<i64>,
    /// How many were not recorded, because more came than could be written.
    pub dropped: i64,
}

/// The requests that fit, newest first; `filter.of` is set here. Only reads.
pub fn page(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    of: Of<'_>,
    filter: RequestFilter,
    after: Option<i64>,
    limit: i64,
) -> Result<Answer, ActError> {
    let of = match of {
        Of::Account(id) => Asked::Account(accounts::find(tx, mandate, Power::Read, id)?.seq),
        Of::Client(id) => Asked::Client(clients::find(tx, mandate, Power::Read, id)?.client.id.to_string()),
    };
    let filter = RequestFilter { of, ..filter };
    let RequestPage { rows, next } = tx.request_page(&filter, after, limit)?;
    let dropped = tx.unrecorded(&filter.of, filter.since)?;
    Ok(Answer { items: named(tx, rows)?, next, dropped })
}

/// All that is recorded under the id of a request, as far as it is within reach. Only reads.
pub fn called(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<Vec<LoggedRequest>, ActError> {
    let rows = within_reach(tx, mandate, Power::Read, id)?;
    named(tx, rows)
}

fn within_reach(tx: &mut Tx<'_>, mandate: &Mandate, power: Power, id: &str) -> Result<Vec<StoredRequest>, ActError> {
    mandate.may(power)?;
    let mut rows = tx.requests_called(id)?;
    rows.retain(|row| mandate.reaches(row.account));
    if rows.is_empty() { Err(ActError::not_found("recorded request", id)) } else { Ok(rows) }
}

/// Refused requests by a pasted text: those whose text fits best stand first; of those that fit alike, the newest. Only reads.
pub fn pasted(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    text: &str,
    pasted: &Pasted,
    after: Option<i64>,
    limit: i64,
) -> Result<Answer, ActError> {
    mandate.may(Power::Read)?;
    // The log has an order for one account and one for all; of some accounts, those within reach are picked from all.
    let account = match mandate.reach() {
        Reach::Accounts(accounts) if accounts.len() < 2 => {
            Some(accounts.first().copied().unwrap_or(AccountKey::NO_ROW))
        }
        _ => None,
    };
    let found = tx.refused_requests(account, after)?;
    let mut fitting: Vec<(usize, StoredRequest)> = Vec::new();
    for row in found.rows.into_iter().filter(|row| mandate.reaches(row.account)) {
        let named = text.contains(&row.request_id()).then_some(usize::MAX);
        let fits = named.or_else(|| pasted.fits(row.detail.as_deref().unwrap_or_default()));
        fitting.extend(fits.map(|letters| (letters, row)));
    }
    fitting.sort_by_key(|(letters, row)| Reverse((*letters, row.seq)));
    fitting.truncate(usize::try_from(limit).unwrap_or_default());
    let items = named(tx, fitting.into_iter().map(|(_, row)| row).collect())?;
    Ok(Answer { items, next: found.next, dropped: 0 })
}

/// A request that was recorded in full.
#[derive(Debug)]
pub struct Recorded {
    /// Its id.
    pub id: String,
    /// What came of it.
    pub row: StoredRequest,
    /// Its client.
    pub client: ClientKey,
    /// What was recorded.
    pub recording: FullRecording,
}

/// The request of this id that was recorded in full, for an act that needs this power. Only reads.
pub fn recorded(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    power: Power,
    keys: &Keyring,
    id: &str,
) -> Result<Recorded, ActError> {
    let rows = within_reach(tx, mandate, power, id)?;
    let numbers: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    let Some((seq, client, recording)) = tx.recording_of(keys, &numbers)? else {
        return Err(ActError::conflict(HOW));
    };
    let row = rows.into_iter().find(|row| row.seq == seq);
    let row = row.ok_or_else(|| ActError::not_found("recorded request", id))?;
    Ok(Recorded { id: id.to_owned(), row, client, recording })
}

fn named(tx: &mut Tx<'_>, rows: Vec<StoredRequest>) -> Result<Vec<LoggedRequest>, ActError> {
    let mut clients: Vec<&str> = rows.iter().filter_map(|row| row.client.as_deref()).collect();
    clients.sort_unstable();
    clients.dedup();
    let names: HashMap<String, String> = tx.names_of_clients(&clients)?;
    rows.into_iter()
        .map(|row| {
            let account = row.account.map(|account| tx.account_label(account)).transpose()?.flatten();
            let client_name = row.client.as_ref().and_then(|client| names.get(client).cloned());
            Ok(LoggedRequest { row, account, client_name })
        })
        .collect()
}
