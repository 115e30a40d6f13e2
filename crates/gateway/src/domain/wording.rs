//! What people read, on pages and elsewhere: scopes in words, times, and the names that strangers chose.

use oauth::Scopes;

use super::scopes::{ACCESS, PROVISION};

use crate::platform::timestamp::Timestamp;

/// The beginning of a text, at most so many bytes.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Something that a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ability {
    /// The end of a sentence that begins with "it can".
    pub sentence: &'static str,
    /// The name of its icon.
    pub icon: &'static str,
}

/// What a client may do with these scopes.
pub(crate) fn abilities(scope: &Scopes) -> Vec<Ability> {
    let provisions = scope.contains(PROVISION);
    let all = [
        (provisions, "people", "read, create, change, deactivate and delete every user and group"),
        (provisions, "shield", "decide which role and which product environments each user has"),
        (scope.is_offline(), "redo", "do so at any time, without asking again"),
        (scope.contains("openid"), "person", "see your user ID"),
        (scope.contains("profile"), "person", "see your name, picture, language and time zone"),
        (scope.contains("email"), "mail", "see your e-mail address"),
        (scope.contains("address"), "building", "see your postal address"),
        (scope.contains("phone"), "device", "see your telephone number"),
        (scope.contains(ACCESS), "shield", "see your role, your product environments and the groups that you are in"),
    ];
    all.into_iter().filter(|(may, ..)| *may).map(|(_, icon, sentence)| Ability { sentence, icon }).collect()
}

/// A name from outside, as it is shown: without characters that are invisible and that turn around what stands beside
/// them (Unicode TR 36 §2.5). Look-alike letters stay what they are, so a page never lets a name alone speak for its bearer.
pub(crate) fn strip_invisible(name: &str) -> String {
    let invisible = |c: &char| matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    name.chars().filter(|c| !invisible(c) && !c.is_control()).collect()
}

/// A piece of a sentence: names are kept apart from our words, so that a page can keep their direction of writing to themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Our words.
    Words(String),
    /// A name from outside.
    Name(String),
}

impl Span {
    pub(crate) fn words(text: impl Into<String>) -> Span {
        Span::Words(text.into())
    }

    pub(crate) fn name(name: &str) -> Span {
        Span::Name(strip_invisible(name))
    }
}

/// A sentence where nothing but text can be written.
pub(crate) fn to_text(spans: &[Span]) -> String {
    let text = |span: &Span| match span {
        Span::Words(text) | Span::Name(text) => text.clone(),
    };
    spans.iter().map(text).collect()
}

/// A day.
pub(crate) fn day(time: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(time.millis()).unwrap_or_default().format("%-d %B %Y").to_string()
}

/// A day of this year or the last: `26 Nov`.
pub(crate) fn day_and_month(time: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(time.millis()).unwrap_or_default().format("%-d %b").to_string()
}

/// A number as people read it: `1,204`.
pub(crate) fn grouped(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time, to the minute.
pub(crate) fn format_time(time: Timestamp) -> String {
    let time = chrono::DateTime::from_timestamp_millis(time.millis()).unwrap_or_default();
    time.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// How long a user has to wait.
pub(crate) fn wait(seconds: i64) -> String {
    match seconds {
        1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", (seconds + 59) / 60),
    }
}

/// A time in words, in the largest unit that says it exactly.
pub(crate) fn duration(seconds: u64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let unit = units.into_iter().find(|(size, _)| seconds.is_multiple_of(*size) && seconds >= *size);
    let (size, name) = unit.unwrap_or((1, "second"));
    match seconds / size {
        1 => format!("1 {name}"),
        n => format!("{n} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn attack_77_what_turns_text_around_is_not_shown() {
        assert_eq!(strip_invisible("Okta\u{202e}gnidaer\u{202c}"), "Oktagnidaer");
        assert_eq!(strip_invisible("a\u{2066}b\u{200b}c\u{feff}\u{61c}\u{7}"), "abc");
        assert_eq!(
            strip_invisible("عربي و English, Ωμέγα, 名前 👩\u{200d}🔧"),
            "عربي و English, Ωμέγα, 名前 👩\u{200d}🔧"
        );
    }

    #[test]
    fn numbers_are_grouped() {
        let read = [0, 7, 999, 1_204, 22_087, 1_000_000, -1_204].map(grouped);
        assert_eq!(read, ["0", "7", "999", "1,204", "22,087", "1,000,000", "−1,204"]);
    }

    #[test]
    fn times_and_waits_read_like_speech() {
        assert_eq!(format_time(ms(1_800_000_000_000)), "15 January 2027, 08:00 UTC");
        assert_eq!([wait(1), wait(45), wait(91), wait(900)], ["a second", "45 seconds", "2 minutes", "15 minutes"]);
    }
}
