//! What comes from the client, what does not come any more, and what is refused.

use super::facts::{Refusal, Refusals};
use super::{Activity, DAY, Facts, HealthPolicy, Reason, ReasonCode, of_days, times};
use crate::domain::wording::{day, format_time};
use crate::platform::timestamp::Timestamp;

/// A pause of so many times the longest one is no usual pause.
const UNUSUAL: i64 = 2;

pub(super) fn judge(facts: &Facts, policy: &HealthPolicy, now: Timestamp, reasons: &mut Vec<Reason>) {
    silence(facts, policy, now, reasons);
    let writes = facts.activity.as_ref().map_or(0, |activity| activity.recent_writes(now));
    let success = facts.activity.as_ref().and_then(|activity| activity.last_success.as_ref()).map(|moment| moment.at);
    let name = &facts.client.name;
    let most = policy.refused_requests as i64;
    let since_success = |refusal: &Refusal| success.is_none_or(|success| refusal.first > success);
    let all = facts.refusals.of(|refusal| refusal.is_alarming() && since_success(refusal));
    let some = facts.refusals.of(|refusal| refusal.is_alarming() && !refusal.is_usual());
    if all.count() >= most {
        let sentence = format!(
            "{} requests of {name} were refused since {}, and none was accepted: {}.",
            all.count(),
            format_time(all.first()),
            all.kinds()
        );
        reasons.push(Reason::new(ReasonCode::AllRequestsRefused, all.first(), sentence));
    } else if some.count() >= most && some.count() * 100 >= policy.refused_percent * (some.count() + writes) {
        let sentence =
            format!("{} requests of {name} were refused within the last day: {}.", some.count(), some.kinds());
        reasons.push(Reason::new(ReasonCode::RequestsRefused, some.first(), sentence));
    }
    let token = facts.activity.as_ref().and_then(|activity| activity.last_token.as_ref()).map(|moment| moment.at);
    let refused = facts.refusals.of(Refusal::is_of_tokens);
    let since = refused.first();
    if refused.count() >= policy.refused_requests as i64 && success.max(token).is_none_or(|granted| granted < since) {
        let sentence = format!(
            "{} requests for a token that name {name} were refused within the last day, and none was granted: {}.",
            refused.count(),
            refused.kinds()
        );
        reasons.push(Reason::new(ReasonCode::TokenRequestsRefused, since, sentence));
    }
}

/// Silence is told only of a client whose habits are known, and only for as long as it would have been heard.
fn silence(facts: &Facts, policy: &HealthPolicy, now: Timestamp, reasons: &mut Vec<Reason>) {
    let (Some(Activity { days, .. }), Some(recorded)) = (&facts.activity, facts.recorded_since) else { return };
    let (Some(longest), Some(last)) = (days.longest_pause(), facts.last_sign()) else { return };
    if !facts.is_recorded || facts.client.disabled {
        return;
    }
    let usual = policy.silence.max(UNUSUAL * longest * DAY);
    let heard_from = last.max(recorded);
    if now - heard_from < usual {
        return;
    }
    let sentence = format!(
        "{} was last there on {}, {} ago; before that it was never silent for longer than {}.",
        facts.client.name,
        day(last),
        of_days((now - last) / DAY),
        of_days(longest)
    );
    reasons.push(Reason::new(ReasonCode::Silent, last, sentence));
}

impl Refusal {
    /// Whether something is wrong with a request to the SCIM endpoint. A look at what is not there is none, and a client that is told to
    /// come later comes later.
    fn is_alarming(&self) -> bool {
        let is_look = self.status == 404 && self.method == "GET";
        self.endpoint.starts_with("/scim/") && !is_look && !matches!(self.status, 412 | 429 | 503)
    }

    /// Whether a client that works is refused so each time that its access token expires.
    fn is_usual(&self) -> bool {
        self.code.as_deref() == Some("token_expired")
    }

    fn is_of_tokens(&self) -> bool {
        self.endpoint == "/oauth2/token" && self.status < 500 && self.status != 429
    }
}

/// Some of the refusals.
struct Chosen<'r>(Vec<&'r Refusal>);

impl Refusals {
    fn of(&self, which: impl Fn(&Refusal) -> bool) -> Chosen<'_> {
        Chosen(self.0.iter().filter(|refusal| which(refusal)).collect())
    }
}

impl Chosen<'_> {
    fn count(&self) -> i64 {
        self.0.iter().map(|refusal| refusal.count).sum()
    }

    fn first(&self) -> Timestamp {
        self.0.iter().map(|refusal| refusal.first).min().unwrap_or(Timestamp::MAX)
    }

    /// `uniqueness 12 times, invalid_value once`
    fn kinds(&self) -> String {
        let mut by_code: Vec<(String, i64)> = Vec::new();
        for refusal in &self.0 {
            let code = refusal.code.clone().unwrap_or_else(|| format!("status {}", refusal.status));
            match by_code.iter_mut().find(|(known, _)| *known == code) {
                Some((_, count)) => *count += refusal.count,
                None => by_code.push((code, refusal.count)),
            }
        }
        by_code.sort_by(|(name, one), (other_name, other)| (other, name).cmp(&(one, other_name)));
        let told: Vec<String> = by_code.iter().map(|(code, count)| format!("{code} {}", times(*count))).collect();
        super::listed(&told)
    }
}
