//! Operators log in at the vendor's own OpenID provider, and get a token of the admin API that is good for some hours.

use oauth::Fingerprint;

use crate::config::OperatorSignIn;
use crate::domain::actor::{Actor, Named, Source};
use crate::domain::event::{Act, Action};
use crate::domain::request::{OwnCode, Refusal};
use crate::platform::openid_client::{Identity, OpenIdProvider};
use crate::platform::timestamp::Timestamp;
use crate::storage::operators::Operator;
use crate::storage::{DbError, Tx};

/// The vendor's provider as it is asked. It sends operators back to this URL.
pub fn provider(configured: &OperatorSignIn, redirect_uri: &str) -> OpenIdProvider {
    OpenIdProvider {
        issuer: configured.issuer.clone(),
        client_id: configured.client_id.clone(),
        client_secret: configured.client_secret.clone(),
        redirect_uri: redirect_uri.to_owned(),
    }
}

/// The address of an operator, if it is on the list.
pub fn admitted(configured: &OperatorSignIn, identity: &Identity) -> Result<String, Refusal> {
    let refused = |why: String| Err(Refusal::new(OwnCode::OperatorNotAdmitted, why));
    let Some((email, verified)) = &identity.email else {
        return refused("Your provider does not tell us your e-mail address.".to_owned());
    };
    if !verified && !configured.unverified_email {
        return refused(format!("Your provider does not say that the address {email} is verified."));
    }
    let email = email.to_lowercase();
    let listed =
        configured.allowed.iter().map(|entry| entry.to_lowercase()).any(|entry| match entry.strip_prefix('@') {
            Some(domain) => email.rsplit_once('@').is_some_and(|(name, at)| !name.is_empty() && at == domain),
            None => entry == email,
        });
    match listed {
        true => Ok(email),
        false => refused(format!("{email} is not on the list of operators. Ask the administrator of this service.")),
    }
}

/// Gives an operator under this address a new token, in place of the one before; it is kept as its fingerprint.
pub fn sign_in(
    tx: &mut Tx<'_>,
    address: &str,
    token: &Fingerprint,
    expires: Timestamp,
    from: Source,
    now: Timestamp,
) -> Result<Operator, DbError> {
    let operator = tx.sign_operator_in(address, token.as_bytes(), now, expires)?;
    let (id, name) = (&operator.id, &operator.name);
    tx.act_as(Actor::Operator(Named::new(id, name)).at(from));
    tx.raise(now, None, Act::new(Action::OperatorSignedIn).on_named(id, name));
    Ok(operator)
}

/// Notes that an identity of the provider was refused. The caller has said who acts.
pub fn refused(tx: &mut Tx<'_>, identity: &Identity, now: Timestamp) {
    let address = identity.email.as_ref().map(|(email, _)| email.clone());
    tx.raise(now, None, Act::new(Action::OperatorRefused).saying(address));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::secret_text::SecretText;

    #[test]
    fn operators_are_admitted_by_address_or_domain_and_only_if_it_is_theirs() {
        let configured = OperatorSignIn {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: SecretText::new(""),
            allowed: vec!["Ada@vendor.test".to_owned(), "@csm.vendor.test".to_owned()],
            unverified_email: false,
            token_seconds: 60,
        };
        let identity = |email: Option<(&str, bool)>| Identity {
            subject: "1".to_owned(),
            email: email.map(|(email, verified)| (email.to_owned(), verified)),
            preferred_username: None,
            auth_time: None,
        };
        for (email, admits) in [
            (Some(("ada@vendor.test", true)), true),
            (Some(("ben@CSM.vendor.test", true)), true),
            (Some(("ada@vendor.test", false)), false),
            (Some(("ben@vendor.test", true)), false),
            (Some(("x@evil.test@csm.vendor.test", true)), true),
            (Some(("ada@vendor.test.evil.test", true)), false),
            (Some(("@csm.vendor.test", true)), false),
            (Some(("ben@xcsm.vendor.test", true)), false),
            (None, false),
        ] {
            assert_eq!(admitted(&configured, &identity(email)).is_ok(), admits, "{email:?}");
        }
    }
}
