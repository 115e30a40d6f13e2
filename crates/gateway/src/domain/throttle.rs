//! Slowing down guesses at passwords and codes, without locking a user out.
//!
//! Failed attempts are counted for several things at once: a name at an address, an address, a name wherever it is tried. After some
//! that are free, each makes the next wait twice as long, up to a limit of minutes; attempts that were told to wait count for nothing,
//! and what was counted is forgiven bit by bit. So the worst that strangers can do to a name is a short delay, and to a browser that
//! has logged in with it before not even that: it has a count of its own. [Why](../../../docs/decisions/0024-who-has-to-wait-at-the-log-in.md)
//!
//! The counts are in the database, so it does not matter which replica is asked, and keys are keyed hashes, so no typed
//! name is kept: it may have been the password.

use oauth::Keyring;

use crate::domain::ids::FactorKey;
use crate::platform::timestamp::Timestamp;

/// How long one kind of attempt has to wait. Times are in milliseconds.
#[derive(Debug, PartialEq, Eq)]
pub struct BackoffPolicy {
    name: &'static str,
    /// So many cost nothing.
    free: i64,
    /// The wait after those, doubled by each that follows.
    first: i64,
    /// The longest wait.
    longest: i64,
    /// After so long, one attempt is forgiven.
    decay: i64,
    /// A success ends the count; otherwise it only takes itself out.
    pub(crate) ends_with_success: bool,
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;

/// One name from one address: guesses at one user's password.
const NAME_AT_ADDRESS: BackoffPolicy = BackoffPolicy {
    name: "name at address",
    free: 5,
    first: 2 * SECOND,
    longest: 15 * MINUTE,
    decay: 10 * MINUTE,
    ends_with_success: true,
};

/// Any name from one address: one password tried on many users. The limit is higher, for an office may share one address.
const ADDRESS: BackoffPolicy = BackoffPolicy {
    name: "address",
    free: 50,
    first: 2 * SECOND,
    longest: 5 * MINUTE,
    decay: MINUTE,
    ends_with_success: false,
};

/// One name from any address: an attacker with many addresses. They can make the user wait too, so the wait is short.
const NAME: BackoffPolicy = BackoffPolicy {
    name: "name",
    free: 20,
    first: SECOND,
    longest: 30 * SECOND,
    decay: 2 * MINUTE,
    ends_with_success: false,
};

/// One name in one browser that has logged in with it before; instead of the others.
const DEVICE: BackoffPolicy = BackoffPolicy { name: "device", free: 10, ..NAME_AT_ADDRESS };

/// Codes of one user's authenticator app, on any page. Only a browser that knows the password gets so far.
const SECOND_FACTOR: BackoffPolicy = BackoffPolicy { name: "second factor", ..NAME_AT_ADDRESS };

/// Links for one name, asked for from anywhere: each is a letter to its user.
const RECOVERY_OF_NAME: BackoffPolicy = BackoffPolicy {
    name: "recovery of name",
    free: 3,
    first: 5 * MINUTE,
    longest: 60 * MINUTE,
    decay: 60 * MINUTE,
    ends_with_success: false,
};

/// Links for any name, asked for from one address.
const RECOVERY_AT_ADDRESS: BackoffPolicy = BackoffPolicy {
    name: "recovery at address",
    free: 20,
    first: MINUTE,
    longest: 30 * MINUTE,
    decay: 10 * MINUTE,
    ends_with_success: false,
};

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptState {
    /// How many, as of the last.
    pub failures: i64,
    /// When the last was, in milliseconds since the epoch.
    pub last: Timestamp,
}

impl BackoffPolicy {
    /// Until when the next attempt has to wait, if it has to.
    pub fn blocked_until(&self, record: AttemptState, now: Timestamp) -> Option<Timestamp> {
        let beyond = record.failures - self.free;
        if beyond < 0 {
            return None;
        }
        let doubled = u32::try_from(beyond).ok().and_then(|n| 1_i64.checked_shl(n)).filter(|n| *n > 0);
        let wait = self.first.saturating_mul(doubled.unwrap_or(i64::MAX));
        // A clock that was set back must not make anybody wait longer than the longest wait.
        let until = record.last.min(now) + wait.min(self.longest);
        (until > now).then_some(until)
    }

    /// One more.
    pub fn failed(&self, record: AttemptState, now: Timestamp) -> AttemptState {
        let forgiven = (now - record.last).max(0) / self.decay;
        AttemptState { failures: (record.failures - forgiven).max(0) + 1, last: now }
    }

    /// From when on the record says nothing any more.
    pub fn forgotten(&self, record: AttemptState) -> Timestamp {
        record.last + self.longest + record.failures.saturating_mul(self.decay)
    }
}

/// A thing that attempts are counted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptKey {
    pub(crate) key: [u8; 32],
    pub(crate) limit: &'static BackoffPolicy,
}

