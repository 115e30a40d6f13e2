//! Webhooks as operators make, change and watch them. The caller has said who acts ([`Tx::act_as`]).

use std::sync::Arc;

use oauth::Keyring;
use zeroize::Zeroizing;

use super::accounts;
use super::error::ActError;
use super::events::{Feed, types};
use super::sent_form::Before;
use crate::domain::account::Account;
use crate::domain::bodies::changes;
use crate::domain::bodies::webhooks::{NewWebhook, Webhook, WebhookChange, WebhookSecret};
use crate::domain::described::{FieldError, Line, Mistakes, Name, Sometimes, Text, Texts, Time, With};
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::domain::receiver::standard_webhook::{Secret, Signature};
use crate::domain::receiver::{Form, State, listed};
use crate::domain::sealing::RECEIVER_SECRET;
use crate::platform::outbound::Outbound;
use crate::platform::system;
use crate::storage::Tx;
use crate::storage::receivers::{NewReceiver, Receiver};

mod sent;

pub use sent::{dead_letters, deliveries, discard, resend, test, tested};

/// How many webhooks an account has at most, and how many all accounts together.
pub const MOST: i64 = 10;
/// For so long, in milliseconds, requests are signed by the old secret too.
const OLD_SECRET: i64 = 24 * 3_600_000;
/// What waits is counted up to here.
const COUNTED: i64 = 1_000;

/// What webhooks are made with.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Webhooks {
    /// The feed they are told of.
    pub feed: Arc<Feed>,
    /// Their secrets are sealed with these.
    pub keys: Arc<Keyring>,
    /// What may be called.
    pub outbound: Outbound,
}

/// A secret that is drawn for a webhook, and its id.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Drawn {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
    nonce: [u8; 24],
}

impl Drawn {
    /// At random.
    pub fn fresh() -> Drawn {
        let mut drawn = Drawn::of(system::new_uuid(), [0; 32]);
        system::fill(&mut *drawn.bytes);
        drawn
    }

    /// With this id and these bytes.
    pub fn of(id: String, bytes: [u8; 32]) -> Drawn {
        Drawn { id, bytes: Zeroizing::new(bytes), nonce: system::nonce() }
    }

    fn secret(&self, signature: Signature) -> Secret {
        Secret::of(signature, *self.bytes)
    }
}

/// A webhook that an operator named, and its account.
struct Found {
    receiver: Receiver,
    account: Option<Account>,
}

/// What is wrong with a new webhook, as far as it shows without the database.
pub fn mistakes(new: &NewWebhook, outbound: &Outbound) -> Vec<FieldError> {
    let mut mistakes = Mistakes::default();
    check(Some(&new.url.0), new.types.as_ref(), outbound, &mut mistakes);
    mistakes.finish().err().unwrap_or_default()
}

/// The same of a change.
pub fn mistakes_of_change(change: &WebhookChange, outbound: &Outbound) -> Vec<FieldError> {
    let mut mistakes = Mistakes::default();
    check(change.url.as_ref(), change.types.value(), outbound, &mut mistakes);
    mistakes.finish().err().unwrap_or_default()
}

fn check(url: Option<&Line>, named: Option<&Texts>, outbound: &Outbound, mistakes: &mut Mistakes) {
    if let Some(Line(url)) = url
        && let Err(why) = outbound.url(url)
    {
        mistakes.note("url", why);
    }
    if let Some(Texts(names)) = named {
        if names.is_empty() {
            mistakes.note("types", "must name a type; leave it out for all");
        }
        for (n, name) in names.iter().enumerate() {
            if name.contains(',') || types(name).is_err() {
                let name: String = name.chars().take(100).collect();
                mistakes.note(
                    format!("types[{n}]"),
                    format!("{name:?} is no type of events: write as in `user.created` or `group.*`"),
                );
            }
        }
    }
}

/// The types that are listed, as a receiver keeps them.
fn kept(named: Option<&Texts>) -> Result<Option<String>, ActError> {
    let Some(Texts(names)) = named else { return Ok(None) };
    let found = types(&names.join(",")).map_err(|wrong| ActError::field("types", wrong.detail))?;
    Ok(Some(listed(&found)))
}

