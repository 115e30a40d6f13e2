//! What is said of files that settings name, of settings that have to agree, and of where a value comes from.

use std::path::Path;

use serde_json::{Value, json};

use super::super::{Config, Inspection, owned};

fn mistakes(variables: &[(&str, &str)]) -> Vec<String> {
    Config::from_layers(None, owned(variables)).mistakes
}

const KEY: &str = "c3RvcmllcyBzdG9yaWVzIHN0b3JpZXMgc3RvcmllcyE=";

#[test]
fn each_error_of_a_file_names_the_setting_and_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("folder")).unwrap();
    std::fs::write(at("empty"), " \n").unwrap();
    std::fs::write(at("latin-1"), b"M\xfcnchen").unwrap();
    std::fs::write(at("words"), "two words").unwrap();
    let files = [
        "admin.token_file",
        "attributes.file",
        "brand.logo_file",
        "database.url_file",
        "mail.smtp_url_file",
        "operators.client_secret_file",
        "security.master_key_file",
        "traces.headers_file",
    ];
    for setting in files {
        let variable = format!("GATEWAY__{}", setting.replace('.', "__").to_uppercase());
        let wrong: &[&str] = match setting {
            "operators.client_secret_file" => &["none", "folder", "empty", "latin-1"],
            _ => &["none", "folder", "empty", "latin-1", "words"],
        };
        for name in wrong {
            let path = at(name);
            let said = mistakes(&[(&variable, &path)]);
            let of_it: Vec<_> = said.iter().filter(|one| one.starts_with(&format!("{setting}: "))).collect();
            assert!(matches!(&of_it[..], [one, ..] if one.contains(&path)), "{setting} {name}: {said:#?}");
        }
    }
    // The key that is made in the folder of the data is looked at too, if it is there.
    std::fs::create_dir(at("master.key")).unwrap();
    let data = folder.path().to_str().unwrap();
    let said = mistakes(&[("GATEWAY__DATA__DIR", data)]);
    assert!(matches!(&said[..], [one] if one.starts_with("data.dir: ") && one.contains("master.key")), "{said:?}");
    // What PostgreSQL's client reads.
    let url = format!("postgres://gateway@db/gateway?sslrootcert={}", at("none"));
    let said = mistakes(&[("GATEWAY__DATABASE__URL", &url), ("GATEWAY__SECURITY__MASTER_KEY", KEY)]);
    assert!(matches!(&said[..], [one] if one.starts_with("database.url: sslrootcert: cannot read")), "{said:?}");
    // The place of the database.
    for (variable, value, setting) in [
        ("GATEWAY__DATA__DIR", at("words/data"), "data.dir: "),
        ("GATEWAY__DATABASE__URL", format!("sqlite:{}", at("words/data/gateway.db")), "database.url: "),
        ("GATEWAY__DATABASE__URL", format!("sqlite:{}", at("folder")), "database.url: "),
    ] {
        let said = mistakes(&[(variable, &value)]);
        assert!(said.iter().any(|one| one.starts_with(setting)), "{value}: {said:?}");
    }
    for name in ["none", "folder", "latin-1"] {
        let said = Config::inspect(Some(Path::new(&at(name)))).mistakes;
        assert!(matches!(&said[..], [one] if one.starts_with("--config: ") && one.contains(&at(name))), "{said:?}");
    }
}

