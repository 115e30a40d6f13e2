//! What an application is told of who logs in: stable ids, and by the scope `access` what they may do; and what a resource server learns by
//! introspection.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::browser::{Landed, Landing};
use crate::support::jwt::Jwt;
use crate::support::oauth_client::OAuthClient;
use crate::support::relying_party::RelyingParty;
use crate::support::testing::World;

const SCOPE: &str = "openid access";
const API: &str = "https://api.vendor.test/";

/// The application asks for `access`, its tokens are JWTs for its own API.
async fn with_access(world: &World) -> RelyingParty {
    let party = RelyingParty::new(world).await;
    let change = json!({"scopes": ["openid", "profile", "access", "offline_access"], "resources": [API]});
    party.client.admin(Method::PATCH, "").json(&change).await.expect(200);
    party
}

async fn tokens(party: &RelyingParty, more: &[(&str, &str)]) -> Value {
    let asked: Vec<(&str, &str)> = [("scope", SCOPE)].iter().chain(more).copied().collect();
    let callback = party.callback(&party.world.browser(), &asked).await;
    party.tokens(&callback).await
}

/// The claims of access, of anything that has claims.
fn access(claims: &Value) -> Value {
    json!([claims["role"], claims["environments"], claims["every_environment"], claims["groups"]])
}

story!(who_logs_in_comes_with_account_role_environments_and_groups, async |world: World| {
    let party = with_access(&world).await;
    let (acme, ada) = (&party.acme, &party.ada);
    let idp = acme.connected_identity_provider().await;
    let editors = idp.create_group("Editors", &[&json!({"id": ada.id})]).await;
    let all = idp.create_group("All", &[&editors]).await;
    let rules = json!({"precedence": "groups", "rules": [{"group_name": "All", "environments": ["acme-stage"]}]});
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
    let groups = json!([{"value": all["id"], "display": "All"}, {"value": editors["id"], "display": "Editors"}]);
    let expected = json!(["master_admin", ["acme-stage"], false, groups]);

    let plain = party.tokens(&party.callback(&world.browser(), &[]).await).await;
    let id_token = party.id_token(&plain).await.claims;
    assert_eq!((&id_token["account_id"], id_token.get("groups")), (&json!(acme.id), None), "{id_token}");

    for format in ["opaque", "jwt"] {
        party.client.admin(Method::PATCH, "").json(&json!({"access_token_format": format})).await.expect(200);
        let tokens = tokens(&party, &[]).await;
        let token = text(&tokens["access_token"]);
        let mut told = vec![party.id_token(&tokens).await.claims];
        told.push(world.get("/userinfo").bearer(&token).await.expect(200).json());
        told.push(party.client.introspect(&token).await);
        if format == "jwt" {
            told.push(Jwt::read(&token).claims);
        }
        for claims in &told {
            assert_eq!(
                (&claims["account_id"], access(claims)),
                (&json!(acme.id), expected.clone()),
                "{format}: {claims}"
            );
        }
    }
    // What is resolved is that of the moment.
    acme.admin(Method::PUT, "/access").json(&json!({"rules": []})).await.expect(200);
    let now = party.userinfo(SCOPE).await;
    assert_eq!(access(&now), json!(["master_admin", ["acme-prod", "acme-stage"], true, groups]));

    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    let lists = |name: &str, what: &str| metadata[name].as_array().is_some_and(|all| all.contains(&json!(what)));
    assert!(lists("scopes_supported", "access") && lists("claim_types_supported", "distributed"), "{metadata}");
    for claim in ["account", "account_id", "role", "environments", "every_environment", "groups"] {
        assert!(lists("claims_supported", claim), "{claim}: {metadata}");
    }
});

story!(the_consent_page_says_in_words_what_the_scope_access_tells, async |world: World| {
    let party = with_access(&world).await;
    let browser = world.browser();
    let page = party.open(&browser, &[("scope", SCOPE)]).await.page();
    let Landing::Page(page) = party.log_in(&browser, &page).await else { panic!("a page asks") };
    assert!(
        page.text().contains("your role, your product environments and the groups that you are in"),
        "{}",
        page.text()
    );
});

story!(a_list_that_is_too_long_for_a_token_is_somewhere_else, async |world: World| {
    let party = with_access(&world).await;
    let idp = party.acme.connected_identity_provider().await;
    for n in 0..60 {
        idp.create_group(&format!("Group {n:02}"), &[&json!({"id": party.ada.id})]).await;
    }
    party.client.admin(Method::PATCH, "").json(&json!({"access_token_format": "jwt"})).await.expect(200);
    let tokens = tokens(&party, &[]).await;
    let token = text(&tokens["access_token"]);
    assert!(token.len() < 6000, "{} bytes travel in a header", token.len());
    for claims in
        [party.id_token(&tokens).await.claims, Jwt::read(&token).claims, party.client.introspect(&token).await]
    {
        assert_eq!((claims.get("groups"), &claims["role"]), (None, &json!("master_admin")), "{claims}");
        let source = text(&claims["_claim_names"]["groups"]);
        let endpoint = text(&claims["_claim_sources"][&source]["endpoint"]);
        let there = world.get(&endpoint).bearer(&token).await.expect(200).json();
        assert_eq!(there["groups"].as_array().map(Vec::len), Some(60), "{there}");
    }
});

story!(a_resource_server_learns_of_tokens_that_are_meant_for_it_and_of_no_other, async |world: World| {
    let party = with_access(&world).await;
    let (meant, plain) = (tokens(&party, &[("resource", API)]).await, tokens(&party, &[]).await);
    let (meant, plain) = (text(&meant["access_token"]), text(&plain["access_token"]));
    let server = json!({"name": "API", "scopes": ["read:access"], "introspects": [API]});
    let of_acme = party.acme.client(server.clone()).await;
    let of_bolt = world.account("bolt").await.client(server.clone()).await;
    let of_all = OAuthClient::new(&world, world.admin(Method::POST, "/clients").json(&server).await.expect(201).json());
    let of_none = party.acme.client(json!({"name": "Other API", "scopes": ["read:access"]})).await;
    let inactive = json!({"active": false});
    for who in [&of_acme, &of_all] {
        let told = who.introspect(&meant).await;
        assert_eq!((&told["active"], &told["sub"], &told["aud"]), (&json!(true), &json!(party.ada.id), &json!([API])));
        assert_eq!((&told["account_id"], &told["role"]), (&json!(party.acme.id), &json!("master_admin")), "{told}");
        assert_eq!(who.introspect(&plain).await, inactive, "it names no resource");
        assert_eq!(who.introspect("gwa_nonsense").await, inactive);
    }
    assert_eq!(of_bolt.introspect(&meant).await, inactive, "another account's");
    assert_eq!(of_none.introspect(&meant).await, inactive, "it answers for nothing");
    world.get("/userinfo").bearer(&meant).await.expect(401);
    // It ends for the resource server at the same moment.
    party.change_ada(&json!({"active": false})).await.expect(200);
    assert_eq!(of_acme.introspect(&meant).await, inactive);
    let wrong = json!({"introspects": ["not a URI"]});
    let problem = of_acme.admin(Method::PATCH, "").json(&wrong).await.expect_problem(400);
    assert_eq!(problem["errors"][0]["field"], "introspects[0]");
});
