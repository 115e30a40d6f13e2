//! Who calls: the bearer of an access token, checked in the same transaction as the work itself.

use actix_web::HttpRequest;
use actix_web::http::header;

use super::failure::ScimFailure;
use crate::app::App;
use crate::http::address;
use crate::lifecycle::Actor;
use crate::storage::accounts::Account;
use crate::storage::{Cost, Tx};

/// The scope that opens the SCIM endpoint.
const SCOPE: &str = "provision:scim";

/// What a request says about its sender.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    authorization: Option<String>,
    address: Option<String>,
}

impl Caller {
    pub(super) fn of(request: &HttpRequest, app: &App) -> Caller {
        // Bytes that are no text can be no token.
        let authorization = request.headers().get(header::AUTHORIZATION);
        let authorization = authorization.map(|value| value.to_str().unwrap_or("?").to_owned());
        Caller { authorization, address: address::of(request, &app.config.trusted_proxies) }
    }

    /// The account of the grant behind the token, if the token counts at this moment and has the scope.
    pub(super) fn check(&self, app: &App, tx: &mut Tx<'_>) -> Result<Account, ScimFailure> {
        let access = app.oauth(|cx| oauth::bearer::check(tx, cx, self.authorization.as_deref(), SCOPE))??;
        tx.act_as(Actor { name: format!("client:{}", access.grant.client), address: self.address.clone() });
        tx.grant_account.take().ok_or_else(|| oauth::BearerError::Invalid("The account is gone").into())
    }

    /// Only the check, for requests that need nothing else of the database.
    pub(super) async fn enter(self, app: &App) -> Result<Account, ScimFailure> {
        let work = app.clone();
        app.db.read(Cost::Short, move |tx| self.check(&work, tx)).await
    }
}
