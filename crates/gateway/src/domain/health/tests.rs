//! The rule: each reason, what it takes, and what it does not take.

use std::collections::BTreeSet;

use oauth::EndReason;

use super::*;
use crate::domain::account::{LastAdministrator, OwnDeactivation, ServiceAccounts};
use crate::platform::timestamp::ms;

mod refusals;

/// Noon, two thousand days after the epoch: 24 June 1975.
const NOW: Timestamp = ms(2000 * DAY + DAY / 2);

fn at(days_ago: i64) -> Timestamp {
    NOW - days_ago * DAY
}

fn moment(days_ago: i64) -> Option<Moment> {
    Some(Moment { at: at(days_ago), address: Some("192.0.2.1".to_owned()) })
}

fn account() -> AccountFacts {
    AccountFacts { name: "acme".to_owned(), environments: 2, ..AccountFacts::default() }
}

fn connection() -> Connection {
    Connection {
        grant: 1,
        account: account(),
        created: at(100),
        used: Some(at(99)),
        refreshed: Some(at(0)),
        idle_end: Some(at(-180)),
        absolute_end: None,
        idle: 180 * DAY,
        absolute: None,
        owner_id: "robot".to_owned(),
        owner: "Robot".to_owned(),
        is_service_account: true,
        is_managed: false,
        co_owner: None,
        is_last: false,
    }
}

/// A client of which nothing bad can be said.
fn healthy() -> Facts {
    Facts {
        client: ClientFacts {
            name: "Okta".to_owned(),
            created: at(101),
            provisions: true,
            takes_secrets: true,
            replaces: true,
            ..ClientFacts::default()
        },
        account: Some(account()),
        is_recorded: true,
        recorded_since: Some(at(300)),
        activity: Some(Activity {
            last_request: moment(0),
            last_success: moment(0),
            last_token: moment(0),
            last_import: moment(3),
            days: Days { last: 2000, bits: 0b1110_0111_1100_1111 },
            writes: 10,
            writes_before: 10,
        }),
        connections: vec![connection()],
        secrets: vec![Credential { name: "first".to_owned(), created: at(101), expires: None, last_used: Some(at(0)) }],
        fields: FieldFacts { users: 400, role: Some(400), environments: Some(300), misspelt: Vec::new() },
        ..Facts::default()
    }
}

fn found(facts: &Facts) -> Finding {
    Finding::of(facts, &HealthPolicy::default(), NOW)
}

#[track_caller]
fn codes(facts: &Facts) -> Vec<ReasonCode> {
    found(facts).reasons.iter().map(|reason| reason.code).collect()
}

#[track_caller]
fn sentence(facts: &Facts, code: ReasonCode) -> String {
    let found = found(facts);
    let reason = found.reasons.iter().find(|reason| reason.code == code);
    reason.unwrap_or_else(|| panic!("no {code:?} in {:?}", found.reasons)).sentence.clone()
}

/// What the facts are once they are changed.
fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = healthy();
    change(&mut facts);
    facts
}

fn refusal(code: &str, status: i32, count: i64, hours_ago: i64) -> Refusal {
    let at = NOW - hours_ago * 3_600_000;
    Refusal {
        code: Some(code.to_owned()),
        endpoint: "/scim/v2/Users".to_owned(),
        method: "POST".to_owned(),
        status,
        count,
        first: at,
        last: at,
    }
}

fn credential(name: &str, expires_in: Option<i64>, used: Option<i64>) -> Credential {
    Credential {
        name: name.to_owned(),
        created: at(50),
        expires: expires_in.map(|days| NOW + days * DAY),
        last_used: used.map(at),
    }
}

/// A client that signs by these keys.
fn signing(keys: Vec<Option<Timestamp>>) -> Facts {
    with(|facts| {
        (facts.client.takes_secrets, facts.client.has_keys, facts.client.keys) = (false, true, keys);
        facts.secrets.clear();
    })
}

