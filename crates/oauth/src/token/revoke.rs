//! Token revocation (RFC 7009): a refresh token takes its whole grant along, an access token goes alone.

use crate::client_auth::{ClientCredentials, ClientRequest, Credentials, authenticate};
use crate::context::Context;
use crate::error::{TokenError, TokenRefusal, Verdict};
use crate::event::Event;
use crate::grant::EndReason;
use crate::secret::Prefix;
use crate::store::Store;
use crate::token::access_token::AccessToken;

/// A request that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRequest {
    credentials: Credentials,
    token: String,
}

impl RevocationRequest {
    /// Reads a request (§2.1). `token_type_hint` is not needed: our tokens say what they are.
    pub fn parse(
        authorization: Option<&str>,
        query: &[(String, String)],
        form: &[(String, String)],
    ) -> Result<RevocationRequest, TokenError> {
        let request = ClientRequest { authorization, query, form };
        request.check(&["token"])?;
        let token = request.get("token").ok_or(TokenRefusal::ParameterMissing { name: "token" })?.to_owned();
        Ok(RevocationRequest { credentials: request.credentials()?, token })
    }
}

impl ClientCredentials for RevocationRequest {
    fn credentials(&mut self) -> &mut Credentials {
        &mut self.credentials
    }
}

/// Revokes a token of this client. For a token of another client, and for an unknown one, the answer is success without effect (§2.2).
pub fn revoke(store: &mut dyn Store, cx: &mut Context<'_>, request: &RevocationRequest) -> Verdict<()> {
    let client = match authenticate(store, cx, &request.credentials)? {
        Ok(client) => client,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Some(token) = AccessToken::open(cx, &request.token) {
        let grant = store.grant(token.grant)?.filter(|grant| grant.client == client.id);
        if grant.is_some() && token.expires > cx.now {
            store.revoke_token(&token.id, token.expires)?;
            store.record(Event::TokenRevoked { grant: token.grant });
        }
        return Ok(Ok(()));
    }
    let fingerprint = cx.keys.fingerprint(&request.token);
    if Prefix::of(&request.token) == Some(Prefix::StaticToken) {
        let token = store.static_token(&fingerprint)?.filter(|token| token.status.grant.client == client.id);
        if let Some(token) = token {
            store.end_static_token(&token.id)?;
            store.record(Event::StaticTokenRevoked { grant: token.status.grant.id, token: token.id });
        }
        return Ok(Ok(()));
    }
    if let Some((_, grant)) = store.lock_refresh_token(&fingerprint)?
        && grant.client == client.id
    {
        store.end_grant(grant.id, cx.now, EndReason::Revoked)?;
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Pairs, World, changed, code_of, owned};

    const ACME: Pairs<'static> = &[("client_id", "acme"), ("client_secret", "acme-secret")];

    #[track_caller]
    fn send(world: &mut World, form: Pairs<'_>, expected: &str) {
        let answer = RevocationRequest::parse(None, &[], &owned(&changed(ACME, form)));
        let answer = answer.and_then(|request| world.run(|store, cx| revoke(store, cx, &request)).unwrap());
        assert_eq!(code_of(answer), expected);
    }

    #[test]
    fn attack_65_an_access_token_goes_alone() {
        let mut world = World::new();
        let tokens = world.tokens();
        let sibling = world.refresh(tokens.refresh_token.as_deref().unwrap()).ok().unwrap();
        for _ in 0..2 {
            send(&mut world, &[("token", &tokens.access_token)], "no error");
        }
        assert!(!world.opens(&tokens.access_token) && world.opens(&sibling.access_token));
        assert!(world.refresh(&sibling.refresh_token.unwrap()).is_ok());
    }

    #[test]
    fn attack_65_a_static_token_goes_alone_and_only_at_its_own_clients_word() {
        let mut world = World::new();
        let (one, two) = (world.static_token("t-1"), world.static_token("t-2"));
        send(&mut world, &[("token", &one), ("client_id", "other"), ("client_secret", "other-secret")], "no error");
        assert!(world.opens(&one));
        for _ in 0..2 {
            send(&mut world, &[("token", &one)], "no error");
        }
        assert!(!world.opens(&one) && world.opens(&two));
        let revoked = world.store.events.iter().filter(|event| matches!(event, Event::StaticTokenRevoked { .. }));
        assert_eq!(revoked.count(), 1);
    }

    #[test]
    fn attack_65_a_refresh_token_takes_the_whole_family_along() {
        for generation in 0..2 {
            let mut world = World::new();
            let first = world.tokens();
            let second = world.refresh(first.refresh_token.as_deref().unwrap()).ok().unwrap();
            let presented = [first.refresh_token, second.refresh_token.clone()][generation].clone().unwrap();
            send(&mut world, &[("token", &presented), ("token_type_hint", "access_token")], "no error");
            assert!(!world.opens(&first.access_token) && !world.opens(&second.access_token));
            assert_eq!(code_of(world.refresh(&second.refresh_token.unwrap())), "invalid_grant");
        }
    }

    #[test]
    fn attack_65_another_clients_token_and_an_unknown_one_are_answered_well_and_left_alone() {
        let mut world = World::new();
        let tokens = world.tokens();
        let refresh_token = tokens.refresh_token.unwrap();
        let other = [("client_id", "other"), ("client_secret", "other-secret")];
        for token in [tokens.access_token.as_str(), &refresh_token, "gwr_x", "gwa_x", "é", "gws_x"] {
            send(&mut world, &changed(&other, &[("token", token), ("token_type_hint", "nonsense")]), "no error");
        }
        assert!(world.opens(&tokens.access_token));
        assert!(world.refresh(&refresh_token).is_ok());
        assert!(world.store.revoked.is_empty());
    }

    #[test]
    fn who_revokes_must_be_known_and_say_what() {
        let mut world = World::new();
        send(&mut world, &[("token", "gwr_x"), ("client_secret", "wrong")], "invalid_client");
        send(&mut world, &[], "invalid_request");
        let query = owned(&[("token", "gwr_x")]);
        assert_eq!(code_of(RevocationRequest::parse(None, &query, &owned(ACME))), "invalid_request");
    }

    #[test]
    fn an_expired_access_token_needs_no_row() {
        let mut world = World::new();
        let token = world.tokens().access_token;
        world.wait(3600);
        send(&mut world, &[("token", &token)], "no error");
        assert!(world.store.revoked.is_empty());
    }
}
