//! `[console]`: how operators are logged in at /console.

use super::reader::{Reader, Unit};

/// How operators are logged in at the console.
#[derive(Debug, Clone)]
pub struct Console {
    /// A browser stays logged in so long at most,
    pub session_seconds: u64,
    /// and so long without being used.
    pub session_idle_seconds: u64,
    /// Operators who log in by password need an authenticator app.
    pub second_factor: bool,
    /// How long a token counts that an operator makes for themselves.
    pub token_seconds: u64,
}

pub(super) fn read(r: &mut Reader) -> Option<Console> {
    let mut s = r.section("console");
    let session = s.seconds(
        "session_hours",
        12,
        1..=24 * 31,
        Unit::Hours,
        "How long an operator's browser stays logged in at /console at most.",
    );
    let idle = s.seconds(
        "session_idle_minutes",
        60,
        1..=60 * 24 * 31,
        Unit::Minutes,
        "How long it stays logged in without being used.",
    );
    let second_factor = s.flag(
        "second_factor",
        true,
        "Operators who [log in by password](sign-in.md#operators) need an authenticator app: those who have none set one up when they log in. \
         What is asked for at your OpenID provider is decided there.",
    );
    let token = s.seconds(
        "token_hours",
        8,
        1..=24 * 7,
        Unit::Hours,
        "How long a token of the admin API counts that an operator makes on their page of the console.",
    );
    let (session, idle) = (session?, idle?);
    if idle > session {
        s.warn("session_idle_minutes", "is more than console.session_hours, and has no effect");
    }
    Some(Console {
        session_seconds: session,
        session_idle_seconds: idle,
        second_factor: second_factor?,
        token_seconds: token?,
    })
}
