//! Requests, by their ids: the same id stands in the answer (`X-Request-Id`), in the log, in the audit trail and in the request log.

use std::sync::Arc;

use crate::platform::timestamp::Timestamp;

/// The digits of an id: no letters that are mistaken for digits (Crockford's base 32).
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// So many digits say when it was made,
const TIME: usize = 10;
/// and so many make it unique: 64 bits.
const REST: usize = 13;
/// An id of a proxy's is at most as long as this.
const LONGEST: usize = 64;

/// The id of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// An id made here, at this time and of these bits: ids are sorted by time.
    pub fn new(at: Timestamp, bits: u64) -> RequestId {
        let mut text = [0; TIME + REST];
        let (time, rest) = text.split_at_mut(TIME);
        write(time, at.cast_unsigned());
        write(rest, bits);
        RequestId(text.map(char::from).iter().collect::<String>().into())
    }

    /// Reads an id: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    pub fn parse(text: &str) -> Option<RequestId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(fits)).then(|| RequestId(text.into()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When it was made, in milliseconds since the epoch, if it has the form of those made here.
    pub fn made(&self) -> Option<Timestamp> {
        let text = self.0.as_bytes();
        if text.len() != TIME + REST {
            return None;
        }
        let digits = text.iter().map(|byte| DIGITS.iter().position(|digit| digit == byte));
        let digits: Vec<usize> = digits.collect::<Option<_>>()?;
        let time = digits[..TIME].iter().fold(0_u64, |time, digit| time << 5 | *digit as u64);
        i64::try_from(time).ok()
    }
}

/// Writes a number in base 32, with all its digits.
fn write(into: &mut [u8], mut number: u64) {
    for digit in into.iter_mut().rev() {
        *digit = DIGITS[(number & 31) as usize];
        number >>= 5;
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_by_time_and_say_it() {
        let ids = [(1, u64::MAX), (2, 0), (1_764_213_000_000, 7), (1_764_213_000_001, 0)];
        let made: Vec<RequestId> = ids.iter().map(|(at, bits)| RequestId::new(*at, *bits)).collect();
        assert!(made.is_sorted_by(|one, next| one.as_str() < next.as_str()), "{made:?}");
        for (id, (at, _)) in made.iter().zip(ids) {
            assert_eq!((id.as_str().len(), id.made()), (TIME + REST, Some(at)), "{id}");
            assert_eq!(RequestId::parse(id.as_str()).as_ref(), Some(id));
        }
        assert_ne!(RequestId::new(1, 1 << 63), RequestId::new(1, 0), "every bit counts");
    }

    #[test]
    fn a_proxys_id_is_taken_in_its_own_alphabet_and_length_alone() {
        for good in ["a", "7b4f2c1e-0000-4000-8000-000000000001", "Root_1.2", &"x".repeat(64)] {
            assert_eq!(RequestId::parse(good).map(|id| id.as_str().to_owned()).as_deref(), Some(good));
            assert_eq!(RequestId::parse(good).and_then(|id| id.made()), None, "{good}");
        }
        for bad in ["", "a b", "a\nb", "é", "a;b", "a\"b", "<script>", &"x".repeat(65)] {
            assert_eq!(RequestId::parse(bad), None, "{bad:?}");
        }
    }
}