/// Each reason with facts that give it, and it alone.
fn examples() -> Vec<(ReasonCode, Facts)> {
    use ReasonCode as R;
    let owner = |change: fn(&mut Connection)| with(|facts| change(&mut facts.connections[0]));
    let ended = |reason| {
        with(|facts| {
            facts.connections.clear();
            let owner = Some("Ada Lovelace".to_owned());
            facts.ended = Some(Ended { at: at(1), created: at(100), reason: Some(reason), owner, was_used: true });
        })
    };
    let static_token = |token: Credential| {
        with(|facts| {
            facts.connections.clear();
            facts.secrets[0].last_used = None;
            facts.tokens = vec![token];
        })
    };
    vec![
        (R::AccountSuspended, with(|facts| facts.client.suspended = Some(Timestamp::EPOCH))),
        (R::ClientDisabled, with(|facts| facts.client.disabled = true)),
        (R::ConnectionEnded, ended(EndReason::OwnerDeactivated)),
        (R::ConnectionExpired, owner(|connection| connection.idle_end = Some(at(2)))),
        (R::SecretsExpired, with(|facts| facts.secrets[0].expires = Some(at(2)))),
        (R::StaticTokensExpired, static_token(credential("nightly", Some(-2), Some(2)))),
        (
            R::AllRequestsRefused,
            with(|facts| {
                facts.refusals = Refusals(vec![refusal("unknown_token", 401, 12, 5)]);
                facts.activity.iter_mut().for_each(|activity| activity.last_success = moment(2));
            }),
        ),
        (R::ConnectionExpiresUnused, owner(|connection| connection.idle_end = Some(at(-20)))),
        (
            R::ConnectionExpires,
            owner(|connection| {
                connection.absolute = Some(365 * DAY);
                connection.absolute_end = Some(at(-20));
                connection.idle_end = Some(at(-20));
            }),
        ),
        (R::SecretExpires, with(|facts| facts.secrets[0].expires = Some(at(-20)))),
        (
            R::SecretInUseExpired,
            with(|facts| {
                facts.secrets = vec![credential("old", Some(-1), Some(2)), credential("new", Some(300), None)];
            }),
        ),
        (R::StaticTokenExpires, static_token(credential("nightly", Some(20), Some(0)))),
        (
            R::StaticTokenInUseExpired,
            with(|facts| {
                facts.tokens = vec![credential("old", Some(-1), Some(2)), credential("new", Some(300), None)];
            }),
        ),
        (R::KeysExpired, signing(vec![Some(at(9)), Some(at(2))])),
        (R::KeyExpires, signing(vec![Some(at(9)), Some(at(-2))])),
        (R::OwnerIsManaged, {
            owner(|connection| {
                connection.is_managed = true;
                connection.account.service_accounts = ServiceAccounts::Writable;
            })
        }),
        (R::OwnerIsPerson, owner(|connection| connection.is_service_account = false)),
        (R::RequestsRefused, with(|facts| facts.refusals = Refusals(vec![refusal("uniqueness", 409, 10, 3)]))),
        (
            R::TokenRequestsRefused,
            with(|facts| {
                let endpoint = "/oauth2/token".to_owned();
                facts.refusals = Refusals(vec![Refusal { endpoint, ..refusal("invalid_client", 401, 10, 3) }]);
                let activity = facts.activity.as_mut().expect("there is some");
                (activity.last_token, activity.last_success) = (moment(1), moment(1));
            }),
        ),
        (
            R::Silent,
            with(|facts| {
                let activity = facts.activity.as_mut().expect("there is some");
                (activity.last_request, activity.last_token) = (moment(8), moment(8));
                facts.secrets[0].last_used = None;
                facts.connections[0].refreshed = Some(at(8));
            }),
        ),
        (R::RoleNeverArrives, with(|facts| facts.fields.role = Some(0))),
        (
            R::AccessAttributeMisspelt,
            with(|facts| {
                facts.fields.misspelt = vec![Misspelt {
                    name: "product_environment".to_owned(),
                    nearest: "product_environments".to_owned(),
                    count: 40,
                    last: Some(at(0)),
                }];
            }),
        ),
        (
            R::PendingMembers,
            with(|facts| {
                let (member, group) = ("ana@acme.test".to_owned(), "Editors".to_owned());
                facts.pending = Some(Pending { count: 1, more: false, since: at(2), member, group });
            }),
        ),
        (
            R::NeverConnected,
            Facts {
                activity: None,
                connections: Vec::new(),
                secrets: vec![credential("first", None, None)],
                fields: FieldFacts::default(),
                ..healthy()
            },
        ),
        (
            R::OwnerHasCoOwner,
            owner(|connection| {
                connection.is_service_account = false;
                connection.co_owner = Some("Eve Adams".to_owned());
            }),
        ),
        (R::OwnerIsProtected, owner(|connection| connection.is_managed = true)),
        (R::OwnerIsLast, owner(|connection| connection.is_last = true)),
        (R::SeveralConnections, with(|facts| facts.connections.push(connection()))),
        (
            R::RoleIsDefault,
            with(|facts| {
                facts.fields.role = Some(0);
                let account = facts.account.as_mut().expect("there is one");
                account.default_role = Some("reports".to_owned());
            }),
        ),
        (R::EnvironmentsNeverArrive, with(|facts| facts.fields.environments = Some(0))),
        (R::NeedsTolerances, with(|facts| facts.tolerances = vec!["boolean_strings".to_owned()])),
        (R::NotRecorded, with(|facts| facts.is_recorded = false)),
    ]
}

