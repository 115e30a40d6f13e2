//! Behind reverse proxies: whose address the audit trail has.

use reqwest::Method;
use serde_json::json;

use crate::support::account::{items, text};
use crate::support::testing::World;

/// Makes an account with these headers: the address that the audit trail has for it.
async fn recorded(world: &World, name: &str, headers: &[(&str, &str)]) -> String {
    let made = world.admin(Method::POST, "/accounts").headers(headers).json(&json!({"name": name})).await.expect(201);
    let audit = world.admin_get(&format!("/audit?account={}", text(&made.json()["id"]))).await;
    text(&items(&audit)[0]["address"])
}

story!(
    hardening_14_the_audit_trail_has_the_address_that_the_proxy_saw,
    settings = [("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.7")],
    async |world: World| {
        for (name, forwarded, address) in [
            ("a", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
            ("b", "6.6.6.6, 203.0.113.9:51234", "203.0.113.9"),
            ("c", "6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
            ("d", "6.6.6.6, [2001:db8::9]:443", "2001:db8::9"),
            ("e", "6.6.6.6, unknown", "127.0.0.1"),
            ("f", "6.6.6.6, unknown, 10.0.0.7", "10.0.0.7"),
        ] {
            assert_eq!(recorded(&world, name, &[("X-Forwarded-For", forwarded)]).await, address, "{forwarded}");
        }
        assert!(!world.logs().contains("server.trusted_proxies is empty"), "{}", world.logs());
    }
);

story!(hardening_14_a_proxy_that_is_not_configured_is_warned_of_once, async |world: World| {
    assert_eq!(recorded(&world, "plain", &[]).await, "127.0.0.1");
    assert!(!world.logs().contains("server.trusted_proxies"), "{}", world.logs());
    for name in ["one", "two"] {
        assert_eq!(recorded(&world, name, &[("X-Forwarded-For", "203.0.113.9")]).await, "127.0.0.1");
    }
    assert_eq!(world.logs().matches("server.trusted_proxies is empty").count(), 1, "{}", world.logs());
});
