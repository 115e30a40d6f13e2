//! A client's own credentials (RFC 6749 §4.4): no refresh token, no ID token, and no row for each token. Behind all of a client's
//! tokens is one standing grant.

use super::{RequestedConstraints, TokenResponse, respond};
use crate::authentication::Authentication;
use crate::client::{Client, ClientId};
use crate::constraints::TokenConstraints;
use crate::context::Context;
use crate::error::{TokenRefusal, Verdict};
use crate::event::Event;
use crate::grant::{Delivery, EndReason, Grant, GrantId, GrantState, NewGrant, Subject};
use crate::scope::Scopes;
use crate::secret::Fingerprint;
use crate::static_token::StaticToken;
use crate::store::{
    AccessTokens, Answer, Clients, Code, Codes, Events, Grants, PushedRequest, PushedRequests, RefreshToken,
    RefreshTokens, SpentProofs, StaticTokens, Store, StoreError, TokenStatus,
};
use crate::token_id::TokenId;

/// Issues an access token for the client itself. Scopes that speak of a user are dropped (§4.4.3 and OpenID Connect Core §11).
pub(super) fn exchange(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    client: &Client,
    asked: Option<&Scopes>,
    requested: &RequestedConstraints<'_>,
) -> Verdict<TokenResponse> {
    let refuse = |reason: TokenRefusal| Ok(Err(reason.into()));
    if !client.has_account && !client.is_key(cx.settings) {
        return refuse(TokenRefusal::ClientWithoutAccount);
    }
    let asked =
        asked.map_or_else(|| client.default_scope.clone(), |asked| asked.renamed(|scope| client.profile.meant(scope)));
    if let Some(beyond) = asked.beyond(&client.scopes) {
        let (scope, allowed) = (beyond.to_owned(), client.scopes.to_string());
        return refuse(TokenRefusal::ScopeNotAllowed { scope, allowed });
    }
    let impersonal = |scopes: &Scopes| scopes.only(|scope| !cx.settings.is_personal(scope));
    let scope = impersonal(&asked);
    if scope.is_empty() {
        let right = match impersonal(&client.scopes) {
            none if none.is_empty() => "this client has no other scope".to_owned(),
            some => format!("ask for {some}"),
        };
        return refuse(TokenRefusal::ScopeOfUser { scope: asked.to_string(), right });
    }
    let resources = match requested.resources(cx, client) {
        Ok(resources) => resources,
        Err(refused) => return Ok(Err(refused)),
    };
    let constraints = TokenConstraints { resources, key: requested.key.cloned() };
    let grant = own_grant(store, cx, client)?;
    Ok(Ok(respond(cx, client, &grant, scope, constraints, None, None)))
}

/// The grant behind all tokens of client credentials, and static tokens, of a client. It is created when it is first needed.
pub fn own_grant(store: &mut dyn Store, cx: &Context<'_>, client: &Client) -> Result<Grant, StoreError> {
    if let Some(grant) = store.client_grant(&client.id)? {
        return Ok(grant);
    }
    let new = NewGrant {
        client: client.id.clone(),
        subject: None,
        scope: client.scopes.only(|scope| !cx.settings.is_personal(scope)),
        nonce: None,
        auth_time: None,
        authentication: Authentication::default(),
        created: cx.now,
    };
    let id = store.create_grant(&new)?;
    store.record(Event::GrantCreated { grant: id, client: client.id.to_string(), scope: new.scope.to_string() });
    Ok(Grant {
        id,
        client: new.client,
        subject: None,
        scope: new.scope,
        nonce: None,
        auth_time: None,
        authentication: Authentication::default(),
        created: new.created,
        state: GrantState::Open,
        delivered: None,
    })
}

/// A store that only reads, and remembers that it was asked to write.
pub(super) struct Reading<'s> {
    store: &'s mut dyn Store,
    wrote: bool,
}

impl<'s> Reading<'s> {
    pub(super) fn new(store: &'s mut dyn Store) -> Self {
        Reading { store, wrote: false }
    }

    pub(super) fn had_to_write(&self) -> bool {
        self.wrote
    }

    fn write<T>(&mut self, answer: T) -> Result<T, StoreError> {
        self.wrote = true;
        Ok(answer)
    }
}

