//! On whom a connection rests stays visible, for as long as that is so: to operators as a warning of the client, to the user as a notice.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, items, text};
use crate::support::browser::Landed;
use crate::support::database::Behind;
use crate::support::identity_provider::{Located, a_user};
use crate::support::letter_box::{LetterBox, until};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

async fn warnings(client: &OAuthClient) -> Vec<String> {
    let warnings = client.record().await["warnings"].clone();
    warnings.as_array().into_iter().flatten().map(text).collect()
}

#[track_caller]
fn says(warnings: &[String], words: &[&str]) {
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(words.iter().all(|word| warnings[0].contains(word)), "{words:?} in {warnings:?}");
}

async fn set(acme: &Account, user: &User, change: Value) {
    acme.admin(Method::PATCH, &format!("/users/{}", user.id)).json(&change).await.expect(200);
}

async fn told(acme: &Account) -> Vec<Value> {
    let notices = items(&acme.admin_get("/notices").await);
    notices.into_iter().filter(|notice| notice["kind"] == "connection_at_risk").collect()
}

story!(report_12_a_connection_under_a_personal_user_is_a_warning_until_it_is_not, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let (ada, robot) = (acme.user("Ada@acme.test").role("master_admin").create().await, acme.service_account().await);
    let client = acme.generic_client().await;
    assert!(warnings(&client).await.is_empty());
    // Who only says who they are has connected nothing.
    let scope = [("response_type", "code"), ("client_id", client.id.as_str()), ("scope", "openid")];
    let uri = client.redirect_uri();
    let asked =
        client.authorization_url_with(&[&scope[..], &[("redirect_uri", uri.as_str()), ("state", "s")]].concat());
    let browser = world.browser();
    let page = crate::support::oauth_client::log_in_if_asked(&browser, browser.open(&asked).await, &ada).await.page();
    browser.press(&page, "Accept access").await.callback();
    assert!(warnings(&client).await.is_empty() && told(&acme).await.is_empty());

    let idp = client.connect_as(&ada).await;
    for _ in 0..2 {
        says(
            &warnings(&client).await,
            &["“Ada@acme.test”", &ada.id, "a personal user", "the connection ends", "service account"],
        );
    }
    let list = items(&acme.admin_get("/clients").await);
    assert!(text(&list[0]["warnings"][0]).contains("a personal user"), "so in the list: {list:?}");
    assert!(warnings(&acme.okta_client().await).await.is_empty(), "it is this client's");
    let notices = told(&acme).await;
    assert_eq!((notices.len(), notices[0]["user"].as_str()), (1, Some(ada.id.as_str())), "{notices:?}");
    let sentence = text(&notices[0]["told"]);
    assert!(
        sentence.starts_with("The connection of Directory sync in acme belongs to your user, a personal"),
        "{sentence}"
    );
    assert_eq!(
        notices[0]["detail"],
        json!({"clients": ["Directory sync"], "more": 0, "personal": true, "managed": false})
    );
    // They see it on their page until they say so. Who connects every night is not told every night.
    client.connect_as(&ada).await;
    assert_eq!(told(&acme).await.len(), 1);
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    assert!(page.words().contains("A connection depends on your user"), "{}", page.words());
    browser.press(&page, "Understood").await.page();

    // With a co-owner it does not end, and is still not where it should be.
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": robot.id})).await.expect(200);
    says(&warnings(&client).await, &["Ada@acme.test", "passes to the co-owner"]);
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": null})).await.expect(200);

    // It is so while it is so: the user becomes a service account and is none again; the identity provider writes them; they leave.
    set(&acme, &ada, json!({"service_account": true})).await;
    assert!(warnings(&client).await.is_empty());
    assert_eq!(told(&acme).await.len(), 1);
    set(&acme, &ada, json!({"service_account": false})).await;
    says(&warnings(&client).await, &["a personal user"]);
    assert_eq!(told(&acme).await.len(), 2, "it has become so");
    idp.patch(&ada).replace("title", "Countess").await.expect(200);
    says(&warnings(&client).await, &["a personal user", "managed by an identity provider besides"]);
    assert_eq!(told(&acme).await[2]["detail"]["managed"], json!(true));
    idp.patch(&ada).replace("title", "Lady").await.expect(200);
    assert_eq!(told(&acme).await.len(), 3, "it is told when it becomes so");
    set(&acme, &ada, json!({"active": false})).await;
    for _ in 0..2 {
        assert!(warnings(&client).await.is_empty(), "whether or not the end is written into the grants");
        Behind::of(&world).work(|tx| tx.settle_endings(100));
    }
    set(&acme, &ada, json!({"active": true})).await;
    assert!(warnings(&client).await.is_empty());

    // The right way.
    client.connect_as(&robot).await;
    assert!(warnings(&client).await.is_empty());
    assert_eq!(told(&acme).await.len(), 3);
});

