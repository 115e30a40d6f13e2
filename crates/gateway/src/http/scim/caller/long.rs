//! Requests that take long, beside those that do not ([why](../../../../../docs/decisions/0040-why-does-one-account-not-wait-for-another.md)).
//!
//! Some are known by their body; others turn out to be long while they are done as short ones, which is then undone. A large change of
//! members is worked out on a snapshot first, so that little is left for the transaction that makes it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scim::schema::GROUP;
use scim::service::{self, Prepared, Written};
use scim::{Id, PatchRequest, Precondition, Projection, ResourceTypeId};
use serde_json::Value;

use super::{Caller, Outcome};
use crate::app::App;
use crate::http::scim::answer::Done;
use crate::http::scim::failure::ScimFailure;
use crate::storage::{AccountTx, Desk, Wanted};

/// A body of more bytes than this takes long to read and to act on.
pub(in crate::http::scim) const LARGE: usize = 64 << 10;
/// How often a change is worked out again because others change the same group, before it is made in one piece.
const ATTEMPTS: usize = 3;
/// A unit of work that has SQLite's one writer for no longer than this delays no other by more than a slow disk does.
const UNNOTICED: Duration = Duration::from_millis(30);
/// One that has it longer is followed by a rest of so many times as long, where other accounts write: of a hundred writes of theirs, one
/// has to wait.
const REST: u32 = 100;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Whether a body is large.
fn is_large(bytes: &[u8]) -> bool {
    bytes.len() > LARGE
}

/// A body as JSON; a large one is read where no short request waits for it.
pub(in crate::http::scim) async fn parse(
    app: &App,
    caller: &Caller,
    bytes: actix_web::web::Bytes,
) -> Result<Value, ScimFailure> {
    if !is_large(&bytes) {
        return Ok(scim::json::parse(&bytes)?);
    }
    caller.admitted(app).await?;
    app.db.at_length(caller.payer(), move |_| Ok(scim::json::parse(&bytes)?)).await
}

/// What is to become of a resource.
#[derive(Debug)]
pub(in crate::http::scim) struct Target {
    pub(in crate::http::scim) kind: ResourceTypeId,
    pub(in crate::http::scim) id: Id,
    pub(in crate::http::scim) if_match: Precondition,
}

/// How.
#[derive(Debug)]
pub(in crate::http::scim) enum Change {
    Replace(Value),
    Patch(PatchRequest),
}

/// So many who are named by the change of a group are looked up with it.
const NAMED: usize = 20;

impl Change {
    /// What it is about, as far as one look-up can bring it along.
    pub(in crate::http::scim) fn locks(&self, target: &Target) -> Wanted {
        match self {
            Change::Patch(request) if target.kind == GROUP => {
                Wanted::LockedGroup(target.id.clone(), request.named(NAMED))
            }
            Change::Replace(_) if target.kind == GROUP => Wanted::LockedGroup(target.id.clone(), Vec::new()),
            Change::Patch(_) | Change::Replace(_) => Wanted::Locked(target.id.clone()),
        }
    }

    /// In one piece.
    pub(in crate::http::scim) fn make(
        &self,
        store: &mut AccountTx<'_, '_>,
        cx: &scim::Context<'_>,
        target: &Target,
        shown: Option<&Projection>,
    ) -> Result<Written, scim::Error> {
        let Target { kind, id, if_match } = target;
        match self {
            Change::Replace(body) => service::replace(store, cx, *kind, id, body, if_match, shown),
            Change::Patch(request) => service::patch(store, cx, *kind, id, request, if_match, shown),
        }
    }

    fn prepare(
        &self,
        store: &mut AccountTx<'_, '_>,
        cx: &scim::Context<'_>,
        target: &Target,
    ) -> Result<Prepared, scim::Error> {
        let Target { kind, id, if_match } = target;
        match self {
            Change::Replace(body) => service::prepare_replace(store, cx, *kind, id, body, if_match),
            Change::Patch(request) => service::prepare_patch(store, cx, *kind, id, request, if_match),
        }
    }
}

/// Changes a resource where that takes long. `asked` says what of it is shown, if anything is.
pub(in crate::http::scim) async fn change(
    app: &App,
    caller: Caller,
    target: Arc<Target>,
    change: Arc<Change>,
    shown: impl Fn(&scim::Context<'_>) -> Result<Option<Projection>, scim::Error> + Send + Sync + 'static,
) -> Result<Done, ScimFailure> {
    caller.admitted(app).await?;
    let (at_hand, payer) = (app.clone(), caller.payer());
    app.db
        .at_length(payer, move |desk| {
            let Outcome { value: mut written, registry } = make(&at_hand, &caller, desk, &target, &change)?;
            caller.notes.take_down().wrote(&written);
            let mut answer = caller.read_on(&at_hand, desk, |store, cx| {
                let Some(shown) = shown(cx)? else { return Ok(None) };
                Ok(Some((service::get(store, cx, target.kind, &target.id, &shown)?, shown)))
            })?;
            let shown = answer.value.take().map(|(resource, shown)| {
                written.resource = resource;
                shown
            });
            Ok(Done::new(&at_hand, &registry, &written, shown.as_ref()))
        })
        .await
}

/// Works it out, and makes it as it was worked out.
fn make(
    app: &App,
    caller: &Caller,
    desk: &Desk,
    target: &Arc<Target>,
    change: &Arc<Change>,
) -> Result<Outcome<Written>, ScimFailure> {
    for _ in 0..ATTEMPTS {
        let prepared = caller.read_on(app, desk, |store, cx| change.prepare(store, cx, target))?.value;
        let target = target.clone();
        let made = caller.change_on(app, desk, move |store, cx| {
            let Target { kind, id, if_match } = &*target;
            service::carry_out(store, cx, *kind, id, if_match, &prepared, None)
        })?;
        if let Outcome { value: Some(written), registry } = made {
            return Ok(Outcome { value: written, registry });
        }
    }
    let (target, change) = (target.clone(), change.clone());
    caller.change_on(app, desk, move |store, cx| change.make(store, cx, &target, None))
}

/// How long an account's next ones wait after a unit of work had the writer for so long.
pub(in crate::http::scim) fn rest_after(held: Duration) -> Option<Duration> {
    (held > UNNOTICED).then(|| (held * REST).min(LONGEST_REST))
}

/// How long a unit of work took, also where it failed.
#[derive(Debug, Clone, Default)]
pub(in crate::http::scim) struct Held(Arc<std::sync::atomic::AtomicU64>);

impl Held {
    /// Runs it.
    pub(in crate::http::scim) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.store(micros, std::sync::atomic::Ordering::SeqCst);
        done
    }

    pub(in crate::http::scim) fn time(&self) -> Duration {
        Duration::from_micros(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardening_6_only_what_others_notice_is_followed_by_a_rest() {
        assert_eq!(rest_after(Duration::from_millis(30)), None);
        assert_eq!(rest_after(Duration::from_millis(100)), Some(Duration::from_secs(10)));
        assert_eq!(rest_after(Duration::from_secs(5)), Some(LONGEST_REST));
    }
}
