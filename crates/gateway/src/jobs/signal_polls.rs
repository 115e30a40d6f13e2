//! Security events are fetched from accounts' identity providers (Shared Signals, delivery by poll: RFC 8936).
//!
//! ```text
//! due ── claim (a lease) ──▶ ask ──▶ each token: believe, commit ──▶ ask on, and acknowledge ──▶ … ──▶ write down how it went
//! ```
//!
//! A token is acknowledged with the next request, so after what it tells was committed. Where that request does not arrive, the token comes again,
//! is known by its `jti`, does nothing, and is acknowledged again ([why so](../../../../docs/decisions/0088-how-are-security-events-fetched.md)).

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use oauth::provider_token::{Disbelief, Kind, ProviderToken};
use oauth::security_event::SetError;
use oauth::security_event::polling::{Poll, Polled};

use crate::app::App;
use crate::domain::actor::{Actor, Named, Origin};
use crate::domain::event::{Act, Action};
use crate::domain::metrics::polls::Fetched;
use crate::domain::receiver::{retry_after, shown};
use crate::domain::sealing;
use crate::platform::outbound::post::{Answered, Post};
use crate::platform::outbound::{Calls, Outbound};
use crate::platform::system;
use crate::platform::turns::Payer;
use crate::services::signals::events::{events_of, take};
use crate::services::signals::{Doubt, Receiver};
use crate::storage::signal_polls::{PollOutcome, SignalPoll};
use crate::storage::{DbError, ReadCost};

/// So often it is looked what is due.
const LOOK: Duration = Duration::from_secs(1);
/// So many transmitters are asked at once.
const AT_ONCE: usize = 8;
/// So often each is asked that has nothing, in milliseconds.
const EVERY: i64 = 10_000;
/// How long a whole answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many tokens are asked for at once,
const MOST: usize = 15;
/// each of which has at most so many bytes, as where they are pushed;
const LONGEST: usize = 64 << 10;
/// and so many an answer has at most.
const ANSWER: usize = 1 << 20;
/// After so long it is another account's turn.
const SLICE: Duration = Duration::from_secs(10);
/// No other server asks for so long, in milliseconds: longer than a turn takes, with the request that ends it.
const LEASE: i64 = 60_000;
/// The longest pause after failures, in milliseconds.
const LONGEST_PAUSE: i64 = 10 * 60_000;
/// What a transmitter that asks for a pause is given at most, in milliseconds.
const LONGEST_ASKED: i64 = 60 * 60_000;
/// The failure in a row of which the audit trail tells.
const TOLD: i64 = 3;
/// For so long a refusal is told of once, in milliseconds.
const TOLD_ONCE: i64 = 24 * 60 * 60_000;

/// Why a turn did not go well.
#[derive(Debug)]
struct Problem {
    /// In words.
    text: String,
    /// For how long the transmitter wants to be left alone, in milliseconds.
    retry_after: Option<i64>,
}

impl Problem {
    fn new(text: impl Into<String>) -> Problem {
        Problem { text: text.into(), retry_after: None }
    }
}

/// What became of the tokens of an answer, and is not told yet.
#[derive(Debug, Default)]
struct Said {
    taken: Vec<String>,
    refused: Vec<(String, SetError)>,
}

/// How a turn went.
#[derive(Debug, Default)]
struct Turn {
    has_received: bool,
    /// There is more, and it goes on soon.
    more: bool,
    problem: Option<Problem>,
}