story!(report_12_a_service_account_that_is_taken_over_is_a_warning_and_a_notice, async |world: World| {
    let acme = world.account("acme").await;
    let robot = acme.service_account().await;
    let client = acme.okta_client().await;
    let idp = client.connect_as(&robot).await;
    assert!(warnings(&client).await.is_empty() && told(&acme).await.is_empty());
    // Kept from changes, it is not taken over.
    idp.patch(&robot).replace("title", "Robot").await.expect_scim_error(403, None);
    idp.put(&robot, &idp.read(&robot).await).await.expect(200);
    assert!(warnings(&client).await.is_empty() && told(&acme).await.is_empty());

    acme.admin(Method::PATCH, "").json(&json!({"service_accounts": "writable"})).await.expect(200);
    let same = idp.read(&robot).await;
    idp.put(&robot, &same).await.expect(200);
    assert!(warnings(&client).await.is_empty(), "what changes nothing takes nothing over");
    let mut put = same.clone();
    put["displayName"] = json!("Robot");
    idp.put(&robot, &put).await.expect(200);
    says(
        &warnings(&client).await,
        &["scim@acme.test", &robot.id, "managed by an identity provider", "the connection ends"],
    );
    let notices = told(&acme).await;
    assert_eq!((notices.len(), notices[0]["user"].as_str()), (1, Some(robot.id.as_str())), "{notices:?}");
    let sentence = text(&notices[0]["told"]);
    assert!(sentence.contains("a service account that an identity provider manages"), "{sentence}");
    // Protected again, it is in no danger; but the identity provider will be refused, and that is worth knowing.
    acme.admin(Method::PATCH, "").json(&json!({"service_accounts": "read_only"})).await.expect(200);
    says(&warnings(&client).await, &["scim@acme.test", "refuses further changes", "exclude the user"]);
    world.admin(Method::DELETE, &format!("/grants/{}", grant(&acme).await)).await.expect(204);
    assert!(warnings(&client).await.is_empty());
});

async fn grant(acme: &Account) -> String {
    let id = items(&acme.admin_get("/grants").await).remove(0)["id"].clone();
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

story!(report_12_whom_an_identity_provider_made_is_managed_at_consent, async |world: World| {
    let acme = world.account("acme").await;
    let first = acme.generic_client().await.connect_by_credentials().await;
    let mut body = a_user("eve@acme.test");
    body["role"] = json!("master_admin");
    let made = first.create_user(&body).await;
    let eve = User {
        id: text(&made["id"]),
        user_name: "eve@acme.test".to_owned(),
        password: "correct horse battery staple".to_owned(),
    };
    set(&acme, &eve, json!({"password": eve.password, "service_account": true})).await;
    assert!(told(&acme).await.is_empty(), "she has connected nothing");
    let client = acme.okta_client().await;
    let browser = world.browser();
    let connect = async || {
        let page = browser.open(&client.authorization_url("s")).await;
        let page = crate::support::oauth_client::log_in_if_asked(&browser, page, &eve).await.page();
        let words = page.words();
        client.exchange(&browser.press(&page, "Accept access").await.callback().code()).await.expect(200);
        words
    };
    // An identity provider may read a service account and not change it, so it cannot cut its own connection, and no page says it could.
    assert!(!connect().await.contains("managed by an identity provider"));
    says(&warnings(&client).await, &["service account “eve@acme.test”", "an identity provider has written"]);
    assert!(told(&acme).await.is_empty());
    // Where it may, it could, and its owner is told at once.
    acme.admin(Method::PATCH, "").json(&json!({"service_accounts": "writable"})).await.expect(200);
    acme.admin(Method::PATCH, "").json(&json!({"service_accounts": "writable"})).await.expect(200);
    let page = connect().await;
    assert!(page.contains("managed by an identity provider") && page.contains("cuts its own connection"), "{page}");
    acme.admin(Method::PATCH, "").json(&json!({"own_deactivation": "refuse"})).await.expect(200);
    let page = connect().await;
    assert!(page.contains("managed by an identity provider") && !page.contains("cuts its own"), "{page}");
    let notices = told(&acme).await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0]["detail"], json!({"clients": ["Okta"], "more": 0, "personal": false, "managed": true}));
    assert_eq!(first.get(&eve.path()).await.expect(200).json()["userName"], "eve@acme.test");
});

