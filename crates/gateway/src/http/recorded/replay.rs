//! Replaying a request that was recorded in full: what it would be answered today, and what it would change. Nothing is written.

use oauth::GrantId;
use serde_json::Value;

use crate::app::App;
use crate::domain::bodies::requests::{AnyJson, Outcome, Replay};
use crate::domain::request::{Findings, Refusal};
use crate::http::edge::problem::Problem;
use crate::http::scim::{NotRehearsed, Rehearsed, rehearse};
use crate::services::requests::Recorded;
use crate::storage::ReadCost;

/// An answer of more bytes is not shown.
const SHOWN: usize = 1 << 20;

/// Carries it out as its client would today, and undoes it.
pub(in crate::http) async fn carry_out(app: &App, found: Recorded) -> Result<Replay, Problem> {
    if let Some(why) = found.recording.why_not_replayable() {
        return Err(Problem::conflict(format!("this request cannot be replayed: {why}")));
    }
    let (Some(account), Some(grant)) = (found.row.account, found.recording.grant) else {
        return Err(Problem::conflict("this request cannot be replayed: it came by no grant"));
    };
    let client = found.client;
    let grant =
        app.db.read(ReadCost::Point, move |tx| Ok::<_, Problem>(tx.grant_to_replay(client, account, grant)?)).await?;
    let rehearsed = rehearse(app, account, GrantId::new(grant), &found.recording).await?;
    Ok(overview(found, rehearsed))
}

impl From<NotRehearsed> for Problem {
    fn from(why: NotRehearsed) -> Problem {
        match why {
            NotRehearsed::Busy(detail) => Problem::busy(detail),
            NotRehearsed::Database(error) => error.into(),
        }
    }
}

fn overview(found: Recorded, rehearsed: Rehearsed) -> Replay {
    let Rehearsed { status, refusal, body, findings } = rehearsed;
    let (code, detail) = refusal.map(|Refusal { code, detail }| (code.name().to_owned(), detail)).unzip();
    let was = Outcome { status: found.row.status.into(), code: found.row.code, detail: found.row.detail };
    let would = Outcome { status: status.into(), code, detail };
    let shown = body.len() <= SHOWN;
    let json = if shown { serde_json::from_slice(&body).unwrap_or(Value::Null) } else { Value::Null };
    let Findings { target, target_name, tolerances, ignored, skipped, pending, changed, .. } = findings;
    let forgiven = tolerances.map(|needed| needed.forgiven).unwrap_or_default();
    Replay {
        request_id: found.id,
        same: was.status == would.status && was.code == would.code,
        was,
        would,
        body: AnyJson(json),
        body_bytes: i64::try_from(body.len()).unwrap_or(i64::MAX),
        target,
        target_name,
        changed: changed.attributes,
        joined: i64::try_from(changed.joined).unwrap_or(i64::MAX),
        left: i64::try_from(changed.left).unwrap_or(i64::MAX),
        tolerances: forgiven.iter().map(|tolerance| tolerance.name()).collect(),
        ignored: ignored.into_iter().map(|one| one.path).collect(),
        skipped_members: skipped,
        pending_members: pending,
    }
}