/// Fetches until the server stops.
pub async fn run(app: App) {
    let outbound = app.outbound.beside(PATIENCE, AT_ONCE);
    let lease = system::new_uuid();
    let mut at_work = FuturesUnordered::new();
    while !app.stopping.has_begun() {
        let began = Instant::now();
        let claimed = claim(&app, &lease, AT_ONCE - at_work.len()).await;
        app.metrics.jobs.ran("signal_polls", app.clock.now(), began.elapsed(), claimed.is_ok());
        match claimed {
            Ok(claimed) => at_work.extend(claimed.into_iter().map(|poll| serve(&app, &outbound, &lease, poll))),
            Err(error) => tracing::warn!(%error, "no security events are fetched at this moment"),
        }
        let look = tokio::time::sleep(LOOK);
        tokio::pin!(look);
        loop {
            tokio::select! {
                Some(outcome) = at_work.next(), if !at_work.is_empty() => if let Err(error) = outcome {
                    tracing::warn!(%error, "security events were not fetched; it will be tried again");
                },
                () = &mut look => break,
            }
        }
    }
    drop(at_work);
    let _ = app.db.write(move |tx| tx.release_signal_polls(&lease)).await;
}

async fn claim(app: &App, lease: &str, free: usize) -> Result<Vec<SignalPoll>, DbError> {
    let now = app.clock.now();
    if free == 0 || !app.db.read(ReadCost::Point, move |tx| tx.signal_polls_are_due(now)).await? {
        return Ok(Vec::new());
    }
    let (lease, free) = (lease.to_owned(), i64::try_from(free).unwrap_or(i64::MAX));
    app.db.write(move |tx| tx.claim_signal_polls(&lease, (now, now + LEASE), free)).await
}

/// Fetches for one account what there is, and writes down how it went.
async fn serve(app: &App, outbound: &Outbound, lease: &str, poll: SignalPoll) -> Result<(), DbError> {
    let account = poll.account;
    let found = app.db.read_for(Payer::SERVER, ReadCost::Point, move |tx| tx.account_at(account)).await?;
    let turn = match found.map(Receiver::of) {
        // It was deleted, and this goes with it.
        None => Turn::default(),
        Some(Some(receiver)) => turn(app, outbound, &poll, &receiver).await?,
        Some(None) => Turn {
            problem: Some(Problem::new("the account names no issuer whose keys verify events")),
            ..Turn::default()
        },
    };
    let now = app.clock.now();
    let pause = match &turn.problem {
        Some(problem) => pause(poll.failures + 1, problem.retry_after),
        None if turn.more => 0,
        None => EVERY,
    };
    let problem = turn.problem.map(|problem| problem.text);
    if let Some(problem) = &problem {
        tracing::info!(account = i64::from(account), %problem, "security events were not fetched; it will be tried again");
    }
    let outcome = PollOutcome { at: now, next_poll: now + pause, has_received: turn.has_received, problem };
    let lease = lease.to_owned();
    let noted = app.db.write(move |tx| {
        if !tx.note_signal_poll(&poll, &lease, &outcome)? {
            return Ok(());
        }
        let act = match &outcome.problem {
            Some(problem) if poll.failures + 1 == TOLD => Act::new(Action::SignalPollFailed).saying(problem.clone()),
            None if poll.failures >= TOLD => Act::new(Action::SignalPollRecovered),
            _ => return Ok(()),
        };
        let (id, name) = tx.account_at(account)?.map(|account| (account.id, account.name)).unwrap_or_default();
        tx.raise(now, Some(account), act.on_named(id, name));
        Ok::<_, DbError>(())
    });
    noted.await
}

/// How long to wait after so many failures in a row, in milliseconds.
fn pause(failures: i64, asked: Option<i64>) -> i64 {
    let doublings = u32::try_from(failures - 1).unwrap_or(0).min(10);
    let pause = match asked {
        Some(asked) => asked.clamp(EVERY, LONGEST_ASKED),
        None => (EVERY << doublings).min(LONGEST_PAUSE),
    };
    pause + i64::try_from(system::unique() % 5_000).unwrap_or(0)
}

