//! The id of a request: the same stands in the answer (`X-Request-Id`), in the log, in the audit trail and in the request log.

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
pub enum RequestId {
    /// Made here: ids are sorted by time.
    Made {
        /// When, in milliseconds since the epoch.
        at: Timestamp,
        /// What makes it unique.
        bits: u64,
    },
    /// Given by a proxy.
    Given(Arc<str>),
}

impl RequestId {
    /// Reads an id that was given: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    pub fn given(text: &str) -> Option<RequestId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(fits)).then(|| RequestId::Given(text.into()))
    }

    /// Reads an id that has the form of those made here.
    pub fn made(text: &str) -> Option<RequestId> {
        let (time, rest) = text.split_at_checked(TIME).filter(|(_, rest)| rest.len() == REST)?;
        let at = i64::try_from(read(time)?).ok().map(Timestamp::of_millis)?;
        let id = RequestId::Made { at, bits: read(rest)? };
        // The first digit of the rest stands for four bits.
        (id.to_string() == text).then_some(id)
    }
}

/// Reads a number in base 32.
fn read(text: &str) -> Option<u64> {
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        Some(number << 5 | digit as u64)
    })
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
        let (at, bits) = match self {
            RequestId::Given(text) => return f.write_str(text),
            RequestId::Made { at, bits } => (at.millis().cast_unsigned(), *bits),
        };
        let mut text = [0; TIME + REST];
        let (time, rest) = text.split_at_mut(TIME);
        write(time, at);
        write(rest, bits);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn ids_are_sorted_by_time_and_read_again() {
        let ids = [(1, u64::MAX), (2, 0), (1_764_213_000_000, 7), (1_764_213_000_001, 0)];
        let made: Vec<RequestId> = ids.iter().map(|(at, bits)| RequestId::Made { at: ms(*at), bits: *bits }).collect();
        let texts: Vec<String> = made.iter().map(RequestId::to_string).collect();
        assert!(texts.is_sorted_by(|one, next| one < next), "{texts:?}");
        for (id, text) in made.iter().zip(&texts) {
            assert_eq!((text.len(), RequestId::made(text).as_ref()), (TIME + REST, Some(id)));
        }
        let other = RequestId::Made { at: ms(1), bits: u64::MAX >> 1 };
        assert_ne!(other.to_string(), texts[0], "every bit counts");
        for none in ["", "0000000001", &texts[0].to_uppercase(), &format!("{}0", texts[0]), "0000000001zzzzzzzzzzzzz"] {
            assert_eq!(RequestId::made(none), None, "{none}");
        }
    }

    #[test]
    fn a_proxys_id_is_taken_in_its_own_alphabet_and_length_alone() {
        for good in ["a", "7b4f2c1e-0000-4000-8000-000000000001", "Root_1.2", &"x".repeat(64)] {
            assert_eq!(RequestId::given(good).map(|id| id.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "a b", "a\nb", "é", "a;b", "a\"b", "<script>", &"x".repeat(65)] {
            assert_eq!(RequestId::given(bad), None, "{bad:?}");
        }
    }
}