impl Webhooks {
    /// Makes a webhook of an account, or of all. Its secret is shown this once.
    pub fn create(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        account: Option<&str>,
        (new, drawn): (&NewWebhook, &Drawn),
        end: i64,
    ) -> Result<With<Webhook, WebhookSecret>, ActError> {
        let account = owner(tx, mandate, account)?;
        let of = account.as_ref().map(|account| account.seq);
        if tx.count_receivers(Form::StandardWebhook, of)? >= MOST {
            let whose = if of.is_some() { "this account has" } else { "there are" };
            return Err(ActError::conflict(format!("{whose} {MOST} webhooks already: delete one first")));
        }
        let secret = drawn.secret(new.signature.unwrap_or(Signature::V1));
        let position =
            self.place(tx, account.as_ref(), new.after.as_ref().map_or("latest", |Text(after)| after.as_str()), end)?;
        let receiver = NewReceiver {
            id: drawn.id.clone(),
            account: of,
            form: Form::StandardWebhook,
            url: new.url.0.0.clone(),
            description: new.description.as_ref().map_or_else(String::new, |name| name.0.clone()),
            types: kept(new.types.as_ref())?,
            secret: Some(self.sealed(&secret, drawn)),
            position,
            state: if new.paused == Some(true) { State::Paused } else { State::Enabled },
        };
        let now = tx.now();
        tx.insert_receiver(&receiver, now)?;
        tx.raise(now, of, Act::new(Action::WebhookCreated).on_named(&receiver.id, &receiver.url));
        let found = find(tx, mandate, Power::ManageWebhooks, &receiver.id)?;
        let with = WebhookSecret { secret: secret.for_receiver().to_string() };
        Ok(With { of: self.shown(tx, &found, end)?, with })
    }

    /// The webhooks of an account, or those of all accounts, that follow a row; each with its row. Only reads.
    pub fn list(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        account: Option<&str>,
        (after, limit): (i64, i64),
        end: i64,
    ) -> Result<Vec<(i64, Webhook)>, ActError> {
        let account = match account {
            Some(id) => Some(accounts::find(tx, mandate, Power::Read, id)?),
            None => {
                mandate.may_everywhere(Power::Read)?;
                None
            }
        };
        let of = account.as_ref().map(|account| account.seq);
        let mut shown = Vec::new();
        for receiver in tx.receivers_after(Form::StandardWebhook, of, after, limit)? {
            let found = Found { receiver, account: account.clone() };
            shown.push((found.receiver.seq, self.shown(tx, &found, end)?));
        }
        Ok(shown)
    }

    /// A webhook. Only reads.
    pub fn get(&self, tx: &mut Tx<'_>, mandate: &Mandate, id: &str, end: i64) -> Result<Webhook, ActError> {
        let found = find(tx, mandate, Power::Read, id)?;
        self.shown(tx, &found, end)
    }

    /// Changes a webhook, and lets it go on or holds it.
    pub fn change(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        id: &str,
        change: &WebhookChange,
        end: i64,
    ) -> Result<Webhook, ActError> {
        let mut found = find(tx, mandate, Power::ManageWebhooks, id)?;
        let before = self.shown(tx, &found, end)?;
        let receiver = &mut found.receiver;
        if let Some(Line(url)) = &change.url {
            receiver.url.clone_from(url);
        }
        if let Some(description) = change.description.change() {
            receiver.description = description.map_or_else(String::new, |Name(name)| name.clone());
        }
        if let Some(named) = change.types.change() {
            receiver.types = kept(named)?;
        }
        tx.change_receiver(receiver)?;
        let after = change.after.as_ref().map(|Text(after)| after.as_str());
        let position = after.map(|after| self.place(tx, found.account.as_ref(), after, end)).transpose()?;
        let goes_on = change.paused == Some(false) || (position.is_some() && found.receiver.state == State::Lost);
        if goes_on && found.receiver.state == State::Lost && position.is_none() {
            let detail = "is missing: events that it has not are not kept any more. Take a snapshot and say its cursor, or say `oldest`";
            return Err(ActError::field("after", detail));
        }
        let state = match change.paused {
            Some(true) => State::Paused,
            _ if goes_on => State::Enabled,
            _ => found.receiver.state,
        };
        if change.paused.is_some() || position.is_some() {
            tx.set_receiver_state(found.receiver.seq, state, position, None)?;
        }
        let found = find(tx, mandate, Power::ManageWebhooks, id)?;
        let after = self.shown(tx, &found, end)?;
        let act = Act::new(Action::WebhookChanged).on_named(&found.receiver.id, &found.receiver.url);
        tx.raise(tx.now(), found.receiver.account, act.changing(changes(&before, &after)));
        Ok(after)
    }

