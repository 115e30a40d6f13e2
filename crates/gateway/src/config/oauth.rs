//! `[oauth]`: how long things last that are issued. The protocol's defaults are those of [`oauth::Settings`].

use super::reader::{Reader, Unit};

/// How long things last that are issued.
#[derive(Debug, Clone)]
pub struct OAuth {
    /// What the protocol knows. `issuer` and `scim_base` are those of the default, until it is known where the server listens.
    pub protocol: oauth::Settings,
    /// A browser stays logged in so long at most,
    pub session_seconds: u64,
    /// and so long without being used.
    pub session_idle_seconds: u64,
    /// How long a key signs, in milliseconds; `None`: until an operator replaces it.
    pub signing_key_lifetime_ms: Option<i64>,
    /// How long a new client secret counts; 0: until it is ended.
    pub client_secret_days: u32,
    /// Whether Okta's internal redirect URI is registered too.
    pub allow_okta_internal_http: bool,
}

pub(super) fn read(r: &mut Reader) -> Option<OAuth> {
    let usual = oauth::Settings::default();
    let mut s = r.section("oauth");
    let access_token = s.seconds(
        "access_token_minutes",
        usual.access_token_lifetime_s / 60,
        1..=60 * 24 * 31,
        Unit::Minutes,
        "How long an access token lasts.",
    );
    let code = s.seconds(
        "authorization_code_seconds",
        usual.code_lifetime_s,
        5..=600,
        Unit::Seconds,
        "How long an authorization code may be exchanged.",
    );
    let refresh_idle = s.seconds(
        "refresh_idle_days",
        usual.refresh_idle_s / 86_400,
        1..=3660,
        Unit::Days,
        "A connection that is not used for so long has to be authenticated again. Okta refreshes only when there is something to \
         provision.",
    );
    let refresh_absolute = s.seconds(
        "refresh_absolute_days",
        usual.refresh_absolute_s.unwrap_or_default() / 86_400,
        0..=3650,
        Unit::Days,
        "So long after a user accepted, a connection has to be authenticated again however often it is used; 0: never. A client may have \
         [lifetimes of its own](admin-api.md#clients).",
    );
    let retry_grace = s.seconds(
        "retry_grace_seconds",
        usual.retry_grace_s,
        10..=30,
        Unit::Seconds,
        "How long after the first use of its answer a refresh may be repeated by [parallel workers of one \
         client](decisions/0004-how-do-refresh-tokens-rotate.md), and how long an exchange of a code. An answer that was never used may be \
         asked for again at any time.",
    );
    s.obsolete("refresh_retry_hours", "an answer that was never used may be asked for again at any time");
    let session =
        s.seconds("session_hours", 8, 1..=24 * 366, Unit::Hours, "How long a browser stays logged in at most.");
    let session_idle = s.seconds(
        "session_idle_minutes",
        60,
        1..=60 * 24 * 31,
        Unit::Minutes,
        "How long a browser stays logged in without being used.",
    );
    let signing_key_days: Option<i64> = s.number(
        "signing_key_days",
        90,
        0..=3660,
        Unit::Days,
        "How long a [key](keys.md) signs ID tokens and JWT access tokens; its successor is published a day before it signs. 0: until \
         `gateway keys rotate`.",
    );
    let allow_okta_internal_http = s.flag(
        "allow_okta_internal_http",
        false,
        "Also register the redirect URI of Okta's internal cell, which is plain http.",
    );
    let client_secret_days = s.number(
        "client_secret_days",
        0,
        0..=3660,
        Unit::Days,
        "How long a new client secret counts unless its client or the request says otherwise; 0: until it is ended.",
    );
    let (access_token, refresh_idle, refresh_absolute) = (access_token?, refresh_idle?, refresh_absolute?);
    let (session, session_idle) = (session?, session_idle?);
    if refresh_idle < access_token {
        s.mistake(
            "refresh_idle_days",
            "is less than oauth.access_token_minutes: the refresh token would have ended before its client needs it",
        );
    }
    if session_idle > session {
        s.warn("session_idle_minutes", "is more than oauth.session_hours, and has no effect");
    }
    let refresh_absolute = Some(refresh_absolute).filter(|seconds| *seconds > 0);
    if r.is_set("oauth.refresh_idle_days") && refresh_absolute.is_some_and(|absolute| absolute < refresh_idle) {
        r.warn("oauth.refresh_idle_days: is more than oauth.refresh_absolute_days, and has no effect");
    }
    Some(OAuth {
        protocol: oauth::Settings {
            code_lifetime_s: code?,
            access_token_lifetime_s: access_token,
            refresh_idle_s: refresh_idle,
            refresh_absolute_s: refresh_absolute,
            retry_grace_s: retry_grace?,
            ..usual
        },
        session_seconds: session,
        session_idle_seconds: session_idle,
        signing_key_lifetime_ms: Some(signing_key_days? * 86_400_000).filter(|lifetime| *lifetime > 0),
        client_secret_days: client_secret_days?,
        allow_okta_internal_http: allow_okta_internal_http?,
    })
}
