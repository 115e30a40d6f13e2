//! The order of events: the setup guide for Okta, from the vendor's first step to the last one of the customer's year.

use super::identity_provider::IdentityProvider;
use super::transcript::{CHAPTERS, Transcript};
use super::wire::Failure;
use super::{connection, ending, groups, single_sign_on, users, vendor};

/// What stays when the story is over, so that the reader can try more.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The client Okta was given.
    pub(crate) client: vendor::Issued,
    /// The service account's name and password.
    pub(crate) login: vendor::Login,
    /// The account's id.
    pub(crate) account: String,
    /// The account's name.
    pub(crate) account_name: &'static str,
    /// Where people sign in by SAML.
    pub(crate) sign_in: String,
    /// An access token that works.
    pub(crate) access_token: String,
}

/// Plays the story against the server at `base`.
pub(crate) async fn play(
    transcript: &Transcript,
    base: &str,
    admin_token: &str,
    provider: &IdentityProvider,
) -> Result<Ending, Failure> {
    transcript.say(&format!("gateway {} at {base}, with an empty SQLite database.", env!("CARGO_PKG_VERSION")));
    let operator = vendor::Operator::new(transcript, base, admin_token)?;

    let prepared = operator.prepare_the_account().await?;
    let sign_in = single_sign_on::sign_in(&operator, base, &prepared, provider).await?;
    let client = operator.issue_a_client(&prepared).await?;
    connection::try_too_early(transcript, base, &client).await?;
    let client = operator.register_the_variable_name(client).await?;
    let connected = connection::authenticate(transcript, base, &client, &prepared.service_account).await?;
    let okta = connection::test_credentials(transcript, base, &connected.access_token).await?;

    users::import(&okta, &prepared).await?;
    let people = users::assign(&okta, &prepared).await?;
    users::make_mistakes(&okta).await?;
    users::update(&okta, &people).await?;
    groups::push_and_change(&okta, &people).await?;
    users::leave_and_return(&okta, &people).await?;
    groups::remove(&okta).await?;
    let access_token = connection::refresh(transcript, base, &client, &connected).await?;
    ending::the_person_behind_a_token_leaves(&operator, base, &prepared, &access_token).await?;
    operator.verify(&prepared).await?;

    debug_assert_eq!(transcript.chapters(), CHAPTERS);
    Ok(Ending {
        client,
        login: prepared.service_account,
        account: prepared.account,
        account_name: vendor::ACCOUNT,
        sign_in,
        access_token,
    })
}
