//! What every request handler has at hand.

use std::ops::Deref;
use std::sync::Arc;

use oauth::Keyring;
use scim::{Cursors, Observations, ToleranceTracker};

use crate::config::Config;
use crate::domain::account::Account;
use crate::domain::fields::FieldCounter;
use crate::domain::metrics::Metrics;
use crate::domain::refusals::Refusals;
use crate::domain::request::Notes;
use crate::domain::schemas::Schemas;
use crate::domain::tolerances::{ToleranceCounter, ToleranceUse};
use crate::platform::clock::Clock;
use crate::platform::openid_client::ProviderMetadataCache;
use crate::platform::outbound::Outbound;
use crate::platform::outbound::jwks::PublishedKeys;
use crate::platform::password_hasher::Passwords;
use crate::platform::shutdown::Stopping;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::platform::tls::Certificate;
use crate::platform::turns::Payers;
use crate::services::admission::Admission;
use crate::services::budget::Budget;
use crate::services::clients::Installation;
use crate::services::deliveries::Deliverer;
use crate::services::event_streams;
use crate::services::events::Feed;
use crate::services::field_counts;
use crate::services::health::Rules;
use crate::services::rates::Rates;
use crate::services::recorder::Recorder;
use crate::services::service_provider::{ScimEngine, ServiceProvider};
use crate::services::signing::Signer;
use crate::services::tolerance_counts;
use crate::services::webhooks::Webhooks;
use crate::storage::pulse::Pulse;
use crate::storage::{Db, DbError, Tx};

/// A running server, as handlers and jobs hold it. Clones are the same one.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct App(Arc<Parts>);

/// The parts of a running server. They hold no state of any flow, session or token.
#[allow(missing_debug_implementations)]
pub struct Parts {
    /// What the operator set.
    pub config: Arc<Config>,
    /// The issuer, and the base of every URL we print; without a slash at the end.
    pub public_url: Arc<str>,
    /// The base of the console's and the admin API's URLs: `public_url`, or that of the listener of their own.
    pub admin_url: Arc<str>,
    /// The path of `public_url`: empty, or `/identity` for `https://x.example/identity`.
    pub path: Arc<str>,
    /// `{public_url}/scim/v2`
    pub scim_base: Arc<str>,
    /// What time it is.
    pub clock: Clock,
    /// The database.
    pub db: Db,
    /// Whether the database can be written.
    pub pulse: Pulse,
    /// Keys derived from the master key.
    pub keys: Arc<Keyring>,
    /// Lifetimes, for the oauth crate.
    pub settings: oauth::Settings,
    /// The schemas of each account.
    pub schemas: Schemas,
    /// What the server counts about itself.
    pub metrics: Metrics,
    /// Argon2id.
    pub passwords: Passwords,
    /// What the server shows to clients that speak TLS, if it speaks TLS itself.
    pub certificate: Option<Arc<Certificate>>,
    /// Calls to other servers.
    pub outbound: Outbound,
    /// Public keys that clients and their identity providers keep.
    pub published_keys: PublishedKeys,
    /// Signs ID tokens.
    pub signer: Signer,
    /// Which tolerances were needed; not yet in the database.
    pub tally: Arc<ToleranceCounter>,
    /// Which attributes clients sent; not yet in the database.
    pub fields: Arc<FieldCounter>,
    /// What came of requests; not yet in the database.
    pub recorder: Arc<Recorder>,
    /// The feed of every change.
    pub feed: Arc<Feed>,
    /// Delivers the feed to its receivers.
    pub deliverer: Arc<Deliverer>,
    /// Which credentials were refused; not yet in the audit trail.
    pub refusals: Arc<Refusals>,
    /// OpenID providers that people log in at.
    pub providers: ProviderMetadataCache,
    /// Whether the server was told to stop.
    pub stopping: Stopping,
    /// The memory that requests and answers take.
    pub budget: Arc<Budget>,
    /// How fast clients and accounts may send requests.
    pub rates: Arc<Rates>,
    /// What takes long and may begin.
    pub admission: Arc<Admission>,
    /// Whose turn a credential takes.
    pub payers: Arc<Payers>,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl From<Parts> for App {
    fn from(parts: Parts) -> App {
        App(Arc::new(parts))
    }
}

impl App {
    /// Runs a piece of the oauth crate: gives it the time, entropy and the keys.
    pub fn oauth<T>(&self, run: impl FnOnce(&mut oauth::Context<'_>) -> T) -> T {
        let known = self.signer.cached();
        run(&mut oauth::Context {
            now: self.clock.now().millis(),
            entropy: &mut system::fill,
            keys: &self.keys,
            published: known.public(),
            settings: &self.settings,
            needs: oauth::tolerance::Needs::default(),
        })
    }

    /// The same for a request of a client, and notes what it needed to be forgiven.
    pub fn oauth_for<'c, T>(
        &self,
        tx: &mut Tx<'c>,
        notes: &Notes,
        run: impl FnOnce(&mut Tx<'c>, &mut oauth::Context<'_>) -> Result<T, oauth::StoreError>,
    ) -> Result<T, DbError> {
        let (answer, needs, now) = self.oauth(|cx| {
            let answer = run(tx, cx);
            (answer, std::mem::take(&mut cx.needs), cx.now)
        });
        if let Some(recorded) = tx.recorded.take() {
            notes.take_down().recorded = Some(recorded);
        }
        let client = needs.client.as_ref().map(|client| tx.client_number(client)).transpose()?.flatten();
        notes
            .take_down()
            .needed(client.map(|client| ToleranceUse::of_oauth(client, &needs, Timestamp::of_millis(now))));
        Ok(answer?)
    }

