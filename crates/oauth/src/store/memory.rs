//! The smallest thing that satisfies the port, for tests.

use std::collections::HashMap;

use super::{
    AccessTokens, Answer, Clients, Code, Codes, Events, Grants, PushedRequest, PushedRequests, RefreshToken,
    RefreshTokens, SpentProofs, StaticTokens, StoreError, TokenStatus,
};
use crate::client::{Client, ClientId};
use crate::event::Event;
use crate::grant::{Delivery, EndReason, Grant, GrantId, GrantState, NewGrant, Subject};
use crate::scope::Scopes;
use crate::secret::Fingerprint;
use crate::static_token::StaticToken;
use crate::token_id::TokenId;

/// Everything in memory; one unit of work after the other.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    /// The clients.
    pub clients: Vec<Client>,
    /// The grants; a grant's number is its place, from 1.
    pub grants: Vec<Grant>,
    /// The codes.
    pub codes: Vec<Code>,
    /// The refresh tokens.
    pub refresh_tokens: Vec<RefreshToken>,
    /// The access tokens revoked one by one.
    pub revoked: HashMap<TokenId, i64>,
    /// How requests were answered.
    pub answers: Vec<Answer>,
    /// Authorization requests that were pushed.
    pub pushed: Vec<PushedRequest>,
    /// Proofs that were used.
    pub proofs: HashMap<[u8; 32], i64>,
    /// Resource owners who are not active.
    pub inactive: Vec<String>,
    /// The static tokens, each with its fingerprint. Their status is read anew.
    pub static_tokens: Vec<(Fingerprint, StaticToken)>,
    /// The client assertions that were used.
    pub assertions: HashMap<[u8; 32], i64>,
    /// What happened.
    pub events: Vec<Event>,
}

impl MemoryStore {
    fn grant_mut(&mut self, id: GrantId) -> Option<&mut Grant> {
        self.grants.iter_mut().find(|grant| grant.id == id)
    }
}

impl Clients for MemoryStore {
    fn client(&mut self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.clients.iter().find(|client| client.id == *id).cloned())
    }

    fn touch_secret(&mut self, client: &ClientId, secret: &str, now: i64) -> Result<(), StoreError> {
        for client in self.clients.iter_mut().filter(|c| c.id == *client) {
            for secret in client.secrets.iter_mut().filter(|s| s.id == secret) {
                secret.last_used = Some(now);
            }
        }
        Ok(())
    }
}

impl Grants for MemoryStore {
    fn create_grant(&mut self, new: &NewGrant) -> Result<GrantId, StoreError> {
        let id = GrantId::new(self.grants.len() as i64 + 1);
        let new = new.clone();
        self.grants.push(Grant {
            id,
            client: new.client,
            subject: new.subject,
            scope: new.scope,
            nonce: new.nonce,
            auth_time: new.auth_time,
            authentication: new.authentication,
            created: new.created,
            state: GrantState::Open,
            delivered: None,
        });
        Ok(id)
    }

    fn grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.grants.iter().find(|grant| grant.id == id).cloned())
    }

    fn accepted_scopes(&mut self, client: &ClientId, subject: &Subject) -> Result<Vec<Scopes>, StoreError> {
        let theirs =
            self.grants.iter().filter(|grant| grant.client == *client && grant.subject.as_ref() == Some(subject));
        Ok(theirs.filter(|grant| !grant.is_ended()).map(|grant| grant.scope.clone()).collect())
    }

    fn client_grant(&mut self, client: &ClientId) -> Result<Option<Grant>, StoreError> {
        let own = |grant: &&Grant| grant.client == *client && grant.subject.is_none() && !grant.is_ended();
        Ok(self.grants.iter().find(own).cloned())
    }

    fn lock_grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.grant(id)
    }

    fn deliver(&mut self, id: GrantId, delivery: Delivery) -> Result<(), StoreError> {
        if let Some(grant) = self.grant_mut(id) {
            grant.delivered = Some(delivery);
        }
        Ok(())
    }

    fn older_grants(&mut self, grant: &Grant, scope: &str) -> Result<Vec<GrantId>, StoreError> {
        let older = |other: &&Grant| other.client == grant.client && other.id < grant.id && other.subject.is_some();
        let open = self.grants.iter().filter(older).filter(|other| !other.is_ended());
        let mut found: Vec<GrantId> = open.filter(|other| other.scope.contains(scope)).map(|g| g.id).collect();
        found.reverse();
        Ok(found)
    }

    fn end_grant(&mut self, id: GrantId, now: i64, reason: EndReason) -> Result<(), StoreError> {
        if let Some(grant) = self.grant_mut(id).filter(|grant| !grant.is_ended()) {
            grant.state = GrantState::Ended { at: now, reason: Some(reason) };
            self.events.push(Event::GrantEnded { grant: id, reason });
        }
        Ok(())
    }

    fn end_reason(&mut self, id: GrantId) -> Result<Option<EndReason>, StoreError> {
        let grant = self.grant(id)?;
        Ok(grant.and_then(|grant| match grant.state {
            _ if self.clients.iter().all(|client| client.id != grant.client) => Some(EndReason::ClientDeleted),
            GrantState::Ended { reason, .. } => reason,
            GrantState::Open | GrantState::Transferred { .. } => None,
        }))
    }
}