impl AttemptKey {
    fn of(keys: &Keyring, limit: &'static BackoffPolicy, parts: &[&str]) -> AttemptKey {
        let mut text = limit.name.to_owned();
        for part in parts {
            text.push('\0');
            text.push_str(part);
        }
        AttemptKey { key: keys.tag("attempts", text.as_bytes()), limit }
    }

    /// What a log-in with this name counts for.
    pub fn log_in(keys: &Keyring, name_key: &str, address: Option<&str>) -> Vec<AttemptKey> {
        let place = place(address);
        vec![
            AttemptKey::of(keys, &NAME_AT_ADDRESS, &[name_key, &place]),
            AttemptKey::of(keys, &ADDRESS, &[&place]),
            AttemptKey::of(keys, &NAME, &[name_key]),
        ]
    }

    /// What a link for a user who forgot their password counts for.
    pub fn recovery(keys: &Keyring, name_key: &str, address: Option<&str>) -> Vec<AttemptKey> {
        vec![
            AttemptKey::of(keys, &RECOVERY_OF_NAME, &[name_key]),
            AttemptKey::of(keys, &RECOVERY_AT_ADDRESS, &[&place(address)]),
        ]
    }

    /// What it counts for in a browser that is known to its owner.
    pub fn known_device(keys: &Keyring, name_key: &str, device: &str) -> Vec<AttemptKey> {
        vec![AttemptKey::of(keys, &DEVICE, &[name_key, device])]
    }

    /// The keys under which a wrong code of an authenticator app counts.
    pub fn second_factor(keys: &Keyring, of: FactorKey) -> Vec<AttemptKey> {
        vec![AttemptKey::of(keys, &SECOND_FACTOR, &[&of.to_string()])]
    }
}

/// The network of an address: an IPv6 site has at least 2⁶⁴ addresses (RFC 6177 §2).
pub fn place(address: Option<&str>) -> String {
    match address.map(str::parse) {
        Some(Ok(std::net::IpAddr::V6(ip))) if ip.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(Ok(ip)) => ip.to_canonical().to_string(),
        _ => String::new(),
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): whole seconds, at least one.
pub fn retry_after(until: Timestamp, now: Timestamp) -> i64 {
    ((until - now).max(1) + SECOND - 1) / SECOND
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    fn after(limit: &BackoffPolicy, failures: i64) -> i64 {
        limit.blocked_until(AttemptState { failures, last: ms(0) }, ms(0)).map_or(0, |until| until - ms(0))
    }

    #[test]
    fn attack_70_waits_grow_and_end() {
        let waits: Vec<i64> = (4..9).map(|n| after(&NAME_AT_ADDRESS, n) / SECOND).collect();
        assert_eq!(waits, [0, 2, 4, 8, 16]);
        for limit in [&NAME_AT_ADDRESS, &ADDRESS, &NAME, &DEVICE] {
            for failures in [limit.free + 30, limit.free + 62, limit.free + 63, limit.free + 64, 1 << 40] {
                assert_eq!(after(limit, failures), limit.longest, "{} after {failures}", limit.name);
            }
            let worst = AttemptState { failures: 1 << 40, last: ms(0) };
            assert_eq!(limit.blocked_until(worst, ms(limit.longest)), None, "never for ever");
            assert_eq!(
                limit.blocked_until(worst, ms(-3_600_000)),
                Some(ms(limit.longest - 3_600_000)),
                "a clock set back"
            );
        }
    }

    #[test]
    fn attack_70_what_was_counted_is_forgiven_bit_by_bit() {
        let record =
            (0..8).fold(AttemptState { failures: 0, last: ms(0) }, |record, _| NAME_AT_ADDRESS.failed(record, ms(0)));
        assert_eq!(record.failures, 8);
        assert_eq!(NAME_AT_ADDRESS.failed(record, ms(30 * MINUTE)).failures, 6);
        assert_eq!(NAME_AT_ADDRESS.failed(record, ms(30 * 24 * 60 * MINUTE)).failures, 1);
        assert!(NAME_AT_ADDRESS.forgotten(record) >= ms(8 * NAME_AT_ADDRESS.decay));
    }

    #[test]
    fn an_ipv6_neighbourhood_is_one_place() {
        assert_eq!(place(Some("2001:db8:1:2::5")), place(Some("2001:db8:1:2:ffff::1")));
        assert_ne!(place(Some("2001:db8:1:2::5")), place(Some("2001:db8:1:3::5")));
        assert_eq!(place(Some("::ffff:192.0.2.1")), "192.0.2.1");
        assert_eq!(place(None), "");
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(
            (
                retry_after(ms(1), ms(0)),
                retry_after(ms(1000), ms(0)),
                retry_after(ms(1001), ms(0)),
                retry_after(ms(0), ms(5))
            ),
            (1, 1, 2, 1)
        );
    }
}
