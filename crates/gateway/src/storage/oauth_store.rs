//! A unit of work as the oauth crate's store.

use oauth::TokenId;
use oauth::par::PushedRequest;
use oauth::{
    Answer, Client, ClientId, Code, Delivery, EndReason, Event, Fingerprint, Grant, GrantId, NewGrant, RefreshToken,
    Scopes, StaticToken, StoreError, Subject, TokenStatus,
};

use super::tx::Tx;

impl oauth::Store for Tx<'_> {
    fn client(&mut self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.protocol_client(id)?)
    }

    fn touch_secret(&mut self, _: &ClientId, secret: &str, now: i64) -> Result<(), StoreError> {
        Ok(self.touch_client_secret(secret, now)?)
    }

    fn use_assertion(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, StoreError> {
        Ok(self.note_assertion(id, expires)?)
    }

    fn create_grant(&mut self, grant: &NewGrant) -> Result<GrantId, StoreError> {
        Ok(self.insert_grant(grant)?)
    }

    fn grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.find_grant(id)?)
    }

    fn accepted_scopes(&mut self, client: &ClientId, subject: &Subject) -> Result<Vec<Scopes>, StoreError> {
        Ok(self.scopes_accepted(client, subject)?)
    }

    fn client_grant(&mut self, client: &ClientId) -> Result<Option<Grant>, StoreError> {
        Ok(self.find_standing_grant(client)?)
    }

    fn lock_grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.hold_grant(id)?;
        Ok(self.find_grant(id)?)
    }

    fn deliver(&mut self, id: GrantId, delivery: Delivery) -> Result<(), StoreError> {
        Ok(self.keep_delivery(id, delivery)?)
    }

    fn older_grants(&mut self, grant: &Grant, scope: &str) -> Result<Vec<GrantId>, StoreError> {
        Ok(self.find_older_grants(grant.id, scope)?)
    }

    fn end_grant(&mut self, id: GrantId, now: i64, reason: EndReason) -> Result<(), StoreError> {
        self.end_grant_for(id, now, reason)?;
        Ok(())
    }

    fn end_reason(&mut self, id: GrantId) -> Result<Option<EndReason>, StoreError> {
        Ok(self.reason_of_end(id)?)
    }

    fn answer_request(&mut self, answer: &Answer) -> Result<bool, StoreError> {
        Ok(self.keep_answer(answer)?)
    }

    fn answer(&mut self, request: &Fingerprint) -> Result<Option<Answer>, StoreError> {
        Ok(self.find_answer(request)?)
    }

    fn insert_code(&mut self, code: &Code) -> Result<bool, StoreError> {
        Ok(self.store_code(code)?)
    }

    fn lock_code(&mut self, fingerprint: &Fingerprint) -> Result<Option<Code>, StoreError> {
        Ok(self.find_code(fingerprint)?)
    }

    fn spend_code(&mut self, code: &Code) -> Result<(), StoreError> {
        Ok(self.mark_code_spent(code)?)
    }

    fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        Ok(self.store_refresh_token(token)?)
    }

    fn lock_refresh_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        Ok(self.find_refresh_token(fingerprint)?)
    }

    fn refresh_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        Ok(self.read_refresh_token(fingerprint)?)
    }

    fn refresh_token_of(&mut self, grant: GrantId, generation: i32) -> Result<Option<RefreshToken>, StoreError> {
        Ok(self.link_of_chain(grant, generation)?)
    }

    fn use_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        Ok(self.mark_refresh_token_used(token)?)
    }

    fn token_status(
        &mut self,
        grant: GrantId,
        token: &TokenId,
        answer: &TokenId,
    ) -> Result<Option<TokenStatus>, StoreError> {
        Ok(self.find_standing(grant, token, answer)?)
    }

    fn push_request(&mut self, request: &PushedRequest) -> Result<(), StoreError> {
        Ok(self.store_pushed_request(request)?)
    }

    fn take_pushed_request(
        &mut self,
        fingerprint: &Fingerprint,
        client: &ClientId,
    ) -> Result<Option<PushedRequest>, StoreError> {
        Ok(self.delete_pushed_request(fingerprint, client)?)
    }

    fn use_proof(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, StoreError> {
        Ok(self.insert_proof(id, expires)?)
    }

    fn static_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<StaticToken>, StoreError> {
        Ok(self.find_static_token(fingerprint)?)
    }

    fn end_static_token(&mut self, id: &str) -> Result<(), StoreError> {
        Ok(self.delete_static_token(id)?)
    }

    fn revoke_token(&mut self, token: &TokenId, expires: i64) -> Result<(), StoreError> {
        Ok(self.insert_revocation(token, expires)?)
    }

    fn record(&mut self, event: Event) {
        self.raise(self.now(), None, event);
    }
}
