use super::*;
use crate::storage::DatabaseUrl;

mod inspection;

#[test]
fn the_defaults_are_a_whole_configuration() {
    let config = Config::from_variables(&[]).unwrap();
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database.url, DatabaseUrl::Sqlite(PathBuf::from("data/gateway.db")));
    assert!(matches!(config.master_key, MasterKeySource::KeyFile(path) if path == Path::new("data/master.key")));
    assert_eq!(config.consent.roles, ["master_admin"]);
    assert_eq!(config.attributes.declared.len(), 2);
}

#[test]
fn the_environment_overrides_and_lists_are_separated_by_commas() {
    let config = Config::from_variables(&[
        ("GATEWAY__SERVER__BIND", "0.0.0.0:9000"),
        ("GATEWAY__SERVER__PUBLIC_URL", "https://id.example.com/"),
        ("GATEWAY__CONSENT__ROLES", "admin, master_admin"),
        ("GATEWAY__DATABASE__MIGRATE_ON_START", "false"),
    ])
    .unwrap();
    assert_eq!(config.server.bind.port(), 9000);
    assert_eq!(config.server.public_url.as_deref(), Some("https://id.example.com"));
    assert_eq!(config.consent.roles, ["admin", "master_admin"]);
    assert!(!config.database.migrate_on_start);
}

#[test]
fn attack_88_plain_http_that_leaves_the_machine_is_refused() {
    let with = |url: &str, insecure: &str| {
        Config::from_variables(&[("GATEWAY__SERVER__PUBLIC_URL", url), ("GATEWAY__SERVER__INSECURE_HTTP", insecure)])
    };
    for url in ["http://id.example.com", "http://10.0.0.7:8080", "http://localhost.example.com", "http://0.0.0.0:1"] {
        let mistakes = with(url, "false").unwrap_err().0;
        assert!(matches!(mistakes.as_slice(), [one] if one.contains("https://") && one.contains(url)), "{mistakes:?}");
        assert!(with(url, "true").is_ok(), "{url}");
    }
    for url in [
        "https://id.example.com",
        "http://localhost:8080",
        "http://gateway.localhost",
        "http://[::1]",
        "http://127.0.0.2",
    ] {
        assert!(with(url, "false").is_ok(), "{url}");
    }
}

#[test]
fn attack_86_master_keys_are_given_in_one_way() {
    let (a, b) = ("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=", "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=");
    let list = Config::from_variables(&[("GATEWAY__SECURITY__MASTER_KEYS", &format!("{b}, {a}"))]).unwrap();
    assert!(matches!(list.master_key, MasterKeySource::Given(keys) if keys == [[b'b'; 32], [b'a'; 32]]));
    let twice = [("GATEWAY__SECURITY__MASTER_KEYS", a), ("GATEWAY__SECURITY__MASTER_KEY", b)];
    assert!(Config::from_variables(&twice).unwrap_err().0[0].contains("set one of them"));
    assert!(Config::from_variables(&[("GATEWAY__SECURITY__MASTER_KEYS", "c2hvcnQ=")]).is_err());
}

#[test]
fn mail_needs_a_relay_and_a_sender_and_its_password_is_repeated_nowhere() {
    let with = |url: &str, from: &str| {
        Config::from_variables(&[("GATEWAY__MAIL__SMTP_URL", url), ("GATEWAY__MAIL__FROM", from)])
    };
    assert!(Config::from_variables(&[]).unwrap().mail.is_none());
    let url = "smtps://ada:hush-hush@mail.example.com";
    let config = with(url, "Provisioning <no-reply@example.com>").unwrap();
    assert!(!format!("{config:?}").contains("hush"), "{config:?}");
    let mail = config.mail.unwrap();
    assert_eq!((mail.from.email.to_string().as_str(), mail.first_pause), ("no-reply@example.com", 60_000));
    assert!(with(url, "no-reply@example.com").is_ok());
    let without_sender = Config::from_variables(&[("GATEWAY__MAIL__SMTP_URL", url)]).unwrap_err().0;
    assert!(without_sender[0].starts_with("mail: set smtp_url"), "{without_sender:?}");
    let elsewhere = "http://ada:hush-hush@mail.example.com";
    for (url, from, wrong) in [
        (elsewhere, "no-reply@example.com", "mail.smtp_url: "),
        (url, "Provisioning", "mail.from: "),
        (url, "a@example.com\r\nBcc: b@example.com", "mail.from: "),
    ] {
        let mistakes = with(url, from).unwrap_err().to_string();
        assert!(mistakes.contains(wrong) && !mistakes.contains("hush"), "{mistakes}");
    }
}

