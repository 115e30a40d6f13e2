//! Who calls: the bearer of an access token, checked in the same transaction as the work itself.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use actix_web::HttpRequest;
use oauth::dpop::SpentProof;
use oauth::{Access, BearerError, BearerRequest, GrantId, Use};
use scim::observations::MAX_NAMES;
use scim::{Id, Observations, Registry, SearchRequest, ToleranceTracker};

use super::cursors::SealedCursors;
use super::failure::ScimFailure;
use super::place::Place;
use super::weight::Weight;
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::actor::{Actor, Named, Origin, Source};
use crate::domain::fields::{FieldUse, FieldsOfRequest};
use crate::domain::ids::AccountKey;
use crate::domain::request::{Notes, Owner};
use crate::domain::tolerances::ToleranceUse;
use crate::http::edge::bearer::{self, Authorized};
use crate::http::edge::recording;
use crate::http::edge::request_id;
use crate::platform::turns::Payer;
use crate::services::admission::Ticket;
use crate::services::budget::{Charge, Holder};
use crate::services::rates;
use crate::services::reactions;
use crate::services::service_provider::ServiceProvider;
use crate::storage::{AccountTx, DbError, Desk, GrantClient, GrantContext, ReadCost, Sharing, Tx, Wanted};

pub(in crate::http::scim) mod long;
mod rehearsal;
mod words;

use long::Held;
use words::{OWN_ENDING, last_administrator};

/// Whom a valid token lets in.
#[derive(Debug)]
struct Entered {
    access: Access,
    account: Account,
    client: GrantClient,
}

/// A use of a valid token.
#[derive(Debug)]
struct Entry {
    /// What is to be recorded of it, and as whose act.
    unwritten: Option<(Use, Origin)>,
    /// Whose it is, for the limits of rate.
    client: String,
    account: AccountKey,
}

/// How fast a request's sender sends: asked before its work, and counted after it.
#[derive(Debug)]
pub(super) struct Pace {
    shown: Option<Payer>,
    entry: Arc<OnceLock<Entry>>,
    notes: Notes,
}

impl Pace {
    /// Refuses what comes too fast, before it costs anything.
    pub(super) fn keeps(&self, app: &App) -> Result<(), ScimFailure> {
        let Some(shown) = self.shown else { return Ok(()) };
        app.rates.admit(shown).map_err(|too_fast| {
            if let Some((account, client)) = app.rates.owner_of(shown) {
                self.notes.take_down().owner = Owner::Known { account, client };
            }
            too_fast.into()
        })
    }

    /// Counts the request, and each operation of a bulk request, if it came under a token that counts.
    pub(super) fn count(&self, app: &App) {
        if let (Some(shown), Some(entry)) = (self.shown, self.entry.get()) {
            let requests = u32::try_from(self.notes.take_down().parts.len()).unwrap_or(u32::MAX).max(1);
            app.rates.count(shown, &entry.client, Some(entry.account), requests);
        }
    }
}

