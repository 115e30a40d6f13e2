//! Where we are to SAML providers: each account has addresses of its own, and there are some that all accounts share, for vendors who want one
//! address for all.

use super::metadata::ServiceProvider;

/// Our addresses for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The audience of this account.
    pub audience: String,
    /// Where responses for this account arrive.
    pub consumer: String,
    /// The audience that all accounts share.
    pub shared_audience: String,
    /// Where responses for any account arrive.
    pub shared_consumer: String,
    /// The metadata.
    pub metadata: String,
    /// Where people begin to log in.
    pub login: String,
    /// Where the certificate of our requests is, once an account has them signed.
    pub certificate: String,
}

impl Addresses {
    /// Those of the account with this id.
    pub fn of(public_url: &str, account: &str) -> Addresses {
        let (shared, own) = (format!("{public_url}/saml"), format!("{public_url}/saml/{account}"));
        Addresses {
            consumer: format!("{own}/consume"),
            metadata: format!("{own}/metadata"),
            login: format!("{own}/login"),
            certificate: format!("{shared}/certificate"),
            audience: own,
            shared_consumer: format!("{shared}/consume"),
            shared_audience: shared,
        }
    }

    /// As the metadata of the account tells it.
    pub fn service_provider(&self) -> ServiceProvider {
        let consumers = vec![self.consumer.clone(), self.shared_consumer.clone()];
        ServiceProvider { entity_id: self.audience.clone(), consumers, certificates: Vec::new(), signs: false }
    }

    /// As the metadata for all accounts tells it.
    pub fn shared(public_url: &str) -> ServiceProvider {
        let shared = format!("{public_url}/saml");
        let consumers = vec![format!("{shared}/consume")];
        ServiceProvider { entity_id: shared, consumers, certificates: Vec::new(), signs: false }
    }
}
