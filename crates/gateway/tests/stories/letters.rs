//! *Send by mail*: links that operators make, mailed to the people they are for.

use reqwest::Method;

use crate::notices::postman;
use crate::support::account::text;
use crate::support::browser::{Landed, Page};
use crate::support::concurrently;
use crate::support::console::{NO_APP, Operator};
use crate::support::database::Behind;
use crate::support::letter_box::{LetterBox, until};
use crate::support::process::Process;
use crate::support::testing::World;

/// An operator whose requests this process answers.
async fn at(world: &World, process: &Process, address: &str, role: &str) -> Operator {
    let mut operator = world.operator(address, role).await;
    let browser = std::mem::replace(&mut operator.browser, world.browser());
    operator.browser = browser.at(process, "203.0.113.5");
    operator
}

story!(
    a_link_is_mailed_to_the_person_it_is_for_and_no_mailbox_is_flooded,
    settings = [
        NO_APP,
        ("GATEWAY__BRAND__NAME", "Exampla"),
        ("GATEWAY__BRAND__SUPPORT_EMAIL", "help@exampla.test"),
        ("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")
    ],
    async |world: World| {
        let acme = world.account("acme").await;
        let connect = format!("/accounts/{}/connect", acme.id);
        let settings = [("provider", "entra"), ("name", "")];
        // Without a relay the page says what to do.
        let sam = world.operator("sam@vendor.test", "csm").await;
        let page = sam.press(&sam.open(&connect).await, "Create connection and setup link", &settings).await;
        assert!(page.words().contains("This server sends no mail"), "{}", page.words());
        assert!(page.form_with_button("Send by mail").is_none());

        let letters = LetterBox::start();
        let process = postman(&world, &letters.url()).await;
        let nora = at(&world, &process, "nora@vendor.test", "csm").await;
        let page = nora.press(&nora.open(&connect).await, "Create connection and setup link", &settings).await;
        let url = page.answer.text().split("/setup/gw").nth(1).expect("the link").to_owned();
        let secret: String = url.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').collect();

        // A wrong address is told, and the link is not lost by that.
        let wrong = nora.press(&page, "Send by mail", &[("address", "ada at acme")]).await;
        let words = wrong.words();
        assert!(wrong.answer.status == 400 && words.contains("The address must be an e-mail address"), "{words}");
        assert!(
            wrong.answer.text().contains(&secret) && wrong.answer.text().contains("value=\"ada at acme\""),
            "{words}"
        );
        let sent = nora.press(&wrong, "Send by mail", &[("address", "Ada@acme.test")]).await;
        assert!(sent.words().contains("The letter to A…@acme.test is on its way"), "{}", sent.words());
        let letter = letters.wait_for(1).await.pop().expect("a letter");
        assert_eq!((letter.to.as_slice(), letter.headers().len()), (["Ada@acme.test".to_owned()].as_slice(), 8));
        assert!(letter.header("from").is_some_and(|from| from.contains('<')), "{:?}", letter.header("from"));
        let subject = letter.header("subject").expect("a subject");
        assert_eq!(subject, "Your setup page: Exampla users from Microsoft Entra ID");
        let body = letter.body();
        for told in ["/setup/gw", &secret, "It expires on", "nora@vendor.test, Exampla", "did not expect this letter"] {
            assert!(body.contains(told), "{told}: {body}");
        }
        assert!(body.contains("write to help@exampla.test"), "{body}");
        let taken = || {
            Behind::of(&world).number("SELECT COUNT(*) AS n FROM letters WHERE mailed IS NOT NULL AND sealed IS NULL")
        };
        until("it to be written down", || taken() == 1).await;
        let page = nora.press(&page, "Create a new link", &[]).await;

        // The trail says what was done and where to, and nothing has the link or the address.
        let audit = acme.audit().await;
        let row = audit.0.iter().find(|row| row["action"] == "letter.requested").expect("a row");
        assert_eq!(row["detail"], "to an address at acme.test", "{row}");
        assert!(audit.actions().contains(&"letter.mailed"), "{:?}", audit.actions());
        let kept = [Behind::of(&world).dump(), format!("{:?}", audit.0), process.log()].concat();
        for hidden in [secret.as_str(), "Ada@acme.test", "ada@acme.test"] {
            assert!(!kept.contains(hidden), "it is written: {hidden}");
        }

        // One address gets three an hour, in any spelling; sent twice, a form writes one letter.
        let sent = nora.press(&page, "Send by mail", &[("address", "ADA@acme.test")]).await;
        assert!(sent.words().contains("is on its way"), "{}", sent.words());
        nora.press(&page, "Send by mail", &[("address", "ada@acme.test")]).await;
        let page = nora.press(&sent, "Create a new link", &[]).await;
        // Of two links that are mailed at once to an address that may have one more, one is.
        let okta = [("provider", "okta"), ("name", "")];
        let other = nora.press(&nora.open(&connect).await, "Create connection and setup link", &okta).await;
        let address = [("address", "ada@ACME.test")];
        let pressed = [&page, &other].map(|page| nora.press(page, "Send by mail", &address));
        let (flooded, sent): (Vec<Page>, Vec<Page>) =
            concurrently::all(pressed.into()).await.into_iter().partition(|page| page.answer.status == 400);
        let [flooded, sent] = [flooded, sent].map(|mut pages| pages.pop().expect("one of two"));
        assert!(sent.words().contains("is on its way"), "{}", sent.words());
        assert!(flooded.words().contains("3 links within the last hour"), "{}", flooded.words());
        assert_eq!(letters.wait_for(3).await.len(), 3);
        let elsewhere = nora.press(&flooded, "Send by mail", &[("address", "ben@acme.test")]).await;
        assert!(elsewhere.words().contains("is on its way"), "another mailbox is not full: {}", elsewhere.words());
        letters.wait_for(4).await;
        // A link that was revoked meanwhile, an account that is suspended, a form of another operator's.
        let revoked = nora.press(&elsewhere, "Revoke the link", &[]).await;
        assert!(revoked.form_with_button("Send by mail").is_none(), "{}", revoked.words());
        let late = nora.press(&flooded, "Send by mail", &[("address", "eve@acme.test")]).await;
        assert!(late.answer.status == 409 && late.words().contains("no longer counts"), "{}", late.words());
        let eve = at(&world, &process, "eve@vendor.test", "csm").await;
        let token = eve.form_token().await;
        let foreign = eve.press(&late, "Send by mail", &[("address", "eve@acme.test"), ("csrf", &token)]).await;
        assert_eq!(foreign.answer.status, 409, "{}", foreign.words());

        // An operator's link goes to the address by which they log in.
        let pat = at(&world, &process, "pat@vendor.test", "platform").await;
        let (id, _) = world.invited("new@vendor.test", "support", None).await;
        let shown = pat.press(&pat.open(&format!("/operators/{id}")).await, "Make a link to a password", &[]).await;
        let sent = pat.press(&shown, "Send by mail", &[("address", "elsewhere@acme.test")]).await;
        assert!(sent.words().contains("The letter to n…@vendor.test is on its way"), "{}", sent.words());
        let letter = letters.wait_for(5).await.pop().expect("a letter");
        assert_eq!(letter.to, ["new@vendor.test"], "and to no other");
        let body = letter.body();
        assert!(
            body.contains("choose a password for the console of Exampla") && body.contains("/console/welcome/gwp_"),
            "{body}"
        );

        // A user's goes to the address of the user.
        let ben = acme.user("ben.smith@acme.test").create().await;
        let shown = pat.open(&format!("/accounts/{}/users/{}", acme.id, ben.id)).await;
        let shown = pat.press(&shown, "Create a link to set a password", &[]).await;
        let sent = pat.press(&shown, "Send by mail", &[]).await;
        assert!(sent.words().contains("The letter to b…@acme.test is on its way"), "{}", sent.words());
        let letter = letters.wait_for(6).await.pop().expect("a letter");
        let body = letter.body();
        assert_eq!(letter.to, ["ben.smith@acme.test"]);
        assert!(body.contains("a new password for your user ben.smith@acme.test in the account acme"), "{body}");

        // Where the relay does not take it, the page says so.
        letters.refuses(&["550 no such mailbox"; 6]);
        let page = nora.press(&nora.open(&connect).await, "Create connection and setup link", &settings).await;
        acme.admin(Method::POST, "/suspend").await.expect(200);
        let refused = nora.press(&page, "Send by mail", &[("address", "gone@acme.test")]).await;
        assert!(refused.words().contains("resume it first"), "{}", refused.words());
        acme.admin(Method::POST, "/resume").await.expect(200);
        let sent = nora.press(&page, "Send by mail", &[("address", "gone@acme.test")]).await;
        let failed = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM letters WHERE problem IS NOT NULL");
        until("the relay to refuse", || failed() > 0).await;
        let again = nora.browser.open(sent.url.as_str()).await.page();
        assert!(
            again.words().contains("To g…@acme.test") && again.words().contains("no such mailbox"),
            "{}",
            again.words()
        );
        // Only those who may make such links have them mailed.
        let links = text(&acme.admin_get("/setup-links").await["items"][0]["id"]);
        let support = at(&world, &process, "sue@vendor.test", "support").await;
        let page = support.open(&format!("/accounts/{}/setup-links/{links}", acme.id)).await;
        assert!(page.form_with_button("Send by mail").is_none(), "{}", page.words());
    }
);
