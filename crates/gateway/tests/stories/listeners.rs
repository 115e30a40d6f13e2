//! Operators on a listener of their own: what is served there, and what is not served elsewhere.

use reqwest::{Client, Method, redirect};
use serde_json::json;

use crate::support::directories;
use crate::support::http::{self, Answer, Call};
use crate::support::process::{self, Process};
use crate::support::story::run;
use crate::support::testing::OPERATOR;

const HOST: &str = "http://console.localhost";

fn client() -> Client {
    http::builder().redirect(redirect::Policy::none()).build().expect("a client")
}

async fn get(base: &str, path: &str) -> Answer {
    Call::new(client(), Method::GET, format!("{base}{path}")).await
}

#[test]
fn operators_are_served_on_a_listener_of_their_own_and_its_urls_lead_back_to_it() {
    run(async {
        let directory = directories::subdirectory("listeners");
        let (port, own) = (process::free_port(), process::free_port());
        let settings = [
            ("GATEWAY__ADMIN__TOKEN", OPERATOR.to_owned()),
            ("GATEWAY__ADMIN__BIND", format!("127.0.0.1:{own}")),
            ("GATEWAY__ADMIN__PUBLIC_URL", HOST.to_owned()),
        ];
        let process = Process::start(&directory, port, &settings).await.unwrap_or_else(|why| panic!("{why}"));
        let (public, admin) = (process.address.as_str(), format!("http://127.0.0.1:{own}"));
        for path in ["/admin/accounts", "/console", "/console/login", "/openapi", "/openapi.json", "/metrics"] {
            let answer = Call::new(client(), Method::GET, format!("{public}{path}")).bearer(OPERATOR).await;
            assert_eq!(answer.status.as_u16(), 404, "{path}");
        }
        for path in ["/scim/v2/Users", "/oauth2/token", "/login", "/account", "/.well-known/openid-configuration"] {
            assert_eq!(get(&admin, path).await.status.as_u16(), 404, "{path}");
        }
        assert!(!get(public, "/").await.expect(200).text().contains("/console"), "the front page leads nowhere else");
        for base in [public, &admin] {
            get(base, "/health/ready").await.expect(200);
            get(base, "/robots.txt").await.expect(200);
        }
        get(public, "/.well-known/openid-configuration").await.expect(200);

        let call = |method, path: &str| Call::new(client(), method, format!("{admin}{path}")).bearer(OPERATOR);
        let made = call(Method::POST, "/admin/accounts").json(&json!({"name": "acme"})).await.expect(201);
        let location = made.header("location").unwrap_or_default().to_owned();
        assert!(location.starts_with(&format!("{HOST}/admin/accounts/")), "{location}");
        call(Method::GET, "/metrics").await.expect(200);
        let described = get(&admin, "/openapi.json").await.expect(200).json();
        assert!(described["servers"].to_string().contains(HOST), "{}", described["servers"]);
        for path in ["/", "/console"] {
            let sent = get(&admin, path).await.expect(303).header("location").unwrap_or_default().to_owned();
            assert!(sent.starts_with(&format!("{HOST}/console")), "{path}: {sent}");
        }
        get(&admin, "/console/login").await.expect(200);
        assert_eq!(get(&admin, "/login/callback?state=x").await.status.as_u16(), 403, "operators come back here");

        // Seen from outside, it is closed; where both are one address, it is open, and a fault if it is said to be elsewhere.
        let seen = |asked: &str, elsewhere: &str| {
            let output = process::command(&["doctor", asked, "--admin", elsewhere], &directory, &[]).output();
            String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned()
        };
        let closed = seen(public, &admin);
        assert!(closed.contains("ok       admin          the admin API and the console are not reached"), "{closed}");
        let open = seen(&admin, public);
        assert!(open.contains("failed   admin ") && open.contains(&format!("{admin}/console/login")), "{open}");

        let bound = [&settings[..], &[("GATEWAY__SERVER__BIND", format!("127.0.0.1:{port}"))]].concat();
        let invited = process::command(&["operator", "invite", "ada@vendor.test"], &directory, &bound).output();
        let invited = String::from_utf8_lossy(&invited.expect("it runs").stdout).into_owned();
        let link = invited.trim().strip_prefix(HOST).unwrap_or_else(|| panic!("{invited}"));
        get(&admin, link).await.expect(200);
        get(public, link).await.expect(404);
    });
}
