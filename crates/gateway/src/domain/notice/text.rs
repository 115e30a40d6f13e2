//! The sentences that notices tell.

use super::{
    AtRisk, ConnectionHealth, ConnectionsTransferred, DepartureReason, LastLeft, LoggedOut, PasswordAsked, PasswordSet,
    Replaced, SecretAskedAgain, Stolen,
};
use crate::domain::health::HealthState;
use crate::domain::wording::{Span, day, format_time};
use crate::platform::timestamp::Timestamp;

/// That connections passed to the user who reads it, when, and what that means for them.
pub(super) fn of_passed(passed: &ConnectionsTransferred, made: Timestamp, account: &str) -> Vec<Span> {
    let left = how(passed.reason);
    let several = passed.are_several();
    let begins = if several { "The connections of " } else { "The connection of " };
    let mut spans = vec![Span::name(&passed.from_name), Span::words(format!("{left} on {}. {begins}", day(made)))];
    spans.extend(clients(&passed.clients, passed.more));
    spans.extend([Span::words(" in "), Span::name(account)]);
    spans.push(Span::words(match several {
        true => " now belong to your user: if you leave, they end.",
        false => " now belongs to your user: if you leave, it ends.",
    }));
    spans
}

/// That a connection of the user who reads it was replaced, when and by whose.
pub(super) fn of_replaced(replaced: &Replaced, made: Timestamp, account: &str) -> Vec<Span> {
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
pub(super) fn of_stolen(stolen: &Stolen, made: Timestamp, account: &str) -> Vec<Span> {
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

/// That an identity provider had a user logged out, and which connections ended with that.
pub(super) fn of_logged_out(out: &LoggedOut, made: Timestamp, account: &str) -> Vec<Span> {
    let several = out.are_several();
    let mut spans = vec![
        Span::words("The identity provider of "),
        Span::name(account),
        Span::words(" had "),
        Span::name(&out.name),
        Span::words(format!(" logged out everywhere on {}. ", day(made))),
        Span::words(if several { "The connections of " } else { "The connection of " }),
    ];
    spans.extend(clients(&out.clients, out.more));
    spans.push(Span::words(", which that user had accepted, ended with it."));
    spans
}

/// That a secret which was revealed by a setup link was asked for again, and not shown.
pub(super) fn of_asked_again(asked: &SecretAskedAgain, made: Timestamp, account: &str) -> Vec<Span> {
    let from =
        |address: &Option<String>| address.as_ref().map(|address| format!(" from {address}")).unwrap_or_default();
    vec![
        Span::words("The secret of "),
        Span::name(&asked.client),
        Span::words(" in "),
        Span::name(account),
        Span::words(format!(
            " was asked for again on {}{}, and not shown: it had been revealed on {}{}.",
            day(made),
            from(&asked.from),
            day(asked.revealed),
            from(&asked.revealed_from)
        )),
    ]
}

/// How a user left, after their name.
fn how(reason: DepartureReason) -> &'static str {
    match reason {
        DepartureReason::Deactivated => "'s user was deactivated",
        DepartureReason::Deleted => "'s user was deleted",
        DepartureReason::RoleLost => " lost the role that may accept access",
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

/// That connections rest on the user who reads it, and had better rest on a service account.
pub(super) fn of_at_risk(at_risk: &AtRisk, account: &str) -> Vec<Span> {
    let several = at_risk.are_several();
    let mut spans = vec![Span::words(if several { "The connections of " } else { "The connection of " })];
    spans.extend(clients(&at_risk.clients, at_risk.more));
    spans.extend([Span::words(" in "), Span::name(account)]);
    let user = match (at_risk.personal, at_risk.managed) {
        (true, true) => "a personal user that an identity provider manages",
        (true, false) => "a personal user and not a service account",
        _ => "a service account that an identity provider manages",
    };
    let (belong, end) = if several { ("belong", "they end") } else { ("belongs", "it ends") };
    spans.push(Span::words(format!(
        " {belong} to your user, {user}: if your user is deactivated or deleted, {end}, unless your account has named a co-owner. \
         We recommend authenticating again as a service account that no identity provider manages."
    )));
    spans
}

/// How a connection is since its health changed, and why.
pub(super) fn of_health(health: &ConnectionHealth, account: &str) -> Vec<Span> {
    let state = match health.found() {
        HealthState::Broken => " does not work.",
        HealthState::Attention => " needs attention.",
        HealthState::Ok | HealthState::NeverUsed => " is well again.",
    };
    let mut spans = vec![
        Span::words("The connection of "),
        Span::name(&health.client),
        Span::words(" in "),
        Span::name(account),
        Span::words(state),
    ];
    spans.extend(health.sentences.iter().flat_map(|sentence| [Span::words(" "), Span::name(sentence)]));
    spans
}

/// That a link to set a password was asked for, when and from where.
pub(super) fn of_asked(asked: &PasswordAsked, account: &str) -> Vec<Span> {
    let from =
        asked.address.as_ref().map(|address| format!(", from the network address {address}")).unwrap_or_default();
    vec![
        Span::words("A new password for your user in "),
        Span::name(account),
        Span::words(match asked.suspended {
            true => format!(
                " was asked for on {}{from}. The account is suspended, so no user of it can log in or set a password at present. Nothing \
                 is lost.",
                format_time(asked.asked)
            ),
            false => format!(
                " was asked for on {}{from}. The link that was mailed for it works once, within {} minutes.",
                format_time(asked.asked),
                asked.minutes
            ),
        }),
    ]
}

/// That a password was set by a link, and when.
pub(super) fn of_set(set: &PasswordSet, made: Timestamp, account: &str) -> Vec<Span> {
    let link = if set.mailed { "that was mailed to you" } else { "that an operator made" };
    vec![
        Span::words("The password of your user in "),
        Span::name(account),
        Span::words(format!(" was set on {} by a link {link}. You were logged out everywhere.", format_time(made))),
    ]
}

/// That no user may accept access any more.
pub(super) fn of_last_left(left: &LastLeft, made: Timestamp, account: &str) -> Vec<Span> {
    let name = if left.name.is_empty() { "A person" } else { left.name.as_str() };
    vec![
        Span::name(name),
        Span::words(format!("{} on {}. No active user of ", how(left.reason), day(made))),
        Span::name(account),
        Span::words(
            " has a role that may accept access any more: no connection can be made until a user has one. Give a user such a \
             role.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::wording::to_text;
    use crate::platform::timestamp::ms;

    #[test]
    fn what_passed_is_told_as_people_say_it() {
        let told = |reason, clients: &[&str]| {
            let clients: Vec<String> = clients.iter().map(|name| (*name).to_owned()).collect();
            let passed = ConnectionsTransferred::new("0198".to_owned(), "Ada Lovelace".to_owned(), reason, &clients);
            to_text(&of_passed(&passed, ms(1_795_700_000_000), "Acme"))
        };
        assert_eq!(
            told(DepartureReason::Deactivated, &["Okta"]),
            "Ada Lovelace's user was deactivated on 26 November 2026. The connection of Okta in Acme now belongs to your user: if \
             you leave, it ends."
        );
        let two = told(DepartureReason::Deleted, &["Okta", "Entra"]);
        assert!(
            two.contains("was deleted on") && two.contains("The connections of Okta and Entra in Acme now belong"),
            "{two}"
        );
        let many = told(DepartureReason::RoleLost, &["A", "B", "C", "D", "E", "F", "G"]);
        assert!(many.starts_with("Ada Lovelace lost the role that may accept access on "), "{many}");
        assert!(many.contains("of A, B, C, D, E and 2 more in Acme now belong to your user"), "{many}");
    }

    #[test]
    fn what_ended_is_told_as_people_say_it() {
        let told = |by_name: Option<&str>| {
            let by_name = by_name.map(str::to_owned);
            let replaced =
                Replaced { client: "Okta".to_owned(), by: String::new(), by_name, accepted: ms(1_795_600_000_000) };
            to_text(&of_replaced(&replaced, ms(1_795_700_000_000), "Acme"))
        };
        assert_eq!(
            told(Some("Eve Adams")),
            "The connection of Okta in Acme that you had accepted ended on 26 November 2026, when a newer one was first used. Eve \
             Adams accepted the newer one on 25 November 2026."
        );
        assert!(told(None).ends_with("You accepted the newer one on 25 November 2026."));
        let stolen = to_text(&of_stolen(&Stolen { client: "Okta".to_owned() }, ms(1_795_700_000_000), "Acme"));
        assert!(
            stolen.starts_with("The connection of Okta in Acme ended on 26 November 2026: a refresh token"),
            "{stolen}"
        );
    }

    #[test]
    fn report_12_what_a_connection_rests_on_is_told_as_people_say_it() {
        let told = |clients: &[&str], personal, managed| {
            let clients: Vec<String> = clients.iter().map(|name| (*name).to_owned()).collect();
            to_text(&of_at_risk(&AtRisk::new(&clients, personal, managed), "Acme"))
        };
        let one = told(&["Okta"], true, false);
        assert!(
            one.starts_with("The connection of Okta in Acme belongs to your user, a personal user and not a"),
            "{one}"
        );
        let two = told(&["Okta", "Entra"], false, true);
        assert!(two.starts_with("The connections of Okta and Entra in Acme belong to your user, a service"), "{two}");
        let left = LastLeft { user: "0198".to_owned(), name: "Ada".to_owned(), reason: DepartureReason::Deleted };
        let last = to_text(&of_last_left(&left, ms(1_795_700_000_000), "Acme"));
        assert!(last.starts_with("Ada's user was deleted on 26 November 2026. No active user of Acme has"), "{last}");
    }

    #[test]
    fn how_a_connection_is_is_told_with_its_reasons() {
        let told = |state: &str, sentences: &[&str]| {
            let sentences = sentences.iter().map(|sentence| (*sentence).to_owned()).collect();
            let health = ConnectionHealth { client: "Okta".to_owned(), state: state.to_owned(), sentences };
            to_text(&of_health(&health, "Acme"))
        };
        assert_eq!(
            told("broken", &["Okta is disabled.", "It sleeps."]),
            "The connection of Okta in Acme does not work. Okta is disabled. It sleeps."
        );
        assert_eq!(told("attention", &["Look."]), "The connection of Okta in Acme needs attention. Look.");
        assert_eq!(told("ok", &[]), "The connection of Okta in Acme is well again.");
    }
}
