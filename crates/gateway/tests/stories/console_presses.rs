//! A button of the console that makes something, pressed twice: at once, at two replicas. One thing is made, and both answers show it.

use reqwest::Method;
use serde_json::json;

use crate::support::account::{items, text};
use crate::support::browser::{Landed, Page};
use crate::support::concurrently::all;
use crate::support::console::Operator;
use crate::support::testing::World;

/// The word of a page that begins like this.
fn shown(page: &Page, prefix: &str) -> String {
    let body = page.text();
    let at = body.find(prefix).unwrap_or_else(|| panic!("no {prefix} on {}: {}", page.url, page.words()));
    body[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect()
}

/// Presses the button of the form that is sent to this path, twice before any answer is there; then once more.
async fn pressed(operator: &Operator, page: &Page, path: &str, typed: &[(&str, &str)]) -> Vec<Page> {
    let forms = page.forms();
    let form = forms.iter().find(|form| form.action.ends_with(path));
    let form = form.unwrap_or_else(|| panic!("no form for {path} on {}: {}", page.url, page.words()));
    let mut pairs = form.pairs(form.buttons.first());
    pairs.retain(|(name, _)| !typed.iter().any(|(other, _)| other == name));
    pairs.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let send = || operator.browser.submit(page, form, &pairs);
    let mut pages: Vec<Page> = all(vec![send(), send()]).await.into_iter().map(Landed::page).collect();
    pages.push(send().await.page());
    for page in &pages {
        assert!(page.answer.status.is_success(), "{path}: {} {}", page.answer.status, page.words());
    }
    pages
}

/// They show one and the same.
fn same(pages: &[Page], prefix: &str) -> String {
    let all: Vec<String> = pages.iter().map(|page| shown(page, prefix)).collect();
    assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    all[0].clone()
}

story!(a_button_of_the_console_that_makes_something_makes_it_once, moving_clock, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let client = acme.okta_client().await;
    let pia = world.operator("pia@vendor.test", "platform").await;
    let of_client = format!("/clients/{}", client.id);
    let count = async |path: &str| items(&world.admin_get(path).await).len();

    // A secret and a token: shown again for a minute, to the same form.
    let page = pia.open(&format!("{of_client}/settings")).await;
    let before = count(&format!("{of_client}/secrets")).await;
    let secret = same(&pressed(&pia, &page, "/secrets", &[("label", "2027")]).await, "gws_");
    assert_eq!(count(&format!("{of_client}/secrets")).await, before + 1);
    let token = same(&pressed(&pia, &page, "/tokens", &[("token_name", "pasted")]).await, "gwt_");
    assert_eq!(count(&format!("{of_client}/tokens")).await, 1);
    world.get("/scim/v2/Users").bearer(&token).await.expect(200);
    let added = |actions: Vec<&str>, action: &str| actions.iter().filter(|one| **one == action).count();
    assert_eq!(added(acme.audit().await.actions(), "client.secret_added"), 1);
    // Another page makes another one, and one that has ended does not come back.
    let again = pia.open(&format!("{of_client}/settings")).await;
    assert_ne!(same(&pressed(&pia, &again, "/secrets", &[("label", "2027")]).await, "gws_"), secret);
    let secrets = items(&world.admin_get(&format!("{of_client}/secrets")).await);
    for made in secrets.iter().filter(|made| made["label"] == "2027") {
        world.admin(Method::DELETE, &format!("{of_client}/secrets/{}", text(&made["id"]))).await.expect(204);
    }
    let label = [("csrf", form_token(&page)), ("label", "2027".to_owned())];
    let label: Vec<(&str, &str)> = label.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let late = pia.send("POST", &format!("{of_client}/secrets"), Some(&label)).await;
    assert!(late.status == 409 && !late.text().contains("gws_"), "{} {}", late.status, late.text());
    assert_eq!(count(&format!("{of_client}/secrets")).await, before);

    // A connection without a name of its own, and a new link for one.
    let page = pia.open(&format!("/accounts/{}/connect", acme.id)).await;
    let links = same(&pressed(&pia, &page, "/connect", &[("provider", "entra")]).await, "gwl_");
    assert!(world.get(&format!("/setup/{links}")).await.status.is_success());
    assert_eq!(count(&format!("/accounts/{}/clients", acme.id)).await, 2);
    assert_eq!(count(&format!("/accounts/{}/setup-links", acme.id)).await, 1);

    // Links to a password, and the operator's own token.
    let page = pia.open(&format!("/accounts/{}/users/{}", acme.id, ada.id)).await;
    let link = same(&pressed(&pia, &page, "/password-link", &[]).await, "gwp_");
    assert!(world.get(&format!("/password/{link}")).await.status.is_success());
    assert_eq!(added(acme.audit().await.actions(), "user.password_link_made"), 1);
    let page = pia.open("/you").await;
    let token = same(&pressed(&pia, &page, "/you/token", &[]).await, "gwo_");
    world.get("/admin/accounts").bearer(&token).await.expect(200);

    // An account and an operator: the second press leads where the first did.
    let page = pia.open("/accounts/new").await;
    let pages = pressed(&pia, &page, "/accounts/new", &[("name", "globex")]).await;
    assert!(pages.iter().all(|page| page.words().contains("globex is created")), "{}", pages[1].words());
    let page = pia.open("/operators/invite").await;
    let ben = [("address", "ben@vendor.test"), ("role", "csm"), ("reach", "all")];
    let pages = pressed(&pia, &page, "/operators/invite", &ben).await;
    let operator = pages[0].url.path().to_owned();
    assert!(pages.iter().all(|page| page.url.path() == operator), "{operator}");
    let page = pia.open(operator.trim_start_matches("/console")).await;
    assert!(page.words().contains("Customer Success"), "{}", page.words());
    let link = same(&pressed(&pia, &page, "/link", &[]).await, "gwp_");
    assert!(world.get(&format!("/console/welcome/{link}")).await.status.is_success());

    // What was shown once is not shown after a minute.
    let page = pia.open(&format!("{of_client}/settings")).await;
    same(&pressed(&pia, &page, "/secrets", &[]).await, "gws_");
    world.pass(std::time::Duration::from_secs(61));
    let token = [("csrf", form_token(&page)), ("label", String::new())];
    let token: Vec<(&str, &str)> = token.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let late = pia.send("POST", &format!("{of_client}/secrets"), Some(&token)).await;
    assert!(late.status == 409 && !late.text().contains("gws_"), "{} {}", late.status, late.text());
});

