//! What every store promises, as a suite to run against it: implement [`Workplace`] and call [`check`].
//!
//! It panics where a promise is broken, and is meant for tests only.

use super::{Answer, Code, PushedRequest, RefreshToken, Store, StoreError};
use crate::authentication::Authentication;
use crate::client::{Client, ClientId, ClientProfile, ClientSecret, GrantType, RedirectUri};
use crate::constraints::{Resource, Thumbprint, TokenConstraints};
use crate::grant::{Delivery, EndReason, Grant, GrantId, GrantState, NewGrant, Subject};
use crate::pkce::Challenge;
use crate::scope::Scopes;
use crate::secret::Fingerprint;
use crate::static_token::StaticToken;
use crate::token_id::TokenId;
use crate::tolerance::Tolerances;

/// A store that can be tried out, in units of work.
pub trait Workplace {
    /// Runs one unit of work and keeps what it wrote.
    fn unit<T>(&mut self, work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>) -> Result<T, StoreError>;

    /// Registers a client as an operator would, in an account, with its secrets.
    fn register(&mut self, client: &Client);

    /// Keeps a static token of this grant, as an operator would.
    fn keep_static_token(&mut self, fingerprint: &Fingerprint, token: &StaticToken);

    /// A new resource owner in that account, who is active.
    fn owner(&mut self) -> Subject;

    /// Deactivates a resource owner.
    fn deactivate(&mut self, owner: &Subject);
}

/// Runs the whole suite. The clients it registers begin with `contract-`.
pub fn check(place: &mut impl Workplace) -> Result<(), StoreError> {
    clients_come_back_whole(place)?;
    a_secret_remembers_when_it_was_used(place)?;
    an_assertion_is_used_once(place)?;
    a_grant_ends_once(place)?;
    a_client_has_one_standing_grant(place)?;
    what_was_accepted_is_known_until_it_ends(place)?;
    what_was_delivered_is_remembered(place)?;
    the_older_grants_of_a_client_are_found(place)?;
    the_first_answer_to_a_request_stands(place)?;
    a_request_is_answered_once(place)?;
    a_spent_code_is_spent_for_later_units(place)?;
    refresh_tokens_form_chains(place)?;
    a_static_token_is_found_with_its_standing(place)?;
    standing_tells_what_matters(place)?;
    a_pushed_request_is_taken_once_and_by_its_client(place)?;
    a_proof_counts_once(place)
}

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap_or_default()
}

fn fingerprint(name: &str) -> Fingerprint {
    crate::Keyring::new(&[9; 32]).fingerprint(name)
}

fn client(name: &str) -> Client {
    let secret = |n: u8, expires| ClientSecret {
        id: format!("contract-{name}-secret-{n}"),
        fingerprint: fingerprint(&format!("{name}{n}")),
        expires,
        last_used: None,
    };
    let uri = |path: &str| RedirectUri::from_stored(format!("https://idp.example/{path}?x=%7e"));
    Client {
        id: ClientId::new(format!("contract-{name}")).expect("a client id"),
        name: format!("Contract “{name}”"),
        public: false,
        secrets: vec![secret(1, None), secret(2, Some(4_102_444_800_000))],
        redirect_uris: vec![uri("b"), uri("a")],
        grant_types: GrantType::ALL.to_vec(),
        scopes: scopes("openid offline records:write"),
        default_scope: scopes("records:write"),
        profile: &ClientProfile::GENERIC,
        require_pkce: true,
        disabled: false,
        suspended: false,
        has_account: true,
        options: crate::client::Options::default(),
        tolerances: Tolerances::NONE,
    }
}

fn registered(place: &mut impl Workplace, name: &str) -> Client {
    let client = client(name);
    place.register(&client);
    client
}

fn new_grant(client: &Client, subject: Option<Subject>) -> NewGrant {
    NewGrant {
        client: client.id.clone(),
        auth_time: subject.is_some().then_some(900),
        nonce: subject.is_some().then(|| "n-é-\"1\"".to_owned()),
        authentication: subject.as_ref().map(|_| Authentication::by_password().and_app()).unwrap_or_default(),
        subject,
        scope: scopes("offline records:write"),
        created: 1_000,
    }
}

fn granted(place: &mut impl Workplace, client: &Client) -> Result<GrantId, StoreError> {
    let owner = place.owner();
    place.unit(|store| store.create_grant(&new_grant(client, Some(owner))))
}

