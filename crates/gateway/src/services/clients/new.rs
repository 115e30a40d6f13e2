//! A client that is to be registered.

use oauth::ClientId;
use oauth::client::Mistake;

use super::authentication::Asked;
use super::{Installation, lifetimes, registration, secrets, tolerances};
use crate::domain::bodies::clients::{ClientOptions, NewClient};
use crate::domain::client::ScimOptions;
use crate::domain::described::{FieldError, Flat, Mistakes, Name, Required};
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::operator::Mandate;
use crate::domain::registration::Registered;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::logouts;
use crate::storage::clients::ClientRecord;

/// A new client that was checked, and whose addresses were tried out.
#[derive(Debug)]
pub struct CheckedClient {
    name: String,
    registered: Registered,
    secret_days: Option<u32>,
    pub(super) options: ClientOptions,
    /// What is worth knowing of its addresses.
    pub(super) warnings: Vec<String>,
}

impl CheckedClient {
    /// Checks a registration: all mistakes at once.
    pub async fn of(
        mandate: &Mandate,
        new: &NewClient,
        at: &Installation<'_>,
    ) -> Result<CheckedClient, Vec<FieldError>> {
        let mut mistakes = Mistakes::default();
        let NewClient { name: Required(Name(name)), options: Flat(options), .. } = new;
        let proofs = Asked::of(options);
        let mut asked = registration::asked(options, proofs.alone());
        asked.profile = new.profile.as_ref().map(|profile| profile.0.0.clone());
        asked.client.public = new.public;
        let secret_days = secrets::lifetime(options, asked.profile.as_deref());
        let secret_days = secret_days.unwrap_or_else(|FieldError { field, detail }| {
            mistakes.note(field, detail);
            None
        });
        logouts::check(options, at.outbound, &mut mistakes);
        let warnings = proofs.try_addresses(mandate, at, &mut mistakes).await;
        match asked.check(at.protocol, at.settings.allow_okta_internal_http) {
            Ok(registered) => {
                mistakes.finish()?;
                let (name, options) = (name.clone(), options.clone());
                Ok(CheckedClient { name, registered, secret_days: secret_days.flatten(), options, warnings })
            }
            Err(found) => {
                found.into_iter().for_each(|Mistake { field, detail }| mistakes.note(field, detail));
                Err(mistakes.finish().err().unwrap_or_default())
            }
        }
    }

    /// The client as it is stored.
    pub(super) fn record(&self, created: Timestamp, account: Option<AccountKey>) -> ClientRecord {
        let Registered { profile, okta_app_name, client } = &self.registered;
        let mut scim = ScimOptions::default();
        tolerances::apply(self.options.tolerances.as_ref(), &mut scim.tolerances);
        let mut options = oauth::client::Options {
            tokens: client.tokens.clone(),
            post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
            authentication: client.authentication.clone(),
            secret_lifetime_days: self.secret_days,
            ..oauth::client::Options::default()
        };
        lifetimes::set(&self.options, &mut options);
        logouts::set(&self.options, &mut options);
        ClientRecord {
            recorded: None,
            seq: ClientKey::NO_ROW,
            account,
            okta_app_name: okta_app_name.as_ref().map(|name| name.as_str().to_owned()),
            created,
            client: oauth::Client {
                id: ClientId::new(system::new_client_id()).expect("a generated id is one"),
                name: self.name.clone(),
                public: client.public,
                secrets: Vec::new(),
                redirect_uris: client.redirect_uris.clone(),
                grant_types: client.grant_types.clone(),
                scopes: client.scopes.clone(),
                default_scope: client.default_scope.clone(),
                profile: profile.of_clients(),
                require_pkce: client.require_pkce,
                disabled: false,
                suspended: false,
                has_account: account.is_some(),
                options,
                tolerances: oauth::Tolerances::NONE, // they follow from the rest
            },
            scim,
        }
    }
}
