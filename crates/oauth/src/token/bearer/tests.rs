use super::*;
use crate::secret::{Prefix, generated};
use crate::store::{AccessTokens, Grants};
use crate::testing::{EXCHANGE, World, changed, records};

fn ask(world: &mut World, header: Option<&str>) -> Result<Access, BearerError> {
    let presented = BearerRequest { authorization: header, proof: None };
    world.run(|store, cx| check(store, cx, &presented, &records())).unwrap()
}

#[test]
fn attack_60_each_refusal_has_its_status_and_challenge() {
    #[track_caller]
    fn check(error: &BearerError, status: u16, challenge: &str) {
        assert_eq!((error.status(), error.www_authenticate().as_str()), (status, challenge));
    }
    let mut world = World::new();
    check(&ask(&mut world, None).unwrap_err(), 401, r#"Bearer realm="gateway""#);
    check(
        &ask(&mut world, Some("Bearer gwa_x")).unwrap_err(),
        401,
        r#"Bearer realm="gateway", error="invalid_token", error_description="The access token is not one of ours""#,
    );
    let code = world.code(&[("scope", "openid")]);
    let token = world.token(&changed(EXCHANGE, &[("code", &code)])).ok().unwrap().access_token;
    check(
        &ask(&mut world, Some(&format!("Bearer {token}"))).unwrap_err(),
        403,
        r#"Bearer realm="gateway", error="insufficient_scope", scope="records:write""#,
    );
}

#[test]
fn attack_62_no_other_secret_of_ours_opens_the_door() {
    let mut world = World::new();
    let tokens = world.tokens();
    let jwt = "eyJhbGciOiJub25lIn0.eyJhdWQiOiI4YWRmOGU2ZSJ9.".to_owned();
    let mut others: Vec<String> = Prefix::ALL.map(|prefix| generated(prefix, &mut |bytes| bytes.fill(3))).into();
    others.extend([tokens.refresh_token.unwrap(), jwt, "acme-secret".to_owned(), "é\"\\".to_owned()]);
    for other in others {
        let error = ask(&mut world, Some(&format!("Bearer {other}"))).unwrap_err();
        assert_eq!(error.status(), 401, "{other}");
        let description = error.to_string();
        assert!(description.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'), "{description}");
    }
}

#[test]
fn a_static_token_opens_the_door_until_it_expires_or_is_ended() {
    let mut world = World::new();
    let (header, id) = (format!("Bearer {}", world.static_token("t-1")), Some(Use::StaticToken("t-1".to_owned())));
    let access = ask(&mut world, Some(&header)).unwrap();
    assert_eq!((access.grant.client.as_str(), access.grant.subject, access.unwritten_use), ("acme", None, id));
    world.store.static_tokens[0].1.last_used = Some(world.now - 3_600_000);
    assert_eq!(ask(&mut world, Some(&header)).unwrap().unwritten_use, None, "noted to the hour");

    let said = |world: &mut World| ask(world, Some(&header)).unwrap_err().to_string();
    world.client("acme").disabled = true;
    assert!(said(&mut world).contains("switched off"));
    world.client("acme").disabled = false;
    world.client("acme").scopes = Scopes::parse("openid").unwrap();
    assert!(said(&mut world).contains("lacks the scope"), "it opens no more than its client may ask for");
    world.client("acme").scopes = Scopes::parse("records:write").unwrap();
    world.store.grants[0].state = GrantState::Ended { at: 1, reason: None };
    assert!(said(&mut world).contains("was ended"));
    world.store.grants[0].state = GrantState::Open;
    assert!(ask(&mut world, Some(&header)).is_ok());
    world.wait(86_400);
    assert!(said(&mut world).contains("expired"));
    world.store.static_tokens.clear();
    assert!(said(&mut world).contains("never one of ours"));
}

#[test]
fn attack_66_headers_of_any_shape_are_answered() {
    let mut world = World::new();
    let token = world.tokens().access_token;
    for good in [format!("bearer {token}"), format!("BEARER   {token} "), format!(" Bearer {token}")] {
        assert!(ask(&mut world, Some(&good)).is_ok(), "{good}");
    }
    let long = "x".repeat(10_000);
    for bad in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.clone(),
        "?".to_owned(),
        format!("Basic {token}"),
        format!("Bearer{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer {token}{long}"),
        format!("Bearer {}", token.to_uppercase()),
        long,
    ] {
        assert_eq!(ask(&mut world, Some(&bad)).unwrap_err().status(), 401, "{bad}");
    }
}

#[test]
fn a_token_counts_as_long_as_all_behind_it_does() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut World), said: &str) {
        let mut world = World::new();
        let header = format!("Bearer {}", world.tokens().access_token);
        let access = ask(&mut world, Some(&header)).unwrap();
        assert_eq!(access.grant.subject.unwrap().as_str(), "ada");
        change(&mut world);
        let error = ask(&mut world, Some(&header)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    check(|world| world.store.grants[0].state = GrantState::Ended { at: 1, reason: None }, "was ended");
    check(|world| world.store.inactive.push("ada".to_owned()), "deactivated");
    check(|world| world.client("acme").disabled = true, "switched off");
    check(|world| world.store.clients.clear(), "was deleted");
    check(|world| world.store.grants.clear(), "gone");
    check(|world| world.wait(3600), "expired");
}

#[test]
fn report_19_a_refusal_says_why_the_access_ended() {
    for reason in EndReason::ALL {
        let mut world = World::new();
        let tokens = world.tokens();
        let header = format!("Bearer {}", tokens.access_token);
        let now = world.now;
        world.store.end_grant(GrantId::new(1), now, reason).unwrap();
        // What became of the owner since is not the reason.
        world.store.inactive.push("ada".to_owned());
        let error = ask(&mut world, Some(&header)).unwrap_err();
        assert_eq!((error.status(), error.to_string().as_str()), (401, reason.refusal()));
        let refresh_token = tokens.refresh_token.unwrap();
        let refused = world.refresh(&refresh_token).err().unwrap();
        assert_eq!(refused.text(), reason.refusal());
    }
    let mut world = World::new();
    let header = format!("Bearer {}", world.static_token("t-1"));
    world.store.end_grant(GrantId::new(1), 1, EndReason::Operator).unwrap();
    assert_eq!(ask(&mut world, Some(&header)).unwrap_err().to_string(), InvalidToken::StaticTokenEnded.text());
}

#[test]
fn a_token_is_opened_without_the_store_and_judged_by_what_was_found() {
    let mut world = World::new();
    let header = format!("Bearer {}", world.tokens().access_token);
    let request = BearerRequest { authorization: Some(&header), proof: None };
    let opened = world.run(|_, cx| open(cx, &request)).unwrap();
    let LookUp::Grant(grant, token, response) = opened.look_up() else { panic!("it is a token of a grant") };
    let status = world.run(|store, _| store.token_status(grant, &token, &response)).unwrap().unwrap();
    let mut said = |found: FoundToken| {
        let judged = world.run(|_, cx| judge(cx, &opened, found, &records()));
        judged.map(|access| access.scope.to_string()).map_err(|error| error.code().name())
    };
    let in_state = |state| TokenStatus { grant: Grant { state, ..status.grant.clone() }, ..status.clone() };
    assert_eq!(said(FoundToken::Status(status.clone())), Ok("openid offline records:write".to_owned()));
    let transferred = FoundToken::Status(in_state(GrantState::Transferred { at: 1 }));
    assert_eq!(said(transferred), Ok("offline records:write".to_owned()), "it does not identify the new owner");
    for (status, code) in [
        (in_state(GrantState::Ended { at: 1, reason: Some(EndReason::Replaced) }), "ended_replaced"),
        (in_state(GrantState::Ended { at: 1, reason: None }), "grant_ended_before"),
        (TokenStatus { owner_active: false, ..status.clone() }, "owner_inactive"),
        (TokenStatus { client_disabled: true, ..status.clone() }, "client_disabled"),
        (TokenStatus { account_suspended: true, ..status.clone() }, "account_suspended"),
        (TokenStatus { token_revoked: true, ..status.clone() }, "token_revoked"),
        (TokenStatus { answer_superseded: true, ..status.clone() }, "token_superseded"),
    ] {
        assert_eq!(said(FoundToken::Status(status)), Err(code));
    }
    assert_eq!(said(FoundToken::Nothing(None)), Err("grant_gone"));
    assert_eq!(said(FoundToken::Nothing(Some(EndReason::AccountDeleted))), Err("ended_account_deleted"));
}
