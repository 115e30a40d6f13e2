//! Client authentication (RFC 6749 §2.3): a secret by HTTP Basic or in the body, or a signed assertion; one of them, never two,
//! never in the URL. What else stands in the `Authorization` header beside a complete proof in the body is no client authentication.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::{AuthMethod, Client, ClientId, ClientSecret};
use crate::context::Context;
use crate::error::{TokenError, TokenRefusal, Verdict};
use crate::store::{Store, StoreError};
use crate::tolerance::Tolerance;

pub mod assertion;

use assertion::{Assertion, KeySource, Supply};

/// The identifier of a client and its proof, not yet verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    id: Option<String>,
    proof: Proof,
    header: Header,
}

#[derive(Clone, PartialEq, Eq)]
enum Proof {
    /// No proof, as public clients send it.
    None,
    Secret(String),
    Assertion(Assertion),
}

/// What the `Authorization` header has to do with the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Header {
    /// The header is absent, or has nothing to do with the proof.
    Absent,
    /// The proof is in it.
    Basic,
    /// The proof is in it, and in the body too.
    Both,
    /// It is Basic with this user name, and not the client's: a proxy's, unless a client of ours has that name.
    Other(String),
    /// It is of another scheme, or unreadable, and the body has no proof.
    Stray,
}

/// A request with client authentication.
pub trait ClientCredentials {
    /// The identifier and the proof that the request carries.
    fn credentials(&mut self) -> &mut Credentials;

    /// The keys that have to be fetched before this request can be answered, and the `kid` they are asked for. `None` if there is
    /// no need: there is no assertion, no client it could be of, its keys are known, or its claims alone are reason to refuse it.
    fn keys_wanted(
        &mut self,
        store: &mut dyn Store,
        cx: &Context<'_>,
    ) -> Result<Option<(KeySource, Option<String>)>, StoreError> {
        let credentials = self.credentials();
        let Some(assertion) = credentials.assertion() else { return Ok(None) };
        let Some(id) = credentials.client_id().and_then(ClientId::new) else { return Ok(None) };
        let Some(client) = store.client(&id)? else { return Ok(None) };
        Ok(assertion.keys_wanted(cx, &client))
    }

    /// Whether it has to write even where the same request with a secret would only read: an assertion is used once.
    fn has_assertion(&mut self) -> bool {
        self.credentials().assertion().is_some()
    }

    /// Hands over what was fetched.
    fn supply(&mut self, source: KeySource, supply: Supply) {
        if let Some(assertion) = self.credentials().assertion_mut() {
            assertion.supply(source, supply);
        }
    }
}

/// By what a client proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proven {
    /// By nothing: it is public, and only says who it is.
    Nothing,
    /// By the secret of this name.
    Secret(String),
    /// By an assertion.
    Assertion,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Who it says it is. An assertion need not have the parameter beside it (RFC 7521 §4.2).
    pub fn client_id(&self) -> Option<&str> {
        self.id.as_deref().or_else(|| self.assertion().map(Assertion::subject))
    }

    /// Whether it carries a secret or an assertion, right or wrong. A public client only says who it is.
    pub fn has_proof(&self) -> bool {
        self.proof != Proof::None
    }

    pub(crate) fn assertion(&self) -> Option<&Assertion> {
        match &self.proof {
            Proof::Assertion(assertion) => Some(assertion),
            _ => None,
        }
    }

    pub(crate) fn assertion_mut(&mut self) -> Option<&mut Assertion> {
        match &mut self.proof {
            Proof::Assertion(assertion) => Some(assertion),
            _ => None,
        }
    }

    /// A refusal of the client; who tried HTTP Basic is invited to try again.
    fn refused(&self, reason: TokenRefusal) -> TokenError {
        let tried_basic = matches!(self.header, Header::Basic | Header::Both | Header::Stray);
        TokenError { reason, tried_basic }
    }

    /// What has been pasted along: no client ID and no secret of ours begins or ends so, so to say it says nothing about the rest.
    fn pasted(&self) -> Option<TokenRefusal> {
        let secret = match &self.proof {
            Proof::Secret(secret) => secret.as_str(),
            _ => "",
        };
        let sent = [("client ID", self.id.as_deref().unwrap_or_default()), ("client secret", secret)];
        let (what, text) = sent.into_iter().find(|(_, text)| text.trim_matches(is_blank).len() < text.len())?;
        let place = if text.ends_with(is_blank) { "after" } else { "before" };
        Some(TokenRefusal::CredentialsPasted { what, place })
    }
}

/// White space, control characters and characters that cannot be seen.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// How often the time of a secret's last use is written, in milliseconds.
const TOUCH: i64 = 3_600_000;

/// A request to one of the POST endpoints, as pairs.
#[derive(Clone, Copy)]
pub(crate) struct ClientRequest<'a> {
    pub(crate) authorization: Option<&'a str>,
    pub(crate) query: &'a [(String, String)],
    pub(crate) form: &'a [(String, String)],
}

