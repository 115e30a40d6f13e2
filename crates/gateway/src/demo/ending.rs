//! The guide's "Important" box: what happens to a connection when the person behind its token leaves.

use serde_json::json;

use super::connection;
use super::okta::Okta;
use super::transcript::CHAPTERS;
use super::users::written;
use super::vendor::{Operator, Prepared};
use super::wire::Failure;

/// Mira accepts access for a second app in her own name, and is deactivated through the first.
pub(crate) async fn the_person_behind_a_token_leaves(
    operator: &Operator<'_>,
    base: &str,
    prepared: &Prepared,
    access_token: &str,
) -> Result<(), Failure> {
    let transcript = operator.transcript();
    transcript.chapter(CHAPTERS, "Important: why to use a service account");
    let client = operator.issue_another_client(prepared).await?;
    let (consent, asked) = connection::log_in(transcript, base, &client, &prepared.mira).await?;
    transcript.say("Mira is a person and not a service account. The page warns her:");
    let text = consent.page.text();
    if !text.contains("not a service account") {
        return Err(Failure(format!("the consent page\n  expected: a warning\n  came:     {text}")));
    }
    transcript.quote("The page", &text);
    let mirrored = connection::accept(transcript, base, &client, consent, asked).await?;

    let okta = Okta::new(transcript, base, access_token)?;
    let hers = Okta::new(transcript, base, &mirrored.access_token)?;
    hers.get("/Users?startIndex=1&count=2")
        .await?
        .expect(200, "Her connection works, beside the service account's.")?;

    let mira = format!("/Users/{}", prepared.mira.id);
    let leave = json!([{"op": "replace", "value": {"active": false}}]);
    written(
        okta.patch(&mira, leave).await?,
        "Mira leaves the company: Okta deactivates her, over the first connection.",
    )?;
    let refused = hers.get("/Users?startIndex=1&count=2").await?;
    let challenge = refused.header("www-authenticate");
    let refused = refused.expect(401, "The very next request with her token: the grant ended with the same commit.")?;
    transcript.quote("Okta's Tasks", &refused.text("/detail")?);
    if !challenge.starts_with("Bearer") {
        return Err(Failure(format!("a 401\n  expected: WWW-Authenticate: Bearer …\n  came:     `{challenge}`")));
    }
    let described = connection::refresh_in_vain(transcript, base, &client, &mirrored).await?;
    transcript.say("Her refresh token does not help either:");
    transcript.quote("Okta's Tasks", &described);

    let back = json!([{"op": "replace", "value": {"active": true}}]);
    written(okta.patch(&mira, back).await?, "She is reactivated …")?;
    hers.get("/Users?startIndex=1&count=2").await?.expect(401, "… which brings no ended grant back to life.")?;
    okta.get("/Users?startIndex=1&count=2").await?.expect(200, "The service account's connection never noticed.")?;
    Ok(())
}
