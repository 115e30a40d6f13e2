//! Keys: those that sign, those that seal, and how each is replaced while servers run.

use std::process::Output;

use gateway::platform::timestamp::Timestamp;
use gateway::services::reactions::unit_of_work;
use gateway::storage::signing_keys::SealedKey;
use gateway::storage::{DatabaseUrl, DbError, Tx};
use oauth::jose::{Jwk, Jws};
use reqwest::Method;
use serde_json::Value;

use crate::support::account::text;
use crate::support::http::{self, Call};
use crate::support::testing::World;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

async fn jwks(world: &World) -> Vec<Value> {
    let answer = world.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    answer.json()["keys"].as_array().cloned().unwrap_or_default()
}

fn kids(keys: &[Value]) -> Vec<String> {
    keys.iter().map(|key| text(&key["kid"])).collect()
}

fn verifies(keys: &[Value], token: &str) -> bool {
    let keys: Vec<Jwk> = keys.iter().map(|key| Jwk::parse(key).expect("a public key")).collect();
    let jws = Jws::parse(token).expect("a JWT");
    let named: Vec<&Jwk> = keys.iter().filter(|key| key.kid() == jws.kid()).collect();
    jws.verified_by(named).is_ok()
}

story!(attack_85_keys_are_rotated_by_command_and_running_replicas_follow, moving_clock, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.generic_client().await;
    let signed = async || {
        let code = client.authorize(&world.browser(), &ada).await.code();
        text(&client.exchange(&code).await.expect(200).json()["id_token"])
    };
    let before = jwks(&world).await;
    let algorithms: Vec<&str> = before.iter().filter_map(|key| key["alg"].as_str()).collect();
    assert!(["RS256", "ES256", "EdDSA"].iter().all(|algorithm| algorithms.contains(algorithm)), "{algorithms:?}");
    let token = signed().await;
    assert!(verifies(&before, &token));

    // Both replicas know the next key a second later, and publish it a day before it signs.
    let rotated = world.command(&["keys", "rotate", "--alg", "RS256"], &[]);
    assert!(rotated.status.success() && said(&rotated).contains("signs from"), "{}", said(&rotated));
    world.pass(std::time::Duration::from_millis(1_100));
    for _ in 0..2 {
        let after = jwks(&world).await;
        let mut names = kids(&after);
        assert_eq!(names.len(), before.len() + 1);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), after.len(), "every kid is unique");
        for key in &after {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
                assert!(key.get(private).is_none(), "a private member in {key}");
            }
            assert!(key["use"] == "sig" && key["alg"].is_string(), "{key}");
        }
        assert!(verifies(&after, &token), "what was signed before the rotation verifies after");
        assert!(verifies(&before, &signed().await), "the new key does not sign yet");
    }
    let listed = said(&world.command(&["keys", "list"], &[]));
    assert!(listed.contains("announced") && listed.contains("signs"), "{listed}");
    assert!(acme.world.admin_get("/audit?limit=100").await.to_string().contains("signing_key.rotated"));

    // A stolen key is gone at once, with all it signed.
    let replaced = world.command(&["keys", "rotate", "--compromised"], &[]);
    assert!(replaced.status.success(), "{}", said(&replaced));
    world.pass(std::time::Duration::from_millis(1_100));
    for _ in 0..2 {
        let after = jwks(&world).await;
        assert_eq!(after.len(), 3);
        assert!(kids(&after).iter().all(|kid| !kids(&before).contains(kid)));
        assert!(!verifies(&after, &token));
    }
});

