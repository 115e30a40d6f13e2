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
use crate::platform::timestamp::Timestamp;
use crate::platform::turns::Payer;
use crate::services::sign_in::Refused;
use crate::services::sign_in::attempt::{Candidate, Verified};
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

/// Which operator an address may be.
#[derive(Debug, Clone)]
pub struct Found(Option<OperatorLogin>);

/// **Who are you**: which operator an address is, unless it was tried too often of late. Only reads.
pub fn who(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<Result<Candidate<Found>, Refused>, DbError> {
    let login = tx.operator_by_address(&attempt.address)?;
    // Apart from users of the same name.
    let key = format!("operator {}", key_of_text(&attempt.address));
    let address = attempt.source.address.as_deref();
    let known = attempt.device.as_ref().filter(|device| login.as_ref().is_some_and(|login| device.knows(&login.id)));
    let counts = match known {
        Some(device) => AttemptKey::known_device(keys, &key, &device.id),
        None => AttemptKey::log_in(keys, &key, address),
    };
    let hash = login.as_ref().and_then(|login| login.password_hash.clone());
    let payer = Payer::called("address", &place(address));
    Candidate { who: Found(login), hash, counts, payer }.unless_blocked(tx, now)
}

impl Verified<Found> {
    /// Notes what came of it, and says who it is or what they are told.
    pub fn prove(
        &self,
        tx: &mut Tx<'_>,
        from: Source,
        now: Timestamp,
    ) -> Result<Result<AuthenticatedOperator, Refused>, DbError> {
        let Found(login) = &self.who;
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
        self.succeeded(tx)?;
        let operator = AuthenticatedOperator::of(login, LoginKind::Password, now);
        operator.note(tx, from)?;
        Ok(Ok(operator))
    }
}
