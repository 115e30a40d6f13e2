//! Passwords that are tried first (NIST SP 800-63B §3.1.1.2): refused where one is chosen, never where one is used.
//!
//! There are two lists: the ten thousand commonest passwords as the zxcvbn project keeps them, and words of our own with what belongs to
//! work. What people do to them is a rule, so that they stand for many more: capital letters, digits for letters, and digits and signs at
//! the ends. Nothing is asked of what a password is made of.

use std::collections::HashSet;
use std::sync::LazyLock;

/// The shortest password a person may choose (NIST SP 800-63B §3.1.1.1 asks for eight at least).
pub const SHORTEST: usize = 8;
/// The longest.
pub const LONGEST: usize = 512;

static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ours().chain(of_zxcvbn()).collect());

fn ours() -> impl Iterator<Item = &'static str> {
    include_str!("commonest.txt").split_whitespace()
}

/// Its licence stands before the list.
fn of_zxcvbn() -> impl Iterator<Item = &'static str> {
    include_str!("zxcvbn.txt").lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
}

/// How fingers walk over keyboards.
const WALKS: [&str; 13] = [
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qwertyuiopasdfghjklzxcvbnm",
    "147258369",
];

/// How many digits and signs at the ends of a word make it no better.
const DECORATION: usize = 6;

/// Why a password cannot be chosen; `own` are words that belong to its owner, such as their user name.
pub fn refusal(password: &str, own: &[&str]) -> Option<String> {
    let length = password.chars().count();
    if !(SHORTEST..=LONGEST).contains(&length) {
        return Some(format!("must have {SHORTEST} to {LONGEST} characters"));
    }
    if let Some(control) = password.chars().find(|c| c.is_control()) {
        return Some(format!("must not contain the control character U+{:04X}", u32::from(control)));
    }
    let folded = password.to_lowercase();
    if own.iter().any(|word| is_own(&folded, &word.to_lowercase())) {
        return Some(
            "must not be the user name, the e-mail address or the name of the account with a few digits".to_owned(),
        );
    }
    is_common(&folded).then(|| {
        "is one of the passwords that are tried first, or one of them with other digits, signs or capital letters; four unrelated \
         words make a good one"
            .to_owned()
    })
}

fn is_own(password: &str, own: &str) -> bool {
    let local = own.split(['@', '\\']).next().unwrap_or(own);
    [own, local].into_iter().filter(|word| word.chars().count() >= 3).any(|word| {
        let rest = password.strip_prefix(word).or_else(|| password.strip_suffix(word));
        rest.is_some_and(|rest| rest.chars().count() <= DECORATION && !rest.chars().any(char::is_alphabetic))
    })
}

fn is_common(password: &str) -> bool {
    let is_letter = |c: char| c.is_alphabetic();
    let bare = password.trim_matches(|c| !is_letter(c));
    let decoration = password.chars().count() - bare.chars().count();
    if WORDS.contains(password) || is_simple(password) || bare.is_empty() && password.chars().count() < 12 {
        return true;
    }
    // a12345678
    if bare.chars().count() <= 3 && is_simple(password.trim_matches(is_letter)) {
        return true;
    }
    let plain = [(bare, decoration <= DECORATION), (password, true)];
    plain.into_iter().filter(|(_, counts)| *counts).any(|(text, _)| {
        WORDS.contains(text)
            || ['i', 'l'].into_iter().any(|one| {
                let text = without_digits(text, one);
                WORDS.contains(text.as_str()) || is_simple(&text)
            })
    })
}

/// `p4$$w0rd` as it is meant.
fn without_digits(text: &str, one: char) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        other => other,
    };
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '_' | '.')).map(letter).collect()
}

