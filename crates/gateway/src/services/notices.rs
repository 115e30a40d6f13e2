//! Notices: what users and operators of an account had to be told, and whether it reached them.

use crate::domain::bodies::notices::Notice;
use crate::domain::described::{Anything, Time};
use crate::domain::notice::TRY_FOR;
use crate::domain::operator::{Mandate, Power};
use crate::domain::wording;
use crate::platform::timestamp::Timestamp;
use crate::services::accounts;
use crate::services::error::ActError;
use crate::storage::Tx;

/// The notices of an account that follow a row; each with its row. `is_mailed` says whether there is a mail relay. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    is_mailed: bool,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Notice)>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    // Without a relay nothing is going to be tried.
    let mailed_since = if is_mailed { tx.now() - TRY_FOR } else { Timestamp::MAX };
    let notices = tx.notices_after(account.seq, after, limit)?.into_iter().map(|notice| {
        let told = notice.matter().map(|matter| wording::to_text(&matter.told(notice.made, &account.name)));
        let shown = Notice {
            id: notice.id,
            user: notice.user,
            kind: notice.kind,
            told,
            detail: serde_json::from_str(&notice.detail).ok().map(Anything),
            made: Time(notice.made),
            seen: notice.seen.map(Time),
            mailed: notice.mailed.map(Time),
            tries: notice.tries,
            next_try: notice.next_try.filter(|_| notice.made > mailed_since).map(Time),
            problem: notice.problem,
        };
        (notice.seq, shown)
    });
    Ok(notices.collect())
}