#[test]
fn roles_that_no_user_can_have_are_mistakes_that_say_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("attributes.toml");
    let own = |text: &str| std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let (roles, attribute) = ("GATEWAY__CONSENT__ROLES", "GATEWAY__CONSENT__ROLE_ATTRIBUTE");
    let only = |set: &[(&str, &str)], words: &[&str]| {
        let said = mistakes(set);
        assert!(matches!(&said[..], [one] if words.iter().all(|word| one.contains(word))), "{set:?}: {said:#?}");
    };
    only(
        &[(roles, "master_admin, master_admn")],
        &[
            "consent.roles: `master_admn`",
            "nearest is `master_admin`",
            "compiled in",
            "(set by GATEWAY__CONSENT__ROLES)",
        ],
    );
    only(&[(roles, "Master_Admin")], &["consent.roles: `Master_Admin`", "nearest is `master_admin`"]);
    only(&[(attribute, "Role")], &["consent.role_attribute: `Role` is", "nearest is `role`"]);
    only(&[(attribute, "emails")], &["`emails` is an attribute of users, but not one that holds one text"]);
    own("[[attribute]]\nname = \"role\"\ncanonical_values = [\"owner\", \"member\"]\n");
    let set = ("GATEWAY__ATTRIBUTES__FILE", path);
    only(&[set], &["consent.roles: `master_admin`", path, "owner, member"]);
    only(&[set, (roles, "ownr")], &["nearest is `owner`"]);
    assert_eq!(mistakes(&[set, (roles, "owner")]), [""; 0]);
    own("[[attribute]]\nname = \"funktion\"\n");
    only(&[set], &["consent.role_attribute: `role` is no attribute of users", path]);
    assert_eq!(mistakes(&[set, (attribute, "funktion")]), [""; 0], "any value may be there");
    assert_eq!(mistakes(&[set, (roles, ",")]), [""; 0], "all clients have tokens that are pasted");
    assert_eq!(mistakes(&[(attribute, "userType"), (roles, "boss")]), [""; 0], "one of RFC 7643");
}

#[test]
fn what_only_a_start_needs_is_told_with_the_rest_and_stops_no_other_command() {
    let open = ("GATEWAY__SERVER__BIND", "0.0.0.0:8080");
    let database = ("GATEWAY__DATABASE__URL", "postgres://gateway@db/gateway");
    let found = Config::from_layers(None, owned(&[open, database]));
    let said = &found.mistakes;
    assert!(
        said.len() == 2 && said[0].starts_with("server.public_url is") && said[1].starts_with("security.master_key is")
    );
    assert_eq!(&found.usable().expect("`gateway migrate` works").at_start.len(), &2);
    let said = mistakes(&[open, ("GATEWAY__LOG__FILTER", "inof")]);
    assert!(
        said.len() == 2 && said[0].starts_with("log.filter") && said[1].starts_with("server.public_url"),
        "{said:?}"
    );
    let said = mistakes(&[("GATEWAY__LOG__FORMAT", "text"), ("gateway__log__format", "json")]);
    assert!(
        matches!(&said[..], [one] if one.contains("GATEWAY__LOG__FORMAT") && one.contains("one setting")),
        "{said:?}"
    );
}

