//! A form that makes something, and is sent twice: by a double click, or by a browser that loads its answer again. It makes one thing, and for
//! a minute the later answer shows what the first has shown. A secret is not kept for that: it is derived from the form.

use oauth::store::Codes as _;
use oauth::{Answer, Fingerprint, Keyring, Prefix};

use super::error::ActError;
use crate::platform::secret_text::SecretText;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::Tx;

/// For how long a form is known again, in milliseconds: longer than any session lasts.
const KEPT: i64 = 2 * 86_400_000;
/// For how long what a form made is shown again, in milliseconds.
pub const AGAIN: i64 = 60_000;

/// What the same form made before, if it was sent before, and when.
pub type Before<T> = Option<(Timestamp, T)>;

/// What a new credential is made of.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Its public id.
    pub id: String,
    /// What is shown once.
    pub secret: SecretText,
}

impl Drawn {
    /// At random.
    pub fn fresh(prefix: Prefix) -> Drawn {
        let secret = oauth::generated(prefix, &mut system::fill);
        Drawn { id: system::new_uuid(), secret: SecretText::new(&secret) }
    }
}

/// A form that makes something.
#[derive(Clone)]
pub struct SentForm {
    id: Fingerprint,
    made: [u8; 32],
    seed: [u8; 32],
}

impl std::fmt::Debug for SentForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SentForm")
    }
}

impl SentForm {
    /// The form that is told from every other by these texts: among them are the session, and what its page drew at random.
    pub fn of(keys: &Keyring, parts: &[&str]) -> SentForm {
        let text: String = parts.iter().map(|part| format!("{} {part} ", part.len())).collect();
        let tag = |purpose: &str| keys.tag(purpose, text.as_bytes());
        let id = Fingerprint::from_bytes(&tag("a form that was sent")).expect("a tag has the length of a fingerprint");
        SentForm { id, made: tag("the id of what a form makes"), seed: tag("the secret that a form makes") }
    }

    /// An id and a seed for what the form makes where that is no credential of ours: the same whenever it is sent.
    pub fn seeds(&self) -> (String, [u8; 32]) {
        (system::uuid_of(&self.made), self.seed)
    }

    /// What the form makes: the same whenever it is sent.
    pub fn drawn(&self, prefix: Prefix) -> Drawn {
        let secret = oauth::generated(prefix, &mut |bits| bits.copy_from_slice(&self.seed));
        Drawn { id: system::uuid_of(&self.made), secret: SecretText::new(&secret) }
    }
}

/// Makes something by a form, once. Later, `again` finds when it was made and what is shown of it. Of two that come at the same moment, the
/// second waits for the first.
pub fn once<'t, T>(
    tx: &mut Tx<'t>,
    form: &SentForm,
    make: impl FnOnce(&mut Tx<'t>) -> Result<T, ActError>,
    again: impl FnOnce(&mut Tx<'t>) -> Result<Before<T>, ActError>,
) -> Result<T, ActError> {
    let now = tx.now();
    let sent = Answer { request: form.id.clone(), denied: false, expires: (now + KEPT).millis() };
    if tx.answer_request(&sent)? {
        return make(tx);
    }
    match again(tx)? {
        Some((made, shown)) if now - made <= AGAIN => Ok(shown),
        _ => Err(ActError::conflict(
            "this form was sent before, and did what it says: what it made is shown for a minute. Open the page again to make another one",
        )),
    }
}
