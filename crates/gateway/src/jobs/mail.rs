//! Mail: notices as letters, handed to the operator's SMTP relay (RFC 5321, as a client of RFC 6409).
//!
//! What there is to mail lies in the database ([`notices`](crate::storage::notices)); each replica looks every few seconds and claims some
//! of it, hands it over outside any unit of work, and writes down how that went. A letter is handed over at least once, under a
//! `Message-ID` that stays the same. What the relay does not take is tried again with growing pauses for [`TRY_FOR`].

use futures_util::future::join_all;

use crate::app::App;
use crate::domain::notice::{NoticeKind, TRY_FOR};
use crate::domain::person;
use crate::services::password_links::{NewLink, forgotten};
use crate::services::reactions;
use crate::storage::notices::{Claimed, Due};
use crate::storage::{DbError, ReadCost};

mod letters;
mod message;

use crate::platform::smtp::{Mail, Undelivered};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
/// The longest pause between two tries.
const LONGEST_PAUSE: i64 = 6 * HOUR;
/// A claim counts so long: several times what handing over may take.
const CLAIM: i64 = 3 * MINUTE;
/// How many letters are handed over at the same time.
const AT_ONCE: i64 = 8;

/// Sends everything that is due. What could not be sent is no error: it is written down, and tried again.
pub async fn send_due(app: &App, mail: &Mail) -> Result<(), DbError> {
    letters::send_due(app, mail).await?;
    tell_who_forgot(app).await?;
    loop {
        let now = app.clock.now();
        let due = Due { now, since: now - TRY_FOR };
        if !app.db.read(ReadCost::Point, move |tx| tx.notices_are_due(due)).await? {
            return Ok(());
        }
        let claimed = app.db.write(move |tx| tx.claim_notices(due, now + CLAIM, AT_ONCE)).await?;
        if claimed.is_empty() {
            return Ok(()); // another replica was faster
        }
        for outcome in join_all(claimed.into_iter().map(|notice| send(app, mail, notice))).await {
            outcome?;
        }
    }
}

/// Has the users told who asked for a link to set a password.
async fn tell_who_forgot(app: &App) -> Result<(), DbError> {
    while app.db.read(ReadCost::Point, |tx| tx.passwords_were_forgotten()).await? {
        let (keys, minutes) = (app.keys.clone(), app.config.password_links.recovery / MINUTE);
        if app.db.write(move |tx| forgotten::tell(tx, &keys, minutes)).await? == 0 {
            break; // another replica was faster
        }
    }
    Ok(())
}

/// Where the letter leads: to its reader's page, or to the one where they set a password, by a link that is made for this letter.
async fn link(app: &App, notice: &Claimed) -> Result<String, Undelivered> {
    if !matches!(&notice.matter, Some(NoticeKind::PasswordAsked(asked)) if !asked.suspended) {
        return Ok(format!("{}/account", app.public_url));
    }
    let new = NewLink::draw(&app.keys);
    let url = new.url(&format!("{}/password", app.public_url));
    let (account, user, id) = (notice.account, notice.resource, notice.user.clone());
    let lifetime = app.config.password_links.recovery;
    let made = app.db.write(move |tx| forgotten::link(tx, &new, (account, user, &id), lifetime)).await;
    match made {
        Ok(true) => Ok(url),
        Ok(false) => Err(Undelivered("the user does not log in with a password at present".to_owned())),
        Err(error) => Err(Undelivered(error.meaning().sentence().to_owned())),
    }
}

async fn send(app: &App, mail: &Mail, mut notice: Claimed) -> Result<(), DbError> {
    if let Some(matter) = notice.matter.take_if(|_| notice.active) {
        let (account, user) = (notice.account, notice.resource);
        notice.matter = app
            .db
            .read(ReadCost::Point, move |tx| reactions::notices::still(tx, account, user, matter.clone()))
            .await?;
        if notice.matter.is_none() {
            return app.db.write(move |tx| tx.notice_is_past(&notice)).await;
        }
    }
    let outcome = hand_over(app, mail, &notice).await;
    let now = app.clock.now();
    match outcome {
        Ok(()) => app.db.write(move |tx| tx.notice_was_mailed(&notice, now)).await,
        Err(Undelivered(problem)) => {
            let again = Some(now + pause(mail.first_pause, notice.tries)).filter(|at| *at < notice.made + TRY_FOR);
            match again {
                Some(_) => {
                    tracing::info!(notice = %notice.id, %problem, "a notice was not mailed; it will be tried again")
                }
                None => tracing::warn!(notice = %notice.id, %problem, "a notice was not mailed, and is given up"),
            }
            app.db.write(move |tx| tx.notice_was_not_mailed(&notice, &problem, again, now)).await
        }
    }
}

async fn hand_over(app: &App, mail: &Mail, notice: &Claimed) -> Result<(), Undelivered> {
    let because = |why: &str| Undelivered(why.to_owned());
    let matter = notice.matter.as_ref().ok_or_else(|| because("what it tells cannot be read"))?;
    if !notice.active {
        return Err(because("the user is not active"));
    }
    let to = person::address(&notice.attributes).ok_or_else(|| because("the user has no e-mail address"))?;
    let name = person::name(&notice.attributes);
    let told = matter.told(notice.made, &notice.account_name);
    let link = link(app, notice).await?;
    let letter = message::Letter {
        id: &notice.id,
        subject: matter.heading(),
        told: &told,
        hint: matter.hint_of_letter(),
        why: matter.why(),
        link: &link,
        now: app.clock.now(),
    };
    let message = letter.write(mail.from.clone(), to, &name).map_err(|error| Undelivered(error.to_string()))?;
    mail.relay.take(&app.public_url, message.envelope(), &message.formatted()).await
}

/// How long to wait after so many tries.
fn pause(first: i64, tries: i64) -> i64 {
    let doubled = u32::try_from(tries - 1).ok().and_then(|times| first.checked_mul(1_i64.checked_shl(times)?));
    doubled.filter(|pause| (1..LONGEST_PAUSE).contains(pause)).unwrap_or(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_within_three_days_there_are_a_score_of_tries() {
        assert_eq!(
            [1, 2, 3, 9, 10, 64, 1000].map(|tries| pause(MINUTE, tries) / MINUTE),
            [1, 2, 4, 256, 360, 360, 360]
        );
        let (mut at, mut tries) = (0, 0);
        while at < TRY_FOR {
            tries += 1;
            at += pause(MINUTE, tries);
        }
        assert!((15..=25).contains(&tries), "{tries}");
    }
}