#[test]
fn each_setting_is_shown_with_where_it_comes_from_and_no_secret_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("token"), "hush-token-in-a-file\n").unwrap();
    let text = format!(
        "[server]\nbind = \"127.0.0.1:9000\"\n\n[log]\nformat = \"json\"\n\n[security]\nmaster_keys = [\n  \"{KEY}\",\n]\n\n\
         [mail]\nsmtp_url = \"smtps://ada:hush@mail.example\"\nfrom = \"a@b.example\"\n"
    );
    std::fs::write(at("gateway.toml"), text).unwrap();
    let token = at("token").to_str().unwrap().to_owned();
    let variables = [
        ("GATEWAY__LOG__FORMAT", "text"),
        ("gateway__admin__token_file", &token),
        ("GATEWAY__DATABASE__URL", "postgres://gateway:hush@db/gateway?password=hush"),
        ("GATEWAY__OPERATORS__CLIENT_SECRET", "hush"),
    ];
    let found = Config::from_layers(Some(&at("gateway.toml")), owned(&variables));
    let settings = serde_json::to_value(&found.settings).unwrap();
    assert!(!settings.to_string().contains("hush") && !settings.to_string().contains(KEY), "{settings:#}");
    assert!(!found.mistakes.concat().contains("hush"), "{:?}", found.mistakes);
    let of = |name: &str| settings.as_array().unwrap().iter().find(|one| one["name"] == name).cloned().expect(name);
    let file = |line: u64| json!({"kind": "file", "path": at("gateway.toml"), "line": line});
    assert_eq!((&of("server.bind")["value"], &of("server.bind")["from"]), (&json!("127.0.0.1:9000"), &file(2)));
    assert_eq!(
        (&of("security.master_keys")["value"], &of("security.master_keys")["from"]),
        (&json!("(secret)"), &file(8))
    );
    assert_eq!(of("log.format")["from"], json!({"kind": "environment", "variable": "GATEWAY__LOG__FORMAT"}));
    assert_eq!(of("mail.smtp_url")["value"], "smtps://ada:****@mail.example");
    assert_eq!(of("database.url")["value"], "postgres://gateway:****@db/gateway?password=****");
    assert_eq!(of("admin.token")["from"], json!({"kind": "secret_file", "path": token, "setting": "admin.token_file"}));
    assert_eq!(of("admin.token_file")["from"]["variable"], "gateway__admin__token_file");
    assert_eq!(
        (&of("scim.page_size")["value"], &of("scim.page_size")["from"]["kind"]),
        (&json!(100), &json!("default"))
    );
    assert_eq!(of("security.master_key")["value"], Value::Null);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let warned = |mode: u32| {
            std::fs::set_permissions(at("gateway.toml"), std::fs::Permissions::from_mode(mode)).unwrap();
            let Inspection { warnings, .. } = Config::from_layers(Some(&at("gateway.toml")), Vec::new());
            warnings.into_iter().filter(|warning| warning.starts_with("--config: ")).collect::<Vec<_>>()
        };
        assert_eq!(warned(0o640), [""; 0]);
        let one = warned(0o644);
        assert!(one.len() == 1 && one[0].contains("security.master_keys") && one[0].contains("chmod 600"), "{one:?}");
    }
}

#[test]
fn an_unknown_name_in_a_file_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let said = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Config::inspect(Some(&path)).mistakes
    };
    for (text, told, line) in [
        (
            "[server]\n# here\nbnid = \"127.0.0.1:1\"\n",
            "server.bnid: there is no such setting; the nearest is server.bind",
            3,
        ),
        ("[serve]\nbind = \"127.0.0.1:1\"\n", "serve.bind: there is no such setting; the nearest is server.bind", 2),
        ("server.bnid = 1\n", "server.bnid: there is no such setting; the nearest is server.bind", 1),
        ("\nbind = 1\n", "bind: there is no such setting", 2),
        ("[server.proxy]\ntrusted = 1\n", "server.proxy: there is no such setting", 1),
        ("[scim]\npage_size = \"many\"\n", "scim.page_size: ", 2),
    ] {
        let said = said(text);
        let place = format!("gateway.toml, line {line})");
        assert!(matches!(&said[..], [one] if one.starts_with(told) && one.ends_with(&place)), "{text}: {said:?}");
    }
}

#[test]
fn where_operators_come_suits_where_all_others_come() {
    let (bind, own, public) = ("GATEWAY__ADMIN__BIND", "GATEWAY__ADMIN__PUBLIC_URL", "GATEWAY__SERVER__PUBLIC_URL");
    let at = (bind, "127.0.0.1:8081");
    for (set, told) in [
        (vec![(bind, "127.0.0.1:8080")], "admin.bind: 127.0.0.1:8080 is server.bind too"),
        (vec![at, ("GATEWAY__METRICS__BIND", "127.0.0.1:8081")], "admin.bind: 127.0.0.1:8081 is metrics.bind too"),
        (
            vec![at, (own, "https://c.example")],
            "admin.public_url: `https://c.example` and server.public_url have to be both",
        ),
        (
            vec![at, (public, "https://x.example/id"), (own, "https://c.example")],
            "admin.public_url: `https://c.example` has to have the path of server.public_url (`/id`)",
        ),
        (vec![at, (own, "http://c.example")], "admin.public_url: `http://c.example` is plain http"),
    ] {
        let said = mistakes(&set);
        assert!(matches!(&said[..], [one] if one.starts_with(told)), "{set:?}: {said:?}");
    }
    let url = |set: &[(&str, &str)]| Config::from_variables(set).unwrap().admin_url();
    assert_eq!(url(&[]), "http://127.0.0.1:8080");
    assert_eq!(url(&[at]), "http://127.0.0.1:8081");
    assert_eq!(url(&[at, (public, "https://x.example")]), "https://x.example");
    assert_eq!(url(&[at, (public, "https://x.example"), (own, "https://c.example")]), "https://c.example");
}

