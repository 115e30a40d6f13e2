//! What surrounds a client's proof of who it is: keys that have to be fetched before it is checked, what the request needed to be
//! forgiven, and failures that are counted.

use std::future::Future;

use oauth::assertion::{ClientCredentials, Credentials};
use oauth::{ClientId, ErrorCode, Prefix};

use super::failure::OAuthFailure;
use crate::app::App;
use crate::domain::actor::Origin;
use crate::domain::ids::AccountKey;
use crate::domain::refusals::{Kind, Who};
use crate::domain::request::{Notes, Owner};
use crate::domain::throttle;
use crate::platform::outbound::Calls;
use crate::services::rates;
use crate::storage::{DbError, ReadCost};

/// So many failures of one client from one address
const MOST: i64 = 20;
/// within so long are told to wait.
const WINDOW_MS: i64 = 5 * 60 * 1000;

/// Refuses a request of a client that sends more of them than it may, before it costs anything.
fn keeps_its_rate(app: &App, notes: &Notes, credentials: &Credentials) -> Result<(), OAuthFailure> {
    let Some(client) = credentials.client_id() else { return Ok(()) };
    app.rates.admit(rates::client(client)).map_err(|too_fast| {
        notes.take_down().owner = Owner::Client(client.to_owned());
        OAuthFailure::TooFast(too_fast)
    })
}

/// Fetches the keys that a request's assertion has to be checked with, if they are elsewhere and the assertion is right as far as that
/// can be seen without them. How often any one address is asked is bounded ([`PublishedKeys`](crate::platform::outbound::jwks::PublishedKeys)).
pub(super) async fn with_keys<R>(app: &App, notes: &Notes, mut request: R) -> Result<R, OAuthFailure>
where
    R: ClientCredentials + Clone + Send + 'static,
{
    keeps_its_rate(app, notes, request.credentials())?;
    if !request.has_assertion() {
        return Ok(request);
    }
    let (mut asked, work) = (request.clone(), app.clone());
    let wanted =
        app.db.read(ReadCost::Point, move |tx| Ok::<_, OAuthFailure>(work.oauth(|cx| asked.keys_wanted(tx, cx))?));
    if let Some((source, kid)) = wanted.await? {
        if let Some(client) = request.clone().credentials().client_id() {
            notes.take_down().is_for(client);
        }
        let calls = Calls::default();
        let supply = app.published_keys.of(&source, kid.as_deref(), &calls).await;
        notes.take_down().called(calls.take());
        request.supply(source, supply);
    }
    Ok(request)
}

/// One request of a client, with what has to be counted of it.
///
/// A proof is verified before anything else, for neither a generated secret nor a signature can be guessed, and to check one costs less
/// A proof is verified before anything else: generated secrets and signatures cannot be guessed, and verifying one
/// costs less than looking up its client. A caller that fails too often has to wait, which spares the log and the
/// database. A caller with a valid proof never waits, so a third party that knows the client's public name, even at its
/// address, cannot block it.
pub(super) struct Attempt {
    client: Option<ClientId>,
    /// Whether it shows a secret or an assertion: a public client shows nothing, and any stranger can name it.
    has_proof: bool,
    place: [u8; 32],
    address: Option<String>,
    /// What is presented besides the client's credentials.
    secret: Option<Prefix>,
    /// What is found out about the request.
    pub(super) notes: Notes,
}

impl Attempt {
    pub(super) fn of<R: ClientCredentials + Clone>(app: &App, request: &R, origin: &Origin, notes: Notes) -> Attempt {
        let mut request = request.clone();
        let credentials = request.credentials();
        let (client, has_proof) = (credentials.client_id().and_then(ClientId::new), credentials.has_proof());
        let named = client.as_ref().map_or("", ClientId::as_str);
        if let Some(client) = &client {
            notes.take_down().owner = Owner::Client(client.to_string());
        }
        let place = format!("{named}\n{}", throttle::place(origin.address.as_deref()));
        Attempt {
            place: app.keys.tag("client failures", place.as_bytes()),
            client,
            has_proof,
            address: origin.address.clone(),
            secret: None,
            notes,
        }
    }

