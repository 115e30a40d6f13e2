//! What surrounds a client's proof of who it is: keys that have to be fetched before it is checked, and failures that are counted.

use std::future::Future;

use oauth::assertion::ClientCredentials;
use oauth::{ClientId, ErrorCode};

use super::failure::OAuthFailure;
use crate::app::App;
use crate::lifecycle::Actor;
use crate::storage::{Cost, Tx};
use crate::system;

/// So many failures of one client from one address
const MOST: i64 = 20;
/// within so long are enough.
const WINDOW_MS: i64 = 5 * 60 * 1000;

/// Fetches the keys that a request's assertion has to be checked with, if they are elsewhere.
pub(super) async fn with_keys<R>(app: &App, mut request: R) -> Result<R, OAuthFailure>
where
    R: ClientCredentials + Clone + Send + 'static,
{
    if !request.has_assertion() {
        return Ok(request);
    }
    let mut asked = request.clone();
    let wanted = app.db.read(Cost::Short, move |tx| Ok::<_, OAuthFailure>(asked.keys_wanted(tx)?)).await?;
    if let Some((source, kid)) = wanted {
        let supply = app.published_keys.of(&source, kid.as_deref()).await;
        request.supply(source, supply);
    }
    Ok(request)
}

/// The failures of one client from one address. Guessing a secret of 256 bits is hopeless anyway: this spares the log and the
/// database. Who calls from elsewhere is not kept waiting.
#[derive(Debug, Clone)]
pub(super) struct Attempts {
    client: Option<ClientId>,
    id: [u8; 32],
}

impl Attempts {
    pub(super) fn of<R: ClientCredentials + Clone>(app: &App, request: &R, actor: &Actor) -> Attempts {
        let client = request.clone().credentials().client_id().and_then(ClientId::new);
        let named = client.as_ref().map_or("", ClientId::as_str);
        let place = format!("{named}\n{}", actor.address.as_deref().unwrap_or_default());
        Attempts { id: app.keys.tag("client failures", place.as_bytes()), client }
    }

    /// Refuses what comes after too many failures, right or wrong.
    pub(super) fn check(&self, tx: &mut Tx<'_>) -> Result<(), OAuthFailure> {
        let now = system::now();
        match tx.client_failures(&self.id, now)? {
            Some((n, until)) if n >= MOST => Err(OAuthFailure::TooManyFailures((until - now) / 1000 + 1)),
            _ => Ok(()),
        }
    }

    /// Carries out a request, and counts it if the client did not prove who it is. What is no client's is not counted: there is
    /// nothing to guess, and nothing for a stranger to fill the database with.
    pub(super) async fn watch<T>(
        &self,
        app: &App,
        work: impl Future<Output = Result<T, OAuthFailure>>,
    ) -> Result<T, OAuthFailure> {
        let outcome = work.await;
        let failed = matches!(&outcome, Err(OAuthFailure::Token(error)) if error.code == ErrorCode::InvalidClient);
        if let (true, Some(client)) = (failed, self.client.clone()) {
            let (id, now) = (self.id, system::now());
            app.db
                .write(move |tx| match tx.client_record(client.as_str())? {
                    Some(_) => tx.count_client_failure(&id, now, now + WINDOW_MS),
                    None => Ok(()),
                })
                .await?;
        }
        outcome
    }
}