#[test]
fn a_server_that_speaks_tls_is_told_what_its_certificate_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let made = |file: &str, name: &str, until: i32| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        std::fs::write(at(&format!("{file}.pem")), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(at(&format!("{file}.key")), key.serialize_pem()).unwrap();
    };
    made("good", "id.vendor.example", 2100);
    made("old", "id.vendor.example", 2020);
    std::fs::write(at("words"), "two words").unwrap();
    let (certificate, key) = ("GATEWAY__TLS__CERTIFICATE_FILE", "GATEWAY__TLS__KEY_FILE");
    let (public, own) = ("GATEWAY__SERVER__PUBLIC_URL", "GATEWAY__ADMIN__PUBLIC_URL");
    let (good, of_good) = (at("good.pem"), at("good.key"));
    let both = [(certificate, good.as_str()), (key, of_good.as_str())];
    let with = |more: &[(&'static str, &'static str)]| {
        let set: Vec<(&str, &str)> = both.iter().chain(more).copied().collect();
        Config::from_layers(None, owned(&set))
    };
    let here = (public, "https://id.vendor.example");
    let found = with(&[here]);
    assert!(found.mistakes.is_empty() && found.config.is_some(), "{found:?}");
    assert!(found.warnings.iter().all(|one| one.starts_with("tls.key_file: every user")), "{:?}", found.warnings);
    assert_eq!(with(&[]).config.unwrap().admin_url(), "https://127.0.0.1:8080");

    for (name, wrong) in [("none", at("none")), ("folder", at("")), ("words", at("words")), ("old.key", at("old.key"))]
    {
        for (setting, other) in [(certificate, (key, of_good.as_str())), (key, (certificate, good.as_str()))] {
            let said = mistakes(&[(setting, wrong.as_str()), other, here]);
            let setting = if setting == key { "tls.key_file: " } else { "tls.certificate_file: " };
            assert!(
                matches!(&said[..], [one] if one.starts_with(setting) && one.contains(&wrong)),
                "{setting} {name}: {said:?}"
            );
        }
    }
    let only =
        |said: &[String], words: &str| assert!(matches!(said, [one] if one.contains(words)), "{words}: {said:?}");
    only(&mistakes(&both[..1]), "tls.certificate_file: needs tls.key_file");
    only(&mistakes(&both[1..]), "tls.key_file: needs tls.certificate_file");
    only(
        &with(&[(public, "http://localhost:8080")]).mistakes,
        "server.public_url: `http://localhost:8080` is plain http, and",
    );
    let warned = |found: Inspection, words: &str| {
        assert!(found.mistakes.is_empty(), "{:?}", found.mistakes);
        assert!(found.warnings.iter().any(|one| one.contains(words)), "{words}: {:?}", found.warnings);
    };
    warned(with(&[(public, "https://x.example")]), "is not one of x.example, the host of server.public_url");
    let elsewhere = [here, ("GATEWAY__ADMIN__BIND", "127.0.0.1:8081"), (own, "https://console.example")];
    warned(with(&elsewhere), "is not one of console.example, the host of admin.public_url");
    let (old, of_old) = (at("old.pem"), at("old.key"));
    let expired = [(certificate, old.as_str()), (key, of_old.as_str()), here];
    warned(Config::from_layers(None, owned(&expired)), "expired on 1 January 2020: clients refuse it");
}
