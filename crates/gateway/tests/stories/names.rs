//! What makes two names one (RFC 7644 §5, RFC 8265), and which of several users of one name logs in.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, items, text};
use crate::support::browser::{Landed, Page, Shown};
use crate::support::http;
use crate::support::identity_provider::{GROUP, IdentityProvider, USER};
use crate::support::relying_party::field;
use crate::support::testing::World;

/// One name, composed, decomposed, in capitals, and in letters as wide as ideographs.
const JOSE: [&str; 5] = ["josé", "jose\u{301}", "JOSÉ", "ＪＯＳＥ\u{301}", "ｊｏｓé"];
/// A syllable of Hangul, and the letters it is composed of.
const HANGUL: [&str; 2] = ["각하", "\u{1100}\u{1161}\u{11a8}\u{1112}\u{1161}"];

fn user(name: &str) -> Value {
    json!({"schemas": [USER], "userName": name, "role": "media_library_user"})
}

async fn found(idp: &IdentityProvider, filter: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let list = idp.list(&format!("/Users?filter={encoded}")).await;
    let users = list["Resources"].as_array().cloned().unwrap_or_default();
    users.iter().map(|user| text(&user["id"])).collect()
}

story!(report_6_a_name_is_one_however_it_is_written, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for (forms, begins, holds, ends) in [
        (JOSE.as_slice(), "ＪＯ", "Os", "SE\u{301}"),
        (HANGUL.as_slice(), "\u{1100}\u{1161}\u{11a8}", "각", "\u{1112}\u{1161}"),
        (&["ΟΔΟΣ", "οδος", "οδοσ"], "ΟΔ", "Δ", "Σ"),
    ] {
        let sent = format!("{}@acme.test", forms[1]);
        let made = idp.post("/Users", &user(&sent)).await.expect(201).json();
        assert_eq!(made["userName"], json!(sent), "shown as it was sent");
        let id = text(&made["id"]);
        for form in forms {
            let name = format!("{form}@ACME.test");
            idp.post("/Users", &user(&name)).await.expect_scim_error(409, Some("uniqueness"));
            assert_eq!(found(&idp, &format!("userName eq {}", json!(name))).await, [id.as_str()], "{name}");
            assert!(found(&idp, &format!("userName ne {}", json!(name))).await.iter().all(|other| *other != id));
        }
        for filter in [
            format!("userName sw {}", json!(begins)),
            format!("userName co {}", json!(holds)),
            format!("userName ew {}", json!(format!("{ends}@acme.test"))),
        ] {
            assert_eq!(found(&idp, &filter).await, [id.as_str()], "{filter}");
        }
        // Repeating it in another form is no conflict, and the new form is shown.
        let again = format!("{}@acme.test", forms[0]);
        let put = idp.put(&format!("/Users/{id}")[..], &user(&again)).await.expect(200).json();
        assert_eq!(put["userName"], json!(again));
        // Groups find it by name.
        let group =
            json!({"schemas": [GROUP], "displayName": format!("of {}", forms[0]), "members": [{"value": sent}]});
        let group = idp.post("/Groups", &group).await.expect(201).json();
        assert_eq!(group["members"][0]["value"], json!(id), "{group}");
    }
    // What differs by more than that is another.
    for name in ["jose@acme.test", "strasse@acme.test", "straße@acme.test", "i@acme.test", "ı@acme.test"] {
        idp.post("/Users", &user(name)).await.expect(201);
    }
    // A group that waits for a name gets the user in any form of it.
    let group = json!({"schemas": [GROUP], "displayName": "waits", "members": [{"value": "zoé@acme.test"}]});
    let group = text(&idp.post("/Groups", &group).await.expect(201).json()["id"]);
    let zoe = text(&idp.post("/Users", &user("Zoe\u{301}@acme.test")).await.expect(201).json()["id"]);
    assert_eq!(idp.read(&format!("/Groups/{group}")[..]).await["members"][0]["value"], json!(zoe));
});

