//! Setup links as operators make, see and revoke them. The caller has said who acts ([`Tx::act_as`]).

use lettre::Address;
use scim::SearchRequest;
use serde_json::{Map, json};

use super::clients::{self, CheckedClient, Installation};
use super::error::{ActError, Refusal};
use super::sent_form::{Before, Drawn};
use super::users::{self, LoginChange};
use super::{accounts, service_provider::ScimEngine};
use crate::domain::account::Account;
use crate::domain::bodies::clients::NewClient;
use crate::domain::bodies::setup_links::{NewSetupLink, SetupLink, SetupMoment, ShownLink};
use crate::domain::described::{Body, FieldError, Mistakes, Name, Text, Time, With};
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::domain::profiles::Profile;
use crate::domain::scopes;
use crate::domain::setup_link::{self, Done, LinkState, Provider};
use crate::domain::wording;
use crate::platform::timestamp::Timestamp;
use crate::storage::clients::ClientRecord;
use crate::storage::{DbError, Tx};

/// The service account that is made unless another is named.
const SERVICE_ACCOUNT: &str = "okta-provisioning";
/// How long a link counts at most.
const LONGEST_MS: i64 = 90 * 86_400_000;

/// A link that is to be made, checked as far as that goes without the database.
#[derive(Debug)]
pub struct CheckedLink {
    new: NewSetupLink,
    /// The client that is made with it.
    client: Option<CheckedClient>,
}

impl CheckedLink {
    /// Checks what is asked for: all mistakes at once.
    pub async fn of(
        mandate: &Mandate,
        new: &NewSetupLink,
        at: &Installation<'_>,
        now: Timestamp,
    ) -> Result<CheckedLink, Vec<FieldError>> {
        let mut mistakes = Mistakes::default();
        if let Some(Time(expires)) = new.expires
            && (expires <= now || expires > now + LONGEST_MS)
        {
            mistakes.note("expires", "must lie in the future, and at most 90 days ahead");
        }
        if let Some(Text(contact)) = &new.contact
            && contact.parse::<Address>().is_err()
        {
            mistakes.note("contact", "must be an address, such as nora@vendor.example");
        }
        if let Some(Text(name)) = &new.service_account
            && (name.trim().is_empty() || name.chars().count() > 200)
        {
            mistakes.note("service_account", "must be a user name of 1 to 200 characters");
        }
        let client = match (&new.client_id, new.provider) {
            (None, None) => {
                mistakes.note("provider", "is missing: say which identity provider, or name a client by client_id");
                None
            }
            (Some(_), _) => {
                for (field, is_said) in [("provider", new.provider.is_some()), ("name", new.name.is_some())] {
                    if is_said {
                        mistakes.note(field, "goes without client_id: that client has one");
                    }
                }
                None
            }
            (None, Some(provider)) => {
                let client = new_client(provider, new.name.as_ref(), &mut mistakes);
                match CheckedClient::of(mandate, &client, at).await {
                    Ok(client) => Some(client),
                    Err(found) => {
                        found.into_iter().for_each(|FieldError { field, detail }| mistakes.note(field, detail));
                        None
                    }
                }
            }
        };
        mistakes.finish()?;
        Ok(CheckedLink { new: new.clone(), client })
    }
}

/// The client that is made for a provider.
fn new_client(provider: Provider, name: Option<&Name>, mistakes: &mut Mistakes) -> NewClient {
    let name = name.map_or(provider.client_name(), |Name(name)| name);
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(name));
    fields.insert("profile".to_owned(), json!(provider.profile().as_str()));
    if provider == Provider::Other {
        fields.insert("grant_types".to_owned(), json!([oauth::GrantType::ClientCredentials.as_str()]));
    }
    NewClient::read_whole(fields, mistakes)
}

