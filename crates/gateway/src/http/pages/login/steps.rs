//! The steps of a log-in by password, for users and for operators: each is a unit of work of its own, for between them the password is
//! compared, which takes long.

use crate::app::App;
use crate::http::pages::failure::PageFailure;
use crate::platform::timestamp::Timestamp;
use crate::services::sign_in::Refused;
use crate::services::sign_in::attempt::{Candidate, Verified};
use crate::storage::{DbError, ReadCost, Tx};

/// What a step comes to: further, or what is told instead.
type Step<T> = Result<Result<T, Refused>, DbError>;

/// From `who` a name may be to what `prove` makes of it, once the password was compared.
pub(in crate::http::pages) async fn prove<W, P>(
    app: &App,
    typed: &str,
    mut who: impl FnMut(&mut Tx<'_>, Timestamp) -> Step<Candidate<W>> + Send + 'static,
    mut prove: impl FnMut(&Verified<W>, &mut Tx<'_>, Timestamp) -> Step<P> + Send + 'static,
) -> Result<Result<P, Refused>, PageFailure>
where
    W: Clone + Send + 'static,
    P: Send + 'static,
{
    let now = app.clock.now();
    let candidate = match app.db.read(ReadCost::Point, move |tx| who(tx, now)).await? {
        Ok(candidate) => candidate,
        Err(refused) => return Ok(Err(refused)),
    };
    let payer = candidate.payer();
    let counted = match app.db.write_for(payer, move |tx| candidate.count(tx, now)).await? {
        Ok(counted) => counted,
        Err(refused) => return Ok(Err(refused)),
    };
    let verified = counted.verify(&app.passwords, typed).await?;
    let now = app.clock.now();
    Ok(app.db.write_for(payer, move |tx| prove(&verified, tx, now)).await?)
}