    /// With what it presents to be exchanged.
    pub(super) fn presenting(self, secret: Option<Prefix>) -> Attempt {
        Attempt { secret, ..self }
    }

    /// Carries out a request, and counts what is to be counted of its outcome.
    pub(super) async fn watch<T>(
        &self,
        app: &App,
        work: impl Future<Output = Result<T, OAuthFailure>>,
    ) -> Result<T, OAuthFailure> {
        let outcome = work.await;
        self.notes.count(&app.tally, matches!(outcome, Err(OAuthFailure::Token(_))));
        if is_a_clients(&outcome) {
            self.notes.take_down().client_id = self.client.as_ref().map(ClientId::to_string);
            if let Some(client) = self.client.as_ref().filter(|_| outcome.is_ok() || self.has_proof) {
                let shown = rates::client(client.as_str());
                let account = match app.rates.wants_account_of(shown) {
                    true => self.account_of(app, client).await,
                    false => None,
                };
                app.rates.count(shown, client.as_str(), account, 1);
            }
        }
        match outcome {
            Err(OAuthFailure::Token(error)) if error.error() == ErrorCode::InvalidClient => {
                Err(self.failed(app).await?.unwrap_or(OAuthFailure::Token(error)))
            }
            Err(OAuthFailure::Token(error)) if error.error() == ErrorCode::InvalidGrant => {
                let kind = match self.secret {
                    Some(Prefix::Code) => Kind::AuthorizationCode,
                    _ => Kind::RefreshToken,
                };
                self.refused(app, kind);
                Err(OAuthFailure::Token(error))
            }
            Err(OAuthFailure::TooManyPushed(seconds)) => {
                self.refused(app, Kind::PushedRequests);
                Err(OAuthFailure::TooManyPushed(seconds))
            }
            outcome => outcome,
        }
    }

    /// The account of a client that is not counted for one yet. Where the database does not say, its next request asks again.
    async fn account_of(&self, app: &App, client: &ClientId) -> Option<AccountKey> {
        let client = client.clone();
        let found = app.db.read::<_, DbError, _>(ReadCost::Point, move |tx| tx.account_of_client(&client)).await;
        found.ok().flatten().map(|account| account.seq)
    }

    /// To be told of in the audit trail.
    fn refused(&self, app: &App, kind: Kind) {
        let who = self.client.as_ref().map_or(Who::Unknown, |client| Who::Client(client.to_string()));
        app.refusals.note(kind, who, self.address.as_deref(), app.clock.now());
    }

    /// Counts a failure; gives what is said to it after too many. What is no client's is told of, and not counted in the database: a
    /// stranger could fill it with names.
    async fn failed(&self, app: &App) -> Result<Option<OAuthFailure>, OAuthFailure> {
        let (now, place) = (app.clock.now(), self.place);
        let known = match self.client.clone() {
            Some(client) => {
                let look = move |tx: &mut crate::storage::Tx<'_>| {
                    let known = tx.client_record(client.as_str())?.is_some();
                    let failures = if known { tx.client_failures(&place, now)? } else { None };
                    Ok::<_, OAuthFailure>(known.then_some(failures))
                };
                app.db.read(ReadCost::Point, look).await?
            }
            None => None,
        };
        let Some(failures) = known else {
            app.refusals.note(Kind::ClientAuthentication, Who::Unknown, self.address.as_deref(), now);
            return Ok(None);
        };
        self.refused(app, Kind::ClientAuthentication);
        if let Some((n, until)) = failures
            && n >= MOST
        {
            return Ok(Some(OAuthFailure::TooManyFailures(throttle::retry_after(until, now))));
        }
        app.db.write(move |tx| tx.count_client_failure(&place, now, now + WINDOW_MS)).await?;
        Ok(None)
    }
}

/// Whether the client that a request names is known to exist: for the log, which has nothing in it that a stranger made up.
fn is_a_clients<T>(outcome: &Result<T, OAuthFailure>) -> bool {
    let after_it_was_found = [ErrorCode::InvalidGrant, ErrorCode::UnauthorizedClient, ErrorCode::InvalidScope];
    match outcome {
        Ok(_) => true,
        Err(OAuthFailure::Token(error)) => after_it_was_found.contains(&error.error()),
        Err(_) => false,
    }
}
