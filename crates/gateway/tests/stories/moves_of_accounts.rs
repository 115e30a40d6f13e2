//! `gateway export --account` and `gateway import`: one customer goes into another installation, which has keys of its own.

use std::fs;
use std::path::Path;
use std::process::Output;

use reqwest::Method;
use serde_json::{Value, json};

use crate::attributes::declare;
use crate::moves::{OTHER_KEY, a_customer, done, elsewhere, refused};
use crate::support::account::{User, text};
use crate::support::database::Behind;
use crate::support::directories;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::oauth_client::OAuthClient;
use crate::support::process::Process;
use crate::support::testing::World;

/// What a command of the other installation is told.
fn settings(url: &str) -> [(&'static str, &str); 2] {
    [("GATEWAY__DATABASE__URL", url), ("GATEWAY__SECURITY__MASTER_KEY", OTHER_KEY)]
}

fn import(world: &World, url: &str, file: &Path) -> Output {
    world.command(&["import", file.to_str().expect("UTF-8")], &settings(url))
}

/// The other installation, where the server of the world was.
async fn other_installation(world: &World, url: &str) -> Process {
    let public = url::Url::parse(&world.gateway.public_url).expect("a URL");
    world.process_at(public.port().expect("a port"), &settings(url)).await
}

/// The same client with a secret that was made where it is now.
async fn with_new_secret(client: &OAuthClient) -> OAuthClient {
    let made = client.admin(Method::POST, "/secrets").json(&json!({"label": "moved"})).await.expect(201).json();
    OAuthClient { secret: text(&made["client_secret"]), ..client.clone() }
}

async fn listed(idp: &IdentityProvider) -> Vec<Value> {
    let by_name = idp.found("/Users", r#"userName eq "BJÖRN@acme.test""#).await;
    vec![
        idp.list("/Users").await,
        idp.list("/Groups").await,
        idp.list("/Users?startIndex=2&count=1").await,
        json!(by_name),
    ]
}

story!(an_account_goes_to_another_installation_with_its_ids_and_without_secrets, async |world: World| {
    let (acme, idp, machine) = a_customer(&world).await;
    let globex = world.account("globex").await;
    globex.connected_identity_provider().await.create_user(&a_user("greta@globex.test")).await;
    declare(&acme, "costCenter", &json!({"type": "string", "indexed": true})).await.expect(201);
    let rules = json!({"rules": [{"group_name": "Editors ✎", "role": "master_admin"}]});
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
    let folder = directories::subdirectory("account");
    let file = folder.join("acme.jsonl");
    let path = file.to_str().expect("UTF-8");
    refused(&world.command(&["export", path, "--account", "initech"], &[]), "there is no account called `initech`");
    while !world.command(&["export", path, "--account", "ACME"], &[]).status.success() {
        assert!(!file.exists(), "while an attribute is being indexed, nothing is written");
        tokio::task::yield_now().await;
    }
    let cleo = idp.found("/Users", r#"userName sw "cleo""#).await.remove(0);
    idp.patch(&cleo).replace("costCenter", "K-42").await.expect(200);
    fs::remove_file(&file).expect("it was made");
    done(&world.command(&["export", path, "--account", "ACME"], &[]));
    let (before, trail) = (listed(&machine).await, acme.audit().await.0.len());
    let written = fs::read_to_string(&file).expect("it is text");
    let secrets = [&machine.client.secret, &machine.access_token, &idp.access_token, &idp.client.secret];
    assert!(secrets.iter().all(|secret| !written.contains(secret.as_str())), "nothing that opens anything");
    for table in ["client_secrets", "refresh_tokens", "grants", "sessions", "signing_keys", "installation"] {
        assert!(!written.contains(&format!("\"table\":\"{table}\"")), "{table}");
    }
    assert!(!written.contains("globex"), "nothing of another account");
    world.stop().await;

    let target = elsewhere(&world);
    let url = target.url();
    refused(&import(&world, &url, &file), if url.starts_with("sqlite:") { "there is no database" } else { "is empty" });
    let mut server = other_installation(&world, &url).await;
    let beside = world.account("initech").await;
    beside.connected_identity_provider().await.create_user(&a_user("ines@initech.test")).await;

    let half = folder.join("half");
    fs::write(&half, &written[..written.find("\"end\"").expect("an end")]).expect("it can be written");
    refused(&import(&world, &url, &half), "it is not a whole export");
    fs::write(&half, written.replacen("acme.test", "acmf.test", 1)).expect("it can be written");
    refused(&import(&world, &url, &half), "it is damaged");
    let told = done(&import(&world, &url, &file));
    assert!(told.contains("2 clients") && told.contains("To be given anew here"), "{told}");
    refused(&import(&world, &url, &file), "An account is imported once");

    // Nothing of before opens anything; what is given anew does, and finds everything as it was.
    machine.get("/Users").await.expect(401);
    machine.client.client_credentials().await.expect(401);
    let anew = with_new_secret(&machine.client).await.connect_by_credentials().await;
    assert_eq!(listed(&anew).await, before);
    let ana = User {
        id: String::new(),
        user_name: "ana@acme.test".to_owned(),
        password: "correct horse battery staple".to_owned(),
    };
    let okta = with_new_secret(&idp.client).await.connect_as(&ana).await;
    anew.post("/Users", &a_user("BJÖRN@ACME.TEST")).await.expect(409);
    let new = okta.create_user(&a_user("frida@acme.test")).await;
    assert!(okta.list("/Users").await["totalResults"].as_u64() > before[0]["totalResults"].as_u64());
    assert!(okta.read(&new).await["id"] == new["id"]);
    let told = "SELECT COUNT(*) AS n FROM events WHERE kind = 'account.imported'";
    assert_eq!(Behind::at(url.parse().expect("a database")).number(told), 1, "\"account.imported\" is told");
    let imported = acme.audit().await;
    let row = imported.0.iter().find(|row| row["action"] == "account.imported").expect("it is written down");
    assert!(
        row["detail"].as_str().is_some_and(|detail| detail.contains("SHA-256") && detail.contains("stay in the file"))
    );
    assert!(trail > 5 && imported.0.iter().all(|row| row["action"] != "user.deleted"), "its past is in the file");
    assert!(written.contains("user.deleted"));
    assert_eq!(acme.admin_get("/access").await["rules"].as_array().map(Vec::len), Some(1), "its rules came along");
    // The other account is as it was.
    assert_eq!(beside.users().await.len(), 2);
    assert!(server.terminate().await.success(), "{}", server.log());
    assert!(done(&world.command(&["audit", "verify"], &settings(&url))).contains("is whole"));
});

story!(an_account_that_cannot_come_whole_does_not_come, async |world: World| {
    let (acme, ..) = a_customer(&world).await;
    let folder = directories::subdirectory("account");
    let file = folder.join("acme.jsonl");
    done(&world.command(&["export", file.to_str().expect("UTF-8"), "--account", &acme.id], &[]));
    let own = world.command(&["import", file.to_str().expect("UTF-8")], &[]);
    refused(&own, "there is an account `acme`");
    acme.admin(Method::DELETE, "").await.expect(204);
    refused(&world.command(&["import", file.to_str().expect("UTF-8")], &[]), "was here and was deleted");
    world.stop().await;

    let target = elsewhere(&world);
    let url = target.url();
    other_installation(&world, &url).await.terminate().await;
    let mut behind = Behind::at(url.parse().expect("a database"));
    behind.execute("CREATE UNIQUE INDEX in_the_way ON clients (account)");
    let before = behind.rows_alike();
    refused(&import(&world, &url, &file), "clients: database: ");
    assert_eq!(behind.rows_alike(), before, "nothing of it is there");
    behind.execute("DROP INDEX in_the_way");
    done(&import(&world, &url, &file));

    let all = folder.join("all.jsonl");
    done(&world.command(&["export", all.to_str().expect("UTF-8")], &[]));
    refused(&import(&world, &url, &all), "is not empty: it has");
});