impl Codes for MemoryStore {
    fn answer_request(&mut self, answer: &Answer) -> Result<bool, StoreError> {
        let fresh = self.answers.iter().all(|other| other.request != answer.request);
        if fresh {
            self.answers.push(answer.clone());
        }
        Ok(fresh)
    }

    fn answer(&mut self, request: &Fingerprint) -> Result<Option<Answer>, StoreError> {
        Ok(self.answers.iter().find(|answer| answer.request == *request).cloned())
    }

    fn insert_code(&mut self, code: &Code) -> Result<bool, StoreError> {
        let fresh = self.codes.iter().all(|other| other.request_id != code.request_id);
        if fresh {
            self.codes.push(code.clone());
        }
        Ok(fresh)
    }

    fn lock_code(&mut self, fingerprint: &Fingerprint) -> Result<Option<Code>, StoreError> {
        Ok(self.codes.iter().find(|code| code.fingerprint == *fingerprint).cloned())
    }

    fn spend_code(&mut self, code: &Code) -> Result<(), StoreError> {
        for kept in self.codes.iter_mut().filter(|kept| kept.fingerprint == code.fingerprint) {
            (kept.spent, kept.reissues) = (code.spent, code.reissues);
        }
        Ok(())
    }
}

impl RefreshTokens for MemoryStore {
    fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        self.refresh_tokens.push(token.clone());
        Ok(())
    }

    fn lock_refresh_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        let token = self.refresh_tokens.iter().find(|token| token.fingerprint == *fingerprint).cloned();
        let Some(token) = token else { return Ok(None) };
        Ok(self.grant(token.grant)?.map(|grant| (token, grant)))
    }

    fn refresh_token_of(&mut self, grant: GrantId, generation: i32) -> Result<Option<RefreshToken>, StoreError> {
        let link = |token: &&RefreshToken| token.grant == grant && token.generation == generation;
        Ok(self.refresh_tokens.iter().find(link).cloned())
    }

    fn use_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        for kept in self.refresh_tokens.iter_mut().filter(|kept| kept.fingerprint == token.fingerprint) {
            (kept.used, kept.reissues, kept.repeats) = (token.used, token.reissues, token.repeats);
        }
        Ok(())
    }
}

impl AccessTokens for MemoryStore {
    fn token_status(
        &mut self,
        grant: GrantId,
        token: &TokenId,
        answer: &TokenId,
    ) -> Result<Option<TokenStatus>, StoreError> {
        let Some(grant) = self.grant(grant)? else { return Ok(None) };
        let Some(client) = self.client(&grant.client)? else { return Ok(None) };
        let owner_active = grant.subject.as_ref().is_none_or(|s| !self.inactive.iter().any(|i| i == s.as_str()));
        Ok(Some(TokenStatus {
            client_disabled: client.disabled,
            account_suspended: client.suspended,
            owner_active,
            token_revoked: self.revoked.contains_key(token),
            answer_superseded: self.revoked.contains_key(answer),
            grant,
        }))
    }

    fn revoke_token(&mut self, token: &TokenId, expires: i64) -> Result<(), StoreError> {
        self.revoked.insert(*token, expires);
        Ok(())
    }
}

impl StaticTokens for MemoryStore {
    fn static_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<StaticToken>, StoreError> {
        let Some((_, found)) = self.static_tokens.iter().find(|(other, _)| other == fingerprint).cloned() else {
            return Ok(None);
        };
        let Some(status) = self.token_status(found.status.grant.id, &TokenId::NONE, &TokenId::NONE)? else {
            return Ok(None);
        };
        let client = self.client(&status.grant.client)?;
        let scope = found.scope.only(|scope| client.as_ref().is_some_and(|client| client.scopes.contains(scope)));
        Ok(Some(StaticToken { scope, status, ..found }))
    }

    fn end_static_token(&mut self, id: &str) -> Result<(), StoreError> {
        self.static_tokens.retain(|(_, token)| token.id != id);
        Ok(())
    }
}

impl PushedRequests for MemoryStore {
    fn push_request(&mut self, request: &PushedRequest) -> Result<(), StoreError> {
        self.pushed.push(request.clone());
        Ok(())
    }

    fn take_pushed_request(
        &mut self,
        fingerprint: &Fingerprint,
        client: &ClientId,
    ) -> Result<Option<PushedRequest>, StoreError> {
        let place = self.pushed.iter().position(|r| r.fingerprint == *fingerprint && r.client == *client);
        Ok(place.map(|place| self.pushed.remove(place)))
    }
}

impl SpentProofs for MemoryStore {
    fn use_assertion(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, StoreError> {
        Ok(self.assertions.insert(*id, expires).is_none())
    }

    fn use_proof(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, StoreError> {
        Ok(self.proofs.insert(*id, expires).is_none())
    }
}

impl Events for MemoryStore {
    fn record(&mut self, event: Event) {
        self.events.push(event);
    }
}