#[test]
fn each_reason_is_given_by_its_facts_alone_and_decides_the_state() {
    assert_eq!(found(&healthy()), Finding { state: HealthState::Ok, reasons: Vec::new() });
    let examples = examples();
    let tried: BTreeSet<ReasonCode> = examples.iter().map(|(code, _)| *code).collect();
    assert_eq!(tried, ReasonCode::ALL.iter().copied().collect(), "each has an example");
    for (code, facts) in examples {
        let finding = found(&facts);
        assert_eq!(codes(&facts), [code], "{:?}", finding.reasons);
        let state = match code.severity() {
            Severity::Information => HealthState::Ok,
            Severity::NeverUsed => HealthState::NeverUsed,
            Severity::Attention => HealthState::Attention,
            Severity::Broken => HealthState::Broken,
        };
        assert_eq!(finding.state, state, "{code:?}");
        let reason = &finding.reasons[0];
        assert!(reason.sentence.ends_with('.') && reason.sentence.len() > 30, "{}", reason.sentence);
        assert!(reason.since.is_none_or(|since| since <= NOW), "{code:?} began");
    }
}

#[test]
fn the_worst_reason_decides_and_stands_first() {
    let facts = with(|facts| {
        facts.client.disabled = true;
        facts.connections[0].is_service_account = false;
        facts.connections[0].is_last = true;
    });
    assert_eq!(codes(&facts), [ReasonCode::ClientDisabled, ReasonCode::OwnerIsPerson, ReasonCode::OwnerIsLast]);
    assert_eq!(found(&facts).state, HealthState::Broken);
}

#[test]
fn what_is_told_can_be_read_to_a_customer() {
    use ReasonCode as R;
    let told: Vec<(R, String)> = examples().into_iter().map(|(code, facts)| (code, sentence(&facts, code))).collect();
    let sentence = |code: R| told.iter().find(|(known, _)| *known == code).map(|(_, text)| text.as_str());
    assert_eq!(
        sentence(R::ConnectionEnded),
        Some("The connection of Okta ended on 23 June 1975: the user it belongs to, Ada Lovelace, was deactivated.")
    );
    assert_eq!(
        sentence(R::ConnectionExpired),
        Some("The connection of Okta expired on 22 June 1975: it was last renewed on 24 June 1975.")
    );
    assert_eq!(
        sentence(R::ConnectionExpiresUnused),
        Some(
            "The connection of Okta expires on 14 July 1975, in 20 days unless it is used before; it was last renewed on 24 June 1975."
        )
    );
    assert_eq!(
        sentence(R::SecretExpires),
        Some("The client secret “first” of Okta expires on 14 July 1975, in 20 days.")
    );
    assert_eq!(
        sentence(R::SecretInUseExpired),
        Some(
            "The client secret “old”, which Okta used last, expired on 23 June 1975; no other one has been used since."
        )
    );
    assert_eq!(
        sentence(R::Silent),
        Some(
            "Okta was last there on 16 June 1975, 8 days ago; before that it was never silent for longer than 3 days."
        )
    );
    assert_eq!(
        sentence(R::RequestsRefused),
        Some("10 requests of Okta were refused within the last day: uniqueness 10 times.")
    );
    assert_eq!(
        sentence(R::PendingMembers),
        Some(
            "A member of groups is named who does not exist, for more than a day: “ana@acme.test” in the group “Editors” since 22 June \
             1975."
        )
    );
}