fn clients_come_back_whole(place: &mut impl Workplace) -> Result<(), StoreError> {
    let client = registered(place, "whole");
    let mut found = place.unit(|store| store.client(&client.id))?.expect("the client");
    found.secrets.sort_by(|a, b| a.id.cmp(&b.id));
    // They need not be stored: a server may derive them.
    found.tolerances = client.tolerances;
    assert_eq!(found, client);
    let unknown = ClientId::new("contract-unknown").expect("a client id");
    assert_eq!(place.unit(|store| store.client(&unknown))?, None);
    Ok(())
}

fn a_secret_remembers_when_it_was_used(place: &mut impl Workplace) -> Result<(), StoreError> {
    let client = registered(place, "touched");
    let secret = &client.secrets[1].id;
    place.unit(|store| store.touch_secret(&client.id, secret, 5_000))?;
    let found = place.unit(|store| store.client(&client.id))?.expect("the client");
    for found in &found.secrets {
        assert_eq!(found.last_used, (found.id == *secret).then_some(5_000), "{}", found.id);
    }
    Ok(())
}

fn an_assertion_is_used_once(place: &mut impl Workplace) -> Result<(), StoreError> {
    let (one, other) = ([1; 32], [2; 32]);
    assert!(place.unit(|store| store.use_assertion(&one, 4_102_444_800_000))?);
    assert!(place.unit(|store| store.use_assertion(&other, 4_102_444_800_000))?);
    assert!(!place.unit(|store| store.use_assertion(&one, 4_102_444_900_000))?);
    Ok(())
}

fn ended(at: i64, reason: EndReason) -> GrantState {
    GrantState::Ended { at, reason: Some(reason) }
}

fn a_grant_ends_once(place: &mut impl Workplace) -> Result<(), StoreError> {
    let client = registered(place, "grants");
    let owner = place.owner();
    let new = new_grant(&client, Some(owner));
    let id = place.unit(|store| store.create_grant(&new))?;
    let as_made = Grant {
        id,
        client: new.client.clone(),
        subject: new.subject.clone(),
        scope: new.scope.clone(),
        nonce: new.nonce.clone(),
        auth_time: new.auth_time,
        authentication: new.authentication.clone(),
        created: new.created,
        state: GrantState::Open,
        delivered: None,
    };
    assert_eq!(place.unit(|store| store.grant(id))?, Some(as_made.clone()));
    assert_eq!(place.unit(|store| store.end_reason(id))?, None);
    place.unit(|store| store.end_grant(id, 2_000, EndReason::Revoked))?;
    place.unit(|store| store.end_grant(id, 3_000, EndReason::Operator))?;
    assert_eq!(place.unit(|store| store.end_reason(id))?, Some(EndReason::Revoked));
    assert_eq!(place.unit(|store| store.end_reason(GrantId::new(i64::MAX)))?, None);
    assert_eq!(
        place.unit(|store| store.grant(id))?,
        Some(Grant { state: ended(2_000, EndReason::Revoked), ..as_made })
    );
    assert_eq!(place.unit(|store| store.grant(GrantId::new(i64::MAX)))?, None);
    Ok(())
}

fn a_client_has_one_standing_grant(place: &mut impl Workplace) -> Result<(), StoreError> {
    let (client, other) = (registered(place, "status"), registered(place, "status-other"));
    granted(place, &client)?;
    assert_eq!(place.unit(|store| store.client_grant(&client.id))?, None, "a person's grant is not the client's");
    let first = place.unit(|store| {
        let id = store.create_grant(&new_grant(&client, None))?;
        assert_eq!(store.client_grant(&client.id)?.map(|grant| grant.id), Some(id), "within the unit");
        Ok(id)
    })?;
    let found = place.unit(|store| store.client_grant(&client.id))?.expect("the grant");
    assert_eq!((found.id, found.subject, found.nonce, found.auth_time), (first, None, None, None));
    assert_eq!(place.unit(|store| store.client_grant(&other.id))?, None);
    place.unit(|store| store.end_grant(first, 2_000, EndReason::Operator))?;
    assert_eq!(place.unit(|store| store.client_grant(&client.id))?, None, "an ended grant does not stand");
    let second = place.unit(|store| store.create_grant(&new_grant(&client, None)))?;
    assert_ne!(first, second);
    Ok(())
}

