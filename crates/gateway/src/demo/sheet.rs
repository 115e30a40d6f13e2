//! What stays on the screen: where everything is, and what to type to try more.

use std::path::Path;

use super::story::Ending;
use super::transcript::Transcript;

/// Prints the sheet. `visit` is what the reader may open, if the server goes on.
pub(crate) fn print(
    transcript: &Transcript,
    base: &str,
    admin_token: &str,
    directory: &Path,
    ending: &Ending,
    visit: Option<&str>,
) {
    let (requests, took) = transcript.so_far();
    let seconds = took.as_secs_f64();
    transcript.line("");
    transcript.say(&format!("{requests} requests in {seconds:.1} seconds, every answer as the guide promises it."));
    let Some(visit) = visit else { return };
    transcript.line("");
    for (label, value) in [
        ("Server", base.to_owned()),
        ("SCIM base URL", format!("{base}/scim/v2")),
        ("Authorization endpoint", ending.client.authorization_url.clone()),
        ("Token endpoint", ending.client.token_url.clone()),
        ("Discovery", format!("{base}/.well-known/openid-configuration")),
        ("Client ID", ending.client.id.clone()),
        ("Client Secret", ending.client.secret.clone()),
        ("Log in as", ending.login.user_name.clone()),
        ("Password", ending.login.password.clone()),
        ("Sign in by SAML", format!("{}  (as Tom, who has no password)", ending.sign_in)),
        ("Operator's token", admin_token.to_owned()),
        ("Database and keys", directory.display().to_string()),
    ] {
        transcript.value(label, &value);
    }
    let (id, secret) = (&ending.client.id, &ending.client.secret);
    transcript.line("\n     Try, in another terminal:\n");
    transcript
        .line(&format!("curl -H 'Authorization: Bearer {}' '{base}/scim/v2/Users?count=2'\n", ending.access_token));
    transcript.line(&format!(
        "curl -u '{id}:{secret}' -d grant_type=client_credentials -d scope=provision:scim {}\n",
        ending.client.token_url
    ));
    transcript.line(&format!(
        "curl -H 'Authorization: Bearer {admin_token}' '{base}/admin/audit?account={}'\n",
        ending.account
    ));
    transcript.say(
        "Or in a browser: log in with the name and the password above, accept access, and the story goes on there:",
    );
    transcript.line(&format!("\n{visit}\n"));
    transcript.say("Ctrl-C stops the server. The directory stays; remove it when you are done.");
}