async fn log_in_at_account(
    world: &World,
    browser: &crate::support::browser::Browser,
    user: &User,
    account: &str,
) -> Page {
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let mut form = page.login_form();
    for input in &mut form.inputs {
        match input.name.as_str() {
            "username" => user.user_name.clone_into(&mut input.value),
            "password" => user.password.clone_into(&mut input.value),
            "account" => account.clone_into(&mut input.value),
            _ => {}
        }
    }
    let button = form.buttons.first().cloned();
    browser.submit(&page, &form, &form.pairs(button.as_ref())).await.page()
}

fn is_in(page: &Page) -> bool {
    page.words().contains("Where you are logged in")
}

/// Whether these words open `/account` in a new browser.
async fn opens(world: &World, user_name: &str, password: &str) -> bool {
    let user = User { id: String::new(), user_name: user_name.to_owned(), password: password.to_owned() };
    is_in(&log_in_at_account(world, &world.browser(), &user, "").await)
}

story!(report_6_people_log_in_by_name_and_password_in_any_form, async |world: World| {
    let acme = world.account("acme").await;
    let secret = "zoé et l'été";
    let made = acme.user("josé@acme.test").with("password", json!(secret)).create().await;
    for name in ["josé@acme.test", "jose\u{301}@acme.test", " ＪＯＳÉ@acme.test\u{a0}", "\u{200b}josé@ACME.test\t"]
    {
        assert!(opens(&world, name, secret).await, "{name:?}");
    }
    for password in ["zoe\u{301} et l'e\u{301}te\u{301}", "zoé\u{a0}et\u{3000}l'été"] {
        assert!(opens(&world, "josé@acme.test", password).await, "{password:?}");
    }
    assert!(!opens(&world, "josé@acme.test", "ZOÉ et l'été").await, "case matters in a password");
    // After a change of form by an identity provider too.
    acme.admin(Method::PATCH, &format!("/users/{}", made.id))
        .json(&json!({"userName": "jose\u{301}e@acme.test"}))
        .await
        .expect(200);
    assert!(opens(&world, "JOSÉE@acme.test", secret).await);
});

story!(report_6_white_space_at_the_ends_is_refused_and_what_is_stored_is_kept, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ada = text(&idp.post("/Users", &user("ada@acme.test")).await.expect(201).json()["id"]);
    for blank in [" ", "\t", "\u{a0}", "\u{3000}", "\u{200b}", "\u{feff}", "\n"] {
        for name in [format!("ben@acme.test{blank}"), format!("{blank}ben@acme.test")] {
            let why = idp.post("/Users", &user(&name)).await.expect_scim_error(400, Some("invalidValue"));
            assert!(why.contains("userName") && why.contains("U+"), "{why}");
            idp.put(&format!("/Users/{ada}")[..], &user(&name)).await.expect_scim_error(400, Some("invalidValue"));
            let renamed = idp.patch(&format!("/Users/{ada}")[..]).replace("userName", name.as_str()).await;
            renamed.expect_scim_error(400, Some("invalidValue"));
            let made = acme.user(&name).attempt().await;
            assert_eq!(made.status.as_u16(), 400, "{}", made.text());
        }
    }
    let inside = idp.post("/Users", &user("b\u{202e}en@acme.test")).await.expect_scim_error(400, Some("invalidValue"));
    assert!(inside.contains("U+202E"), "{inside}");

    // As an earlier release stored it.
    let old = acme.user("old@acme.test").role("master_admin").create().await;
    world.alter(&format!(
        "UPDATE resources SET document = replace(document, '\"old@acme.test\",\"name', '\"old@acme.test \",\"name') WHERE id = '{}'",
        old.id
    ));
    let path = format!("/Users/{}", old.id);
    let stored = idp.read(&path[..]).await;
    assert_eq!(stored["userName"], json!("old@acme.test "));
    assert!(opens(&world, "old@acme.test", &old.password).await, "white space is not typed");
    let mut body = stored.clone();
    body["active"] = json!(false);
    assert_eq!(idp.put(&path[..], &body).await.expect(200).json()["active"], json!(false));
    body["active"] = json!(true);
    idp.put(&path[..], &body).await.expect(200);
    idp.patch(&path[..]).replace("active", false).await.expect(200);
});

