//! The command line against a running server: what is typed, what is printed, and what the exit code says.

use std::process::Output;

use serde_json::Value;

use crate::support::account::text;
use crate::support::process::free_port;
use crate::support::story;
use crate::support::testing::{Database, OPERATOR, World};

const TOKEN: (&str, &str) = ("GATEWAY_TOKEN", OPERATOR);

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl World {
    /// `gateway …` in a shell that knows the server and an operator's token.
    fn typed(&self, line: &str) -> Output {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        self.command(&arguments, &[TOKEN, ("GATEWAY_SERVER", &self.gateway.public_url)])
    }

    #[track_caller]
    fn does(&self, line: &str) -> String {
        let output = self.typed(line);
        assert!(output.status.success(), "{line}: {}", said(&output));
        out(&output)
    }

    #[track_caller]
    fn answers(&self, line: &str) -> Value {
        serde_json::from_str(&self.does(&format!("{line} --json"))).unwrap_or_else(|why| panic!("{line}: {why}"))
    }

    #[track_caller]
    fn fails(&self, line: &str, code: i32, words: &[&str]) {
        let output = self.typed(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", said(&output));
        for words in words {
            assert!(said(&output).contains(words), "{line}: no {words:?} in: {}", said(&output));
        }
        assert!(!said(&output).contains(OPERATOR) && out(&output).is_empty(), "{line}: {}", out(&output));
    }
}

#[test]
fn people_without_a_browser_do_by_command_what_the_admin_api_does() {
    story::run(async {
        let world = World::start(Database::sqlite().await, &[]).await;
        let base = world.gateway.public_url.clone();

        // An account, found by its name, in a table and in JSON.
        let account = world.does("account create --name Acme --product-environments acme-prod --print id");
        let account = account.trim();
        world.does("accounts create --name Globex");
        let table = world.does("account list");
        let header = table.lines().next().unwrap_or_default();
        assert!(header.starts_with("ID") && header.contains("SUSPENDED") && table.contains("Acme"), "{table}");
        assert_eq!(world.answers("account show Acme")["id"], account);
        assert_eq!(world.answers("account list --limit 1 --all")["items"].as_array().map(Vec::len), Some(2));
        assert_eq!(world.does("account list --limit 1 --all --print name"), "Acme\nGlobex\n");
        let first = world.typed("account list --limit 1");
        assert!(said(&first).contains("There is more: --after"), "{}", said(&first));
        assert!(world.answers("account suspend Acme")["suspended"].is_string());
        world.does("account resume Acme");
        let changed = world.answers("account change Acme --unique-group-names --set co_owner=null");
        assert_eq!(changed["unique_group_names"], true);

        // A client, and secrets that are shown once and stand in no argument.
        let client = world.answers("client create Acme --name Okta --profile okta");
        let id = text(&client["client_id"]);
        assert!(text(&client["client_secret"]).starts_with("gws_"), "{client}");
        let added = world.typed(&format!("client secret add {id} --label second"));
        assert!(out(&added).contains("gws_") && said(&added).contains("`client_secret` is shown this once"));
        let secrets = world.answers(&format!("client secrets list {id}"));
        let second = text(&secrets["items"][1]["id"]);
        let end = format!("client secret end {id} {second}");
        world.fails(&end, 2, &["Ends a secret", "--yes"]);
        assert_eq!(world.does(&format!("{end} --yes")), "Done.\n");
        assert_eq!(world.answers(&format!("client secret list {id}"))["items"].as_array().map(Vec::len), Some(1));
        let body = crate::support::directories::subdirectory("bodies").join("user.json");
        let user = r#"{"userName": "ada@acme.test", "role": "master_admin", "password": "four unrelated words 4711"}"#;
        std::fs::write(&body, user).expect("a file can be written");
        let user = world.answers(&format!("user create Acme --service-account --body {}", body.display()));
        assert_eq!((&user["userName"], &user["service_account"]), (&"ada@acme.test".into(), &true.into()));
        let url = world.does(&format!("setup-link create Acme --client-id {id} --print url"));
        assert!(url.starts_with(&format!("{base}/setup/gwl_")), "{url}");
        assert!(world.does("health account Acme").contains("never_used"));
        let rows = world.does("audit list --account Acme --action client.created");
        assert!(rows.contains("Okta") && rows.lines().count() == 2, "{rows}");
        assert!(world.does("audit export").lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
        // What a command of this machine does, the same words do at a server that is named.
        let made = world.does(&format!("operator create --name ci --role support --server {base} --print token"));
        assert!(made.starts_with("gwo_"), "{made}");
        let listed = world.does("operator list");
        assert!(listed.contains("ci") && !listed.contains("gwo_"), "{listed}");
        assert!(world.does("keys list").contains("RS256"));

        // What is wrong is said with the option that it is about; the code says of which kind it is.
        let wrong =
            format!("client change {id} --redirect-uris https://a.example/cb --redirect-uris http://b.example/cb");
        world.fails(&wrong, 5, &["Invalid request", "--redirect-uris (2): ", "https"]);
        world.fails("account create --name Acme", 5, &["name"]);
        world.fails("account show Initech", 4, &["no account with the id or the name `Initech`"]);
        world.fails(&format!("client show {account}"), 4, &["there is no client"]);
        world.fails("account list --token x", 2, &["--token"]);
        world.fails("account list --limti 5", 2, &["--limit"]);
        world.fails(&format!("user change Acme x --set password=\"{OPERATOR}x\""), 2, &["--body FILE"]);
        world.fails(&format!("account list --server http://127.0.0.1:{}", free_port()), 1, &["cannot be asked"]);
        let no_token = world.command(&["account", "list", "--server", &base], &[]);
        assert_eq!(no_token.status.code(), Some(3), "{}", said(&no_token));
        let foreign = world.command(&["account", "list", "--server", &base], &[("GATEWAY_TOKEN", "gwo_unknown")]);
        assert!(foreign.status.code() == Some(3) && said(&foreign).contains("GATEWAY_TOKEN"), "{}", said(&foreign));

        // The doctor sees what an identity provider would.
        let seen = world.typed(&format!("doctor {base} --client {id}"));
        let lines = out(&seen);
        for line in [
            "ok       issuer",
            "ok       admin",
            "ok       token passing",
            "ok       methods",
            "ok       client",
            "warning  dns",
        ] {
            assert!(lines.contains(line), "{line}: {lines}");
        }
        assert!(seen.status.success(), "{lines}");
        let other = base.replace("127.0.0.1", "localhost");
        let seen = world.typed(&format!("doctor {other} --json"));
        let told: Value = serde_json::from_str(&out(&seen)).expect("JSON");
        let checks = told["checks"].as_array().expect("checks");
        let issuer = checks.iter().find(|check| check["check"] == "issuer").expect("the issuer");
        assert_eq!((&issuer["state"], seen.status.code()), (&"failed".into(), Some(1)), "{told}");
        assert!(text(&issuer["what_to_do"]).contains("server.public_url"), "{issuer}");
    });
}
