//! What pages of the console say about a connection: is it healthy, why not, what to do, what was asked and answered. Each page is one
//! struct, filled by a fixed number of statements.

use crate::domain::health::HealthState;
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::profiles::Profile;
use crate::domain::request::full::Switch;
use crate::domain::when::When;
use crate::services::clients;
use crate::services::error::ActError;
use crate::services::health::{self, Looked, Rules};
use crate::storage::Tx;
use crate::storage::clients::ClientRecord;

pub mod connection;
pub mod fields;
pub mod log;
pub mod one_request;

/// What stands at the top of each page about a connection.
#[derive(Debug, Clone)]
pub struct ConnectionHead {
    /// The client's id.
    pub client: String,
    /// What it is called.
    pub name: String,
    /// Its account.
    pub account: Option<AccountLabel>,
    /// The identity provider, as people call it.
    pub provider: &'static str,
    /// The variable name of its app, at Okta.
    pub app_name: Option<String>,
    /// How it is.
    pub state: HealthState,
    /// Whether its account is suspended, which is why it does not work.
    pub is_suspended: bool,
    /// That it is recorded in full.
    pub recording: Option<Recording>,
}

/// An account, as a page names and links it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLabel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// That a connection is recorded in full.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Until when.
    pub until: When,
    /// Who said so.
    pub by: String,
}

/// A page about a connection, in the row of tabs.
#[derive(Debug)]
pub struct Tab {
    /// What it is called.
    pub label: &'static str,
    /// Where it is.
    pub path: String,
}

impl ConnectionHead {
    /// The pages about this connection.
    pub fn tabs(&self) -> Vec<Tab> {
        let path = format!("/console/clients/{}", self.client);
        let tab = |(label, below)| Tab { label, path: format!("{path}{below}") };
        let tabs = [("Health", ""), ("Requests", "/requests"), ("Fields", "/fields"), ("Settings", "/settings")];
        tabs.into_iter().map(tab).collect()
    }

    /// The identity provider in a sentence of its own.
    pub fn provider_words(&self) -> String {
        let mut words = self.provider.to_owned();
        words[..1].make_ascii_uppercase();
        words
    }

    fn of(tx: &mut Tx<'_>, record: &ClientRecord, state: HealthState) -> Result<ConnectionHead, ActError> {
        let account = record.account.map(|account| tx.account_label(account)).transpose()?.flatten();
        let found = record.account.map(|account| tx.account_at(account)).transpose()?.flatten();
        let is_suspended = found.is_some_and(|account| account.suspended.is_some());
        let now = tx.now();
        let recording = record.recorded.as_ref().filter(|Switch { until, .. }| now < *until);
        Ok(ConnectionHead {
            client: record.client.id.to_string(),
            name: person::short_name(&record.client.name),
            account: account.map(|account| AccountLabel {
                name: person::short_name(account.name.as_deref().unwrap_or(&account.id)),
                id: account.id,
            }),
            provider: Profile::of(&record.client).words(),
            app_name: record.okta_app_name.clone(),
            state,
            is_suspended,
            recording: recording
                .map(|Switch { until, by }| Recording { until: When::at(*until), by: person::short_name(by) }),
        })
    }

    /// Of a client within reach, with its record. The state is that of now, so that all its pages say the same. What this process answered
    /// a moment ago is known once it is [gathered](crate::services::health). Only reads.
    pub fn find(
        tx: &mut Tx<'_>,
        mandate: &Mandate,
        rules: &Rules<'_>,
        client: &str,
    ) -> Result<(ConnectionHead, ClientRecord), ActError> {
        let record = clients::find(tx, mandate, Power::Read, client)?;
        let looked = health::look(tx, rules, vec![record])?.pop();
        let Looked { record, finding, .. } = looked.ok_or_else(|| ActError::not_found("client", client))?;
        Ok((ConnectionHead::of(tx, &record, finding.state)?, record))
    }
}
