//! What a client proves itself by, and when that expires. A credential that another one is used in place of is not told of: it can be
//! ended or left to expire.

use super::facts::Credential;
use super::{Facts, HealthPolicy, Reason, ReasonCode, ahead};
use crate::domain::wording::day;
use crate::platform::timestamp::Timestamp;

pub(super) fn judge(facts: &Facts, policy: &HealthPolicy, now: Timestamp, reasons: &mut Vec<Reason>) {
    let lives = facts.connections.iter().any(|connection| connection.lives(now));
    let uses_secrets = facts.secrets.iter().any(|secret| secret.last_used.is_some());
    // A client that only pastes a token was given a secret too, and one with keys may have no use for its own.
    let needs_secrets =
        facts.client.takes_secrets && (uses_secrets || (facts.tokens.is_empty() && !facts.client.has_keys));
    if needs_secrets {
        let kind = Kind {
            noun: "client secret",
            all_expired: (!facts.client.has_keys && !facts.has_token(now)).then_some(ReasonCode::SecretsExpired),
            in_use_expired: ReasonCode::SecretInUseExpired,
            expires: ReasonCode::SecretExpires,
        };
        kind.judge(&facts.client.name, &facts.secrets, policy, now, reasons);
    }
    let tokens = Kind {
        noun: "static token",
        all_expired: (!lives && !facts.works_by_credentials_of_its_own()).then_some(ReasonCode::StaticTokensExpired),
        in_use_expired: ReasonCode::StaticTokenInUseExpired,
        expires: ReasonCode::StaticTokenExpires,
    };
    tokens.judge(&facts.client.name, &facts.tokens, policy, now, reasons);
    keys(facts, policy, now, reasons);
}

impl Facts {
    /// Whether it gets tokens by its own credentials, as far as that is known: the grant behind them is also there for static tokens.
    fn works_by_credentials_of_its_own(&self) -> bool {
        let token = self.activity.as_ref().and_then(|activity| activity.last_token.as_ref());
        self.works_by_credentials() && token.is_some()
    }
}

/// A kind of credentials.
struct Kind {
    noun: &'static str,
    /// What it means that all have expired; `None`: there is another way in.
    all_expired: Option<ReasonCode>,
    in_use_expired: ReasonCode,
    expires: ReasonCode,
}

impl Kind {
    fn judge(
        &self,
        client: &str,
        credentials: &[Credential],
        policy: &HealthPolicy,
        now: Timestamp,
        reasons: &mut Vec<Reason>,
    ) {
        let Some(in_use) = in_use(credentials) else { return };
        let Some(expires) = in_use.expires else { return };
        let noun = self.noun;
        let called = format!("{noun} “{}”", in_use.name);
        if in_use.lives(now) {
            if expires - now >= policy.expiry {
                return;
            }
            let newer = credentials.iter().find(|other| {
                other.last_used.is_none() && other.expires.is_none_or(|end| end > expires) && *other != in_use
            });
            let newer = match newer {
                Some(newer) => format!(" A newer one, “{}”, is there and has not been used yet.", newer.name),
                None => String::new(),
            };
            let sentence = format!("The {called} of {client} expires {}.{newer}", ahead(expires, now));
            reasons.push(Reason::new(self.expires, expires - policy.expiry, sentence));
            return;
        }
        if !credentials.iter().any(|credential| credential.lives(now)) {
            let latest = credentials.iter().filter_map(|credential| credential.expires).max().unwrap_or(expires);
            let sentence = match credentials.len() {
                1 => format!("The {called} of {client} expired on {}, and there is no other.", day(expires)),
                several => format!("All {several} {noun}s of {client} have expired, the last on {}.", day(latest)),
            };
            reasons.push(Reason::new(self.all_expired.unwrap_or(self.in_use_expired), latest, sentence));
        } else if in_use.last_used.is_some() {
            let sentence = format!(
                "The {called}, which {client} used last, expired on {}; no other one has been used since.",
                day(expires)
            );
            reasons.push(Reason::new(self.in_use_expired, expires, sentence));
        }
    }
}

/// The credential that the client uses: the one that was used last. Where none was used, the one that lasts longest.
fn in_use(credentials: &[Credential]) -> Option<&Credential> {
    let used = credentials.iter().filter(|credential| credential.last_used.is_some());
    // Uses are kept to the hour: of two in one hour the one that lasts longer is meant.
    let lasts = |credential: &&Credential| (credential.expires.is_none(), credential.expires);
    used.max_by_key(|credential| (credential.last_used, lasts(credential)))
        .or_else(|| credentials.iter().max_by_key(lasts))
}

/// Registered keys that say when they expire.
fn keys(facts: &Facts, policy: &HealthPolicy, now: Timestamp, reasons: &mut Vec<Reason>) {
    let keys = &facts.client.keys;
    if keys.is_empty() || keys.iter().any(Option::is_none) {
        return;
    }
    let by_secret = |secret: &Credential| secret.lives(now) && secret.last_used.is_some();
    if facts.client.takes_secrets && facts.secrets.iter().any(by_secret) {
        return;
    }
    let Some(latest) = keys.iter().flatten().max().copied() else { return };
    let client = &facts.client.name;
    if latest <= now {
        let sentence = format!("The registered keys of {client} have expired, the last on {}.", day(latest));
        reasons.push(Reason::new(ReasonCode::KeysExpired, latest, sentence));
    } else if latest - now < policy.expiry {
        let sentence = format!("The last registered key of {client} expires {}.", ahead(latest, now));
        reasons.push(Reason::new(ReasonCode::KeyExpires, latest - policy.expiry, sentence));
    }
}