/// What a request says about its sender.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    authorization: Result<Option<String>, BearerError>,
    /// Where it goes.
    place: Place,
    /// In whose place it is, where nothing of it may stay: the client of this grant.
    rehearses: Option<GrantId>,
    proof: Option<SpentProof>,
    source: Source,
    /// That the token was found valid in the course of this request, and what is to be recorded about its use.
    entry: Arc<OnceLock<Entry>>,
    /// What it is about, as far as one look-up can bring it along with the token.
    wanted: Option<Wanted>,
    /// Whom `/Me` was found to stand for.
    me: Option<Id>,
    /// Whose turn the work takes.
    payer: Payer,
    /// Leave to take long, as soon as there is one.
    ticket: Arc<OnceLock<Ticket>>,
    /// What the request and its answer take.
    pub(super) charge: Charge,
    /// The parameters of its query that do not exist, each with the one that is most like it.
    unknown_parameters: Arc<[(String, Option<&'static str>)]>,
    /// Which attributes it brought.
    fields: FieldsOfRequest,
    /// What is found out about the request.
    pub(super) notes: Notes,
}

impl Caller {
    pub(super) fn of(request: &HttpRequest, app: &App, charge: Charge) -> Caller {
        let authorization = bearer::presented(request);
        let credential = authorization.as_ref().ok().and_then(Option::as_deref);
        Caller {
            payer: credential.map_or(Payer::SERVER, |credential| app.payers.of(credential)),
            authorization,
            place: Place::of(request.method().as_str(), request.match_info().query("tail")),
            rehearses: None,
            ticket: Arc::default(),
            proof: None,
            source: request_id::source_of(request, &app.config.server.trusted_proxies),
            entry: Arc::default(),
            wanted: None,
            me: None,
            charge,
            unknown_parameters: Arc::default(),
            fields: FieldsOfRequest::default(),
            notes: recording::notes_of(request),
        }
    }

    /// How fast its sender sends.
    pub(super) fn pace(&self) -> Pace {
        let credential = self.authorization.as_ref().ok().and_then(Option::as_deref);
        Pace { shown: credential.map(rates::credential), entry: self.entry.clone(), notes: self.notes.clone() }
    }

    /// With the parameters of its query, some of which may not exist.
    pub(super) fn asking<'q>(self, names: impl IntoIterator<Item = &'q str>) -> Caller {
        let unknown = SearchRequest::unknown_parameters(names).map(|(name, nearest)| (name.to_owned(), nearest));
        Caller { unknown_parameters: unknown.take(MAX_NAMES).collect(), ..self }
    }

    /// About one resource.
    pub(super) fn wanting(self, wanted: Option<Wanted>) -> Caller {
        Caller { wanted, ..self }
    }

    /// Lets the proof of possession count, if the token needs one.
    pub(super) async fn proven(self, request: &HttpRequest, app: &App) -> Result<Caller, ScimFailure> {
        let authorization = self.authorization.as_ref().map_err(Clone::clone)?;
        let proof = bearer::spend_proof::<ScimFailure>(request, app, authorization.as_deref()).await?;
        Ok(Caller { proof, ..self })
    }

    /// The account of the grant behind the token, if the token counts at this moment and has the scope.
    pub(super) fn check(&self, app: &App, tx: &mut Tx<'_>) -> Result<Account, ScimFailure> {
        Ok(self.access(app, tx)?.account)
    }

    /// Below which URL resources are shown.
    pub(super) fn base(&self, app: &App) -> Arc<str> {
        self.place.base(app)
    }

    fn access(&self, app: &App, tx: &mut Tx<'_>) -> Result<Entered, ScimFailure> {
        let authorization = self.authorization.as_ref().map_err(Clone::clone)?;
        let presented = BearerRequest { authorization: authorization.as_deref(), proof: self.proof.as_ref() };
        let resource = self.place.resource(app);
        let authorized = match self.rehearses {
            Some(grant) => bearer::authorize_grant::<ScimFailure>(app, tx, grant, &resource),
            None => bearer::authorize::<ScimFailure>(app, tx, &presented, &resource),
        };
        self.note_recorded(app, tx, authorized.as_ref().ok());
        let Authorized { access, grant: GrantContext { account, client: of } } = authorized?;
        let account = self.place.account(tx, account)?;
        let client = Named::new(access.grant.client.as_str(), &of.name);
        let mut notes = self.notes.take_down();
        notes.owner = Owner::Known { account: account.seq, client: client.id.clone() };
        (notes.account_id, notes.client_id) = (Some(account.id.clone()), Some(client.id.clone()));
        drop(notes);
        let origin = Actor::Client(client).at(self.source.clone());
        self.entry.get_or_init(|| Entry {
            unwritten: access.unwritten_use.clone().map(|news| (news, origin.clone())),
            client: access.grant.client.to_string(),
            account: account.seq,
        });
        tx.act_as(origin);
        Ok(Entered { access, account, client: of })
    }

    /// Notes that the client is recorded in full, if it is.
    fn note_recorded(&self, app: &App, tx: &mut Tx<'_>, authorized: Option<&Authorized>) {
        if let Some(mut recorded) = tx.recorded.take() {
            let account = authorized.and_then(|authorized| authorized.grant.account.as_ref());
            let provider = account.and_then(|account| app.provider(account).ok());
            recorded.registry = provider.map(|provider| provider.registry);
            self.notes.take_down().recorded = Some(recorded);
        }
    }

    /// Whose turn it is when this caller's work is done.
    pub(super) fn payer(&self) -> Payer {
        self.payer
    }

    /// Leave to take long: the account's turn may have to be waited for. The token is asked first, for a stranger has no turn.
    pub(super) async fn admitted(&self, app: &App) -> Result<(), ScimFailure> {
        if self.ticket.get().is_some() {
            return Ok(());
        }
        let (work, caller) = (app.clone(), self.clone());
        let account = app.db.read_for(self.payer, ReadCost::Point, move |tx| caller.check(&work, tx)).await;
        self.note_use(app).await;
        let ticket = app.admission.enter(account?.seq).await?;
        let _ = self.ticket.set(ticket);
        Ok(())
    }

    /// Whether it has that leave.
    pub(super) fn may_take_long(&self) -> bool {
        self.ticket.get().is_some()
    }

    async fn note_use(&self, app: &App) {
        if self.is_rehearsing() {
            return;
        }
        if let Some((news, origin)) = self.entry.get().and_then(|entry| entry.unwritten.as_ref()) {
            bearer::note_use(app, news, origin).await;
        }
    }

    /// Whom `/Me` stands for: the user who accepted, or to whom the grant passed. Should it pass on before the work itself, that is
    /// noticed.
    pub(super) async fn user(&mut self, app: &App) -> Result<Id, ScimFailure> {
        let (work, caller) = (app.clone(), self.clone());
        let access = app.db.read_for(self.payer, ReadCost::Point, move |tx| caller.access(&work, tx)).await;
        self.note_use(app).await;
        self.me = access?.access.grant.subject.and_then(|subject| Id::new(subject.as_str()));
        self.me.clone().ok_or_else(|| {
            let detail = "There is no /Me for this access token: it was issued to a client by its own credentials, \
                          and stands for no user. Use /Users/{id}.";
            scim::Error::NotFound(detail.to_owned()).into()
        })
    }

    /// Runs a piece of the SCIM engine that may write, in the account of the token and in the transaction that checked it. Where it
    /// turns out to take long, it is undone and done again where no short request waits for it.
    pub(super) async fn write<T: Weight + Send + 'static>(
        self,
        app: &App,
        work: impl Work<T>,
    ) -> Result<Outcome<T>, ScimFailure> {
        let work = Arc::new(Mutex::new(work));
        if !self.may_take_long() || self.is_rehearsing() {
            let outcome = self.change_shortly(app, share(&work)).await;
            if !takes_long(&outcome) {
                return outcome;
            }
            self.admitted(app).await?;
        }
        let (at_hand, payer) = (app.clone(), self.payer);
        app.db.at_length(payer, move |desk| self.change_on(&at_hand, desk, share(&work))).await
    }

    /// The same where it is to be short.
    pub(super) async fn change_shortly<T: Weight + Send + 'static>(
        &self,
        app: &App,
        mut work: impl Work<T>,
    ) -> Result<Outcome<T>, ScimFailure> {
        if self.is_rehearsing() {
            return self.rehearse(app, work).await;
        }
        let (at_hand, caller) = (app.clone(), self.clone());
        let change = move |tx: &mut Tx<'_>| {
            tx.keeps_short();
            caller.enter_and(&at_hand, tx, &mut work)
        };
        let outcome = match self.wanted {
            Some(_) => app.db.write_with_others(self.payer, Sharing::ByQuestion, change).await,
            None => app.db.write_for(self.payer, change).await,
        };
        self.finish(app, &outcome);
        self.note_use(app).await;
        outcome
    }

    /// The same in the lane of what takes long.
    pub(super) fn change_on<T: Weight + Send + 'static>(
        &self,
        app: &App,
        desk: &Desk,
        mut work: impl Work<T>,
    ) -> Result<Outcome<T>, ScimFailure> {
        let (at_hand, caller, held) = (app.clone(), self.clone(), Held::default());
        let holds = held.clone();
        let outcome = desk.write(self.payer, move |tx| holds.during(|| caller.enter_and(&at_hand, tx, &mut work)));
        self.finish(app, &outcome);
        if let (Some(ticket), Some(rest)) = (self.ticket.get(), long::rest_after(held.time()))
            && desk.is_contended(ticket.account().payer())
        {
            ticket.rests(rest);
        }
        outcome
    }

    fn finish<T>(&self, app: &App, outcome: &Result<T, ScimFailure>) {
        if takes_long(outcome) {
            return; // it is done again
        }
        if matches!(outcome, Ok(_) | Err(ScimFailure::Scim(_))) {
            self.fields.count(&app.fields, outcome.is_err());
        }
        self.notes.count(&app.tally, matches!(outcome, Err(ScimFailure::Scim(_))));
    }

    /// The same for a piece that only reads, and what is made of it.
    pub(super) async fn read<T: Weight + Send + 'static, R: Send + 'static>(
        self,
        app: &App,
        cost: ReadCost,
        work: impl Work<T>,
        make: impl FnOnce(Outcome<T>) -> R + Send + 'static,
    ) -> Result<R, ScimFailure> {
        if self.is_rehearsing() {
            return self.rehearse_reading(app, work, make).await;
        }
        let work = Arc::new(Mutex::new(work));
        if cost == ReadCost::Point {
            let outcome = self.look_shortly(app, share(&work)).await;
            if !takes_long(&outcome) {
                return outcome.map(make);
            }
        }
        self.admitted(app).await?;
        let (at_hand, payer) = (app.clone(), self.payer);
        app.db.at_length(payer, move |desk| self.read_on(&at_hand, desk, share(&work)).map(make)).await
    }

    async fn look_shortly<T: Weight + Send + 'static>(
        &self,
        app: &App,
        mut work: impl Work<T>,
    ) -> Result<Outcome<T>, ScimFailure> {
        let (at_hand, caller) = (app.clone(), self.clone());
        let look = move |tx: &mut Tx<'_>| {
            tx.keeps_short();
            caller.enter_and(&at_hand, tx, &mut work)
        };
        let cost = if self.wanted.as_ref().is_some_and(Wanted::is_one) { ReadCost::LookUp } else { ReadCost::Point };
        let outcome = app.db.read_for(self.payer, cost, look).await;
        self.finish(app, &outcome);
        self.note_use(app).await;
        outcome
    }

    /// The same in the lane of what takes long.
    pub(super) fn read_on<T: Weight>(
        &self,
        app: &App,
        desk: &Desk,
        mut work: impl FnMut(&mut AccountTx<'_, '_>, &mut scim::Context<'_>) -> Result<T, scim::Error>,
    ) -> Result<Outcome<T>, ScimFailure> {
        let outcome = desk.read(&mut |tx: &mut Tx<'_>| self.enter_and(app, tx, &mut work));
        self.finish(app, &outcome);
        outcome
    }

    fn enter_and<T: Weight>(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        work: &mut impl FnMut(&mut AccountTx<'_, '_>, &mut scim::Context<'_>) -> Result<T, scim::Error>,
    ) -> Result<Outcome<T>, ScimFailure> {
        self.fields.note(None);
        tx.will_ask_for(self.wanted.clone());
        let Entered { access, account, client } = self.access(app, tx)?;
        let owner = access.grant.subject;
        let is_of_one = !self.place.is_named();
        if let (Ok(Some(credential)), true) = (&self.authorization, is_of_one && self.payer != account.seq.payer()) {
            app.payers.learn(credential, account.seq.payer());
        }
        if self.me.as_ref().is_some_and(|me| owner.as_ref().is_none_or(|owner| owner.as_str() != me.as_str())) {
            let detail = "The access has just passed to another user, so /Me is another user now. Repeat the request.";
            return Err(scim::Error::Conflict(detail.to_owned()).into());
        }
        self.charge.belongs_to(Holder::Account(account.seq))?;
        let (now, provider) = (app.clock.now(), app.provider(&account)?);
        let leniency = ToleranceTracker::new(client.tolerances);
        let cursors = SealedCursors::of(&app.keys, &account, &tx.origin.actor);
        let mut store = tx.in_account(account.seq, now, true).guarding(&account.options, self.me.as_ref())?;
        let observations = Observations::default();
        for (name, nearest) in &*self.unknown_parameters {
            observations.parameter(name, *nearest);
        }
        let outcome =
            app.scim_with(Some(&cursors), &leniency, &observations, &provider, now, |cx| work(&mut store, cx));
        let observed = observations.observed(&provider.registry);
        {
            let mut notes = self.notes.take_down();
            notes.needed(Some(ToleranceUse::of_scim(client.seq, &leniency, now)));
            notes.brought(&observed);
        }
        self.fields.note(Some(FieldUse { client: client.seq, observed, at: now }));
        let value = outcome?;
        self.charge.answer(value.weight(&self.base(app)))?;
        if let Some(owner) = owner
            && reactions::deactivation::refuses_own_ending(tx, &account, owner.as_str())?
        {
            return Err(scim::Error::Forbidden(OWN_ENDING.to_owned()).into());
        }
        if let Some(left) = reactions::last_administrator::refuses_to_lose(tx, &account)? {
            return Err(scim::Error::Forbidden(last_administrator(app, &left)).into());
        }
        if !tx.events.is_empty() {
            self.notes.take_down().did(&tx.events);
        }
        Ok(Outcome { value, registry: provider.registry })
    }

    /// Only the check, for requests that need nothing else of the database.
    pub(super) async fn enter(self, app: &App) -> Result<ServiceProvider, ScimFailure> {
        let (work, caller) = (app.clone(), self.clone());
        let provider =
            app.db.read_for(self.payer, ReadCost::Point, move |tx| Ok(work.provider(&caller.check(&work, tx)?)?)).await;
        self.note_use(app).await;
        provider
    }

    /// What this caller is told of a failure: who may not enter is not told what is there.
    pub(super) async fn mask_failure(self, app: &App, failure: ScimFailure) -> ScimFailure {
        let settled = matches!(failure, ScimFailure::Bearer(_) | ScimFailure::Database(_));
        if settled || self.entry.get().is_some() {
            return failure;
        }
        self.enter(app).await.err().unwrap_or(failure)
    }

    /// Refuses a caller who shows no token that we sealed: their body is not even read.
    pub(super) async fn require_own_token(&self, app: &App) -> Result<(), ScimFailure> {
        let shown = self.authorization.as_ref().ok().and_then(Option::as_deref);
        match app.oauth(|cx| oauth::bearer::sealed_grant(cx, shown)) {
            Some((grant, _)) => Ok(self.charge.belongs_to(Holder::Grant(grant.number))?),
            None => self.counts(app).await,
        }
    }

    /// Refuses a caller whose token does not count at this moment, unless that was asked already.
    pub(super) async fn counts(&self, app: &App) -> Result<(), ScimFailure> {
        if self.charge.is_of_account() {
            return Ok(());
        }
        let (work, caller) = (app.clone(), self.clone());
        let account = app
            .db
            .read_for(self.payer, ReadCost::Point, move |tx| Ok::<_, ScimFailure>(caller.check(&work, tx)?.seq))
            .await;
        self.note_use(app).await;
        Ok(self.charge.belongs_to(Holder::Account(account?))?)
    }
}

/// A piece of work that may have to be done again elsewhere.
fn share<T, W: Work<T>>(work: &Arc<Mutex<W>>) -> impl Work<T> + use<T, W> {
    let work = work.clone();
    move |store: &mut AccountTx<'_, '_>, cx: &mut scim::Context<'_>| {
        (work.lock().unwrap_or_else(PoisonError::into_inner))(store, cx)
    }
}

fn takes_long<T>(outcome: &Result<T, ScimFailure>) -> bool {
    matches!(outcome, Err(ScimFailure::Database(DbError::TakesLong)))
}

/// What came of a piece of work, and the schemas it went by: those to answer with.
#[derive(Debug)]
pub(super) struct Outcome<T> {
    pub(super) value: T,
    pub(super) registry: Arc<Registry>,
}

/// A piece of the SCIM engine with its parameters; may run more than once.
pub(super) trait Work<T>:
    FnMut(&mut AccountTx<'_, '_>, &mut scim::Context<'_>) -> Result<T, scim::Error> + Send + 'static
{
}

impl<T, W> Work<T> for W where
    W: FnMut(&mut AccountTx<'_, '_>, &mut scim::Context<'_>) -> Result<T, scim::Error> + Send + 'static
{
}
