//! What people read, on pages and elsewhere: scopes in words, times, and the names that strangers chose.

use oauth::Scopes;

use crate::domain::notice::{AtRisk, LastLeft, Leaving, Passed, Replaced, Stolen};

/// What a client may do with these scopes, as ends of a sentence that begins with "it can".
pub(crate) fn of_scopes(scope: &Scopes) -> Vec<&'static str> {
    let mut sentences = Vec::new();
    if scope.contains("provision:scim") {
        sentences.push("read, create, change, deactivate and delete every user and group");
        sentences.push("set users' roles and product environments");
    }
    if scope.is_offline() {
        sentences.push("do so at any time, without asking again");
    }
    if scope.contains("openid") {
        sentences.push("learn who accepted");
    }
    for (name, sentence) in [
        ("profile", "see your name, picture, language and time zone"),
        ("email", "see your e-mail address"),
        ("address", "see your postal address"),
        ("phone", "see your telephone number"),
    ] {
        if scope.contains(name) {
            sentences.push(sentence);
        }
    }
    sentences
}

/// A name that somebody else chose, as it is shown: without characters that nobody sees and that turn around what stands beside
/// them (Unicode TR 36 §2.5). Look-alike letters stay what they are, so a page never lets a name alone speak for its bearer.
pub(crate) fn shown(name: &str) -> String {
    let invisible = |c: &char| matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    name.chars().filter(|c| !invisible(c) && !c.is_control()).collect()
}

/// A piece of a sentence: names are kept apart from our words, so that a page can keep their direction of writing to themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Our words.
    Words(String),
    /// A name that somebody else chose.
    Name(String),
}

impl Span {
    fn words(text: impl Into<String>) -> Span {
        Span::Words(text.into())
    }

    fn name(name: &str) -> Span {
        Span::Name(shown(name))
    }
}

/// A sentence where nothing but text can be written.
pub(crate) fn plain(spans: &[Span]) -> String {
    let text = |span: &Span| match span {
        Span::Words(text) | Span::Name(text) => text.clone(),
    };
    spans.iter().map(text).collect()
}

/// That connections passed to whoever reads it, when, and what that means for them.
pub(crate) fn of_passed(passed: &Passed, made: i64, account: &str) -> Vec<Span> {
    let left = how(passed.reason);
    let several = passed.are_several();
    let begins = if several { "The connections of " } else { "The connection of " };
    let mut spans = vec![Span::name(&passed.from_name), Span::words(format!("{left} on {}. {begins}", day(made)))];
    spans.extend(clients(&passed.clients, passed.more));
    spans.extend([Span::words(" in "), Span::name(account)]);
    spans.push(Span::words(match several {
        true => " now live under your user: if you leave, they end.",
        false => " now lives under your user: if you leave, it ends.",
    }));
    spans
}

/// That a connection of the user who reads it was replaced, when and by whose.
pub(crate) fn of_replaced(replaced: &Replaced, made: i64, account: &str) -> Vec<Span> {
    let mut spans = vec![
        Span::words("The connection of "),
        Span::name(&replaced.client),
        Span::words(" in "),
        Span::name(account),
        Span::words(format!(" that you had accepted ended on {}, when a newer one was first used. ", day(made))),
    ];
    match &replaced.by_name {
        Some(name) => spans.push(Span::name(name)),
        None => spans.push(Span::words("You")),
    }
    spans.push(Span::words(format!(" accepted the newer one on {}.", day(replaced.accepted))));
    spans
}

/// That a connection of the user who reads it ended, because two parties had its token, and what to do.
pub(crate) fn of_stolen(stolen: &Stolen, made: i64, account: &str) -> Vec<Span> {
    vec![
        Span::words("The connection of "),
        Span::name(&stolen.client),
        Span::words(" in "),
        Span::name(account),
        Span::words(format!(
            " ended on {}: a refresh token that was in use was presented again, so it may have been copied. Find out who could read it, \
             and have the client's secret replaced before you connect again.",
            day(made)
        )),
    ]
}

/// How a user left, after their name.
fn how(reason: Leaving) -> &'static str {
    match reason {
        Leaving::Deactivated => "'s user was deactivated",
        Leaving::Deleted => "'s user was deleted",
        Leaving::RoleLost => " lost the role that may accept access",
    }
}

/// Names of clients, and how many more there are.
fn clients(names: &[String], more: usize) -> Vec<Span> {
    let mut spans = Vec::new();
    for (n, client) in names.iter().enumerate() {
        match names.len() - n {
            _ if n == 0 => {}
            1 if more == 0 => spans.push(Span::words(" and ")),
            _ => spans.push(Span::words(", ")),
        }
        spans.push(Span::name(client));
    }
    if more > 0 {
        spans.push(Span::words(format!(" and {more} more")));
    }
    spans
}

