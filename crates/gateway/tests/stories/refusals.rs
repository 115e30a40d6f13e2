//! What people read when something is refused: why a connection ended, and names as they were written.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, items, text};
use crate::support::database::Behind;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

async fn change(acme: &Account, user: &User, change: &Value) {
    acme.admin(Method::PATCH, &format!("/users/{}", user.id)).json(change).await.expect(200);
}

/// SCIM and the token endpoint both say this, in the forms they owe.
async fn told(idp: &IdentityProvider, says: &[&str]) {
    let answer = idp.get("/Users").await;
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    let detail = answer.expect_scim_error(401, None);
    let mut texts = vec![challenge, detail];
    if let Some(token) = &idp.refresh_token {
        texts.push(idp.client.refresh(token).await.expect_oauth_error(400, "invalid_grant"));
    }
    for text in texts {
        assert!(says.iter().all(|said| text.contains(said)), "{says:?} in: {text}");
    }
}

async fn connected(acme: &Account, name: &str) -> (User, IdentityProvider) {
    let user = acme.user(name).role("master_admin").create().await;
    let idp = acme.generic_client().await.connect_as(&user).await;
    (user, idp)
}

story!(report_19_a_refusal_names_the_reason_for_which_the_access_ended, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let mut behind = Behind::of(&world);

    // The role: by an operator, or by the connection itself. Before the grants are written, and after.
    let (ada, idp) = connected(&acme, "ada@acme.test").await;
    change(&acme, &ada, &json!({"role": "reports"})).await;
    let role = ["no longer has a role that may accept it", "give the user such a role again", "authenticate again"];
    told(&idp, &role).await;
    while behind.work(|tx| tx.settle_endings(100)) > 0 {}
    told(&idp, &role).await;
    change(&acme, &ada, &json!({"role": "master_admin"})).await;
    told(&idp, &role).await;
    let (eve, idp) = connected(&acme, "eve@acme.test").await;
    idp.patch(&eve).replace("role", "billing").await.expect(200);
    told(&idp, &role).await;

    // The owner. What became of them since changes nothing about why.
    let (bob, idp) = connected(&acme, "bob@acme.test").await;
    change(&acme, &bob, &json!({"active": false})).await;
    told(&idp, &["user who accepted access was deactivated", "service account"]).await;
    change(&acme, &bob, &json!({"active": true})).await;
    told(&idp, &["user who accepted access was deactivated"]).await;
    acme.admin(Method::DELETE, &format!("/users/{}", bob.id)).await.expect(204);
    told(&idp, &["user who accepted access was deactivated"]).await;
    let (cid, idp) = connected(&acme, "cid@acme.test").await;
    idp.delete(&cid).await.expect(204);
    told(&idp, &["user who accepted access was deleted"]).await;

    // An operator, the client itself, and the user on their own page.
    let (_, idp) = connected(&acme, "dan@acme.test").await;
    let grant = items(&acme.admin_get("/grants?limit=100").await).pop().expect("a grant");
    world.admin(Method::DELETE, &format!("/grants/{}", text_or_number(&grant["id"]))).await.expect(204);
    told(&idp, &["ended by an operator"]).await;
    let (_, idp) = connected(&acme, "fay@acme.test").await;
    idp.client.revoke(idp.refresh_token.as_deref().unwrap_or_default()).await.expect(200);
    told(&idp, &["the client revoked its token"]).await;

    // A client that is switched off, and one that is deleted; whether or not its grants are written.
    let (_, idp) = connected(&acme, "gus@acme.test").await;
    idp.client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    let detail = idp.get("/Users").await.expect_scim_error(401, None);
    assert!(detail.contains("switched off by an operator"), "{detail}");
    idp.client.admin(Method::DELETE, "").await.expect(204);
    for _ in 0..2 {
        let detail = idp.get("/Users").await.expect_scim_error(401, None);
        assert!(detail.contains("client this access was given to was deleted"), "{detail}");
        while behind.work(|tx| tx.settle_endings(100)) > 0 {}
    }

    // A static token, whose client never authenticates anew.
    let pasted = acme.client(json!({"name": "OneLogin", "profile": "onelogin"})).await;
    let token = pasted.admin(Method::POST, "/tokens").json(&json!({"name": "OneLogin"})).await.expect(201).json();
    let idp = IdentityProvider::new(pasted, &json!({"token_type": "Bearer", "access_token": token["token"]}));
    idp.get("/Users").await.expect(200);
    let grant = items(&acme.admin_get("/grants?limit=100").await).pop().expect("a grant");
    world.admin(Method::DELETE, &format!("/grants/{}", text_or_number(&grant["id"]))).await.expect(204);
    told(&idp, &["ended by an operator", "make a new static token"]).await;

    acme.admin(Method::DELETE, "").await.expect(204);
    told(&idp, &[""]).await;
});

