//! The scopes that a client asks for (RFC 6749 §3.3), as it sends them.

use percent_encoding::percent_decode_str;

use super::Client;
use crate::context::Context;
use crate::error::TokenRefusal;
use crate::scope::Scopes;
use crate::tolerance::Tolerance;

/// What stands between scopes of some clients, instead of a space.
const SEPARATORS: [char; 6] = [',', ';', '+', '\t', '\r', '\n'];

/// Whether a text could name scopes, with the separators that are forgiven.
pub(crate) fn is_plausible(text: &str) -> bool {
    Scopes::parse(&text.replace(SEPARATORS, " ")).is_some()
}

/// The scopes that a client asks for, as it was sent; or why they are refused. No scope of ours has a separator or a percent sign in it.
pub(crate) fn requested(cx: &mut Context<'_>, client: &Client, text: &str) -> Result<Scopes, TokenRefusal> {
    if !text.contains(SEPARATORS) && !text.contains('%') {
        return Scopes::parse(text).ok_or(TokenRefusal::ScopeMalformed);
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| TokenRefusal::ScopeMalformed)?;
    let scopes = Scopes::parse(&decoded.replace(SEPARATORS, " ")).ok_or(TokenRefusal::ScopeMalformed)?;
    if cx.forgives(client, Tolerance::ScopeSeparators) { Ok(scopes) } else { Err(TokenRefusal::ScopeSeparators) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use crate::tolerance::{Needs, Tolerances};

    #[test]
    fn report_21_scopes_divided_otherwise_are_understood_where_that_is_forgiven() {
        let mut world = World::new();
        let mut ask = |text: &str, on: Tolerances| {
            world.client("acme").tolerances = on;
            let client = world.client("acme").clone();
            world.run(|_, cx| (requested(cx, &client, text).map(|scopes| scopes.to_string()), cx.needs.clone()))
        };
        let on = Tolerances::NONE.with(Tolerance::ScopeSeparators);
        for divided in [
            "records:write,openid",
            "records:write, openid",
            "records:write ,openid,",
            ",,records:write,,openid,records:write",
            "records:write;openid",
            "records:write+openid",
            "records:write%20openid",
            "records%3Awrite%20openid",
            "records%3awrite+openid",
            "records:write%2Copenid",
            "records:write\topenid",
            "records:write\r\nopenid\n",
        ] {
            let (said, needs) = ask(divided, on);
            assert_eq!((said.as_deref(), needs.forgiven), (Ok("records:write openid"), on), "{divided:?}");
            let (said, needs) = ask(divided, Tolerances::NONE);
            assert!(said.is_err_and(|why| why == TokenRefusal::ScopeSeparators), "{divided:?}");
            assert_eq!((needs.forgiven, needs.missed), (Tolerances::NONE, on));
        }
        for plain in ["records:write openid", "  records:write   openid "] {
            let said = (Ok("records:write openid".to_owned()), Needs::default());
            assert_eq!(ask(plain, Tolerances::NONE), said, "that is no deviation");
        }
        assert_eq!(ask(",", on).0.as_deref(), Ok(""), "nothing was asked for");
        for (bad, scope) in [("a\"b", None), ("ä", None), ("%ff", None), ("%2", Some("%2")), ("%zz", Some("%zz"))] {
            assert_eq!(ask(bad, on).0.ok().as_deref(), scope, "{bad}");
        }
    }
}