/// What the forms of a page carry.
fn form_token(page: &Page) -> String {
    let form = page.form_with_button("Log out").expect("the frame has a button");
    crate::support::relying_party::field(&form, "csrf")
}

story!(a_new_secret_of_a_customer_s_administrator_is_one_however_often_it_is_pressed, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let client = acme.okta_client().await;
    let browser = world.browser();
    let path = format!("{}/account/connections/secret?client={}", world.gateway.public_url, client.id);
    let page = browser.open(&path).await.page();
    browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let page = browser.open(&path).await.page();
    let before = items(&world.admin_get(&format!("/clients/{}/secrets", client.id)).await).len();
    let twice = all((0..3).map(|_| browser.press(&page, "Create and show it")).collect()).await;
    let pages: Vec<Page> = twice.into_iter().map(Landed::page).collect();
    same(&pages, "gws_");
    assert_eq!(items(&world.admin_get(&format!("/clients/{}/secrets", client.id)).await).len(), before + 1);
    let renewed = acme.audit().await.actions().iter().filter(|one| **one == "client.credential_renewed").count();
    assert_eq!(renewed, 1);
});

story!(a_csm_makes_a_link_to_a_password_for_a_user_and_support_does_not, async |world: World| {
    let acme = world.account("acme").await;
    let ben = acme.user("ben@acme.test").role("reports").create().await;
    let cleo = world.operator_of("cleo@vendor.test", "csm", Some(&[&acme.id])).await;
    let page = cleo.open(&format!("/accounts/{}/users/{}", acme.id, ben.id)).await;
    let made = cleo.press(&page, "Create a link to set a password", &[]).await;
    let link = shown(&made, "gwp_");
    assert!(made.words().contains("shown only now") && made.words().contains("counts once"), "{}", made.words());
    let page = cleo.open(&format!("/accounts/{}/users/{}", acme.id, ben.id)).await;
    assert!(!page.answer.text().contains("gwp_"), "not shown again");
    let trail = json!(acme.audit().await.0).to_string();
    assert!(trail.contains("user.password_link_made") && !trail.contains(&link), "{trail}");
    let eve = world.operator("eve@vendor.test", "support").await;
    let page = eve.open(&format!("/accounts/{}/users/{}", acme.id, ben.id)).await;
    assert!(page.form_with_button("Create a link to set a password").is_none(), "{}", page.words());
    assert!(eve.open("/you").await.words().contains("Role Support"), "in people's words");
});

story!(lists_of_a_customer_s_administrator_go_on_behind_the_first_page, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let client = acme.okta_client().await;
    for n in 0..52 {
        acme.user(&format!("user{n:02}@acme.test")).role("reports").create().await;
        let link = json!({"client_id": client.id});
        acme.admin(Method::POST, "/setup-links").json(&link).await.expect(201);
    }
    let browser = world.browser();
    let page = browser.open(&format!("{}/account/users", world.gateway.public_url)).await.page();
    browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    for (path, all) in [("/account/users", 54), ("/account/setup-links", 52)] {
        let (mut rows, mut next) = (0, Some(format!("{}{path}", world.gateway.public_url)));
        let mut pages = 0;
        while let Some(url) = next {
            let page = browser.open(&url).await.page();
            let text = page.answer.text();
            rows += text.matches("<tr><th scope=\"row\">").count();
            pages += 1;
            let more = text.split("?after=").nth(1).and_then(|rest| rest.split('"').next());
            next = more.map(|row| format!("{}{path}?after={row}", world.gateway.public_url));
        }
        assert_eq!((rows, pages), (all, 2), "{path}");
    }
});