#[test]
fn a_connection_that_is_renewed_often_is_never_told_to_expire() {
    let renewed = |idle: i64, left: i64| {
        codes(&with(|facts| {
            facts.connections[0].idle = idle;
            facts.connections[0].idle_end = Some(NOW + left);
        }))
    };
    assert_eq!(renewed(DAY, DAY / 2), [], "used every hour, it is good for a day");
    assert_eq!(renewed(DAY, DAY / 5), [ReasonCode::ConnectionExpiresUnused]);
    assert_eq!(renewed(3650 * DAY, 31 * DAY), []);
    assert_eq!(renewed(3650 * DAY, 29 * DAY), [ReasonCode::ConnectionExpiresUnused]);
}

#[test]
fn a_client_has_as_many_ways_in_as_it_has_credentials() {
    let ended = || {
        with(|facts| {
            facts.connections.clear();
            facts.ended = Some(Ended {
                at: at(1),
                created: at(100),
                reason: Some(EndReason::Operator),
                owner: None,
                was_used: true,
            });
        })
    };
    assert_eq!(codes(&ended()), [ReasonCode::ConnectionEnded]);
    let mut by_token = ended();
    by_token.tokens = vec![credential("nightly", Some(100), Some(0))];
    assert_eq!(codes(&by_token), [], "a static token is a way in");
    let mut federated = ended();
    (federated.client.by_credentials, federated.own_grant) = (true, Some(at(10)));
    assert_eq!(codes(&federated), [], "its own credentials are, which it has used since");
    federated.own_grant = Some(at(200));
    assert_eq!(codes(&federated), [ReasonCode::ConnectionEnded], "and are not where a user connected it later");
    let mut two = healthy();
    two.connections.push(Connection { idle_end: Some(at(1)), ..connection() });
    assert_eq!(codes(&two), [], "of two connections one has expired");
}

#[test]
fn only_the_secret_that_is_in_use_is_told_of() {
    let secrets = |secrets: Vec<Credential>| codes(&with(|facts| facts.secrets = secrets));
    let (old, new) = (credential("old", Some(5), Some(9)), credential("new", Some(300), Some(0)));
    assert_eq!(secrets(vec![old.clone(), new.clone()]), [], "the newer one is in use");
    assert_eq!(secrets(vec![credential("old", Some(-5), Some(9)), new]), [], "so the older one may expire");
    let unused = credential("new", Some(300), None);
    assert_eq!(secrets(vec![old.clone(), unused.clone()]), [ReasonCode::SecretExpires]);
    let told = sentence(&with(|facts| facts.secrets = vec![old, unused]), ReasonCode::SecretExpires);
    assert!(told.ends_with("A newer one, “new”, is there and has not been used yet."), "{told}");
    let both = vec![credential("a", Some(-5), Some(9)), credential("b", Some(-1), None)];
    assert_eq!(secrets(both), [ReasonCode::SecretsExpired]);
    let federated = with(|facts| {
        facts.client.has_keys = true;
        facts.secrets = vec![credential("unused", Some(-5), None)];
    });
    assert_eq!(codes(&federated), [], "it has keys, and never used its secret");
    let signs = with(|facts| {
        facts.client.takes_secrets = false;
        facts.secrets = vec![credential("left over", Some(-5), Some(9))];
    });
    assert_eq!(codes(&signs), [], "by private_key_jwt no secret counts");
}