async fn turn(app: &App, outbound: &Outbound, poll: &SignalPoll, receiver: &Receiver) -> Result<Turn, DbError> {
    let (began, mut turn, mut said) = (Instant::now(), Turn::default(), Said::default());
    let mut goes_on = true;
    loop {
        // The last request of a turn only tells what became of the tokens before.
        let asked = ask(app, outbound, poll, if goes_on { MOST } else { 0 }, &said).await;
        app.metrics.polls.asked(asked.is_ok());
        let polled = match asked {
            Ok(polled) => polled,
            Err(problem) => {
                turn.problem.get_or_insert(problem);
                return Ok(turn);
            }
        };
        said = Said::default();
        if !goes_on || polled.sets.is_empty() {
            return Ok(turn);
        }
        let is_new = take_all(app, receiver, polled.sets, &mut said, &mut turn).await?;
        // A transmitter that hands out again what was acknowledged does not keep us busy.
        goes_on = is_new && turn.problem.is_none() && began.elapsed() < SLICE && !app.stopping.has_begun();
        turn.more = polled.more && is_new && turn.problem.is_none();
        if said.taken.is_empty() && said.refused.is_empty() {
            return Ok(turn);
        }
    }
}

/// Takes the tokens of one answer, the oldest first, until one cannot be judged now; says whether any was new.
async fn take_all(
    app: &App,
    receiver: &Receiver,
    sets: Vec<(String, Option<String>)>,
    said: &mut Said,
    turn: &mut Turn,
) -> Result<bool, DbError> {
    let parsed = sets.into_iter().take(MOST).map(|(jti, text)| {
        let token = parse(&jti, text.as_deref());
        (token.as_ref().ok().and_then(ProviderToken::issued), jti, token)
    });
    let mut parsed: Vec<_> = parsed.collect();
    parsed.sort_by_key(|(issued, ..)| *issued);
    let mut is_new = false;
    for (_, jti, token) in parsed {
        let judged = match token {
            Ok(token) => judge(app, receiver, &token).await?,
            Err(error) => Judged::Refused(error),
        };
        match judged {
            Judged::Taken { is_first } => {
                (is_new, turn.has_received) = (is_new || is_first, true);
                app.metrics.polls.fetched(if is_first { Fetched::Taken } else { Fetched::Again });
                said.taken.push(jti);
            }
            Judged::Refused(error) => {
                is_new |= tell_refusal(app, receiver, &jti, &error).await?;
                app.metrics.polls.fetched(Fetched::Refused);
                said.refused.push((jti, error));
            }
            Judged::Later(why) => {
                turn.problem = Some(Problem::new(why));
                break;
            }
        }
    }
    Ok(is_new)
}

fn refused(err: &str, why: impl Into<String>) -> SetError {
    SetError { err: err.to_owned(), description: Some(why.into()) }
}

fn disbelieved(why: &Disbelief) -> SetError {
    refused(why.code(), format!("The token is not accepted: {why}."))
}

/// The token that stands under this name.
fn parse(jti: &str, text: Option<&str>) -> Result<ProviderToken, SetError> {
    let Some(text) = text.filter(|text| text.len() <= LONGEST) else {
        return Err(refused("invalid_request", format!("It is not a text of at most {} KiB.", LONGEST >> 10)));
    };
    let token = ProviderToken::parse(Kind::SecurityEvent, text).map_err(|why| disbelieved(&why))?;
    match token.id() == Some(jti) {
        true => Ok(token),
        false => Err(refused("invalid_request", "The token has another jti than the one under which it stands.")),
    }
}

/// Who acts.
fn provider(receiver: &Receiver) -> Origin {
    Origin { actor: Actor::Provider(Named::id(&receiver.issuer.issuer)), ..Origin::default() }
}

enum Judged {
    Taken {
        is_first: bool,
    },
    Refused(SetError),
    /// It may be right.
    Later(String),
}

