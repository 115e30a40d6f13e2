//! The sheet of a client: what its provider's form asks for, and nothing else.

use serde_json::{Value, json};

use crate::support::testing::World;

story!(each_provider_gets_the_lines_of_its_own_form_and_no_others, async |world: World| {
    let acme = world.account("acme").await;
    let code = json!(["authorization_code", "refresh_token"]);
    let of_code = [
        "authorization_url",
        "authorization_url_encoded",
        "client_id",
        "scim_base_url",
        "token_url",
        "unique_identifier_field",
    ];
    let of_credentials = ["client_id", "scim_base_url", "scope", "token_url"];
    let ping = [
        "client_id",
        "groups_resource",
        "scim_base_url",
        "scope",
        "token_url",
        "unique_identifier_field",
        "users_resource",
    ];
    let strict = ["client_id", "scim_base_url", "scope", "token_url", "unique_identifier_field"];
    let no_provisioning = ["authorization_url", "authorization_url_encoded", "client_id", "token_url"];
    let cases: [(Value, &[&str]); 8] = [
        (json!({"profile": "okta"}), &of_code),
        (json!({"profile": "entra"}), &of_credentials),
        (json!({"profile": "onelogin"}), &["custom_headers", "scim_base_url"]),
        (json!({"profile": "jumpcloud"}), &["scim_base_url"]),
        (json!({"profile": "ping"}), &ping),
        (
            json!({"profile": "generic", "redirect_uris": ["https://a.test/cb"], "grant_types": code, "scopes": ["provision:scim"]}),
            &of_code,
        ),
        (json!({"profile": "strict", "grant_types": ["client_credentials"], "scopes": ["provision:scim"]}), &strict),
        (
            json!({"profile": "generic", "redirect_uris": ["https://a.test/cb"], "grant_types": code, "scopes": ["openid"]}),
            &no_provisioning,
        ),
    ];
    for (mut body, lines) in cases {
        body["name"] = json!("One of them");
        let sheet = acme.client(body.clone()).await.issued["sheet"].clone();
        let mut found: Vec<&str> = sheet.as_object().expect("an object").keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, lines, "{body}");
        assert!(
            sheet
                .as_object()
                .expect("an object")
                .values()
                .all(|line| line.as_str().is_some_and(|text| !text.is_empty())),
            "{sheet}"
        );
    }
});
