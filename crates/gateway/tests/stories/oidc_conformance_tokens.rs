//! Modules of the OpenID Foundation's conformance suite (Basic OP and Config OP) that are about discovery, codes and tokens, under
//! their own names.

use serde_json::{Map, Value, json};

use crate::support::account::{Account, User, text};
use crate::support::browser::Landed;
use crate::support::identity_provider::IdentityProvider;
use crate::support::jwt::Jwt;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

const SCOPE: &str = "openid offline_access provision:scim";

/// A relying party and the person who accepts.
struct Party {
    client: OAuthClient,
    ada: User,
}

impl Party {
    async fn new(acme: &Account) -> Party {
        Party { client: acme.generic_client().await, ada: acme.service_account().await }
    }

    fn url(&self, more: &[(&str, &str)]) -> String {
        let uri = self.client.redirect_uri();
        let base = [("response_type", "code"), ("client_id", self.client.id.as_str()), ("redirect_uri", uri.as_str())];
        self.client.authorization_url_with(&[&base[..], &[("scope", SCOPE)], more].concat())
    }

    async fn code(&self, more: &[(&str, &str)]) -> String {
        let browser = self.client.world.browser();
        let page = browser.open(&self.url(more)).await.page();
        let page = browser.log_in(&page, &self.ada.user_name, &self.ada.password).await.page();
        browser.press(&page, "Accept access").await.callback().code()
    }

    async fn tokens(&self, more: &[(&str, &str)]) -> Value {
        self.client.exchange(&self.code(more).await).await.expect(200).json()
    }
}

/// The ID token, verified as Core §3.1.3.7 says.
async fn id_token(party: &Party, tokens: &Value, nonce: Option<&str>) -> Jwt {
    let world = &party.client.world;
    let token = Jwt::read(tokens["id_token"].as_str().unwrap_or_default());
    token.verify(&world.get("/.well-known/jwks.json").await.expect(200).json());
    let claims = &token.claims;
    assert_eq!(claims["iss"], world.gateway.public_url.as_str());
    assert_eq!(claims["sub"], party.ada.id.as_str());
    assert!(claims["aud"] == party.client.id.as_str() || claims["aud"] == json!([party.client.id]), "{claims}");
    assert_eq!(claims["nonce"].as_str(), nonce);
    let (issued, expires) = (claims["iat"].as_i64().unwrap_or(0), claims["exp"].as_i64().unwrap_or(0));
    assert!(issued > 1_700_000_000 && expires > issued && expires - issued <= 86_400, "{claims}");
    token
}

story!(module_server_the_whole_flow_with_a_verified_id_token, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    let tokens = party.tokens(&[("nonce", "n-0S6_WzA2Mj"), ("state", "af0ifjsldkj")]).await;
    assert!(tokens["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")), "{tokens}");
    assert!(tokens["expires_in"].as_u64().is_some_and(|seconds| seconds > 0));
    let token = id_token(&party, &tokens, Some("n-0S6_WzA2Mj")).await;
    assert!(token.claims["auth_time"].is_i64());
    let user = world.get("/userinfo").bearer(&text(&tokens["access_token"])).await.expect(200).json();
    assert_eq!(user["sub"], token.claims["sub"]);
});

story!(module_id_token_signature_rs256_with_a_kid_of_the_key_set, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    let tokens = party.tokens(&[]).await;
    let token = id_token(&party, &tokens, None).await;
    assert_eq!(token.header["alg"], "RS256");
    assert!(token.header["kid"].as_str().is_some_and(|kid| !kid.is_empty()));
    let half = token.left_half_of_hash(tokens["access_token"].as_str().unwrap_or_default());
    assert_eq!(token.claims["at_hash"].as_str(), Some(half.as_str()), "Core §3.1.3.6");
});

story!(module_id_token_unsigned_is_not_to_be_had, async |world: World| {
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    let offered = metadata["id_token_signing_alg_values_supported"].to_string();
    assert!(offered.contains("RS256") && !offered.contains("none"), "{offered}");
});

story!(module_ensure_request_without_nonce_succeeds_for_code_flow, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    let tokens = party.tokens(&[]).await;
    assert!(id_token(&party, &tokens, None).await.claims.get("nonce").is_none());
});

story!(module_code_reuse_is_refused_and_ends_what_it_gave, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    let code = party.code(&[]).await;
    let tokens = party.client.exchange(&code).await.expect(200).json();
    let access = text(&tokens["access_token"]);
    world.get("/userinfo").bearer(&access).await.expect(200);
    party.client.exchange(&code).await.expect_oauth_error(400, "invalid_grant");
    world.get("/userinfo").bearer(&access).await.expect(401);
    party.client.refresh(&text(&tokens["refresh_token"])).await.expect_oauth_error(400, "invalid_grant");
});

story!(module_server_client_secret_post_and_basic, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    party.tokens(&[]).await; // in the body
    let (client, uri, code) = (&party.client, party.client.redirect_uri(), party.code(&[]).await);
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", uri.as_str())];
    world.post("/oauth2/token").basic(&client.id, &client.secret).form(&form).await.expect(200);
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    let methods = metadata["token_endpoint_auth_methods_supported"].to_string();
    assert!(methods.contains("client_secret_basic") && methods.contains("client_secret_post"), "{methods}");
});

