//! How a person logged in at a provider (saml-authn-context-2.0), as relying parties of OpenID Connect are told: the class is `acr`, and what
//! follows from it is `amr` (RFC 8176 §2).

use oauth::Authentication;

use super::assertion::Assertion;

/// What the names of the standard's classes begin with.
const CLASS: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:";
/// The attribute in which Entra and AD FS list the methods.
const METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";

/// The methods that a class stands for; none where it does not say.
fn methods(class: &str) -> &'static [&'static str] {
    match class.strip_prefix(CLASS).unwrap_or(class) {
        "Password" | "PasswordProtectedTransport" => &["pwd"],
        "TimeSyncToken" => &["otp"],
        "Smartcard" | "SmartcardPKI" => &["sc"],
        "Kerberos" | "urn:federation:authentication:windows" => &["wia"],
        "MobileTwoFactorContract" | "MobileTwoFactorUnregistered" | "https://refeds.org/profile/mfa" => &["mfa"],
        "http://schemas.microsoft.com/claims/multipleauthn" => &["mfa"],
        "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password" => &["pwd"],
        _ => &[],
    }
}

/// What an assertion says of it.
pub fn authentication(assertion: &Assertion) -> Authentication {
    let class = assertion.context.as_deref().filter(|class| class.strip_prefix(CLASS) != Some("unspecified"));
    let listed = assertion.attributes.iter().filter(|attribute| attribute.name == METHODS);
    let named = class.into_iter().chain(listed.flat_map(|attribute| attribute.values.iter().map(String::as_str)));
    Authentication::told(class, named.flat_map(methods).copied())
}