/// That connections rest on whoever reads it, and had better rest on somebody else.
pub(crate) fn of_at_risk(at_risk: &AtRisk, account: &str) -> Vec<Span> {
    let several = at_risk.are_several();
    let mut spans = vec![Span::words(if several { "The connections of " } else { "The connection of " })];
    spans.extend(clients(&at_risk.clients, at_risk.more));
    spans.extend([Span::words(" in "), Span::name(account)]);
    let user = match (at_risk.personal, at_risk.managed) {
        (true, true) => "a personal user that an identity provider manages",
        (true, false) => "a personal user and not a service account",
        _ => "a service account that an identity provider manages",
    };
    let (live, end) = if several { ("live", "they end") } else { ("lives", "it ends") };
    spans.push(Span::words(format!(
        " {live} under your user, {user}: if your user is deactivated or deleted, {end}, unless your account has named a co-owner. \
         Better authenticate again as a service account that no identity provider manages."
    )));
    spans
}

/// That nobody may accept access any more.
pub(crate) fn of_last_left(left: &LastLeft, made: i64, account: &str) -> Vec<Span> {
    let name = if left.name.is_empty() { "Somebody" } else { left.name.as_str() };
    vec![
        Span::name(name),
        Span::words(format!("{} on {}. No active user of ", how(left.reason), day(made))),
        Span::name(account),
        Span::words(
            " has a role that may accept access any more: connections cannot be made anew until a user has one. Give a user such a \
             role.",
        ),
    ]
}

/// A day.
pub(crate) fn day(millis: i64) -> String {
    chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default().format("%-d %B %Y").to_string()
}

/// A time, to the minute.
pub(crate) fn when(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// How long somebody has to wait.
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

    #[test]
    fn attack_77_what_turns_text_around_is_not_shown() {
        assert_eq!(shown("Okta\u{202e}gnidaer\u{202c}"), "Oktagnidaer");
        assert_eq!(shown("a\u{2066}b\u{200b}c\u{feff}\u{61c}\u{7}"), "abc");
        assert_eq!(shown("عربي و English, Ωμέγα, 名前 👩\u{200d}🔧"), "عربي و English, Ωμέγα, 名前 👩\u{200d}🔧");
    }

    #[test]
    fn what_passed_is_told_as_people_say_it() {
        let told = |reason, clients: &[&str]| {
            let clients: Vec<String> = clients.iter().map(|name| (*name).to_owned()).collect();
            let passed = Passed::new("0198".to_owned(), "Ada Lovelace".to_owned(), reason, &clients);
            plain(&of_passed(&passed, 1_795_700_000_000, "Acme"))
        };
        assert_eq!(
            told(Leaving::Deactivated, &["Okta"]),
            "Ada Lovelace's user was deactivated on 26 November 2026. The connection of Okta in Acme now lives under your user: if \
             you leave, it ends."
        );
        let two = told(Leaving::Deleted, &["Okta", "Entra"]);
        assert!(
            two.contains("was deleted on") && two.contains("The connections of Okta and Entra in Acme now live"),
            "{two}"
        );
        let many = told(Leaving::RoleLost, &["A", "B", "C", "D", "E", "F", "G"]);
        assert!(many.starts_with("Ada Lovelace lost the role that may accept access on "), "{many}");
        assert!(many.contains("of A, B, C, D, E and 2 more in Acme now live under your user"), "{many}");
    }

    #[test]
    fn what_ended_is_told_as_people_say_it() {
        let told = |by_name: Option<&str>| {
            let by_name = by_name.map(str::to_owned);
            let replaced =
                Replaced { client: "Okta".to_owned(), by: String::new(), by_name, accepted: 1_795_600_000_000 };
            plain(&of_replaced(&replaced, 1_795_700_000_000, "Acme"))
        };
        assert_eq!(
            told(Some("Eve Adams")),
            "The connection of Okta in Acme that you had accepted ended on 26 November 2026, when a newer one was first used. Eve \
             Adams accepted the newer one on 25 November 2026."
        );
        assert!(told(None).ends_with("You accepted the newer one on 25 November 2026."));
        let stolen = plain(&of_stolen(&Stolen { client: "Okta".to_owned() }, 1_795_700_000_000, "Acme"));
        assert!(
            stolen.starts_with("The connection of Okta in Acme ended on 26 November 2026: a refresh token"),
            "{stolen}"
        );
    }

    #[test]
    fn report_12_what_a_connection_rests_on_is_told_as_people_say_it() {
        let told = |clients: &[&str], personal, managed| {
            let clients: Vec<String> = clients.iter().map(|name| (*name).to_owned()).collect();
            plain(&of_at_risk(&AtRisk::new(&clients, personal, managed), "Acme"))
        };
        let one = told(&["Okta"], true, false);
        assert!(
            one.starts_with("The connection of Okta in Acme lives under your user, a personal user and not a"),
            "{one}"
        );
        let two = told(&["Okta", "Entra"], false, true);
        assert!(two.starts_with("The connections of Okta and Entra in Acme live under your user, a service"), "{two}");
        let left = LastLeft { user: "0198".to_owned(), name: "Ada".to_owned(), reason: Leaving::Deleted };
        let last = plain(&of_last_left(&left, 1_795_700_000_000, "Acme"));
        assert!(last.starts_with("Ada's user was deleted on 26 November 2026. No active user of Acme has"), "{last}");
    }

    #[test]
    fn times_and_waits_read_like_speech() {
        assert_eq!(when(1_800_000_000_000), "15 January 2027, 08:00 UTC");
        assert_eq!([wait(1), wait(45), wait(91), wait(900)], ["a second", "45 seconds", "2 minutes", "15 minutes"]);
    }
}
