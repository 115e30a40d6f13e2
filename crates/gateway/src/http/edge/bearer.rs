//! The access token that a request brings along (RFC 6750 §2): in its header, and nowhere else; with it, if it is bound to a key, the
//! proof of possession (RFC 9449 §7).

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest};
use oauth::bearer::{MalformedBearer, OpenedToken};
use oauth::dpop::{Proof, ProofError, SpentProof};
use oauth::{Access, BearerError, BearerRequest, GrantId, InvalidToken, ProtectedResource, Use};

use super::{address, endpoints, query};
use crate::app::App;
use crate::domain::actor::Origin;
use crate::domain::refusals::{Kind, Who};
use crate::storage::{DbError, GrantContext, TransactionError, Tx};

/// The `Authorization` header as it came. A token in the URL is refused even if it is valid, and with any header: URLs end
/// up in logs, histories and referrers (RFC 9700 §4.3.2).
pub(crate) fn presented(request: &HttpRequest) -> Result<Option<String>, BearerError> {
    let pairs = query::pairs(request.query_string()).unwrap_or_default();
    if pairs.iter().any(|(name, _)| name == "access_token") {
        return Err(BearerError::Malformed(MalformedBearer::InUrl));
    }
    // Bytes that are no text can be no token.
    let authorization = request.headers().get(header::AUTHORIZATION);
    Ok(authorization.map(|value| value.to_str().unwrap_or("?").to_owned()))
}

/// The proof in the `DPoP` header, if there is one and it is right for this request. The URL it names has to be the public one.
pub(crate) fn proof(request: &HttpRequest, app: &App) -> Result<Option<Proof>, ProofError> {
    proof_at(request, app, &app.public_url)
}

fn proof_at(request: &HttpRequest, app: &App, base: &str) -> Result<Option<Proof>, ProofError> {
    let headers: Vec<&str> = request.headers().get_all("DPoP").map(|value| value.to_str().unwrap_or("?")).collect();
    if headers.is_empty() {
        return Ok(None);
    }
    let url = format!("{base}{}", request.path());
    app.oauth(|cx| Proof::read(cx, &headers, endpoints::method_of(request).as_str(), &url))
}

/// A valid access token, with the account and the client of its grant.
#[derive(Debug)]
pub(crate) struct Authorized {
    pub(crate) access: Access,
    pub(crate) grant: GrantContext,
}

/// Opens the token of a request, looks it up with the account and client of its grant, and judges whether it is valid at this resource.
pub(crate) fn authorize<E: From<BearerError> + From<DbError>>(
    app: &App,
    tx: &mut Tx<'_>,
    request: &BearerRequest<'_>,
    resource: &ProtectedResource,
) -> Result<Authorized, E> {
    let token = app.oauth(|cx| oauth::bearer::open(cx, request))?;
    judged(app, tx, &token, resource)
}

/// The same for a grant, as if a good token of it were presented: for what is rehearsed.
pub(crate) fn authorize_grant<E: From<BearerError> + From<DbError>>(
    app: &App,
    tx: &mut Tx<'_>,
    grant: GrantId,
    resource: &ProtectedResource,
) -> Result<Authorized, E> {
    let token = app.oauth(|cx| OpenedToken::of_grant(cx, grant, &resource.scopes.join(" ")));
    let authorized: Authorized = judged::<E>(app, tx, &token, resource)?;
    let has = |scope: &&str| authorized.access.grant.scope.contains(scope);
    match resource.scopes.iter().any(has) {
        true => Ok(authorized),
        false => Err(BearerError::InsufficientScope(resource.scopes.first().copied().unwrap_or_default()).into()),
    }
}

fn judged<E: From<BearerError> + From<DbError>>(
    app: &App,
    tx: &mut Tx<'_>,
    token: &OpenedToken,
    resource: &ProtectedResource,
) -> Result<Authorized, E> {
    let (found, grant) = tx.find_token(&token.look_up())?;
    let access = app.oauth(|cx| oauth::bearer::judge(cx, token, found, resource))?;
    let grant = grant.ok_or(BearerError::Invalid(InvalidToken::GrantGone))?;
    Ok(Authorized { access, grant })
}

/// Writes down that a token is in use, where that is news: of a static token once an hour, of others once for each generation. That does
/// not depend on how the request is answered, and is a unit of work of its own, because most requests only read. A request does not fail
/// of it: the next one tells the same news.
pub(crate) async fn note_use(app: &App, news: &Use, origin: &Origin) {
    let (news, origin) = (news.clone(), origin.clone());
    let work = app.clone();
    let noted = app.db.write(move |tx| match &news {
        Use::StaticToken(token) => tx.touch_static_token(token, tx.now()),
        Use::Tokens(grant, generation) => {
            tx.act_as(origin.clone());
            Ok(work.oauth(|cx| oauth::delivery::note(tx, cx, *grant, *generation))?)
        }
    });
    if let Err(error) = noted.await {
        tracing::warn!(%error, "the use of a token could not be noted");
    }
}

/// Counts that a token was refused, to be told of in the audit trail. One that has expired is not: its client asks for another, as it should.
pub(crate) fn note_refusal(request: &HttpRequest, app: &App, error: &BearerError) {
    if matches!(error, BearerError::Missing | BearerError::Malformed(_) | BearerError::InsufficientScope(_)) {
        return;
    }
    let (authorization, now) = (presented(request).ok().flatten(), app.clock.now());
    let who = match app.oauth(|cx| oauth::bearer::sealed_grant(cx, authorization.as_deref())) {
        Some((_, expires)) if expires <= now.millis() => return,
        Some((grant, _)) => Who::Grant(grant.number),
        None => Who::Unknown,
    };
    let address = address::of(request, &app.config.server.trusted_proxies);
    app.refusals.note(Kind::AccessToken, who, address.as_deref(), now);
}

/// Everything that has to be known about what is presented before it is checked in a unit of work: the key that a JWT names, and
/// that the proof of possession was not seen before. That is written at once, even if the request fails.
pub(crate) async fn spend_proof<E: TransactionError + From<BearerError>>(
    request: &HttpRequest,
    app: &App,
    authorization: Option<&str>,
) -> Result<Option<SpentProof>, E> {
    spend_proof_at(request, app, &app.public_url, authorization).await
}

/// The same at this base URL. A request that is judged once more spends its proof once.
pub(crate) async fn spend_proof_at<E: TransactionError + From<BearerError>>(
    request: &HttpRequest,
    app: &App,
    base: &str,
    authorization: Option<&str>,
) -> Result<Option<SpentProof>, E> {
    app.signer.ensure_key_known(authorization).await?;
    let presented = BearerRequest { authorization, proof: None };
    if !matches!(presented.token(), Some((_, true))) {
        return Ok(None);
    }
    if let Some(spent) = request.extensions().get::<SpentProof>() {
        return Ok(Some(spent.clone())); // for this very request
    }
    let Some(proof) = proof_at(request, app, base).map_err(BearerError::from)? else { return Ok(None) };
    app.oauth(|cx| oauth::bearer::suits(cx, &presented, &proof))?;
    let spent = app.db.write(move |tx| Ok::<_, DbError>(proof.clone().spend(tx)?)).await?;
    let spent = spent.ok_or(BearerError::Proof(ProofError::Replayed))?;
    request.extensions_mut().insert(spent.clone());
    Ok(Some(spent))
}