impl Clients for Reading<'_> {
    fn client(&mut self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.store.client(id)
    }
    fn touch_secret(&mut self, _: &ClientId, _: &str, _: i64) -> Result<(), StoreError> {
        self.write(())
    }
}

impl Grants for Reading<'_> {
    fn grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.store.grant(id)
    }
    fn accepted_scopes(&mut self, client: &ClientId, subject: &Subject) -> Result<Vec<Scopes>, StoreError> {
        self.store.accepted_scopes(client, subject)
    }
    fn client_grant(&mut self, client: &ClientId) -> Result<Option<Grant>, StoreError> {
        self.store.client_grant(client)
    }
    fn is_within_reach(&mut self, client: &ClientId, grant: GrantId) -> Result<bool, StoreError> {
        self.store.is_within_reach(client, grant)
    }
    fn end_reason(&mut self, id: GrantId) -> Result<Option<EndReason>, StoreError> {
        self.store.end_reason(id)
    }
    fn create_grant(&mut self, _: &NewGrant) -> Result<GrantId, StoreError> {
        self.write(GrantId::new(0))
    }
    fn lock_grant(&mut self, _: GrantId) -> Result<Option<Grant>, StoreError> {
        self.write(None)
    }
    fn deliver(&mut self, _: GrantId, _: Delivery) -> Result<(), StoreError> {
        self.write(())
    }
    fn older_grants(&mut self, _: &Grant, _: &str) -> Result<Vec<GrantId>, StoreError> {
        self.write(Vec::new())
    }
    fn end_grant(&mut self, _: GrantId, _: i64, _: EndReason) -> Result<(), StoreError> {
        self.write(())
    }
}

impl Codes for Reading<'_> {
    fn answer_request(&mut self, _: &Answer) -> Result<bool, StoreError> {
        self.write(false)
    }
    fn answer(&mut self, request: &Fingerprint) -> Result<Option<Answer>, StoreError> {
        self.store.answer(request)
    }
    fn insert_code(&mut self, _: &Code) -> Result<bool, StoreError> {
        self.write(false)
    }
    fn lock_code(&mut self, _: &Fingerprint) -> Result<Option<Code>, StoreError> {
        self.write(None)
    }
    fn spend_code(&mut self, _: &Code) -> Result<(), StoreError> {
        self.write(())
    }
}

impl RefreshTokens for Reading<'_> {
    fn refresh_token_of(&mut self, grant: GrantId, generation: i32) -> Result<Option<RefreshToken>, StoreError> {
        self.store.refresh_token_of(grant, generation)
    }
    fn insert_refresh_token(&mut self, _: &RefreshToken) -> Result<(), StoreError> {
        self.write(())
    }
    fn lock_refresh_token(&mut self, _: &Fingerprint) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        self.write(None)
    }
    fn use_refresh_token(&mut self, _: &RefreshToken) -> Result<(), StoreError> {
        self.write(())
    }
}

impl AccessTokens for Reading<'_> {
    fn token_status(
        &mut self,
        grant: GrantId,
        token: &TokenId,
        answer: &TokenId,
    ) -> Result<Option<TokenStatus>, StoreError> {
        self.store.token_status(grant, token, answer)
    }
    fn revoke_token(&mut self, _: &TokenId, _: i64) -> Result<(), StoreError> {
        self.write(())
    }
}

impl StaticTokens for Reading<'_> {
    fn static_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<StaticToken>, StoreError> {
        self.store.static_token(fingerprint)
    }
    fn end_static_token(&mut self, _: &str) -> Result<(), StoreError> {
        self.write(())
    }
}

impl PushedRequests for Reading<'_> {
    fn push_request(&mut self, _: &PushedRequest) -> Result<(), StoreError> {
        self.write(())
    }
    fn take_pushed_request(&mut self, _: &Fingerprint, _: &ClientId) -> Result<Option<PushedRequest>, StoreError> {
        self.write(None)
    }
}

impl SpentProofs for Reading<'_> {
    fn use_assertion(&mut self, _: &[u8; 32], _: i64) -> Result<bool, StoreError> {
        self.write(true)
    }
    fn use_proof(&mut self, _: &[u8; 32], _: i64) -> Result<bool, StoreError> {
        self.write(true)
    }
}

impl Events for Reading<'_> {
    fn record(&mut self, _: Event) {
        self.wrote = true;
    }
}