    /// Makes a new secret. Requests are signed by the old one too for a day.
    pub fn replace_secret(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        id: &str,
        drawn: &Drawn,
    ) -> Result<WebhookSecret, ActError> {
        let found = find(tx, mandate, Power::ManageWebhooks, id)?;
        let signature = self.signature(&found.receiver).map_or(Signature::V1, |secret| secret.signature());
        let secret = drawn.secret(signature);
        let now = tx.now();
        tx.replace_receiver_secret(&found.receiver, &self.sealed(&secret, drawn), now + OLD_SECRET)?;
        let act = Act::new(Action::WebhookSecretReplaced).on_named(&found.receiver.id, &found.receiver.url);
        tx.raise(now, found.receiver.account, act);
        Ok(WebhookSecret { secret: secret.for_receiver().to_string() })
    }

    /// The webhook that was made with what was drawn, if it was: when, its id, its address and its secret. Only reads.
    pub fn made_before(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        drawn: &Drawn,
    ) -> Result<Before<(String, String, String)>, ActError> {
        let Ok(Found { receiver, .. }) = find(tx, mandate, Power::ManageWebhooks, &drawn.id) else { return Ok(None) };
        let secret = self.signature(&receiver).map(|secret| secret.for_receiver().to_string());
        Ok(secret.map(|secret| (receiver.made, (receiver.id, receiver.url, secret))))
    }

    /// The secret that was made with what was drawn, if it is the one that counts, and when. Only reads.
    pub fn replaced_before(
        &self,
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        id: &str,
        drawn: &Drawn,
    ) -> Result<Before<WebhookSecret>, ActError> {
        let Found { receiver, .. } = find(tx, mandate, Power::ManageWebhooks, id)?;
        let counts = self.signature(&receiver);
        let ours = counts.filter(|secret| secret.written() == drawn.secret(secret.signature()).written());
        let made = receiver.old_secret.map(|(_, until)| until - OLD_SECRET);
        let shown = ours.map(|secret| WebhookSecret { secret: secret.for_receiver().to_string() });
        Ok(made.zip(shown))
    }

    /// A place in the feed that an operator says.
    fn place(&self, tx: &mut Tx<'_>, account: Option<&Account>, after: &str, end: i64) -> Result<i64, ActError> {
        match after {
            "oldest" => Ok(tx.events_floor()?),
            "latest" => Ok(end.max(tx.events_floor()?)),
            cursor => self.feed.place_of(tx, account, cursor, end),
        }
    }

    fn sealed(&self, secret: &Secret, drawn: &Drawn) -> String {
        self.keys.seal(RECEIVER_SECRET, drawn.nonce, secret.written().as_bytes())
    }

    fn signature(&self, receiver: &Receiver) -> Option<Secret> {
        let plain = Zeroizing::new(self.keys.open(RECEIVER_SECRET, receiver.secret.as_deref()?)?);
        Secret::parse(std::str::from_utf8(&plain).ok()?)
    }

    fn shown(&self, tx: &mut Tx<'_>, found: &Found, end: i64) -> Result<Webhook, ActError> {
        let Found { receiver, account } = found;
        let now = tx.now();
        let waiting =
            tx.count_events_meant(receiver.account, receiver.types.as_deref(), (receiver.position, end), COUNTED)?;
        let secret = self.signature(receiver);
        let public = secret.as_ref().filter(|secret| secret.signature() == Signature::V1a);
        let dead_letters = tx.count_dead_letters(receiver.seq)?;
        let next_try = Some(receiver.next_try).filter(|at| receiver.tries > 0 && *at > now);
        Ok(Webhook {
            id: receiver.id.clone(),
            account_id: account.as_ref().map(|account| account.id.clone()),
            url: receiver.url.clone(),
            description: Some(receiver.description.clone()).filter(|text| !text.is_empty()),
            types: receiver
                .types
                .as_ref()
                .map(|types| types.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect()),
            signature: secret.as_ref().map(Secret::signature),
            public_key: Sometimes(public.map(|secret| secret.for_receiver().to_string())),
            old_secret_expires: receiver
                .old_secret
                .as_ref()
                .map(|(_, until)| *until)
                .filter(|until| *until > now)
                .map(Time),
            state: receiver.state,
            summary: summary(receiver, waiting, dead_letters),
            cursor: self.feed.cursor(account.as_ref(), receiver.position),
            waiting,
            held_since: receiver.held_since.map(Time),
            next_try: next_try.map(Time),
            tries: receiver.tries,
            last_success: receiver.delivered.map(Time),
            last_failure: receiver.failed.map(Time),
            last_problem: receiver.problem.clone(),
            dead_letters,
            created: Time(receiver.made),
        })
    }
}