async fn judge(app: &App, receiver: &Receiver, token: &ProviderToken) -> Result<Judged, DbError> {
    let (now, audiences) = (app.clock.now(), receiver.audiences(&app.public_url));
    let believed = receiver.believe(&app.published_keys, token, &audiences, now, &Calls::default()).await;
    let claims = match believed {
        Ok(claims) => claims,
        Err(Doubt::Token(why)) => return Ok(Judged::Refused(disbelieved(&why))),
        Err(Doubt::Keys(why)) => return Ok(Judged::Later(why)),
    };
    let events = match events_of(&claims) {
        Ok(events) => events,
        Err(why) => {
            return Ok(Judged::Refused(refused("invalid_request", format!("The token is not accepted: {why}."))));
        }
    };
    let (work, receiver, token) = (app.clone(), receiver.clone(), token.clone());
    let done = app.db.write_for(receiver.account.seq.payer(), move |tx| {
        tx.act_as(provider(&receiver));
        take(tx, &work.scim_engine(), &work.keys, &receiver, &token, &events, now)
    });
    Ok(Judged::Taken { is_first: done.await? })
}

/// Writes down that a token was not believed, once where it comes again and again; says whether it is the first time.
async fn tell_refusal(app: &App, receiver: &Receiver, jti: &str, error: &SetError) -> Result<bool, DbError> {
    use oauth::store::SpentProofs;

    let now = app.clock.now();
    let name = format!("{} {jti} {}", receiver.account.id, error.err);
    let once = app.keys.tag("refused security event", name.as_bytes());
    let shown: String = jti.chars().filter(|c| !c.is_control()).take(100).collect();
    let why = format!("{shown}: {}, {}", error.err, error.description.as_deref().unwrap_or_default());
    let receiver = receiver.clone();
    let told = app.db.write_for(receiver.account.seq.payer(), move |tx| {
        let is_first = tx.use_assertion(&once, (now + TOLD_ONCE).millis())?;
        if is_first {
            tx.act_as(provider(&receiver));
            let act = Act::new(Action::SignalRefused).on_named(&receiver.account.id, &receiver.account.name);
            tx.raise(now, Some(receiver.account.seq), act.saying(why.clone()));
        }
        Ok::<_, DbError>(is_first)
    });
    told.await
}

async fn ask(app: &App, outbound: &Outbound, poll: &SignalPoll, most: usize, said: &Said) -> Result<Polled, Problem> {
    let mut headers = vec![("content-type", "application/json".to_owned()), ("accept", "application/json".to_owned())];
    if let Some(sealed) = &poll.sealed {
        let plain = app.keys.open(sealing::SIGNAL_POLL_TOKEN, sealed).and_then(|bytes| String::from_utf8(bytes).ok());
        let unreadable = || Problem::new("its token cannot be opened with the master keys that are configured");
        headers.push(("authorization", format!("Bearer {}", plain.ok_or_else(unreadable)?)));
    }
    let body = Poll { most, taken: &said.taken, refused: &said.refused }.body().to_string();
    let post = Post { url: poll.endpoint.clone(), headers, body };
    let answered = outbound.ask(post, &Calls::default(), ANSWER).await;
    let Answered { status, retry_after: pause, body } = answered.map_err(|why| Problem::new(why.to_string()))?;
    match status {
        200 => Polled::read(&body).map_err(Problem::new),
        // Some answer a request that only acknowledges without a body.
        202 | 204 if most == 0 => Ok(Polled { sets: Vec::new(), more: false }),
        300..=399 => Err(Problem::new(format!("it answered {status}, a redirect, and redirects are not followed"))),
        _ => {
            let words = shown(&body);
            let words = if words.is_empty() { words } else { format!(": {words}") };
            let retry_after = pause.and_then(|header| retry_after(&header, app.clock.now().millis()));
            Err(Problem { text: format!("it answered {status}{words}"), retry_after })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_each_failure_and_a_transmitter_may_ask_for_one() {
        for (failures, asked, least) in [
            (1, None, 10_000),
            (2, None, 20_000),
            (5, None, 160_000),
            (7, None, 600_000),
            (1_000_000, None, 600_000),
            (1, Some(0), 10_000),
            (9, Some(30_000), 30_000),
            (1, Some(i64::MAX), 3_600_000),
        ] {
            assert!((least..least + 5_000).contains(&pause(failures, asked)), "{failures} {asked:?}");
        }
    }
}