fn text_or_number(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

story!(report_19_a_conflict_shows_names_as_they_were_written, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let badge = json!({"type": "string", "case_exact": false, "uniqueness": "server", "indexed": true});
    acme.admin(Method::PUT, "/attributes/badge").json(&badge).await.expect(201);
    let user = |name: &str, badge: &str| {
        let mut body = a_user(name);
        body["badge"] = json!(badge);
        body
    };
    let zoe = idp.create_user(&user("Zoë.Smith@Acme.test", "Gold-7")).await;
    let ben = idp.create_user(&user("Ben@Acme.test", "Gold-8")).await;
    let conflict = async |client: &IdentityProvider, method: Method, path: &str, body: &Value, shown: &[&str]| {
        let detail = client.call(method.clone(), path).scim(body).await.expect_scim_error(409, Some("uniqueness"));
        assert!(shown.iter().all(|shown| detail.contains(shown)), "{method} {shown:?}: {detail}");
    };
    // The refusal shows the name as its owner spells it, and as the request does.
    let again = ["\"Zoë.Smith@Acme.test\"", text(&zoe["id"]).leak() as &str];
    conflict(&idp, Method::POST, "/Users", &user("Zoë.Smith@Acme.test", "x"), &again).await;
    let other = ["\"Zoë.Smith@Acme.test\"", "\"ZOË.SMITH@acme.test\" is the same name"];
    conflict(&idp, Method::POST, "/Users", &user("ZOË.SMITH@acme.test", "x"), &other).await;
    let bens = format!("/Users/{}", text(&ben["id"]));
    conflict(&idp, Method::PUT, &bens, &user("zoë.SMITH@Acme.test", "Gold-8"), &["\"zoë.SMITH@Acme.test\""]).await;
    let rename = |value: Value| {
        json!({"schemas": [crate::support::identity_provider::PATCH],
               "Operations": [{"op": "replace", "value": value}]})
    };
    let name = rename(json!({"userName": "ZOË.smith@acme.test"}));
    let whose = ["userName \"Zoë.Smith@Acme.test\"", again[1], "\"ZOË.smith@acme.test\" is the same name"];
    conflict(&idp, Method::PATCH, &bens, &name, &whose).await;
    // So for an attribute of the account's own.
    conflict(&idp, Method::POST, "/Users", &user("cy@acme.test", "GOLD-7"), &["badge \"GOLD-7\""]).await;
    conflict(&idp, Method::PATCH, &bens, &rename(json!({"badge": "gOLD-7"})), &["badge \"gOLD-7\""]).await;

    // The operators' API, and a declaration that comes too late.
    let again = acme.user("ZOË.Smith@Acme.test").attempt().await.expect_problem(409);
    let detail = text(&again["detail"]);
    assert!(detail.contains("\"Zoë.Smith@Acme.test\"") && detail.contains("\"ZOË.Smith@Acme.test\""), "{detail}");
    let path = format!("/users/{}", text(&ben["id"]));
    let again = acme.admin(Method::PATCH, &path).json(&json!({"userName": "Zoë.SMITH@Acme.test"})).await;
    assert!(text(&again.expect_problem(409)["detail"]).contains("\"Zoë.SMITH@Acme.test\""));
    let seat = json!({"type": "string", "case_exact": false});
    acme.admin(Method::PUT, "/attributes/seat").json(&seat).await.expect(201);
    for user in [&zoe, &ben] {
        idp.patch(user).replace("seat", "Window-3").await.expect(200);
    }
    let unique = json!({"type": "string", "case_exact": false, "uniqueness": "server", "indexed": true});
    let late = acme.admin(Method::PUT, "/attributes/seat").json(&unique).await.expect_problem(409);
    assert!(late.to_string().contains("Window-3"), "{late}");

    // A deactivated user, where the account's policy is not to restore them.
    idp.patch(&zoe).replace("active", false).await.expect(200);
    acme.admin(Method::PATCH, "").json(&json!({"inactive_match": "conflict"})).await.expect(200);
    let other = ["\"Zoë.Smith@Acme.test\" and is deactivated", "\"Zoë.Smith@ACME.test\" is the same name"];
    conflict(&idp, Method::POST, "/Users", &user("Zoë.Smith@ACME.test", "x"), &other).await;
});
