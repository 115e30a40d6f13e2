//! What is sent to a webhook, or to the receiver of a stream that is pushed: a test, the latest requests, and events that it refused.

use super::{Found, Use, find, find_receiver};
use crate::domain::bodies::webhooks::{WebhookDeadLetter, WebhookDelivery, WebhookResend, WebhookTest};
use crate::domain::described::Time;
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::platform::system;
use crate::services::deliveries::Sent;
use crate::services::error::ActError;
use crate::storage::Tx;
use crate::storage::events::EventRow;
use crate::storage::receivers::Receiver;

/// A webhook and an event with which it is tried out; that is written down. Sending it is for the caller, outside of the unit of work.
pub fn test(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<(Receiver, EventRow), ActError> {
    let Found { receiver, account } = find(tx, mandate, Power::ManageWebhooks, id)?;
    let now = tx.now();
    let named = account.as_ref().map(|account| serde_json::json!({"id": account.id, "name": account.name}));
    let named = named.unwrap_or(serde_json::Value::Null);
    let event = EventRow {
        seq: receiver.position,
        id: system::new_uuid(),
        at: now,
        account: receiver.account,
        account_id: account.map(|account| account.id),
        kind: "webhook.test".to_owned(),
        body: format!(r#""account":{named},"actor":{{"type":"server"}},"request":null,"subject":null,"data":{{}}"#),
    };
    tx.raise(now, receiver.account, Act::new(Action::WebhookTested).on_named(&receiver.id, &receiver.url));
    Ok((receiver, event))
}

/// What came of a test.
pub fn tested(event: &EventRow, sent: Option<Sent>) -> WebhookTest {
    let event_id = event.id.clone();
    match sent {
        Some(Sent { delivery, said, .. }) => WebhookTest {
            taken: delivery.problem.is_none(),
            event_id,
            status: delivery.status.map(i64::from),
            took_ms: delivery.took,
            problem: delivery.problem,
            answer: said,
        },
        None => WebhookTest {
            taken: false,
            event_id,
            status: None,
            took_ms: 0,
            problem: Some("nothing was sent".to_owned()),
            answer: String::new(),
        },
    }
}

/// The latest requests to a receiver, newest first, before a row; each with its row. Only reads.
pub fn deliveries(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    id: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<(i64, WebhookDelivery)>, ActError> {
    let receiver = find_receiver(tx, mandate, Use::Look, id)?;
    let sent = tx.deliveries_before(receiver.seq, before, limit)?.into_iter().map(|sent| {
        let shown = WebhookDelivery {
            event_id: sent.event_id,
            kind: sent.kind,
            at: Time(sent.at),
            status: sent.status,
            took_ms: sent.took,
            problem: sent.problem,
        };
        (sent.seq, shown)
    });
    Ok(sent.collect())
}

/// The dead letters of a receiver that follow one, in the order of the feed; each with the number of its event. Only reads.
pub fn dead_letters(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    id: &str,
    (after, limit): (i64, i64),
) -> Result<Vec<(i64, WebhookDeadLetter)>, ActError> {
    let receiver = find_receiver(tx, mandate, Use::Look, id)?;
    let letters = tx.dead_letters_after(receiver.seq, after, limit)?.into_iter().map(|letter| {
        let shown = WebhookDeadLetter {
            event_id: letter.event_id,
            kind: letter.kind,
            time: Time(letter.happened),
            refused: Time(letter.refused),
            tries: letter.tries,
            status: letter.status,
            problem: letter.problem,
            resend_requested: letter.wanted.map(Time),
        };
        (letter.event, shown)
    });
    Ok(letters.collect())
}

/// Has dead letters sent again: the one of an event, or all.
pub fn resend(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, event: Option<&str>) -> Result<WebhookResend, ActError> {
    let receiver = find_receiver(tx, mandate, Use::Act, id)?;
    let now = tx.now();
    let count = tx.want_dead_letters(receiver.seq, event, now)?;
    if let (0, Some(event)) = (count, event) {
        return Err(ActError::not_found("dead letter", event));
    }
    let which = event.map_or_else(|| format!("{count} dead letters"), |event| format!("event {event}"));
    let act = Act::new(Action::WebhookResent).on_named(&receiver.id, &receiver.url).saying(which);
    tx.raise(now, receiver.account, act);
    Ok(WebhookResend { count })
}

/// Gives a dead letter up.
pub fn discard(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, event: &str) -> Result<(), ActError> {
    let receiver = find_receiver(tx, mandate, Use::Act, id)?;
    if tx.delete_dead_letter(receiver.seq, event)? == 0 {
        return Err(ActError::not_found("dead letter", event));
    }
    let act = Act::new(Action::WebhookDeadLetterDiscarded).on_named(&receiver.id, &receiver.url);
    tx.raise(tx.now(), receiver.account, act.saying(format!("event {event}")));
    Ok(())
}