fn constraints() -> TokenConstraints {
    TokenConstraints {
        resources: Resource::parse("https://api.example/?a=%7e").into_iter().collect(),
        key: Thumbprint::parse("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
    }
}

fn what_was_accepted_is_known_until_it_ends(place: &mut impl Workplace) -> Result<(), StoreError> {
    let (client, other) = (registered(place, "accepted"), registered(place, "accepted-other"));
    let (owner, another) = (place.owner(), place.owner());
    let accepted = NewGrant { scope: scopes("openid profile"), ..new_grant(&client, Some(owner.clone())) };
    let first = place.unit(|store| store.create_grant(&accepted))?;
    place.unit(|store| store.create_grant(&NewGrant { scope: scopes("openid"), ..accepted.clone() }))?;
    let mut found = place.unit(|store| store.accepted_scopes(&client.id, &owner))?;
    found.sort_by_key(ToString::to_string);
    assert_eq!(found, [scopes("openid"), scopes("openid profile")]);
    assert_eq!(place.unit(|store| store.accepted_scopes(&client.id, &another))?, []);
    assert_eq!(place.unit(|store| store.accepted_scopes(&other.id, &owner))?, []);
    place.unit(|store| store.end_grant(first, 2_000, EndReason::Owner))?;
    assert_eq!(place.unit(|store| store.accepted_scopes(&client.id, &owner))?, [scopes("openid")]);
    Ok(())
}

fn what_was_delivered_is_remembered(place: &mut impl Workplace) -> Result<(), StoreError> {
    let client = registered(place, "delivered");
    let (id, other) = (granted(place, &client)?, granted(place, &client)?);
    for (generation, at) in [(0, 2_000), (7, 3_000)] {
        let delivery = Delivery { generation, at };
        place.unit(|store| {
            assert!(store.lock_grant(id)?.is_some());
            store.deliver(id, delivery)
        })?;
        let status = place.unit(|store| store.token_status(id, &TokenId::NONE, &TokenId::NONE))?.expect("it stands");
        let locked = place.unit(|store| store.lock_grant(id))?.expect("the grant");
        assert_eq!((status.grant.delivered, locked.delivered), (Some(delivery), Some(delivery)));
    }
    assert_eq!(place.unit(|store| store.lock_grant(other))?.expect("the grant").delivered, None);
    assert_eq!(place.unit(|store| store.lock_grant(GrantId::new(i64::MAX)))?, None);
    Ok(())
}

fn the_older_grants_of_a_client_are_found(place: &mut impl Workplace) -> Result<(), StoreError> {
    let (client, other) = (registered(place, "older"), registered(place, "older-other"));
    let owner = place.owner();
    let made = |client: &Client, scope: &str, subject: Option<&Subject>| NewGrant {
        scope: scopes(scope),
        ..new_grant(client, subject.cloned())
    };
    let all = [
        made(&client, "offline records:write", Some(&owner)),
        made(&client, "openid", Some(&owner)),
        made(&client, "records:write", None),
        made(&other, "records:write", Some(&owner)),
        made(&client, "records:write", Some(&place.owner())),
        made(&client, "records:write", Some(&owner)),
        made(&client, "records:write", Some(&owner)),
    ];
    let mut ids = Vec::new();
    for new in &all {
        ids.push(place.unit(|store| store.create_grant(new))?);
    }
    let grant = place.unit(|store| store.grant(ids[5]))?.expect("the grant");
    assert_eq!(place.unit(|store| store.older_grants(&grant, "records:write"))?, [ids[4], ids[0]]);
    place.unit(|store| store.end_grant(ids[4], 2_000, EndReason::Replaced))?;
    assert_eq!(place.unit(|store| store.older_grants(&grant, "records:write"))?, [ids[0]]);
    Ok(())
}

fn code(client: &Client, grant: GrantId, name: &str) -> Code {
    Code {
        fingerprint: fingerprint(name),
        request_id: format!("{}-request", client.id),
        grant,
        client: client.id.clone(),
        redirect_uri: client.redirect_uris[0].clone(),
        redirect_uri_was_sent: true,
        challenge: Challenge::new("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        expires: 61_000,
        spent: None,
        reissues: 0,
        constraints: constraints(),
    }
}

fn a_request_is_answered_once(place: &mut impl Workplace) -> Result<(), StoreError> {
    let client = registered(place, "codes");
    let grant = granted(place, &client)?;
    let (first, second) = (code(&client, grant, "codes 1"), code(&client, grant, "codes 2"));
    assert!(place.unit(|store| store.insert_code(&first))?);
    assert!(!place.unit(|store| store.insert_code(&second))?, "the request was answered");
    assert_eq!(place.unit(|store| store.lock_code(&first.fingerprint))?, Some(first.clone()));
    assert_eq!(place.unit(|store| store.lock_code(&second.fingerprint))?, None);
    let plain = Code {
        fingerprint: fingerprint("codes 3"),
        request_id: "contract-another-request".to_owned(),
        redirect_uri_was_sent: false,
        challenge: None,
        constraints: TokenConstraints::default(),
        ..first
    };
    assert!(place.unit(|store| store.insert_code(&plain))?);
    assert_eq!(place.unit(|store| store.lock_code(&plain.fingerprint))?, Some(plain));
    Ok(())
}

fn the_first_answer_to_a_request_stands(place: &mut impl Workplace) -> Result<(), StoreError> {
    let answer = |name: &str, denied| Answer { request: fingerprint(name), denied, expires: 4_102_444_800_000 };
    for (name, denied) in [("contract-accepted", false), ("contract-denied", true)] {
        assert_eq!(place.unit(|store| store.answer(&fingerprint(name)))?, None);
        assert!(place.unit(|store| store.answer_request(&answer(name, denied)))?);
        for other in [denied, !denied] {
            assert!(!place.unit(|store| store.answer_request(&answer(name, other)))?, "{name}");
        }
        assert_eq!(place.unit(|store| store.answer(&fingerprint(name)))?, Some(answer(name, denied)));
    }
    Ok(())
}

fn a_spent_code_is_spent_for_later_units(place: &mut impl Workplace) -> Result<(), StoreError> {
    let client = registered(place, "spent");
    let grant = granted(place, &client)?;
    let code = code(&client, grant, "spent 1");
    place.unit(|store| {
        assert!(store.insert_code(&code)?);
        store.lock_code(&code.fingerprint)?;
        Ok(())
    })?;
    let spent = Code { spent: Some(2_000), reissues: 1, ..code };
    place.unit(|store| store.spend_code(&spent))?;
    let found = place.unit(|store| store.lock_code(&spent.fingerprint))?;
    assert_eq!(found, Some(spent));
    Ok(())
}

fn refresh_tokens_form_chains(place: &mut impl Workplace) -> Result<(), StoreError> {
    let client = registered(place, "chains");
    let (one, two) = (granted(place, &client)?, granted(place, &client)?);
    let link = |grant: GrantId, generation: i32| RefreshToken {
        fingerprint: fingerprint(&format!("{grant} {generation}")),
        grant,
        generation,
        created: 1_000 + i64::from(generation),
        expires: 9_000 + i64::from(generation),
        used: None,
        reissues: 0,
        repeats: 0,
        constraints: if generation == 0 { constraints() } else { TokenConstraints::default() },
    };
    for token in [link(one, 0), link(one, 1), link(two, 0)] {
        place.unit(|store| store.insert_refresh_token(&token))?;
    }
    let first = link(one, 0);
    let used = RefreshToken { used: Some(2_000), reissues: 2, repeats: 3, ..first.clone() };
    place.unit(|store| {
        let (token, grant) = store.lock_refresh_token(&first.fingerprint)?.expect("the token");
        assert_eq!((token, grant.id), (first.clone(), one));
        store.use_refresh_token(&used)
    })?;
    assert_eq!(place.unit(|store| store.refresh_token_of(one, 0))?, Some(used.clone()));
    assert_eq!(place.unit(|store| store.refresh_token_of(one, 1))?, Some(link(one, 1)));
    assert_eq!(place.unit(|store| store.refresh_token_of(two, 0))?, Some(link(two, 0)));
    assert_eq!(place.unit(|store| store.refresh_token_of(two, 1))?, None);
    assert_eq!(place.unit(|store| store.lock_refresh_token(&fingerprint("unknown")))?, None);
    place.unit(|store| store.end_grant(one, 3_000, EndReason::Revoked))?;
    for found in [
        place.unit(|store| store.lock_refresh_token(&first.fingerprint))?,
        place.unit(|store| store.refresh_token(&first.fingerprint))?,
    ] {
        let (token, grant) = found.expect("the token of an ended grant is found");
        assert_eq!((token, grant.is_ended()), (used.clone(), true));
    }
    Ok(())
}

fn a_static_token_is_found_with_its_standing(place: &mut impl Workplace) -> Result<(), StoreError> {
    let client = registered(place, "static");
    let grant = place.unit(|store| store.create_grant(&new_grant(&client, None)))?;
    let status = place.unit(|store| store.token_status(grant, &TokenId::NONE, &TokenId::NONE))?.expect("a status");
    let token = StaticToken {
        id: "contract-static-token".to_owned(),
        scope: scopes("records:write"),
        created: 1_000,
        expires: 4_102_444_800_000,
        last_used: None,
        status,
    };
    let print = fingerprint("static token");
    place.keep_static_token(&print, &token);
    assert_eq!(place.unit(|store| store.static_token(&print))?, Some(token.clone()));
    assert_eq!(place.unit(|store| store.static_token(&fingerprint("another")))?, None);
    place.unit(|store| store.end_grant(grant, 2_000, EndReason::Operator))?;
    let found = place.unit(|store| store.static_token(&print))?.expect("the token");
    assert_eq!(found.status.grant.state, ended(2_000, EndReason::Operator));
    place.unit(|store| store.end_static_token(&token.id))?;
    assert_eq!(place.unit(|store| store.static_token(&print))?, None);
    Ok(())
}

fn standing_tells_what_matters(place: &mut impl Workplace) -> Result<(), StoreError> {
    let (client, owner) = (registered(place, "counts"), place.owner());
    let id = place.unit(|store| store.create_grant(&new_grant(&client, Some(owner.clone()))))?;
    let own = place.unit(|store| store.create_grant(&new_grant(&client, None)))?;
    let (token, other) = (TokenId([1; 16]), TokenId([2; 16]));
    for grant in [id, own] {
        let status = place.unit(|store| store.token_status(grant, &token, &TokenId::NONE))?.expect("it stands");
        assert_eq!(Some(status.grant), place.unit(|store| store.grant(grant))?);
        assert!(status.owner_active && !status.client_disabled);
        assert!(!status.token_revoked && !status.answer_superseded);
    }
    place.unit(|store| store.revoke_token(&token, 9_000))?;
    place.unit(|store| store.revoke_token(&token, 9_000))?;
    for (one, two) in [(token, other), (other, token), (other, TokenId::NONE)] {
        let status = place.unit(|store| store.token_status(id, &one, &two))?.expect("it stands");
        assert_eq!((status.token_revoked, status.answer_superseded), (one == token, two == token));
    }

    place.deactivate(&owner);
    let status = place.unit(|store| store.token_status(id, &other, &TokenId::NONE))?.expect("the grant is known");
    assert!(!status.owner_active, "the owner is not active");
    assert!(
        place.unit(|store| store.token_status(own, &other, &TokenId::NONE))?.expect("it stands").owner_active,
        "it has no owner"
    );
    assert_eq!(place.unit(|store| store.token_status(GrantId::new(i64::MAX), &other, &TokenId::NONE))?, None);
    Ok(())
}

fn a_pushed_request_is_taken_once_and_by_its_client(place: &mut impl Workplace) -> Result<(), StoreError> {
    let (client, other) = (registered(place, "pushes"), registered(place, "pushes-other"));
    let request = PushedRequest {
        fingerprint: fingerprint("pushed 1"),
        client: client.id.clone(),
        parameters: "sealed-é".to_owned(),
        expires: 9_000,
    };
    place.unit(|store| store.push_request(&request))?;
    assert_eq!(place.unit(|store| store.take_pushed_request(&request.fingerprint, &other.id))?, None);
    assert_eq!(place.unit(|store| store.take_pushed_request(&fingerprint("pushed 2"), &client.id))?, None);
    assert_eq!(place.unit(|store| store.take_pushed_request(&request.fingerprint, &client.id))?, Some(request.clone()));
    assert_eq!(place.unit(|store| store.take_pushed_request(&request.fingerprint, &client.id))?, None);
    Ok(())
}

fn a_proof_counts_once(place: &mut impl Workplace) -> Result<(), StoreError> {
    assert!(place.unit(|store| store.use_proof(&[7; 32], 9_000))?);
    assert!(!place.unit(|store| store.use_proof(&[7; 32], 9_000))?);
    assert!(place.unit(|store| store.use_proof(&[8; 32], 9_000))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    #[derive(Default)]
    struct InMemory {
        store: MemoryStore,
        owners: usize,
    }

    impl Workplace for InMemory {
        fn unit<T>(&mut self, work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
            work(&mut self.store)
        }

        fn register(&mut self, client: &Client) {
            self.store.clients.push(client.clone());
        }

        fn keep_static_token(&mut self, fingerprint: &Fingerprint, token: &StaticToken) {
            self.store.static_tokens.push((fingerprint.clone(), token.clone()));
        }

        fn owner(&mut self) -> Subject {
            self.owners += 1;
            Subject::new(format!("owner-{}", self.owners))
        }

        fn deactivate(&mut self, owner: &Subject) {
            self.store.inactive.push(owner.as_str().to_owned());
        }
    }

    #[test]
    fn the_memory_store_keeps_the_promises() {
        check(&mut InMemory::default()).expect("memory does not fail");
    }
}
