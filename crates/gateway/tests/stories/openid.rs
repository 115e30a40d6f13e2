//! The `openidconnect` crate as the client: discovery, keys, and an ID token it has to believe.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse,
};
use serde_json::json;

use crate::support::browser::Landed;
use crate::support::http;
use crate::support::testing::World;

story!(the_openidconnect_crate_believes_us, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let registered = acme.generic_client().await;
    let send = |request: HttpRequest| over_reqwest(http::client(), request);

    let issuer = IssuerUrl::new(world.gateway.public_url.clone()).expect("an issuer");
    let metadata = CoreProviderMetadata::discover_async(issuer, &send).await.expect("discovery");
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(registered.id.clone()),
        Some(ClientSecret::new(registered.secret.clone())),
    )
    .set_redirect_uri(RedirectUrl::new(registered.redirect_uri()).expect("a redirect URI"));

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["offline", "provision:scim"].map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let browser = world.browser();
    let page = browser.open(url.as_str()).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let callback = browser.press(&page, "Accept access").await.callback();
    assert_eq!(callback.parameter("state").as_ref(), Some(state.secret()));

    let exchange = client.exchange_code(AuthorizationCode::new(callback.code())).expect("a token endpoint");
    let tokens = exchange.set_pkce_verifier(verifier).request_async(&send).await.expect("tokens");
    let id_token = tokens.id_token().expect("an ID token, for `openid` was asked for");
    let claims = id_token.claims(&client.id_token_verifier(), &nonce).expect("claims that can be believed");
    assert_eq!(claims.subject().as_str(), ada.id);
    assert!(claims.auth_time().is_some() || claims.issue_time() <= claims.expiration());
    assert!(tokens.refresh_token().is_some());

    let refreshed = client
        .exchange_refresh_token(tokens.refresh_token().expect("a refresh token"))
        .expect("a token endpoint")
        .request_async(&send)
        .await
        .expect("new tokens");
    let call = world.get("/scim/v2/Users").bearer(refreshed.access_token().secret());
    call.await.expect(200);
});

story!(both_discovery_documents_say_the_same, async |world: World| {
    let base = &world.gateway.public_url;
    let openid = world.get("/.well-known/openid-configuration").await.expect(200).json();
    let oauth = world.get("/.well-known/oauth-authorization-server").await.expect(200).json();
    for document in [&openid, &oauth] {
        assert_eq!(document["issuer"].as_str(), Some(base.as_str()));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    }
    for endpoint in
        ["authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri"]
    {
        assert_eq!(openid[endpoint], oauth[endpoint], "{endpoint}");
        assert!(openid[endpoint].as_str().is_some_and(|url| url.starts_with(base)), "{endpoint}: {openid}");
    }
    for name in ["dpop_signing_alg_values_supported", "id_token_signing_alg_values_supported"] {
        let listed = openid[name].as_array().cloned().unwrap_or_default();
        assert!(["RS256", "ES256", "EdDSA"].iter().all(|alg| listed.contains(&json!(alg))), "{name}: {openid}");
        assert!(!listed.contains(&json!("none")), "{name}");
    }
    let keys = world.get("/.well-known/jwks.json").await.expect(200).json();
    let keys = keys["keys"].as_array().cloned().unwrap_or_default();
    assert!(!keys.is_empty());
    for key in keys {
        let members = key.as_object().cloned().unwrap_or_default();
        assert!(members.contains_key("kid") && members.contains_key("alg"), "{key}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(!members.contains_key(private), "a private member in {key}");
        }
    }
});

async fn over_reqwest(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let sent = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
    let (status, headers) = (sent.status(), sent.headers().clone());
    let mut response = HttpResponse::new(sent.bytes().await?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
