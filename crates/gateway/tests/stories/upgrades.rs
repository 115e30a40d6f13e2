//! Two releases on one database: what the older one does with a schema that a newer one has migrated.

use crate::support::identity_provider::a_user;
use crate::support::process::Process;
use crate::support::testing::World;

const OWN: &str = env!("CARGO_PKG_VERSION");

/// What a command says, and whether it ended well.
fn told(world: &World, arguments: &[&str]) -> (bool, String) {
    let output = world.command(arguments, &[]);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}

/// As a release leaves it that has a migration more than this one.
fn migrate_further(world: &World) {
    world.alter("CREATE TABLE novelties (seq BIGINT PRIMARY KEY, name TEXT NOT NULL)");
    world.alter("ALTER TABLE accounts ADD COLUMN region TEXT");
    world.alter("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
}

async fn starts(world: &World, migrates: &'static str) -> Process {
    world.process_with(&[("GATEWAY__DATABASE__MIGRATE_ON_START", migrates)]).await
}

story!(a_release_starts_again_on_the_schema_of_the_next_one_and_works, async |world: World| {
    let noted = world.alter(&format!("UPDATE installation SET value = value WHERE name = 'release {OWN}'"));
    assert_eq!(noted, 1, "it notes that it was here");
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    // Unknown, and without a word of who made it.
    migrate_further(&world);
    for arguments in [&["migrate"][..], &["operator", "create", "--name", "ops"]] {
        let (is_well, said) = told(&world, arguments);
        assert!(!is_well && said.contains("ahead of this binary") && said.contains("9999"), "{said}");
    }
    // The next release says that this one may run beside it: a replica is restarted in mid-upgrade, or put back.
    world.alter(&format!("INSERT INTO installation (name, value) VALUES ('release 99.0.0', '{OWN}')"));
    let (is_well, said) = told(&world, &["migrate"]);
    assert!(is_well && said.contains("0 migrations applied"), "{said}");
    for migrates in ["true", "false"] {
        drop(starts(&world, migrates).await);
    }
    world.stop().await;
    world.start_again().await;
    idp.patch(&ana).replace("title", "Lead").await.expect(200);
    idp.create_user(&a_user("ben@acme.test")).await;
    world.account("zeta").await;
    assert!(told(&world, &["operator", "create", "--name", "ops"]).0);
    assert!(told(&world, &["audit", "verify"]).0);
});

story!(a_release_does_not_start_where_one_was_that_does_not_know_it, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    world.alter("INSERT INTO installation (name, value) VALUES ('release 98.0.0', '0.1.0')");
    world.alter("INSERT INTO installation (name, value) VALUES ('release 99.0.0', '98.0.0')");
    // With a migration that it does not know, or without: forms of what is stored may be unknown to it.
    for more in [false, true] {
        if more {
            migrate_further(&world);
        }
        for arguments in [&["migrate"][..], &["operator", "create", "--name", "ops"], &["serve"]] {
            let (is_well, said) = told(&world, arguments);
            let words =
                ["release 99.0.0 has been at this database", "98.0.0 is the oldest that may run beside it", "backup"];
            assert!(!is_well && words.iter().all(|word| said.contains(word)), "{said}");
        }
    }
    // One that runs is not stopped by it.
    idp.create_user(&a_user("ana@acme.test")).await;
});