#[test]
fn the_database_may_stand_in_a_file_and_its_password_is_repeated_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    let with = |text: &str, url: &str| {
        std::fs::write(&file, text).unwrap();
        let path = file.to_str().unwrap();
        Config::from_variables(&[("GATEWAY__DATABASE__URL_FILE", path), ("GATEWAY__DATABASE__URL", url)])
    };
    let config = with("postgres://gateway:hush-hush@database/gateway\n", "").unwrap();
    assert!(matches!(&config.database.url, DatabaseUrl::Postgres(_)));
    assert_eq!(config.database.url.display(), "PostgreSQL at database/gateway");
    for (text, url, wrong) in [
        ("mysql://gateway:hush-hush@database/gateway", "", "database.url_file: "),
        ("", "", "database.url_file: "),
        ("postgres://gateway:hush-hush@database/gateway", "sqlite:here", "set one of url and url_file"),
    ] {
        let mistakes = with(text, url).unwrap_err().to_string();
        assert!(mistakes.contains(wrong) && !mistakes.contains("hush"), "{mistakes}");
    }
}

#[test]
fn every_mistake_is_listed_at_once() {
    let mistakes = Config::from_variables(&[
        ("GATEWAY__SERVER__BIND", "nowhere"),
        ("GATEWAY__SERVER__PUBLIC_URL", "ftp://x"),
        ("GATEWAY__DATABASE__URL", "mysql://x"),
        ("GATEWAY__DATABASE__CONNECTIONS", "many"),
        ("GATEWAY__ADMIN__TOKEN", "short"),
        ("GATEWAY__SERVER__COLOUR", "blue"),
    ])
    .unwrap_err()
    .0;
    for key in
        ["server.bind", "server.public_url", "database.url", "database.connections", "admin.token", "server.colour"]
    {
        assert!(mistakes.iter().any(|m| m.starts_with(&format!("{key}: "))), "{key} in {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), 6, "{mistakes:#?}");
}

#[test]
fn hardening_15_a_broken_file_is_told_without_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let told = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path)).unwrap_err().to_string()
    };
    for broken in [
        "[admin]\ntoken = \"gwo_TOPSECRET",
        "[admin]\ntoken = gwo_TOPSECRET",
        "[admin]\ntoken = \"gwo_TOPSECRET\" x",
        "[admin]\ntoken \"gwo_TOPSECRET\"",
        "[admin]\ntoken = \"gwo_TOPSECRET\\q\"",
        "[admin]\ntoken = 'gwo_TOPSECRET\n'",
        "[admin]\ntoken = [\"gwo_TOPSECRET\"",
        "[admin]\ntoken = \"a token that is not broken\"\ntoken = \"gwo_TOPSECRET\"",
        "[admin\ntoken = \"gwo_TOPSECRET\"",
    ] {
        let said = told(broken);
        assert!(!said.contains("TOPSECRET"), "{broken}: {said}");
        assert!(said.contains("line ") && said.contains("gateway.toml"), "{said}");
    }
    assert!(told("[admin]\n\u{e9} = 1").contains("line 2, column 1"), "{}", told("[admin]\n\u{e9} = 1"));
    // What is no TOML error either.
    for wrong in [
        "[admin]\ntoken = [\"gwo_TOPSECRET\"]",
        "[security]\nmaster_key = \"gwo_TOPSECRET\"",
        "[mail]\nsmtp_url = \"smtp://a:gwo_TOPSECRET@\"",
        "[database]\nurl = \"postgres://a:gwo_TOPSECRET@[\"",
        "[server]\npublic_url = \"https://a:gwo_TOPSECRET@example.com\"",
        "[server]\ngwo_TOKEN = \"gwo_TOPSECRET\"",
    ] {
        let said = told(wrong);
        assert!(!said.contains("TOPSECRET"), "{wrong}: {said}");
    }
    assert!(Config::load(Some(&folder.path().join("none.toml"))).unwrap_err().to_string().contains("none.toml"));
}

#[cfg(unix)]
#[test]
fn hardening_15_a_secret_in_a_file_that_all_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (key, token) = (folder.path().join("key"), folder.path().join("token"));
    std::fs::write(&key, "c3RvcmllcyBzdG9yaWVzIHN0b3JpZXMgc3RvcmllcyE=\n").unwrap();
    std::fs::write(&token, "a-token-of-some-length\n").unwrap();
    let warned = |mode: u32| {
        for file in [&key, &token] {
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        Config::from_variables(&[
            ("GATEWAY__SECURITY__MASTER_KEY_FILE", &key.to_string_lossy()),
            ("GATEWAY__ADMIN__TOKEN_FILE", &token.to_string_lossy()),
        ])
        .unwrap()
        .warnings
    };
    assert_eq!(warned(0o600), Vec::<String>::new());
    assert_eq!(warned(0o640), Vec::<String>::new(), "a group is the operator's to choose");
    let both = warned(0o644);
    assert!(both.len() == 2 && both[0].contains("admin.token_file") && both[1].contains("chmod 600"), "{both:?}");
}