#[test]
fn silence_is_measured_by_the_clients_own_habits() {
    let silent = |bits: i64, days: i64| {
        codes(&with(|facts| {
            let activity = facts.activity.as_mut().expect("there is some");
            activity.days = Days { last: 2000 - days, bits };
            (activity.last_request, activity.last_token) = (moment(days), moment(days));
            facts.secrets[0].last_used = None;
            facts.connections[0].refreshed = Some(at(days));
        }))
    };
    let weekly = 0b1000_0001_0000_0010_0000_0100_0000_1000_0001_0000_0011;
    assert_eq!(silent(0b11_1111, 6), [], "a week is nothing");
    assert_eq!(silent(0b11_1111, 7), [ReasonCode::Silent]);
    assert_eq!(silent(weekly, 13), [], "a client that comes once a week is waited for");
    assert_eq!(silent(weekly, 16), [ReasonCode::Silent]);
    assert_eq!(silent(0b1000_0000_0000_0000_0000_0000_0000_0001, 61), [], "twice in two months is no habit");
    let unheard = with(|facts| {
        let activity = facts.activity.as_mut().expect("there is some");
        (activity.last_request, activity.last_token) = (moment(20), moment(20));
        facts.secrets[0].last_used = None;
        facts.connections[0].refreshed = None;
        facts.recorded_since = Some(at(2));
    });
    assert_eq!(codes(&unheard), [], "it would not have been heard");
}

#[test]
fn an_owner_is_protected_by_the_accounts_policies() {
    let owned = |change: fn(&mut Connection)| {
        codes(&with(|facts| {
            let connection = &mut facts.connections[0];
            (connection.is_service_account, connection.is_managed) = (false, true);
            change(connection);
        }))
    };
    assert_eq!(owned(|_| ()), [ReasonCode::OwnerIsManaged, ReasonCode::OwnerIsPerson]);
    let refuse = |connection: &mut Connection| connection.account.own_deactivation = OwnDeactivation::Refuse;
    assert_eq!(owned(refuse), [ReasonCode::OwnerIsPerson, ReasonCode::OwnerIsProtected]);
    let keeps = |connection: &mut Connection| {
        connection.account.last_administrator = LastAdministrator::Keep;
        connection.is_last = true;
    };
    assert_eq!(owned(keeps), [ReasonCode::OwnerIsPerson, ReasonCode::OwnerIsProtected, ReasonCode::OwnerIsLast]);
    let passes = |connection: &mut Connection| connection.co_owner = Some("Eve".to_owned());
    assert_eq!(owned(passes), [ReasonCode::OwnerHasCoOwner]);
}

#[test]
fn nothing_is_said_of_attributes_before_there_are_enough_users() {
    let fields = |users, environments: usize| {
        codes(&with(|facts| {
            facts.fields = FieldFacts { users, role: Some(0), environments: Some(0), misspelt: Vec::new() };
            facts.account.as_mut().expect("there is one").environments = environments;
        }))
    };
    assert_eq!(fields(9, 2), []);
    assert_eq!(fields(10, 2), [ReasonCode::RoleNeverArrives, ReasonCode::EnvironmentsNeverArrive]);
    assert_eq!(fields(10, 1), [ReasonCode::RoleNeverArrives], "there is nothing to choose from");
}

#[test]
fn connections_into_several_accounts_are_not_several_of_one() {
    let other = AccountFacts { name: "zeta".to_owned(), ..account() };
    let two = with(|facts| facts.connections.push(Connection { account: other, ..connection() }));
    assert_eq!(codes(&two), []);
    let told = sentence(&with(|facts| facts.connections.push(connection())), ReasonCode::SeveralConnections);
    assert!(
        told.starts_with("Okta has 2 live connections in acme, of Robot (accepted on 16 March 1975) and "),
        "{told}"
    );
}

#[test]
fn a_client_without_the_scope_for_provisioning_is_judged_by_its_credentials() {
    let plain = with(|facts| {
        facts.client.provisions = false;
        facts.connections.clear();
        facts.activity.as_mut().expect("there is some").last_request = None;
    });
    assert_eq!(codes(&plain), []);
}