/// Writes a user's name as an earlier release kept it.
fn write_as_before(world: &World, user: &str, name: &str, before: &str) {
    world
        .alter(&format!("UPDATE resources SET document = replace(document, '{name}', '{before}') WHERE id = '{user}'"));
    world.alter(&format!(
        "UPDATE attribute_values SET key = replace(key, '{name}', '{before}') WHERE key LIKE '{name}%'"
    ));
    world.alter(&format!("UPDATE logins SET name_key = replace(name_key, '{name}', '{before}')"));
}

async fn shared_names(acme: &Account) -> Vec<Value> {
    items(&acme.admin_get("/shared-names").await)
}

story!(report_6_existing_names_are_brought_up_to_date_and_collisions_told, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let (first, second) = (acme.user("josé@acme.test"), acme.user("second@acme.test"));
    let first = first.with("password", json!("kettle moon radius")).role("master_admin").create().await;
    let second = second.with("password", json!("granite pillow nine")).role("master_admin").create().await;
    let alone = acme.user("alone@acme.test").role("master_admin").create().await;
    write_as_before(&world, &second.id, "second", "jose\u{301}");
    write_as_before(&world, &alone.id, "alone", "zoe\u{301}");
    world.alter("UPDATE installation SET value = 'of an earlier release' WHERE name = 'index_fingerprint'");
    world.kill();
    world.start_again().await;

    // A name of its own is found in every form, and its owner logs in.
    assert_eq!(found(&idp, "userName eq \"zoé@acme.test\"").await, [alone.id.as_str()]);
    assert!(opens(&world, "zoé@acme.test", &alone.password).await);
    // Both who share one are there, and told.
    assert_eq!(found(&idp, "userName eq \"josé@acme.test\"").await, [first.id.as_str(), second.id.as_str()]);
    let shared = shared_names(&acme).await;
    assert_eq!(shared.len(), 1, "{shared:?}");
    assert_eq!(shared[0]["id"], json!(second.id));
    assert_eq!(shared[0]["userName"], json!("jose\u{301}@acme.test"));
    assert_eq!(shared[0]["same_as"][0]["id"], json!(first.id));
    let audit = acme.audit().await;
    let row = audit.0.iter().find(|row| row["action"] == "user.value_shared").expect("a row");
    assert!(
        row["target"] == json!(second.id) && row["detail"].as_str().is_some_and(|d| d.contains(&first.id)),
        "{row}"
    );
    assert!(world.logs().contains("shared-names"));
    // Each logs in by the name as it is written; by another form neither does, and an operator reads why.
    assert!(opens(&world, "josé@acme.test", &first.password).await);
    assert!(opens(&world, "jose\u{301}@acme.test", &second.password).await);
    assert!(!opens(&world, "josé@acme.test", &second.password).await);
    assert!(!opens(&world, "JOSÉ@acme.test", &first.password).await);
    let audit = acme.audit().await;
    let row = audit.0.iter().find(|row| row["action"] == "login.failed").expect("a row");
    assert!(row["detail"].as_str().is_some_and(|d| d.contains(&second.id)), "{row}");
    // No member is guessed for a group, and no third user gets the name.
    let group = json!({"schemas": [GROUP], "displayName": "g", "members": [{"value": "josé@acme.test"}]});
    let group = idp.post("/Groups", &group).await.expect(201).json();
    assert!(group.get("members").is_none_or(|members| members == &json!([])), "{group}");
    idp.post("/Users", &user("JOSÉ@acme.test")).await.expect_scim_error(409, Some("uniqueness"));

    // Both can be read, changed and deactivated.
    for one in [&first, &second] {
        let path = format!("/Users/{}", one.id);
        let mut body = idp.read(&path[..]).await;
        for active in [false, true] {
            body["active"] = json!(active);
            body["title"] = json!(format!("{active}"));
            assert_eq!(idp.put(&path[..], &body).await.expect(200).json()["active"], json!(active));
        }
        idp.patch(&path[..]).replace("active", false).await.expect(200);
        idp.patch(&path[..]).replace("active", true).await.expect(200);
    }
    // The name is taken as long as one has it.
    idp.patch(&format!("/Users/{}", first.id)[..]).replace("userName", "renamed@acme.test").await.expect(200);
    assert_eq!(shared_names(&acme).await, Vec::<Value>::new());
    idp.post("/Users", &user("josé@acme.test")).await.expect_scim_error(409, Some("uniqueness"));
    let back = idp.patch(&format!("/Users/{}", first.id)[..]).replace("userName", "josé@acme.test").await;
    back.expect_scim_error(409, Some("uniqueness"));
    assert!(opens(&world, "JOSÉ@acme.test", &second.password).await, "the name is one user's again");
    idp.delete(&format!("/Users/{}", second.id)[..]).await.expect(204);
    idp.post("/Users", &user("josé@acme.test")).await.expect(201);
});

