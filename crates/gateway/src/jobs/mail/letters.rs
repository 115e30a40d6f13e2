//! Letters with links that operators had mailed ([`services::letters`](crate::services::letters)). They are handed over like notices.

use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use lettre::Message;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};

use super::message::AutoSubmitted;
use super::{AT_ONCE, CLAIM, HOUR, pause};
use crate::app::App;
use crate::domain::letter::Letter;
use crate::domain::person;
use crate::domain::sealing::LETTER;
use crate::platform::smtp::{Mail, Undelivered};
use crate::platform::timestamp::Timestamp;
use crate::storage::letters::ClaimedLetter;
use crate::storage::{DbError, ReadCost};

/// A letter is tried for so long: a link that comes late is better made anew.
const LINKS_TRY_FOR: i64 = 24 * HOUR;

/// Sends every letter that is due.
pub(super) async fn send_due(app: &App, mail: &Mail) -> Result<(), DbError> {
    loop {
        let now = app.clock.now();
        if !app.db.read(ReadCost::Point, move |tx| tx.letters_are_due(now)).await? {
            return Ok(());
        }
        let claimed = app.db.write(move |tx| tx.claim_letters(now, now + CLAIM, AT_ONCE)).await?;
        if claimed.is_empty() {
            return Ok(()); // another replica was faster
        }
        for outcome in join_all(claimed.into_iter().map(|letter| send(app, mail, letter))).await {
            outcome?;
        }
    }
}

async fn send(app: &App, mail: &Mail, claimed: ClaimedLetter) -> Result<(), DbError> {
    let outcome = hand_over(app, mail, &claimed).await;
    let now = app.clock.now();
    match outcome {
        Ok(()) => app.db.write(move |tx| tx.letter_was_mailed(&claimed, now)).await,
        Err(Undelivered(problem)) => {
            let again = now + pause(mail.first_pause, claimed.tries);
            let again = Some(again).filter(|at| *at < claimed.made + LINKS_TRY_FOR);
            match again {
                Some(_) => {
                    tracing::info!(letter = %claimed.id, %problem, "a letter was not mailed; it will be tried again")
                }
                None => tracing::warn!(letter = %claimed.id, %problem, "a letter was not mailed, and is given up"),
            }
            app.db.write(move |tx| tx.letter_was_not_mailed(&claimed, &problem, again, now)).await
        }
    }
}

async fn hand_over(app: &App, mail: &Mail, claimed: &ClaimedLetter) -> Result<(), Undelivered> {
    let opened = claimed.sealed.as_deref().and_then(|sealed| app.keys.open(LETTER, sealed));
    let letter: Option<Letter> = opened.and_then(|plain| serde_json::from_slice(&plain).ok());
    let letter =
        letter.ok_or_else(|| Undelivered("it cannot be read with the master keys that are configured".to_owned()))?;
    let vendor = app.config.brand.name.clone();
    let from = Mailbox::new(mail.from.name.clone().or(vendor), mail.from.email.clone());
    let message = written(from, &claimed.id, &letter, app.clock.now());
    let message = message.map_err(|error| Undelivered(error.to_string()))?;
    mail.relay.take(&app.public_url, message.envelope(), &message.formatted()).await
}

fn written(from: Mailbox, id: &str, letter: &Letter, now: Timestamp) -> Result<Message, lettre::error::Error> {
    let name = Some(person::short_name(&letter.name)).filter(|name| !name.is_empty());
    let now = Duration::from_millis(u64::try_from(now.millis()).unwrap_or_default());
    let id = format!("<{id}@{}>", from.email.domain());
    let builder: MessageBuilder = Message::builder().message_id(Some(id)).date(UNIX_EPOCH + now);
    let builder = builder.from(from).to(Mailbox::new(name, letter.to.clone()));
    let builder = builder.subject(person::short_name(&letter.subject)).header(AutoSubmitted);
    builder.header(ContentType::TEXT_PLAIN).body(letter.text.clone())
}
