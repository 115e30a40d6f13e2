//! `[admin]`: an operator's token for automation.

use super::reader::Reader;
use crate::platform::secret_text::SecretText;

/// A token for automation.
#[derive(Debug, Clone)]
pub struct Admin {
    /// It counts beside those of `gateway operator create`.
    pub token: Option<SecretText>,
}

pub(super) fn read(r: &mut Reader) -> Option<Admin> {
    let mut s = r.section("admin");
    let token = s.optional(
        "token",
        "",
        "at least 16 visible ASCII characters",
        "An operator's token for automation, beside those that `gateway operator create` makes.",
        |text| admin_token(&text),
    );
    let in_file = s.secret_file(
        "token_file",
        "/run/secrets/gateway-admin-token",
        "In place of token: a file that holds it.",
        |text| admin_token(text.trim()),
    );
    if token.is_some() && in_file.is_some() {
        r.mistake("admin.token and admin.token_file: set one of them");
    }
    Some(Admin { token: token.or(in_file) })
}

fn admin_token(text: &str) -> Result<SecretText, String> {
    if text.len() < 16 {
        return Err(
            "is too short to be safe: use at least 16 characters, such as `openssl rand -hex 32` prints".to_owned()
        );
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("may only have visible ASCII characters, for it travels in a header".to_owned());
    }
    Ok(SecretText::new(text))
}
