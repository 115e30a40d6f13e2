//! A customer who left: what `docs/retention.md` promises of a deleted account's records, table by table.

use gateway::platform::timestamp::Timestamp;
use reqwest::Method;
use serde_json::json;

use crate::support::account::{items, text};
use crate::support::database::Behind;
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

/// What stays, as the table there says: the vendor's own record; codes for their days, under keyed hashes.
const STAYS: [&str; 2] = ["audit", "authorization_codes"];

story!(of_a_customer_who_left_nothing_is_kept_but_the_trail, async |world: World| {
    let (acme, other) = (world.account("zebrafinch").await, world.account("orchard").await);
    let ada = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    let neighbour = other.connected_identity_provider().await;
    neighbour.create_user(&a_user("nat@orchard.test")).await;

    // Something in as many tables as a customer fills.
    let made = idp.create_user(&a_user("ana@zebrafinch.test")).await;
    idp.create_group("Zebrafinch editors", &[&made]).await;
    idp.post("/Users", &a_user("ana@zebrafinch.test")).await.expect(409);
    idp.client.client_credentials().await.expect(200);
    let client = acme.generic_client().await;
    client.admin(Method::POST, "/tokens").json(&json!({"name": "zebrafinch"})).await.expect(201);
    client.admin(Method::PUT, "/recording").json(&json!({"hours": 1})).await.expect(200);
    let link = json!({"provider": "other", "name": "Zebrafinch directory"});
    acme.admin(Method::POST, "/setup-links").json(&link).await.expect(201);
    acme.admin(Method::POST, &format!("/users/{}/password-link", ada.id)).json(&json!({})).await.expect(201);
    let operator = json!({"name": "zebrafinch csm", "role": "csm", "accounts": [acme.id]});
    let operator = world.admin(Method::POST, "/operators").json(&operator).await.expect(201).json();
    idp.get("/Users?filter=zebrafinch").await.expect(400);
    let signals = json!({"signals": {"issuer": "https://id.zebrafinch.example"},
        "signal_poll": {"endpoint": "https://id.zebrafinch.example/poll", "token": "zebrafinch"}});
    acme.admin(Method::PATCH, "/sign-in").json(&signals).await.expect(200);
    let webhook = json!({"url": "https://zebrafinch.example/hooks", "description": "Zebrafinch"});
    let webhook = acme.admin(Method::POST, "/webhooks").json(&webhook).await.expect(201).json();
    world.admin(Method::POST, &format!("/webhooks/{}/test", text(&webhook["id"]))).await.expect(200);

    let mut behind = Behind::of(&world);
    let account = behind.number(&format!("SELECT seq AS n FROM accounts WHERE id = '{}'", acme.id));
    let mut seq = |id: &str| behind.number(&format!("SELECT seq AS n FROM clients WHERE id = '{id}'"));
    let clients = [seq(&idp.client.id), seq(&client.id)];
    let names = ["zebrafinch".to_owned(), acme.id.clone(), text(&made["id"]), client.id.clone(), idp.client.id.clone()];
    acme.admin(Method::DELETE, "").await.expect(204);
    idp.get("/Users").await.expect(401);
    while behind.work(|tx| tx.settle_endings(100)) > 0 {}
    while behind.work(|tx| tx.empty_deleted_accounts(100)) > 0 {}

    // The name of an operator stays, for the trail names operators; what they came in with does not.
    let ended = behind.rows(&[]);
    let of_operator = ended.lines().filter(|line| line.starts_with("operators ") && line.contains("zebrafinch csm"));
    assert_eq!(of_operator.count(), 1, "{operator}");
    behind.execute("DELETE FROM operators WHERE name = 'zebrafinch csm'");
    let left = behind.rows(&STAYS);
    // The feed says that the account was deleted, for as long as it says anything.
    let (told, left): (Vec<&str>, Vec<&str>) = left.lines().partition(|line| line.starts_with("events "));
    let told: Vec<&str> = told.into_iter().filter(|line| names.iter().any(|name| line.contains(name))).collect();
    assert!(matches!(told[..], [of] if of.contains("account.deleted")), "{told:?}");
    while behind.work(|tx| tx.forget_events(Timestamp::MAX, 100)) > 0 {}
    assert!(!behind.rows(&STAYS).contains("account.deleted"), "the feed is forgotten in its time");
    for name in &names {
        let found: Vec<&&str> = left.iter().filter(|line| line.to_lowercase().contains(name.as_str())).collect();
        assert!(found.is_empty(), "{name} is left in:\n{found:#?}");
    }
    for table in behind.tables().iter().filter(|table| !STAYS.contains(&table.as_str())) {
        for (column, key) in [("account", account), ("client", clients[0]), ("client", clients[1])] {
            let of_it = format!("SELECT COUNT(*) AS n FROM {table} WHERE {column} = {key}");
            // Not every table has such a column, or keys in it.
            if behind.try_execute(&of_it).is_ok() {
                assert_eq!(behind.number(&of_it), 0, "{table} keeps rows of {column} {key}");
            }
        }
    }
    // Codes go with their time, and the trail stays, sealed, with the names of that time.
    while behind.work(|tx| tx.sweep_expired(Timestamp::MAX, Timestamp::MAX, 100)) > 0 {}
    assert!(!behind.rows(&["audit"]).contains(&idp.client.id), "a week later the last code is gone");
    behind.seal();
    let trail = items(&world.admin_get(&format!("/audit?account={}", acme.id)).await);
    assert!(
        trail.iter().any(|row| row["action"] == "account.deleted" && row["account_name"] == "zebrafinch"),
        "{trail:?}"
    );
    let keys = behind.keys();
    assert!(behind.work(|tx| tx.verify_audit(&keys, Timestamp::EPOCH, None)).breaks.is_empty());
    // Another customer has lost nothing by it.
    assert!(behind.rows(&["audit"]).contains("nat@orchard.test"));
});