#[test]
fn settings_that_cannot_work_are_mistakes() {
    let operators = |issuer: &'static str, allowed: &'static str| {
        vec![
            ("GATEWAY__OPERATORS__ISSUER", issuer),
            ("GATEWAY__OPERATORS__CLIENT_ID", "gateway"),
            ("GATEWAY__OPERATORS__CLIENT_SECRET", "a secret"),
            ("GATEWAY__OPERATORS__ALLOWED", allowed),
        ]
    };
    let (issuer, local) = ("https://login.vendor.example", "http://127.0.0.1:9000");
    for (set, mistake) in [
        (vec![("GATEWAY__OAUTH__SESSION_HOURS", "0")], "oauth.session_hours: 0 is not between 1 and"),
        (
            vec![("GATEWAY__OAUTH__ACCESS_TOKEN_MINUTES", "2880"), ("GATEWAY__OAUTH__REFRESH_IDLE_DAYS", "1")],
            "oauth.refresh_idle_days: ",
        ),
        (vec![("GATEWAY__LOG__FILTER", "inof")], "log.filter: `inof` is not a level (error, warn, info"),
        (vec![("GATEWAY__DATABASE__ANSWER_SECONDS", "20")], "database.answer_seconds: "),
        (vec![("GATEWAY__SCIM__LONG_REQUESTS_PER_ACCOUNT", "5")], "scim.long_requests_per_account: "),
        (vec![("GATEWAY__SERVER__ACCOUNT_IN_FLIGHT_MIB", "300")], "server.account_in_flight_mib: "),
        (
            operators("http://login.vendor.example", "@vendor.example"),
            "operators.issuer: `http://login.vendor.example` is plain http",
        ),
        (operators(local, "@vendor.example"), "operators.issuer: `http://127.0.0.1:9000` is on this machine"),
        (operators(issuer, "@"), "operators.allowed: `@` is neither"),
        (operators(issuer, "ada@vendor.example, @@vendor.example"), "operators.allowed: `@@vendor.example` is neither"),
        (operators(issuer, "ada@"), "operators.allowed: `ada@` is neither"),
        (vec![("GATEWAY__OPERATORS__ALLOWED", "@vendor.example")], "operators: set issuer"),
    ] {
        let mistakes = Config::from_variables(&set).expect_err(mistake).0;
        assert!(mistakes.iter().any(|one| one.starts_with(mistake)), "{set:?}: {mistakes:#?}");
    }
    assert!(Config::from_variables(&operators(issuer, "ada@vendor.example, @csm.vendor.example")).is_ok());
    let mut local = operators(local, "@vendor.example");
    local.push(("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true"));
    assert!(Config::from_variables(&local).is_ok());
}

#[test]
fn settings_that_have_no_effect_are_warned_of() {
    for (set, warning) in [
        (
            ("GATEWAY__OAUTH__SESSION_IDLE_MINUTES", "600"),
            "oauth.session_idle_minutes: is more than oauth.session_hours",
        ),
        (("GATEWAY__OAUTH__REFRESH_RETRY_HOURS", "24"), "oauth.refresh_retry_hours: has no effect any more"),
        (("GATEWAY__SCIM__MAX_PAGE_SIZE", "50"), "scim.page_size: is more than scim.max_page_size"),
        (("GATEWAY__SCIM__MAX_BODY_KIB", "262144"), "scim.max_body_kib: is more than server.account_in_flight_mib"),
        (("GATEWAY__CONSENT__ROLES", ","), "consent.roles: is empty, so no user may accept"),
        (
            ("GATEWAY__SERVER__PUBLIC_URL", "https://my_id.example.com"),
            "server.public_url: the host name my_id.example.com",
        ),
    ] {
        let warnings = Config::from_variables(&[set]).unwrap_or_else(|e| panic!("{set:?}: {e}")).warnings;
        assert!(matches!(&warnings[..], [one] if one.starts_with(warning)), "{set:?}: {warnings:#?}");
    }
    let absolute = ("GATEWAY__OAUTH__REFRESH_ABSOLUTE_DAYS", "90");
    assert_eq!(Config::from_variables(&[absolute]).unwrap().warnings, [""; 0], "the default may be longer");
    let both = Config::from_variables(&[absolute, ("GATEWAY__OAUTH__REFRESH_IDLE_DAYS", "180")]).unwrap().warnings;
    assert!(both[0].starts_with("oauth.refresh_idle_days: is more than"), "{both:?}");
}

#[test]
fn attributes_that_cannot_be_are_listed_with_the_other_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("attributes.toml");
    std::fs::write(&file, "[[attribute]]\nname = \"userName\"\n\n[[attribute]]\nname = \"\"\n").unwrap();
    let set = [("GATEWAY__ATTRIBUTES__FILE", file.to_str().unwrap()), ("GATEWAY__SERVER__BIND", "nowhere")];
    let mistakes = Config::from_variables(&set).unwrap_err().0;
    assert_eq!(mistakes.iter().filter(|one| one.starts_with("attributes.file: ")).count(), 2, "{mistakes:#?}");
    assert_eq!(mistakes.iter().filter(|one| one.starts_with("server.bind: ")).count(), 1, "{mistakes:#?}");
}
