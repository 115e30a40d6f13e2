//! What is stored sealed under a master key, and how it comes under a newer one.
//!
//! A column that keeps what [`Keyring::seal`] made, for longer than a token lives, has a row in [`SEALED_COLUMNS`]; recorded requests, which
//! may be many, are sealed again some at a time.

use diesel::sql_types::Text;
use oauth::Keyring;

use super::error::DbError;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::event::{Act, Action};
use crate::domain::sealing;
use crate::platform::system;

/// A column of sealed values.
struct SealedColumn {
    /// What they are sealed for.
    purpose: &'static str,
    /// Finds the rows: a text that names one, and the sealed value.
    all: &'static str,
    /// Puts a new value (first) in the place of the old (last) in a row.
    put: &'static str,
}

const SEALED_COLUMNS: [SealedColumn; 9] = [
    SealedColumn {
        purpose: sealing::ROOT_KEY,
        all: "SELECT name, value FROM installation WHERE name = 'root_key'",
        put: "UPDATE installation SET value = ? WHERE name = ? AND value = ?",
    },
    SealedColumn {
        purpose: sealing::SIGNING_KEY,
        all: "SELECT kid, sealed FROM signing_keys ORDER BY kid",
        put: "UPDATE signing_keys SET sealed = ? WHERE kid = ? AND sealed = ?",
    },
    SealedColumn {
        purpose: sealing::SAML_REQUEST_KEY,
        all: "SELECT name, value FROM installation WHERE name = 'saml_request_key'",
        put: "UPDATE installation SET value = ? WHERE name = ? AND value = ?",
    },
    SealedColumn {
        purpose: sealing::TOTP_SECRET,
        all: "SELECT CAST(resource AS TEXT), sealed FROM second_factors ORDER BY resource",
        put: "UPDATE second_factors SET sealed = ? WHERE resource = CAST(? AS BIGINT) AND sealed = ?",
    },
    SealedColumn {
        purpose: sealing::SIGN_IN_SECRET,
        all: "SELECT CAST(account AS TEXT), sealed FROM upstream_secrets ORDER BY account",
        put: "UPDATE upstream_secrets SET sealed = ? WHERE account = CAST(? AS BIGINT) AND sealed = ?",
    },
    SealedColumn {
        purpose: sealing::SIGNAL_POLL_TOKEN,
        all: "SELECT CAST(account AS TEXT), sealed FROM signal_polls WHERE sealed IS NOT NULL ORDER BY account",
        put: "UPDATE signal_polls SET sealed = ? WHERE account = CAST(? AS BIGINT) AND sealed = ?",
    },
    SealedColumn {
        purpose: sealing::RECEIVER_SECRET,
        all: "SELECT id, secret FROM receivers WHERE secret IS NOT NULL ORDER BY id",
        put: "UPDATE receivers SET secret = ? WHERE id = ? AND secret = ?",
    },
    SealedColumn {
        purpose: sealing::RECEIVER_SECRET,
        all: "SELECT id, old_secret FROM receivers WHERE old_secret IS NOT NULL ORDER BY id",
        put: "UPDATE receivers SET old_secret = ? WHERE id = ? AND old_secret = ?",
    },
    SealedColumn {
        purpose: sealing::STREAM_AUTHORIZATION,
        all: "SELECT id, sealed FROM event_streams WHERE sealed IS NOT NULL ORDER BY id",
        put: "UPDATE event_streams SET sealed = ? WHERE id = ? AND sealed = ?",
    },
];

/// Seals everything again that is not under the first master key; says how many values that were.
pub fn reencrypt(tx: &mut Tx<'_>, keys: &Keyring) -> Result<u64, DbError> {
    let mut done = 0;
    for place in &SEALED_COLUMNS {
        let rows: Vec<(String, String)> = Statement::<(Text, Text)>::new(place.all, Vec::new()).load(tx.conn)?;
        for (name, sealed) in rows.into_iter().filter(|(_, sealed)| !keys.is_newest(place.purpose, sealed)) {
            let unreadable =
                || DbError::Corrupt(format!("{} {name} cannot be opened with these master keys", place.purpose));
            let plain = zeroize::Zeroizing::new(keys.open(place.purpose, &sealed).ok_or_else(unreadable)?);
            let again = keys.seal(place.purpose, system::nonce(), &plain);
            let binds = [again, name, sealed].map(Bind::Text).into();
            done += Statement::<()>::new(place.put, binds).execute(tx.conn)?;
        }
    }
    done += tx.reencrypt_recordings(keys)?;
    if done > 0 {
        tx.raise(tx.now(), None, Act::new(Action::MasterKeyReencrypted).saying(format!("{done} values")));
    }
    Ok(done)
}