    /// The SCIM engine, as this server runs it.
    pub fn scim_engine(&self) -> ScimEngine {
        ScimEngine { schemas: self.schemas.clone(), base: self.scim_base.clone(), limits: self.limits() }
    }

    /// The installation at which clients are registered.
    pub fn installation(&self) -> Installation<'_> {
        Installation {
            public_url: &self.public_url,
            settings: &self.config.oauth,
            protocol: &self.settings,
            keys: &self.keys,
            outbound: &self.outbound,
            published_keys: &self.published_keys,
            scim: self.scim_engine(),
        }
    }

    /// What webhooks are made with.
    pub fn webhooks(&self) -> Webhooks {
        Webhooks { feed: self.feed.clone(), keys: self.keys.clone(), outbound: self.outbound.clone() }
    }

    /// What streams of security event tokens go by.
    pub fn event_streams(&self) -> event_streams::Rules<'_> {
        event_streams::Rules {
            issuer: &self.public_url,
            base: &self.admin_url,
            keys: &self.keys,
            outbound: &self.outbound,
        }
    }

    /// What the health of connections goes by.
    pub fn health_rules(&self) -> Rules<'_> {
        Rules {
            config: &self.config,
            protocol: &self.settings,
            schemas: &self.schemas,
            is_recorded: self.recorder.is_on(),
        }
    }

    /// Writes what this process knows of requests and has not written yet, so that what it answered a moment ago is seen.
    pub async fn gather(&self) -> Result<(), DbError> {
        self.recorder.write(&self.db).await?;
        tolerance_counts::add(&self.db, &self.tally).await?;
        field_counts::add(&self.db, &self.fields).await
    }

    /// What SCIM is in this account, as it was read.
    pub fn provider(&self, account: &Account) -> Result<ServiceProvider, DbError> {
        ServiceProvider::of(&self.schemas, account)
    }

    /// Runs a piece of the scim crate for this service provider.
    pub fn scim<T>(
        &self,
        provider: &ServiceProvider,
        now: Timestamp,
        run: impl FnOnce(&mut scim::Context<'_>) -> T,
    ) -> T {
        self.scim_engine().run(provider, now, run)
    }

    /// The same for a client, who may walk lists by cursor and is not forgiven everything.
    pub fn scim_with<T>(
        &self,
        cursors: Option<&dyn Cursors>,
        leniency: &ToleranceTracker,
        observations: &Observations,
        provider: &ServiceProvider,
        now: Timestamp,
        run: impl FnOnce(&mut scim::Context<'_>) -> T,
    ) -> T {
        self.scim_engine().run_with(cursors, leniency, observations, provider, now, run)
    }

    /// How much the SCIM endpoint answers at once, and stores.
    pub fn limits(&self) -> scim::Limits {
        // While a page is made it takes up to nine times its bytes, and an account has to have room for one.
        let room = self.config.server.memory.of_one_account / 10;
        let limits = self.config.scim.limits;
        scim::Limits { page_bytes: limits.page_bytes.min(room), ..limits }
    }
}
