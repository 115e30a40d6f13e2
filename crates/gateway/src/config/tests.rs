use super::*;

#[test]
fn the_defaults_are_a_whole_configuration() {
    let config = Config::from_variables(&[]).unwrap();
    assert_eq!(config.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database, DatabaseUrl::Sqlite(PathBuf::from("data/gateway.db")));
    assert!(matches!(config.master_key, MasterKeySource::MadeIn(path) if path == Path::new("data/master.key")));
    assert_eq!(config.consent_roles, ["master_admin"]);
    assert_eq!(config.attributes.len(), 2);
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
    assert_eq!(config.bind.port(), 9000);
    assert_eq!(config.public_url.as_deref(), Some("https://id.example.com"));
    assert_eq!(config.consent_roles, ["admin", "master_admin"]);
    assert!(!config.migrate_on_start);
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
