//! **Proof** by an operator's password: the same steps as a [user's](crate::services::sign_in::password), and the same time whether there is an
//! operator of the address or not.

use oauth::Keyring;
use scim::key_of_text;

use super::AuthenticatedOperator;
use crate::domain::actor::{Actor, Source};
use crate::domain::device::Device;
use crate::domain::event::{Act, Action};
use crate::domain::request::OwnCode;
use crate::domain::throttle::{AttemptKey, place};
use crate::platform::password_hasher::{Busy, Passwords};
use crate::platform::secret_text::SecretText;
use crate::platform::timestamp::Timestamp;
use crate::platform::turns::Payer;
use crate::services::sign_in::Refused;
use crate::services::sign_in::password::too_many;
use crate::storage::operator_logins::OperatorLogin;
use crate::storage::operator_sessions::LoginKind;
use crate::storage::{DbError, Tx};

const WRONG: &str = "The e-mail address or the password is not right.";

/// An attempt to log in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The address, as it was typed.
    pub address: String,
    /// The browser, if operators have logged in with it before.
    pub device: Option<Device>,
    /// From where.
    pub source: Source,
}

/// Which operator an address may be, and what a failure counts for.
#[derive(Debug, Clone)]
pub struct Candidate {
    login: Option<OperatorLogin>,
    counts: Vec<AttemptKey>,
    payer: Payer,
}

/// An attempt that was counted as a failure until it turns out to be none.
#[derive(Debug, Clone)]
pub struct Counted(Candidate);

/// An attempt whose password was compared.
#[derive(Debug, Clone)]
pub struct Verified {
    candidate: Candidate,
    is_right: bool,
}

/// **Who are you**: which operator an address is, unless it was tried too often of late. Only reads.
pub fn who(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<Result<Candidate, Refused>, DbError> {
    let login = tx.operator_by_address(&attempt.address)?;
    // Apart from users of the same name.
    let key = format!("operator {}", key_of_text(&attempt.address));
    let address = attempt.source.address.as_deref();
    let known = attempt.device.as_ref().filter(|device| login.as_ref().is_some_and(|login| device.knows(&login.id)));
    let counts = match known {
        Some(device) => AttemptKey::known_device(keys, &key, &device.id),
        None => AttemptKey::log_in(keys, &key, address),
    };
    let until = tx.attempts_blocked(&counts, now)?;
    let candidate = Candidate { login, counts, payer: Payer::called("address", &place(address)) };
    Ok(until.map_or(Ok(candidate), |until| Err(too_many(until, now))))
}

impl Candidate {
    /// Whose turn it takes.
    pub fn payer(&self) -> Payer {
        self.payer
    }

    /// Counts the attempt before its outcome is known, so that many at once are not tried for the price of one.
    pub fn count(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Result<Counted, Refused>, DbError> {
        let until = tx.begin_attempt(&self.counts, now)?;
        Ok(until.map_or_else(|| Ok(Counted(self.clone())), |until| Err(too_many(until, now))))
    }
}

impl Counted {
    /// Compares the password. An unknown address takes as long as a wrong password and reads the same.
    pub async fn verify(self, passwords: &Passwords, typed: &str) -> Result<Verified, Busy> {
        let Counted(candidate) = self;
        let hash = candidate.login.as_ref().and_then(|login| login.password_hash.clone());
        let is_right = passwords.verify(candidate.payer, SecretText::new(typed), hash).await?;
        Ok(Verified { candidate, is_right })
    }
}

impl Verified {
    /// Notes what came of it, and says who it is or what they are told.
    pub fn prove(
        &self,
        tx: &mut Tx<'_>,
        from: Source,
        now: Timestamp,
    ) -> Result<Result<AuthenticatedOperator, Refused>, DbError> {
        let Candidate { login, counts, .. } = &self.candidate;
        // The password may have been changed, and the operator ended, while it was compared.
        let unchanged = match login {
            Some(login) => tx.operator_login(&login.id)?.is_some_and(|now| now.password_hash == login.password_hash),
            None => false,
        };
        let Some(login) = login.as_ref().filter(|_| self.is_right && unchanged) else {
            tx.act_as(Actor::Browser.at(from));
            let act = Act::new(Action::OperatorLoginFailed);
            let act = match login {
                Some(login) => act.on_named(&login.id, &login.name),
                None => act,
            };
            tx.raise(now, None, act);
            return Ok(Err(Refused::because(OwnCode::PasswordWrong, WRONG)));
        };
        tx.attempt_succeeded(counts)?;
        let operator = AuthenticatedOperator::of(login, LoginKind::Password, now);
        operator.note(tx, from)?;
        Ok(Ok(operator))
    }
}