story!(module_refresh_token_gives_new_tokens_for_the_same_person, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    let first = party.tokens(&[("nonce", "n-1")]).await;
    let second = party.client.refresh(&text(&first["refresh_token"])).await.expect(200).json();
    assert_ne!(second["access_token"], first["access_token"]);
    assert!(second.get("id_token").is_none(), "Core §12.2: it might not contain one");
    let idp = IdentityProvider::new(party.client.clone(), &second);
    idp.get("/Users").await.expect(200);
    let other = world.account("other").await.generic_client().await;
    other.refresh(&text(&second["refresh_token"])).await.expect_oauth_error(400, "invalid_grant");
});

story!(module_ensure_request_with_valid_pkce_succeeds, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    // RFC 7636, appendix B.
    let challenge =
        [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), ("code_challenge_method", "S256")];
    let (code, uri) = (party.code(&challenge).await, party.client.redirect_uri());
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", uri.as_str()),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    ];
    party.client.token(&form).await.expect(200);
});

story!(module_unsigned_request_object_is_refused_by_its_code, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(metadata["request_parameter_supported"], false);
    let url = party.url(&[("request", "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im9wZW5pZCJ9.")]);
    let callback = world.browser().open(&url).await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("request_not_supported"));
});

story!(module_unsigned_request_uri_is_refused_by_its_code, async |world: World| {
    let party = Party::new(&world.account("acme").await).await;
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    let url = party.url(&[("request_uri", "https://client.test/request.jwt")]);
    let error = world.browser().open(&url).await.callback().parameter("error");
    assert!(matches!(error.as_deref(), Some("request_uri_not_supported" | "invalid_request_uri")), "{error:?}");
});

story!(module_ensure_request_object_with_redirect_uri_changes_nothing, async |world: World| {
    // A redirect URI inside an object that we do not read cannot lead anywhere: the answer goes where the query says.
    let party = Party::new(&world.account("acme").await).await;
    let object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwudGVzdC8ifQ.";
    let callback = world.browser().open(&party.url(&[("request", object)])).await.callback();
    assert!(callback.0.as_str().starts_with(&party.client.redirect_uri()), "{}", callback.0);
    assert_eq!(callback.parameter("error").as_deref(), Some("request_not_supported"));
});

story!(module_discovery_endpoint_verification, async |world: World| {
    let answer = world.get("/.well-known/openid-configuration").await.expect(200);
    assert_eq!(answer.media_type(), "application/json");
    let metadata = answer.json();
    let base = world.gateway.public_url.as_str();
    assert_eq!(metadata["issuer"], base, "byte for byte");
    let texts = |name: &str| -> Vec<String> {
        let list = metadata[name].as_array().unwrap_or_else(|| panic!("{name} is a list in {metadata}"));
        assert!(!list.is_empty(), "{name}");
        list.iter().map(text).collect()
    };
    assert_eq!(texts("response_types_supported"), ["code"]);
    assert_eq!(texts("response_modes_supported"), ["query"]);
    assert_eq!(texts("subject_types_supported"), ["public"]);
    assert_eq!(texts("code_challenge_methods_supported"), ["S256"]);
    assert!(texts("id_token_signing_alg_values_supported").contains(&"RS256".to_owned()));
    assert!(texts("scopes_supported").contains(&"openid".to_owned()));
    assert!(texts("claims_supported").contains(&"sub".to_owned()));
    for grant_type in ["authorization_code", "refresh_token", "client_credentials"] {
        assert!(texts("grant_types_supported").contains(&grant_type.to_owned()), "{grant_type}");
    }
    for flag in ["claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"] {
        assert!(metadata[flag].is_boolean(), "{flag}");
    }
    let metadata: &Map<String, Value> = metadata.as_object().expect("an object");
    for (name, value) in metadata.iter().filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri")) {
        let url =
            url::Url::parse(value.as_str().unwrap_or_default()).unwrap_or_else(|e| panic!("{name}: {value} ({e})"));
        assert!(url.fragment().is_none() && value.as_str().is_some_and(|url| url.starts_with(base)), "{name}: {value}");
    }
    for needed in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        assert!(metadata.contains_key(needed), "{needed}");
    }
    // The key set can be fetched and read, and every key says what it is for.
    let keys = world.get(metadata["jwks_uri"].as_str().unwrap_or_default()).await.expect(200).json();
    let keys = keys["keys"].as_array().cloned().unwrap_or_default();
    let mut kids: Vec<String> = keys.iter().map(|key| text(&key["kid"])).collect();
    assert!(keys.iter().any(|key| key["kty"] == "RSA" && key["alg"] == "RS256" && key["use"] == "sig"), "{keys:?}");
    let all = kids.len();
    kids.sort();
    kids.dedup();
    assert_eq!(kids.len(), all, "each kid is there once");
});
