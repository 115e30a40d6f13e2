//! The guide's first step: the app in Okta is one of the kind SAML 2.0, and people come in by it.

use super::connection::browser;
use super::identity_provider::IdentityProvider;
use super::transcript::CHAPTERS;
use super::vendor::{Operator, Prepared, TOM};
use super::wire::{Caller, Failure, http_client};
use crate::simulate::browser::Browser;

/// Tom signs in at Okta, and his response is brought a second time. Gives the address at which people begin.
pub(crate) async fn sign_in(
    operator: &Operator<'_>,
    base: &str,
    prepared: &Prepared,
    provider: &IdentityProvider,
) -> Result<String, Failure> {
    let transcript = operator.transcript();
    transcript.chapter(CHAPTERS, "Create the app in Okta: SAML 2.0, and people sign in by it");
    let begin = operator.tell_what_okta_asks_for(prepared).await?;
    operator.set_up_saml(prepared, &provider.metadata()).await?;

    let here = browser(transcript, base)?;
    let away = here.open(super::connection::parsed(&begin)?).await?.into_left()?;
    transcript.say("Tom has no password here, and needs none. He opens the sign-on address and is sent to Okta:");
    let way = Caller::new(transcript, "at okta", http_client(&[])?, provider.base());
    let there = Browser::new(way, provider.base());
    let page = there.open(away).await?.into_page()?;
    transcript.quote("Okta's page", &page.text());
    let page = there.press(&page, "Tom Ek", &[]).await?.into_page()?;
    let form = page.form_with_button("Continue");
    let form = form.ok_or_else(|| Failure(format!("Okta's page\n  expected: a form\n  came:     {}", page.text())))?;
    let pairs = form.pairs(form.button("Continue"));
    transcript.say("Okta has his browser send a signed response, as a form. It is verified, counts once, and leads to his own page:");
    let own = here.submit(&page.url, &form, &pairs).await?.into_page()?;
    let words = own.words();
    if own.url.path() != "/account" || !words.contains(TOM) {
        return Err(Failure(format!("signing in by SAML\n  expected: Tom's page\n  came:     {}: {words}", own.url)));
    }
    transcript.say("The same response once more, as a thief would bring it:");
    let again = here.submit(&page.url, &form, &pairs).await?.into_page()?;
    if again.answer.status != 400 {
        let came = again.answer.status;
        return Err(Failure(format!("a response that was used\n  expected: status 400\n  came:     {came}")));
    }
    transcript.quote("The page", &again.text());
    Ok(begin)
}