/// One character or a few again and again, a sequence, or a walk over the keyboard.
fn is_simple(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() < 4 {
        return false;
    }
    let repeats = (1..=chars.len() / 2).any(|unit| chars.iter().enumerate().all(|(at, c)| *c == chars[at % unit]));
    let step =
        |by: i64| chars.windows(2).all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == by);
    let counts = || {
        let digit = |c: &char| c.to_digit(10);
        chars.iter().map(digit).collect::<Option<Vec<u32>>>().is_some_and(|digits| {
            digits.windows(2).all(|pair| (pair[0] + 1) % 10 == pair[1])
                || digits.windows(2).all(|pair| (pair[1] + 1) % 10 == pair[0])
        })
    };
    let backwards = || chars.iter().rev().collect::<String>();
    let walks = || WALKS.iter().any(|walk| walk.contains(text) || walk.contains(&backwards()));
    repeats || step(1) || step(-1) || counts() || walks()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardening_4_the_commonest_passwords_are_refused_however_they_are_dressed() {
        for password in [
            "12345678",
            "123456789",
            "1234567890",
            "87654321",
            "11111111",
            "00000000",
            "12121212",
            "19840131",
            "password",
            "Password1",
            "Password123!",
            "P@ssw0rd",
            "p4$$w0rd",
            "PASSWORD2024",
            "passw0rd1",
            "qwertyuiop",
            "qwerty123",
            "Qwertz12!",
            "1qaz2wsx",
            "1q2w3e4r",
            "q1w2e3r4",
            "poiuytrewq",
            "abcdefgh",
            "hgfedcba",
            "aaaaaaaa",
            "abcabcabc",
            "iloveyou",
            "Iloveyou1!",
            "sunshine",
            "Princess1",
            "football",
            "Welcome1",
            "W3lcome!",
            "We1come2",
            "letmein123",
            "l3tm3in!",
            "administrator",
            "Adm1n1strat0r",
            "admin123",
            "changeme",
            "Changeme1!",
            "Summer2025!",
            "Winter2024",
            "monkey123",
            "dragon12",
            "superman",
            "batman123",
            "abc12345",
            "a12345678",
            "trustno1",
            "starwars",
            "asdfghjkl",
            "asdf1234",
            "zxcvbnm1",
            "  password  ",
            "pass word",
            "secret123",
            "master123",
            "michael1",
            "jennifer",
            "liverpool1",
            "january2026",
            "Monday123",
            "guest1234",
        ] {
            assert!(refusal(password, &[]).is_some_and(|why| why.contains("tried first")), "{password}");
        }
    }

    #[test]
    fn hardening_4_what_a_person_thought_of_is_a_password() {
        for password in [
            "correct horse battery staple",
            "a whole new password",
            "tr0ub4dor&3",
            "Ada's own passphrase 1",
            "xK7#mPq2",
            "zoé à la plage",
            "summer-84629173",
            "my dog ate it",
            "gemäßigte Zonen",
            "пароль от дома",
            "kettle moon radius",
            "hunterseven",
        ] {
            assert_eq!(refusal(password, &["ada@acme.test", "acme"]), None, "{password}");
        }
    }

    #[test]
    fn hardening_4_neither_short_nor_ones_own_name() {
        assert!(refusal("Sh0rt!?", &[]).is_some_and(|why| why.contains("8 to 512")));
        assert!(refusal(&"é".repeat(513), &[]).is_some_and(|why| why.contains("8 to 512")));
        assert!(refusal("kettle\tmoon", &[]).is_some_and(|why| why.contains("U+0009")));
        for password in
            ["ada.lovelace", "Ada.Lovelace1", "ada.lovelace@acme.test", "2024ada.lovelace", "orchard2024", "Orchard!"]
        {
            let why = refusal(password, &["Ada.Lovelace@acme.test", "orchard"]);
            assert!(why.is_some_and(|why| why.contains("user name")), "{password}");
        }
        assert_eq!(refusal("ada.lovelace likes pears", &["ada.lovelace@acme.test"]), None);
    }

    #[test]
    fn the_list_is_words_in_lower_case_each_once() {
        let words: Vec<&str> = ours().collect();
        assert!(words.len() > 700 && words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase())));
        assert_eq!(words.len() + of_zxcvbn().count(), WORDS.len());
    }

    #[test]
    fn each_of_the_ten_thousand_commonest_passwords_is_refused_with_and_without_a_number_behind_it() {
        assert!(of_zxcvbn().count() > 9_000 && of_zxcvbn().all(|word| word == word.to_lowercase()));
        for word in of_zxcvbn() {
            assert!(refusal(word, &[]).is_some() && refusal(&word.to_uppercase(), &[]).is_some(), "{word}");
            let numbered = format!("{word}2026");
            assert!(!word.chars().all(char::is_alphabetic) || refusal(&numbered, &[]).is_some(), "{numbered}");
        }
        for dressed in ["Trustno1", "1qaz2wsx!", "Butterfly2026", "gandalf-01", "NCC1701D"] {
            assert!(refusal(dressed, &[]).is_some(), "{dressed}");
        }
    }
}
