//! Services without HTTP, as a command or a job calls them.

use scim::Registry;
use serde_json::{Value, json};

use super::*;
use crate::domain::actor::{Actor, Source};
use crate::domain::described::{Body, Mistakes};
use crate::services::reactions::unit_of_work;
use crate::storage::audit::search::AuditFilter;
use crate::storage::{AnyConn, DatabaseUrl, migrations};

struct Door {
    conn: AnyConn,
    schemas: Schemas,
    _folder: tempfile::TempDir,
}

impl Door {
    fn open() -> Door {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = DatabaseUrl::Sqlite(folder.path().join("gateway.db")).connect().unwrap();
        migrations::run(&mut conn).unwrap();
        Door { conn, schemas: Schemas::new(Registry::standard()), _folder: folder }
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Tx<'_>, &Schemas) -> Result<T, ActError>) -> Result<T, ActError> {
        let schemas = self.schemas.clone();
        unit_of_work(&mut self.conn, |tx| {
            tx.act_as(Actor::CommandLine.at(Source::default()));
            act(tx, &schemas)
        })
    }

    /// Who did what, the newest first.
    fn trail(&mut self) -> Vec<(String, String)> {
        let page = self.act(|tx, _| Ok(tx.audit_page(&AuditFilter::default(), None, 20)?)).unwrap();
        page.rows.into_iter().map(|row| (row.actor, row.action)).collect()
    }
}

fn engine(schemas: &Schemas) -> ScimEngine {
    ScimEngine {
        schemas: schemas.clone(),
        base: "https://gateway.test/scim/v2".into(),
        limits: scim::Limits::default(),
    }
}

fn body<B: Body>(value: Value) -> B {
    let Value::Object(fields) = value else { panic!("not an object: {value}") };
    let mut mistakes = Mistakes::default();
    let body = B::read_whole(fields, &mut mistakes);
    mistakes.finish().unwrap();
    body
}

#[test]
fn an_account_is_made_changed_and_deleted_by_any_door_and_the_trail_names_it() {
    let mut door = Door::open();
    let new = body::<NewAccount>(json!({"name": "acme"}));
    let made = door.act(|tx, schemas| create(tx, &Mandate::EVERYTHING, schemas, &new)).unwrap();
    let change = body::<AccountChange>(json!({"default_role": "admin", "unique_group_names": true}));
    let change = CheckedChange { change, is_confirmed: false };
    let changed =
        door.act(|tx, schemas| super::change(tx, &Mandate::EVERYTHING, &engine(schemas), &made.id, &change)).unwrap();
    assert_eq!((changed.name.as_str(), changed.default_role.as_deref()), ("acme", Some("admin")));
    door.act(|tx, _| delete(tx, &Mandate::EVERYTHING, &made.id)).unwrap();
    let done = ["account.deleted", "account.changed", "account.created"];
    assert_eq!(door.trail(), done.map(|action| ("command line".to_owned(), action.to_owned())));
    let gone = door.act(|tx, _| get(tx, &Mandate::EVERYTHING, &made.id)).unwrap_err();
    assert!(matches!(gone, ActError::Refused(Refusal::NotFound { what: "account", .. })), "{gone}");
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let mut door = Door::open();
    let (acme, other) = (body::<NewAccount>(json!({"name": "acme"})), body::<NewAccount>(json!({"name": "other"})));
    door.act(|tx, schemas| create(tx, &Mandate::EVERYTHING, schemas, &acme)).unwrap();
    let other = door.act(|tx, schemas| create(tx, &Mandate::EVERYTHING, schemas, &other)).unwrap();
    let taken = door.act(|tx, schemas| create(tx, &Mandate::EVERYTHING, schemas, &acme)).unwrap_err();
    assert!(matches!(taken, ActError::Refused(Refusal::Conflict { .. })), "{taken}");
    // The co-owner is looked at after the rest was written.
    let change = body::<AccountChange>(json!({"name": "renamed", "co_owner": "of-another-account"}));
    let change = CheckedChange { change, is_confirmed: true };
    let refused = door
        .act(|tx, schemas| super::change(tx, &Mandate::EVERYTHING, &engine(schemas), &other.id, &change))
        .unwrap_err();
    assert!(matches!(&refused, ActError::Refused(Refusal::Invalid(errors)) if errors[0].field == "co_owner"));
    assert_eq!(door.act(|tx, _| get(tx, &Mandate::EVERYTHING, &other.id)).unwrap().name, "other");
    assert_eq!(door.trail().len(), 2);
}