/// Makes a link, and a client and a service account where they are not there yet. An older link of the client that is still open is
/// revoked; what came of it goes on in this one. The URL is shown this once.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    at: &Installation<'_>,
    lifetime: i64,
    account: &str,
    (checked, drawn): (&CheckedLink, &Drawn),
) -> Result<With<SetupLink, ShownLink>, ActError> {
    let (new, now) = (&checked.new, tx.now());
    let account = accounts::lock(tx, mandate, Power::ManageSetupLinks, account)?;
    let client = match (&checked.client, &new.client_id) {
        (None, Some(Text(id))) => existing(tx, mandate, &account, id)?,
        (Some(client), _) => clients::register(tx, Some(account.seq), client)?,
        (None, None) => return Err(ActError::field("provider", "is missing")),
    };
    let provider = Provider::of(Profile::of(&client.client));
    let service_account = match (provider.needs_service_account(), &new.service_account) {
        (true, name) => {
            let name = name.as_ref().map_or(SERVICE_ACCOUNT, |Text(name)| name.trim());
            Some(service_account(tx, mandate, &at.scim, &account, name)?)
        }
        (false, None) => None,
        (false, Some(_)) => {
            let detail = format!("goes with okta only: no user accepts access for {}", provider.name());
            return Err(ActError::field("service_account", detail));
        }
    };
    let mut link = setup_link::SetupLink {
        seq: 0,
        id: drawn.id.clone(),
        account: account.seq,
        client: client.seq,
        provider,
        service_account,
        contact: new.contact.as_ref().map(|Text(contact)| contact.clone()),
        created: now,
        created_by: tx.origin.actor.code(),
        created_by_name: tx.origin.actor.name().map(str::to_owned),
        expires: new.expires.map_or(now + lifetime, |expires| expires.0),
        revoked: None,
        opened: None,
        revealed: None,
        credential: None,
        refused_reveals: 0,
        refused: None,
        finished: None,
        progress: Default::default(),
    };
    replace_older(tx, &mut link, &client, now)?;
    tx.insert_setup_link(&mut link, &at.keys.fingerprint(drawn.secret.reveal()))?;
    let said = format!("{}, until {}", link.id, wording::day(link.expires));
    tx.raise(now, Some(account.seq), about(Action::SetupLinkCreated, &client).saying(said));
    Ok(With { of: overview(&link, &client, now), with: shown(at, drawn) })
}

fn shown(at: &Installation<'_>, drawn: &Drawn) -> ShownLink {
    ShownLink { url: format!("{}/setup/{}", at.public_url, drawn.secret.reveal()) }
}