story!(report_12_a_notice_is_told_as_things_are_and_no_longer_than_they_are_so, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("Ada@acme.test").role("master_admin").create().await;
    let (okta, sync) = (acme.okta_client().await, acme.generic_client().await);
    let idp = okta.connect_as(&ada).await;
    let browser = world.browser();
    let account = format!("{}/account", world.gateway.public_url);
    let page = browser.open(&account).await.page();
    browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let shown = async || browser.open(&account).await.page();
    let risk = "depend on your user";
    let (one, several) = ("A connection depends on your user", "Connections depend on your user");
    let words = shown().await.words();
    assert!(words.contains(one) && words.contains("of Okta in acme belongs") && !words.contains("manages:"), "{words}");
    // More connections, and an identity provider that writes the user: the page says it once, as it is now.
    sync.connect_as(&ada).await;
    idp.patch(&ada).replace("title", "Countess").await.expect(200);
    assert_eq!(told(&acme).await.len(), 3);
    let page = shown().await;
    let words = page.words();
    assert!(words.contains("Okta") && words.contains("an identity provider manages"), "{words}");
    assert_eq!((words.matches(several).count(), words.matches(one).count()), (1, 0), "{words}");
    // While the user is a service account there is nothing to tell; then there is again, also after a look meanwhile.
    set(&acme, &ada, json!({"service_account": true})).await;
    assert!(!shown().await.words().contains(risk));
    set(&acme, &ada, json!({"service_account": false})).await;
    let page = shown().await;
    assert!(page.words().contains(several), "{}", page.words());
    // One connection ends, and then the other.
    let mine = told(&acme).await.len();
    let page = browser.press(&page, "End this connection").await.page();
    assert!(page.words().contains(one), "{}", page.words());
    // Seeing it is seeing what was told of the same before.
    let page = browser.press(&page, "Understood").await.page();
    assert!(!page.words().contains(one) && !page.words().contains(several), "{}", page.words());
    assert!(told(&acme).await.iter().all(|notice| notice["seen"].is_string()));
    set(&acme, &ada, json!({"service_account": true})).await;
    set(&acme, &ada, json!({"service_account": false})).await;
    assert_eq!(told(&acme).await.len(), mine + 1, "it has become so anew");
    let page = shown().await;
    assert!(page.words().contains(one), "{}", page.words());
    let page = browser.press(&page, "End this connection").await.page();
    assert!(!page.words().contains(one), "what has ended depends on no user: {}", page.words());
});

story!(report_12_a_letter_that_is_no_longer_true_is_not_sent, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("Ada@acme.test").role("master_admin").create().await;
    let client = acme.okta_client().await;
    client.connect_as(&ada).await;
    set(&acme, &ada, json!({"service_account": true})).await;
    let letters = LetterBox::start();
    let url = letters.url();
    let settings = [("GATEWAY__MAIL__SMTP_URL", url.as_str()), ("GATEWAY__MAIL__FROM", "no-reply@gateway.test")];
    let _postman = world.process_with(&settings).await;
    let past = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE problem LIKE '%no longer so%'");
    until("note that it is past", || past() == 1).await;
    let notice = told(&acme).await.remove(0);
    assert_eq!((&notice["mailed"], &notice["next_try"]), (&json!(null), &json!(null)), "{notice}");
    // What is true is sent, as it is at that moment.
    set(&acme, &ada, json!({"service_account": false})).await;
    let letter = letters.wait_for(1).await.remove(0);
    assert!(letter.body().contains("a personal user"), "{}", letter.text);
    assert_eq!(letters.received().len(), 1);
});

story!(report_12_of_many_connections_the_ones_at_risk_are_found, async |world: World| {
    let acme = world.account("acme").await;
    let zeta = world.account("zeta").await;
    // A client of no account, connected in two, and a thousand times by one that is as it should be.
    let shared = json!({
        "name": "Shared", "profile": "generic", "redirect_uris": ["https://client.test/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "offline", "provision:scim"],
    });
    let made = world.admin(Method::POST, "/clients").json(&shared).await.expect(201).json();
    let shared = OAuthClient::new(&world, made);
    let zoe = zeta.user("zoe@zeta.test").role("master_admin").create().await;
    shared.connect_as(&zoe).await;
    shared.connect_as(&acme.service_account().await).await;
    Behind::of(&world).execute(
        "INSERT INTO grants (client, account, owner, owner_id, scope, created) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
         SELECT g.client, g.account, g.owner, g.owner_id, g.scope, g.created \
         FROM n, (SELECT * FROM grants WHERE owner IS NOT NULL ORDER BY seq DESC LIMIT 1) AS g",
    );
    says(&warnings(&shared).await, &["zoe@zeta.test", "of the account “zeta”", "a personal user"]);
    // Of very many, the first ones are named, and how many more there are.
    for n in 0..12 {
        let user = acme.user(&format!("p{n}@acme.test")).role("master_admin").create().await;
        let client = shared.id.replace('\'', "");
        Behind::of(&world).execute(&format!(
            "INSERT INTO grants (client, account, owner, owner_id, scope, created) \
             SELECT c.seq, r.account, r.seq, r.id, 'provision:scim', 1 FROM clients AS c, resources AS r \
             WHERE c.id = '{client}' AND r.id = '{}'",
            user.id
        ));
    }
    let many = warnings(&shared).await;
    assert_eq!(many.len(), 11, "{many:?}");
    assert!(many[10].contains("3 more"), "{many:?}");
});
