//! Entra's workload identity on the setup page: the customer's administrator enters what Entra shows, and no secret exists.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::browser::Landed;
use crate::support::testing::World;

const TENANT: &str = "https://login.microsoftonline.com/5b1c0d7e-77aa-4f01-9d2e-0c5b8e0a1f22";

story!(a_workload_identity_is_registered_by_the_four_values_that_entra_shows, async |world: World| {
    let acme = world.account("acme").await;
    let made = acme.admin(Method::POST, "/setup-links").json(&json!({"provider": "entra"})).await.expect(201).json();
    let (url, client) = (text(&made["url"]), text(&made["client_id"]));
    let of_client = async || world.admin_get(&format!("/clients/{client}")).await;
    let browser = world.browser();
    let page = browser.open(&url).await.page();
    for told in ["Workload Identity Federation", "OAuth client credentials", "Select Workload Identity", &client] {
        assert!(page.words().contains(told), "{told}: {}", page.words());
    }
    let keys = format!("{TENANT}/discovery/v2.0/keys");
    let issuer = format!("{TENANT}/v2.0");
    let right = [
        ("issuer", issuer.as_str()),
        ("jwks_url", &keys),
        ("subject", "9a3f0c52"),
        ("audience", "api://6c0d/.default"),
    ];
    let mut wrong = right;
    wrong[0].1 = "https://login.microsoftonline.com.evil.example/5b1c/v2.0";
    wrong[1].1 = "http://10.0.0.1/keys";
    let button = "Register the workload identity";
    let refused = browser.fill_in_and_press(&page, button, &wrong).await.page();
    let words = refused.words();
    assert!(refused.answer.status == 400 && words.contains("Issuer is no issuer of Entra"), "{words}");
    assert!(words.contains("JWKS URL is no address of Entra"), "{words}");
    assert!(refused.answer.text().contains("value=\"9a3f0c52\""), "what was typed is still there");
    assert_eq!(of_client().await["federation"], Value::Null, "nothing was registered");

    let done = browser.fill_in_and_press(&refused, button, &right).await.page();
    assert!(done.words().contains("The workload identity is registered"), "{}", done.words());
    let registered = of_client().await;
    let federation = &registered["federation"];
    assert_eq!((&federation["issuer"], &federation["subject"]), (&json!(issuer), &json!("9a3f0c52")), "{registered}");
    assert_eq!((&federation["audience"], &federation["jwks_uri"]), (&json!("api://6c0d"), &json!(keys)));
    assert!(items(&world.admin_get(&format!("/clients/{client}/secrets")).await).is_empty(), "no secret was made");
    let audit = acme.audit().await;
    let row = audit.0.iter().find(|row| row["action"] == "client.changed").expect("a row");
    assert_eq!(row["changes"]["federation"]["before"], Value::Null, "{row}");
    assert!(row["actor"].to_string().contains("setup_link"), "{row}");

    // Other providers have no such form, and a form that is sent all the same does nothing.
    let okta = acme.admin(Method::POST, "/setup-links").json(&json!({"provider": "okta"})).await.expect(201).json();
    let page = browser.open(&text(&okta["url"])).await.page();
    assert!(page.form_with_button(button).is_none(), "{}", page.words());
    let mut form = done.form_with_button("Change the workload identity").expect("a form");
    form.action = format!("{}/workload", text(&okta["url"]));
    for (name, value) in right {
        form.fill_in(name, value);
    }
    browser.submit(&page, &form, &form.pairs(form.buttons.first())).await.page();
    let of_okta = world.admin_get(&format!("/clients/{}", text(&okta["client_id"]))).await;
    assert_eq!(of_okta["federation"], Value::Null, "{of_okta}");
});
