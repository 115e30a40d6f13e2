//! One-time passwords by the clock (RFC 6238): the second factor of people who log in with a password.
//!
//! What every authenticator app understands without being told: SHA-1, six digits, thirty seconds. SHA-1 is sound in HMAC
//! (RFC 6238 §1.2). One step before and after now is accepted, for clocks go wrong (§5.2). The caller stores the last step that
//! was used, so that each code counts once.

use ring::hmac;
use zeroize::Zeroizing;

use crate::platform::timestamp::Timestamp;

/// Seconds for which a password stands.
const STEP: i64 = 30;
/// How many steps a clock may be wrong.
const SKEW: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the server and an authenticator app share: 160 bits, as RFC 4226 §4 recommends.
pub struct Secret(Zeroizing<[u8; 20]>);

impl Secret {
    /// A new one.
    pub fn generate(entropy: impl FnOnce(&mut [u8])) -> Secret {
        let mut bytes = Zeroizing::new([0; 20]);
        entropy(&mut *bytes);
        Secret(bytes)
    }

    /// Out of storage.
    pub fn from_bytes(bytes: &[u8]) -> Option<Secret> {
        bytes.try_into().ok().map(|bytes| Secret(Zeroizing::new(bytes)))
    }

    /// For storage, where it is sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }

    /// To be typed into an app, in groups of four (RFC 4648 §6).
    pub fn text(&self) -> String {
        let letters = self.base32();
        let groups: Vec<&str> =
            letters.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
        groups.join(" ")
    }

    fn base32(&self) -> String {
        // 160 bits are 32 letters exactly: nothing is padded.
        let bits = self.0.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        let bits: Vec<u8> = bits.collect();
        bits.chunks(5)
            .map(|five| five.iter().fold(0, |number, bit| number << 1 | usize::from(*bit)))
            .map(|number| char::from(BASE32[number]))
            .collect()
    }

    /// What a QR code says to an app (the key URI format that all of them read).
    pub fn uri(&self, issuer: &str, user: &str) -> String {
        let escaped = |text: &str| {
            text.bytes().fold(String::new(), |mut out, byte| {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
                    other => out.push_str(&format!("%{other:02X}")),
                }
                out
            })
        };
        let (issuer, user) = (escaped(issuer), escaped(user));
        format!("otpauth://totp/{issuer}:{user}?secret={}&issuer={issuer}", self.base32())
    }

    /// The time step that this time (milliseconds since the epoch) falls into.
    pub fn step_at(now: Timestamp) -> i64 {
        now.millis().div_euclid(1000 * STEP)
    }

    /// The password of a time step.
    pub fn password(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        // RFC 4226 §5.3: four bytes from where the last nibble points.
        let from = usize::from(tag.last().copied().unwrap_or(0) & 0xf);
        let number = tag[from..from + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }

    /// The step whose password this is, at this time (milliseconds since the epoch) or a step beside it, and later than
    /// `used`, the step that was used last. Spaces are forgiven: apps show them.
    pub fn step(&self, text: &str, now: Timestamp, used: i64) -> Option<i64> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if digits.len() != 6 {
            return None;
        }
        let current = Secret::step_at(now);
        let steps = (current - SKEW..=current + SKEW).filter(|step| *step > used);
        // Each is compared whole, so that nothing is learned of the digits.
        steps.fold(None, |found, step| match same(&self.password(step), &digits) {
            true => Some(step),
            false => found,
        })
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn same(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq;
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    fn of_the_rfc() -> Secret {
        Secret::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn the_passwords_are_those_of_rfc_6238() {
        // Appendix B, the last six of its eight digits.
        for (seconds, password) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = of_the_rfc().step(password, ms(seconds * 1000), i64::MIN);
            assert_eq!(step, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_password_counts_once_and_a_clock_may_be_a_step_wrong() {
        let (secret, now) = (of_the_rfc(), 1_111_111_111_000);
        let step = secret.step("050 471", ms(now), 0).unwrap();
        assert_eq!(secret.step("050471", ms(now), step), None, "used");
        assert_eq!(secret.step("050471", ms(now + 30_000), 0), Some(step));
        assert_eq!(secret.step("050471", ms(now - 30_000), 0), Some(step));
        assert_eq!(secret.step("050471", ms(now + 60_000), 0), None);
        for wrong in ["", "05047", "0504711", "050472", "ü50471", "-50471"] {
            assert_eq!(secret.step(wrong, ms(now), 0), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_is_told_in_base32_and_by_a_uri() {
        let secret = of_the_rfc();
        assert_eq!(secret.text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(
            secret.uri("Media: Prov", "ada@acme.test"),
            "otpauth://totp/Media%3A%20Prov:ada%40acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Media%3A%20Prov"
        );
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
