//! Which refusals are told.

use super::*;

#[test]
fn a_few_refusals_among_many_requests_are_no_alarm() {
    let refused = |count, writes, method: &str, status| {
        codes(&with(|facts| {
            let method = method.to_owned();
            facts.refusals = Refusals(vec![Refusal { method, ..refusal("x", status, count, 3) }]);
            facts.activity.as_mut().expect("there is some").writes = writes;
        }))
    };
    assert_eq!(refused(9, 0, "POST", 409), []);
    assert_eq!(refused(10, 0, "POST", 409), [ReasonCode::RequestsRefused]);
    assert_eq!(refused(10, 5000, "POST", 409), []);
    assert_eq!(refused(100, 0, "GET", 404), [], "a look at what is not there");
    assert_eq!(refused(100, 0, "DELETE", 404), [ReasonCode::RequestsRefused]);
    assert_eq!(refused(100, 0, "POST", 429), []);
}

#[test]
fn refusals_since_the_last_success_are_all_there_is() {
    let refused = |success: i64, refusals: Vec<Refusal>| {
        codes(&with(|facts| {
            let activity = facts.activity.as_mut().expect("there is some");
            let at = NOW - success * 3_600_000;
            activity.last_success = Some(Moment { at, address: None });
            activity.writes = 5000;
            facts.refusals = Refusals(refusals);
        }))
    };
    let (early, late) = (refusal("uniqueness", 409, 8, 20), refusal("unknown_token", 401, 12, 2));
    assert_eq!(refused(6, vec![early.clone(), late.clone()]), [ReasonCode::AllRequestsRefused]);
    assert_eq!(refused(1, vec![early.clone(), late]), [], "it goes on");
    assert_eq!(refused(6, vec![early]), [], "it went on");
}

#[test]
fn a_token_that_expired_is_usual_unless_nothing_follows() {
    let refused = |success| {
        codes(&with(|facts| {
            facts.activity.as_mut().expect("there is some").last_success = moment(success);
            facts.refusals = Refusals(vec![refusal("token_expired", 401, 144, 3)]);
        }))
    };
    assert_eq!(refused(0), [], "it refreshes each time");
    assert_eq!(refused(2), [ReasonCode::AllRequestsRefused]);
}