/// The link that the form before has made, and when. Only reads.
pub fn again(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    at: &Installation<'_>,
    account: &str,
    drawn: &Drawn,
) -> Result<Before<With<SetupLink, ShownLink>>, ActError> {
    match get(tx, mandate, account, &drawn.id) {
        Ok(link) => Ok(Some((link.created.0, With { of: link, with: shown(at, drawn) }))),
        Err(ActError::Refused(Refusal::NotFound { what: "setup link", .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An act on the client of a link.
fn about(action: Action, client: &ClientRecord) -> Act {
    Act::new(action).on_named(client.client.id.as_str(), &client.client.name)
}

/// A client of the account for which a link can be made.
fn existing(tx: &mut Tx<'_>, mandate: &Mandate, account: &Account, id: &str) -> Result<ClientRecord, ActError> {
    let client = clients::find(tx, mandate, Power::ManageSetupLinks, id)?;
    if client.account != Some(account.seq) {
        return Err(ActError::not_found("client", id));
    }
    if client.client.public {
        return Err(ActError::conflict("a public client has no secret that could be revealed"));
    }
    if client.client.scopes.iter().any(scopes::is_of_product_keys) {
        let detail = "this client is a product key: its secret is for your own product, and for no customer";
        return Err(ActError::conflict(detail));
    }
    Ok(client)
}

/// A newer link takes the place of the older ones of its client: they no longer count, and what was done by the last of them is not done
/// again. So no second link gives a second secret.
fn replace_older(
    tx: &mut Tx<'_>,
    link: &mut setup_link::SetupLink,
    client: &ClientRecord,
    now: Timestamp,
) -> Result<(), DbError> {
    let older = tx.setup_links_of_client(client.seq)?;
    if let Some(last) = older.first() {
        link.revealed.clone_from(&last.revealed);
        link.credential.clone_from(&last.credential);
        link.progress.clone_from(&last.progress);
    }
    for older in older.iter().filter(|older| older.state(now).is_open()) {
        tx.revoke_setup_link(older.seq, now)?;
        let said = format!("{}: {} took its place", older.id, link.id);
        tx.raise(now, client.account, about(Action::SetupLinkRevoked, client).saying(said));
    }
    Ok(())
}

/// The id of the service account of this name; one that does not exist is made, with a role that may accept access and no password.
fn service_account(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    account: &Account,
    name: &str,
) -> Result<String, ActError> {
    let wrong = |detail: String| Err(ActError::field("service_account", detail));
    let policy = tx.grant_policy();
    let Some(role) = policy.roles().first() else {
        return wrong(
            "cannot be made: consent.roles of this installation is empty, so no user may accept access".to_owned(),
        );
    };
    let filter = format!("userName eq {}", json!(name));
    let asked = SearchRequest::from_query([("filter", filter.as_str())])?;
    let found = users::search(tx, mandate, engine, &account.id, &asked)?;
    let Some(user) = found.items.into_iter().map(|user| user.0).next() else {
        let attributes = json!({"userName": name, policy.attribute(): role});
        let login = LoginChange { service_account: Some(true), ..LoginChange::default() };
        let made = users::create(tx, mandate, engine, &account.id, &attributes, &login)?;
        return Ok(made.0["id"].as_str().unwrap_or_default().to_owned());
    };
    if user["service_account"] != json!(true) {
        let detail = "is the name of a personal user: name another one, or make this user a service account first";
        return wrong(detail.to_owned());
    }
    if user["active"] == json!(false) {
        return wrong("is the name of an inactive user: activate the user, or name another one".to_owned());
    }
    let may_accept = user[policy.attribute()].as_str().is_some_and(|role| policy.roles().iter().any(|may| may == role));
    if !may_accept {
        let roles = policy.roles().join(" or ");
        return wrong(format!("is the name of a user who may not accept access: give them the role {roles}"));
    }
    Ok(user["id"].as_str().unwrap_or_default().to_owned())
}

/// The links of an account that follow a row; each with its row. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, SetupLink)>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let now = tx.now();
    let links = tx.setup_links_after(account.seq, after, limit)?;
    let mut keys: Vec<_> = links.iter().map(|link| link.client).collect();
    keys.sort_unstable();
    keys.dedup();
    let clients = tx.clients_at(&keys)?;
    let of = |link: &setup_link::SetupLink| clients.iter().find(|client| client.seq == link.client);
    Ok(links.iter().filter_map(|link| Some((link.seq, overview(link, of(link)?, now)))).collect())
}

/// The newest links of an account, before a row where one is named; each with its row. Only reads.
pub fn newest(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    before: Option<i64>,
    most: i64,
) -> Result<Vec<(i64, SetupLink)>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let now = tx.now();
    let links = tx.newest_setup_links(account.seq, before, most)?;
    let mut keys: Vec<_> = links.iter().map(|link| link.client).collect();
    keys.sort_unstable();
    keys.dedup();
    let clients = tx.clients_at(&keys)?;
    let of = |link: &setup_link::SetupLink| clients.iter().find(|client| client.seq == link.client);
    Ok(links.iter().filter_map(|link| Some((link.seq, overview(link, of(link)?, now)))).collect())
}

/// One link of an account. Only reads.
pub fn get(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, id: &str) -> Result<SetupLink, ActError> {
    let (account, now) = (accounts::find(tx, mandate, Power::Read, account)?, tx.now());
    let not_found = || ActError::not_found("setup link", id);
    let link = tx.setup_link_of(account.seq, id)?.ok_or_else(not_found)?;
    let client = tx.clients_at(&[link.client])?.pop().ok_or_else(not_found)?;
    Ok(overview(&link, &client, now))
}

/// The links of a client, the newest first. Only reads.
pub fn of_client(tx: &mut Tx<'_>, mandate: &Mandate, client: &str) -> Result<Vec<SetupLink>, ActError> {
    let (client, now) = (clients::find(tx, mandate, Power::Read, client)?, tx.now());
    Ok(tx.setup_links_of_client(client.seq)?.iter().map(|link| overview(link, &client, now)).collect())
}

/// A link as operators read it.
fn overview(link: &setup_link::SetupLink, client: &ClientRecord, now: Timestamp) -> SetupLink {
    let moment =
        |done: &Option<Done>| done.as_ref().map(|Done { at, from }| SetupMoment { at: Time(*at), from: from.clone() });
    SetupLink {
        id: link.id.clone(),
        client_id: client.client.id.as_str().to_owned(),
        client_name: client.client.name.clone(),
        provider: link.provider,
        state: link.state(now),
        service_account: link.service_account.clone(),
        contact: link.contact.clone(),
        created: Time(link.created),
        created_by: link.created_by_name.clone().unwrap_or_else(|| link.created_by.clone()),
        expires: Time(link.expires),
        opened: moment(&link.opened),
        revealed: moment(&link.revealed),
        refused_reveals: link.refused_reveals,
        refused: moment(&link.refused),
        finished: link.finished.map(Time),
        revoked: link.revoked.map(Time),
    }
}

/// Revokes a link: its page is closed from the next request on. One that is closed already stays as it is.
pub fn revoke(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, id: &str) -> Result<(), ActError> {
    let (account, now) = (accounts::find(tx, mandate, Power::ManageSetupLinks, account)?, tx.now());
    let link = tx.setup_link_of(account.seq, id)?.ok_or_else(|| ActError::not_found("setup link", id))?;
    if link.state(now) == LinkState::Expired || !tx.revoke_setup_link(link.seq, now)? {
        return Ok(());
    }
    if let Some(client) = tx.clients_at(&[link.client])?.first() {
        tx.raise(now, Some(account.seq), about(Action::SetupLinkRevoked, client).saying(link.id));
    }
    Ok(())
}
