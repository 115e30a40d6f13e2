//! What an operator should know about a client's secrets and static tokens before an administrator does.

use oauth::Client;

use crate::http::problem::Problem;
use crate::storage::Tx;
use crate::storage::clients::ClientRecord;
use crate::system;

/// Something that expires within so long is worth a warning.
const SOON_MS: i64 = 30 * 86_400_000;

/// Whether to warn of this end, and in which words.
pub(super) fn ending(expires: i64, now: i64) -> Option<String> {
    let time = system::rfc3339(expires);
    match expires - now {
        left if left <= 0 => Some(format!("expired on {time}")),
        left if left < SOON_MS => Some(format!("expires on {time}, in {} days", left / 86_400_000)),
        _ => None,
    }
}

/// All that is worth a warning about a client.
pub(super) fn of(tx: &mut Tx<'_>, record: &ClientRecord) -> Result<Vec<String>, Problem> {
    let now = system::now();
    let mut warnings = Vec::new();
    if takes_secrets(&record.client) {
        let secrets = tx.client_secrets(record.seq)?;
        for secret in &secrets {
            if let Some(ends) = secret.expires.and_then(|expires| ending(expires, now)) {
                let name = secret.label.as_deref().unwrap_or(&secret.id);
                warnings.push(format!("the client secret “{name}” {ends}"));
            }
        }
        let lives = |expires: Option<i64>| expires.is_none_or(|expires| expires > now);
        if !secrets.is_empty() && !secrets.iter().any(|secret| lives(secret.expires)) {
            warnings.push("every client secret has expired: the client cannot authenticate by one".to_owned());
        }
    }
    for token in tx.static_tokens(record.seq)? {
        if let Some(ends) = ending(token.expires, now) {
            warnings.push(format!("the static token “{}” {ends}", token.name));
        }
    }
    Ok(warnings)
}

fn takes_secrets(client: &Client) -> bool {
    !client.public && client.options.authentication.method.takes_secrets()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thirty_days_are_worth_a_warning() {
        let day = 86_400_000;
        assert_eq!(ending(30 * day, 0), None);
        assert_eq!(ending(30 * day - 1, 0).as_deref(), Some("expires on 1970-01-30T23:59:59.999Z, in 29 days"));
        assert_eq!(ending(day, 2 * day).as_deref(), Some("expired on 1970-01-02T00:00:00.000Z"));
    }
}