story!(report_20_a_name_in_many_accounts_opens_each_of_them, async |world: World| {
    let mut people: Vec<(Account, User)> = Vec::new();
    for n in 0..6 {
        let account = world.account(&format!("mandant-{n}")).await;
        let password = json!(format!("kettle moon radius {n}"));
        let ada = account.user("ada@agency.test").role("master_admin").with("password", password).create().await;
        people.push((account, ada));
    }
    // The account that is named is opened, and no other: by name in any form, or by id.
    for (n, (account, ada)) in people.iter().enumerate() {
        for named in [account.name.to_uppercase(), account.id.clone()] {
            let page = log_in_at_account(&world, &world.browser(), ada, &named).await;
            assert!(is_in(&page) && page.words().contains(&account.name), "{named}: {}", page.words());
        }
        let other = &people[(n + 1) % 6].0;
        let page = log_in_at_account(&world, &world.browser(), ada, &other.name).await;
        assert!(!is_in(&page));
        // By a client of the account there is no question.
        let page = account.okta_client().await.consent_page(&world.browser(), ada, "1").await;
        assert!(page.is_consent(), "{}", page.words());
    }
    // Nothing tells whether a name is in several accounts, in one or in none, or whether there is such an account.
    let only = people[0].0.user("only@agency.test").create().await;
    let with = |user: &User, password: &str| User { password: password.to_owned(), ..user.clone() };
    let unknown = User { user_name: "unknown@agency.test".to_owned(), ..only.clone() };
    let mut told = Vec::new();
    for (user, account) in [
        (people[0].1.clone(), ""),
        (with(&people[5].1, "wrong"), ""),
        (with(&only, "wrong"), ""),
        (unknown.clone(), ""),
        (people[0].1.clone(), "mandant-1"),
        (people[0].1.clone(), "mandant-77"),
        (unknown, "mandant-1"),
    ] {
        let page = log_in_at_account(&world, &world.browser(), &user, account).await;
        let form = page.login_form();
        assert_eq!(field(&form, "account"), account);
        assert!(page.words().contains("name the account"), "{}", page.words());
        let mut html = page.answer.text();
        for said in
            [user.user_name.as_str(), account, &field(&form, "csrf")].into_iter().filter(|said| !said.is_empty())
        {
            html = html.replace(&http::escaped(said), "…");
        }
        told.push((page.answer.status, html.replace("value=\"\"", "value=\"…\"")));
    }
    assert!(told.iter().all(|each| *each == told[0]), "{told:#?}");
    assert_eq!(told[0].0, 401);
    // Alone it needs no account.
    assert!(opens(&world, &only.user_name, &only.password).await);
    // A browser remembers which of them it was.
    let browser = world.browser();
    assert!(is_in(&log_in_at_account(&world, &browser, &people[5].1, "mandant-5").await));
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    browser.press(&page, "Log out").await.page();
    let page = log_in_at_account(&world, &browser, &people[5].1, "").await;
    assert!(is_in(&page) && page.words().contains("mandant-5"), "{}", page.words());
    let audit = items(&world.admin_get("/audit?limit=100").await);
    let unclear = audit.iter().find(|row| row["detail"].as_str().is_some_and(|d| d.contains("several accounts")));
    assert!(unclear.is_some_and(|row| row["action"] == "login.failed"), "{audit:?}");
});