story!(of_two_replicas_that_follow_a_key_at_once_one_does, async |world: World| {
    let url: DatabaseUrl = world.database_url().parse().expect("a database");
    let mut conn = url.connect().expect("it answers");
    let mut run = |work: &mut dyn FnMut(&mut Tx<'_>) -> Result<bool, DbError>| {
        unit_of_work(&mut conn, |tx| work(tx)).expect("kept")
    };
    let mut stored = Vec::new();
    run(&mut |tx| {
        stored = tx.signing_keys()?;
        Ok(true)
    });
    assert_eq!(stored.len(), 3);
    let old = stored[0].clone();
    let next = |kid: &str| SealedKey { kid: kid.to_owned(), created: old.created + 1, ..old.clone() };
    assert!(!run(&mut |tx| tx.insert_signing_key(&next("early"))), "there is one that has no successor yet");
    assert!(run(&mut |tx| tx.expire_signing_key(&old.kid, Timestamp::of_millis(9_000))));
    assert!(!run(&mut |tx| tx.expire_signing_key(&old.kid, Timestamp::of_millis(8_000))), "it has a successor");
    assert!(run(&mut |tx| tx.insert_signing_key(&next("first"))));
    assert!(!run(&mut |tx| tx.insert_signing_key(&next("second"))));
    run(&mut |tx| tx.sweep_expired(Timestamp::of_millis(9_000), Timestamp::EPOCH, 100).map(|removed| removed > 0));
    run(&mut |tx| {
        let kids: Vec<String> = tx.signing_keys()?.into_iter().map(|key| key.kid).collect();
        assert!(kids.contains(&"first".to_owned()) && !kids.contains(&old.kid), "{kids:?}");
        Ok(true)
    });
});

story!(attack_86_a_master_key_is_replaced_while_everything_goes_on, async |world: World| {
    const OLD: &str = "c3RvcmllcyBzdG9yaWVzIHN0b3JpZXMgc3RvcmllcyE=";
    const NEW: &str = "bmV3ZXIgbmV3ZXIgbmV3ZXIgbmV3ZXIgbmV3ZXIgbmU=";
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let refused = world.command(&["keys", "list"], &[("GATEWAY__SECURITY__MASTER_KEY", NEW)]);
    assert!(!refused.status.success() && said(&refused).contains("master key is not"), "{}", said(&refused));
    idp.get("/Users").await.expect(200);

    let list = format!("{NEW},{OLD}");
    let both = [("GATEWAY__SECURITY__MASTER_KEY", ""), ("GATEWAY__SECURITY__MASTER_KEYS", list.as_str())];
    let process = world.process_with(&both).await;
    let call = |method: Method, path: &str| Call::new(http::client(), method, format!("{}{path}", process.address));
    call(Method::GET, "/scim/v2/Users").bearer(&idp.access_token).await.expect(200);
    let kids_before = kids(&jwks(&world).await);
    let again = world.command(&["keys", "reencrypt"], &both);
    assert!(again.status.success() && said(&again).contains("4 values"), "{}", said(&again));
    assert!(said(&world.command(&["keys", "reencrypt"], &both)).contains("0 values"));

    // From here on the new key alone is enough; the old one alone is not.
    let only = [("GATEWAY__SECURITY__MASTER_KEY", NEW)];
    let process = world.process_with(&only).await;
    let call = |method: Method, path: &str| Call::new(http::client(), method, format!("{}{path}", process.address));
    let keys = call(Method::GET, "/.well-known/jwks.json").await.expect(200).json();
    assert_eq!(
        kids(keys["keys"].as_array().map(Vec::as_slice).unwrap_or_default()),
        kids_before,
        "nothing was made anew"
    );
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", idp.client.id.as_str()),
        ("client_secret", idp.client.secret.as_str()),
        ("refresh_token", idp.refresh_token.as_deref().unwrap_or_default()),
    ];
    let tokens = call(Method::POST, "/oauth2/token").form(&pairs).await.expect(200).json();
    call(Method::GET, "/scim/v2/Users").bearer(&text(&tokens["access_token"])).await.expect(200);
    // What the old key sealed and no row stores is void.
    call(Method::GET, "/scim/v2/Users").bearer(&idp.access_token).await.expect(401);
    let refused = world.command(&["keys", "list"], &[]);
    assert!(!refused.status.success() && said(&refused).contains("master key is not"), "{}", said(&refused));
});