/// How a receiver is, in words.
fn summary(receiver: &Receiver, waiting: i64, dead_letters: i64) -> String {
    let events = |n: i64| match n {
        1 => "1 event".to_owned(),
        n if n >= COUNTED => format!("{COUNTED} events or more"),
        n => format!("{n} events"),
    };
    let wait = if waiting == 1 { "waits" } else { "wait" };
    let mut text = match receiver.state {
        State::Paused if waiting > 0 => format!("An operator has paused it; {} {wait}.", events(waiting)),
        State::Paused => "An operator has paused it.".to_owned(),
        State::Stopped => "It answered 410, which says that it is gone: nothing is sent until it is resumed.".to_owned(),
        State::Lost => {
            "It was away for longer than events are kept, or the database was restored, so it has missed some. Take a snapshot, and let it go on after the cursor of that."
                .to_owned()
        }
        State::Enabled if receiver.tries > 0 => {
            format!("It does not take what it is sent; {} {wait}, and it is tried again and again.", events(waiting))
        }
        State::Enabled if waiting > 0 => format!("It is being sent {}.", events(waiting)),
        State::Enabled => "It has all events.".to_owned(),
    };
    match dead_letters {
        0 => {}
        1 => text.push_str(" One event was refused while others were taken: look at it and send it again."),
        n => text
            .push_str(&format!(" {n} events were refused while others were taken: look at them and send them again.")),
    }
    text
}

/// The account whose webhook is made; `None`: it is of all accounts.
fn owner(tx: &mut Tx<'_>, mandate: &Mandate, account: Option<&str>) -> Result<Option<Account>, ActError> {
    match account {
        Some(id) => Ok(Some(accounts::lock(tx, mandate, Power::ManageWebhooks, id)?)),
        None => {
            mandate.may_everywhere(Power::ManageWebhooks)?;
            Ok(None)
        }
    }
}

/// The webhook with this id, for an act that needs this power. What is out of reach does not exist.
fn find(tx: &mut Tx<'_>, mandate: &Mandate, power: Power, id: &str) -> Result<Found, ActError> {
    mandate.may(power)?;
    let found = tx.receiver(id)?.filter(|of| of.form == Form::StandardWebhook && mandate.reaches(of.account));
    let receiver = found.ok_or_else(|| ActError::not_found("webhook", id))?;
    let account = receiver.account.map(|account| tx.account_at(account)).transpose()?.flatten();
    if receiver.account.is_some() && account.is_none() {
        return Err(ActError::not_found("webhook", id));
    }
    Ok(Found { receiver, account })
}

/// What is done with a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It is looked at.
    Look,
    /// What it gets is changed.
    Act,
}

/// The receiver with this id: a webhook, or that of a stream that is pushed, which has the stream's id.
fn find_receiver(tx: &mut Tx<'_>, mandate: &Mandate, of: Use, id: &str) -> Result<Receiver, ActError> {
    let power = |receiver: &Receiver| match (of, receiver.form) {
        (Use::Look, _) => Power::Read,
        (Use::Act, Form::StandardWebhook) => Power::ManageWebhooks,
        (Use::Act, Form::SecurityEvent) => Power::ChangeClients,
    };
    mandate.may(Power::Read)?;
    match tx.receiver(id)?.filter(|receiver| mandate.reaches(receiver.account)) {
        Some(receiver) if receiver.form == Form::SecurityEvent => {
            mandate.may(power(&receiver))?;
            Ok(receiver)
        }
        Some(receiver) => Ok(find(tx, mandate, power(&receiver), id)?.receiver),
        None => Err(ActError::not_found("webhook", id)),
    }
}

/// Deletes a webhook, with its dead letters.
pub fn delete(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<(), ActError> {
    let Found { receiver, .. } = find(tx, mandate, Power::ManageWebhooks, id)?;
    tx.delete_receiver(receiver.seq)?;
    tx.raise(tx.now(), receiver.account, Act::new(Action::WebhookDeleted).on_named(&receiver.id, &receiver.url));
    Ok(())
}