/// Others sign what they like into an assertion, in bytes.
const MAX_ASSERTION: usize = 8192;
/// Where a client says who it is. Every request may have them.
const CREDENTIALS: [&str; 4] = ["client_id", "client_secret", "client_assertion_type", "client_assertion"];

impl<'a> ClientRequest<'a> {
    /// Refuses what no request may have: a repeated parameter, a NUL, anything secret in the URL. How long it may be is said of the body
    /// as a whole; what is not known is ignored (RFC 6749 §3.2).
    pub(crate) fn check(&self, known: &[&'static str]) -> Result<(), TokenError> {
        if self.form.iter().any(|(name, value)| name == "client_assertion" && value.len() > MAX_ASSERTION) {
            return Err(TokenRefusal::AssertionTooLong { limit: MAX_ASSERTION }.into());
        }
        if self.form.iter().any(|(_, value)| value.contains('\0')) {
            return Err(TokenRefusal::NulCharacter.into());
        }
        for name in CREDENTIALS.iter().chain(known) {
            if self.form.iter().filter(|(n, _)| n == name).count() > 1 {
                return Err(TokenRefusal::ParameterRepeated { name }.into());
            }
            if *name != "scope" && self.query.iter().any(|(n, _)| n == name) {
                return Err(TokenRefusal::ParameterInUrl { name }.into());
            }
        }
        Ok(())
    }

    /// A parameter of the body; without a value it counts as left out (RFC 6749 §3.2).
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.form.iter().find(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A parameter that may stand more than once.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.form.iter().filter(move |(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(crate) fn credentials(&self) -> Result<Credentials, TokenError> {
        let (id, secret) = (self.get("client_id").map(str::to_owned), self.get("client_secret"));
        let assertion = self.assertion()?;
        if assertion.is_some() && secret.is_some() {
            return Err(TokenRefusal::AssertionAndSecret.into());
        }
        let subject = assertion.as_ref().map(|assertion| assertion.subject().to_owned());
        let proof = match (assertion, secret) {
            (Some(assertion), _) => Proof::Assertion(assertion),
            (None, Some(secret)) => Proof::Secret(secret.to_owned()),
            (None, None) => Proof::None,
        };
        let Some(text) = self.authorization else { return Ok(Credentials { id, proof, header: Header::Absent }) };
        let Some((named, password)) = basic(text) else {
            return match proof {
                Proof::None if id.is_none() => {
                    Err(Credentials { id, proof, header: Header::Stray }.refused(TokenRefusal::HeaderNotBasic))
                }
                Proof::None => Ok(Credentials { id, proof, header: Header::Stray }),
                proof => Ok(Credentials { id, proof, header: Header::Absent }),
            };
        };
        let is_other = |id: &Option<String>| id.as_ref().is_some_and(|id| *id != named);
        match proof {
            Proof::Assertion(_) if [&id, &subject].into_iter().flatten().any(|client| *client == named) => {
                Err(TokenRefusal::AssertionAndSecret.into())
            }
            Proof::Assertion(_) => Ok(Credentials { id, proof, header: Header::Other(named) }),
            proof if is_other(&id) => Ok(Credentials { id, proof, header: Header::Other(named) }),
            // An empty password is no secret at all (RFC 6749 §2.3.1): so public clients may say who they are.
            Proof::None if password.is_empty() => {
                Ok(Credentials { id: Some(named), proof: Proof::None, header: Header::Basic })
            }
            Proof::None => Ok(Credentials { id: Some(named), proof: Proof::Secret(password), header: Header::Basic }),
            proof if password.is_empty() => Ok(Credentials { id: Some(named), proof, header: Header::Absent }),
            proof if proof == Proof::Secret(password) => {
                Ok(Credentials { id: Some(named), proof, header: Header::Both })
            }
            _ => Err(TokenRefusal::CredentialsTwice.into()),
        }
    }

    fn assertion(&self) -> Result<Option<Assertion>, TokenError> {
        match (self.get("client_assertion_type"), self.get("client_assertion")) {
            (None, None) => Ok(None),
            (Some(assertion::TYPE), Some(text)) => Assertion::parse(text).map(Some),
            (Some(_), Some(_)) => Err(TokenRefusal::AssertionType { expected: assertion::TYPE }.into()),
            _ => Err(TokenRefusal::AssertionIncomplete.into()),
        }
    }
}

/// `Basic base64(id:secret)`, each part form-encoded as the RFC demands. Parts that are not encoded are taken as they are.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| {
        let pair = format!("v={part}");
        let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
        let decoded = pairs.next().map(|(_, value)| value.into_owned());
        decoded.filter(|_| !part.contains('&')).unwrap_or_else(|| part.to_owned())
    };
    Some((decode(id), decode(secret)))
}

/// Who the client is, and a note in the store that its secret is in use.
pub(crate) fn authenticate(store: &mut dyn Store, cx: &mut Context<'_>, credentials: &Credentials) -> Verdict<Client> {
    let (client, proven) = match identify(store, cx, credentials)? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let stale = |secret: &&ClientSecret| secret.last_used.is_none_or(|then| cx.now - then > TOUCH);
    if let Proven::Secret(used) = proven
        && let Some(secret) = client.secrets.iter().find(|secret| secret.id == used).filter(stale)
    {
        store.touch_secret(&client.id, &secret.id, cx.now)?;
    }
    Ok(Ok(client))
}

/// Who the client is, and by what; writes nothing but the use of an assertion. An unknown client reads and costs the same as a
/// wrong secret.
pub(crate) fn identify(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    credentials: &Credentials,
) -> Verdict<(Client, Proven)> {
    let refuse = |reason| Ok(Err(credentials.refused(reason)));
    let Some(id) = credentials.client_id() else {
        return refuse(TokenRefusal::ClientMissing);
    };
    if let Some(pasted) = credentials.pasted() {
        return refuse(pasted);
    }
    let presented = match &credentials.proof {
        Proof::Secret(secret) => secret,
        _ => "",
    };
    let presented = cx.keys.fingerprint(presented);
    let client = named(store, id)?;
    if let Some(refused) = another(store, credentials, client.as_ref())? {
        return Ok(Err(refused));
    }
    let Some(client) = client else {
        return refuse(match credentials.proof {
            Proof::Assertion(_) => TokenRefusal::AssertionClientUnknown,
            _ => TokenRefusal::CredentialsWrong,
        });
    };
    let proven = match (&credentials.proof, client.public) {
        (Proof::None, true) => Proven::Nothing,
        (Proof::Secret(_) | Proof::Assertion(_), true) => return refuse(TokenRefusal::CredentialsWrong),
        (Proof::None, false) if credentials.header == Header::Stray => return refuse(TokenRefusal::HeaderNotBasic),
        (Proof::None, false) => return refuse(TokenRefusal::SecretMissing),
        (Proof::Secret(_), false) => {
            // Every secret is compared, so that the time tells nothing.
            let matching: Vec<_> = client.secrets.iter().filter(|secret| secret.fingerprint == presented).collect();
            let Some(secret) = matching.first() else { return refuse(TokenRefusal::CredentialsWrong) };
            if secret.expires.is_some_and(|expires| expires <= cx.now) {
                return refuse(TokenRefusal::SecretExpired);
            }
            match (client.options.authentication.method, &credentials.header) {
                (AuthMethod::ClientSecretBasic, Header::Absent | Header::Other(_) | Header::Stray) => {
                    return refuse(TokenRefusal::BasicOnly);
                }
                (AuthMethod::ClientSecretPost, Header::Basic) => {
                    return refuse(TokenRefusal::PostOnly);
                }
                (AuthMethod::PrivateKeyJwt, _) => {
                    return refuse(TokenRefusal::AssertionOnly);
                }
                _ => {}
            }
            let proven = Proven::Secret(secret.id.clone());
            if credentials.header == Header::Both && !cx.forgives(&client, Tolerance::CredentialsTwice) {
                return Ok(Err(TokenRefusal::CredentialsTwice.into()));
            }
            proven
        }
        (Proof::Assertion(assertion), false) => {
            let single = match assertion.verify(cx, &client) {
                Ok(single) => single,
                Err(refused) => return Ok(Err(refused)),
            };
            if let Some(single) = single
                && !store.use_assertion(&single.id, single.expires)?
            {
                return refuse(TokenRefusal::AssertionReplayed);
            }
            Proven::Assertion
        }
    };
    if client.disabled {
        return refuse(TokenRefusal::ClientDisabled);
    }
    if client.suspended {
        return refuse(TokenRefusal::AccountSuspended);
    }
    Ok(Ok((client, proven)))
}

fn named(store: &mut dyn Store, id: &str) -> Result<Option<Client>, StoreError> {
    match ClientId::new(id) {
        Some(id) => store.client(&id),
        None => Ok(None),
    }
}

/// The `Authorization` header is another's. A client of ours has said twice who it is, and differently (§2.3); anything else is for a
/// proxy, and beside a body that is complete without it means nothing to us.
fn another(
    store: &mut dyn Store,
    credentials: &Credentials,
    client: Option<&Client>,
) -> Result<Option<TokenError>, StoreError> {
    let Header::Other(other) = &credentials.header else { return Ok(None) };
    let incomplete = credentials.proof == Proof::None && client.is_none_or(|client| !client.public);
    let ours = incomplete || named(store, other)?.is_some();
    Ok(ours.then(|| TokenRefusal::ClientIdMismatch.into()))
}

#[cfg(test)]
mod tests;
