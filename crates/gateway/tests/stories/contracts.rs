//! The ports of both protocols, on both databases: the suites that the protocols' own memory stores pass.

use gateway::storage::clients::ClientRecord;
use gateway::storage::db::unit_of_work;
use gateway::storage::{AnyConn, DatabaseUrl, DbError, Tx, migrations};
use oauth::store::contract::Workplace;
use oauth::{Client, Store as _, Subject};
use scim::schema::USER;
use scim::{Context, Leniency, Limits, PatchRequest, Precondition, Registry, Vocabulary, service};
use serde_json::json;

use crate::{environment, postgres, workplace};

/// An empty, migrated database and a connection to it.
pub struct Bare {
    pub conn: AnyConn,
    _database: Option<postgres::Database>,
}

impl Bare {
    pub fn sqlite() -> Bare {
        let file = workplace::subdirectory("bare").join("gateway.db");
        Bare::at(&DatabaseUrl::Sqlite(file), None)
    }

    /// `None` where there is no PostgreSQL and that is allowed.
    pub fn postgres() -> Option<Bare> {
        match postgres::server() {
            Ok(server) => {
                let database = server.database(None);
                Some(Bare::at(&DatabaseUrl::Postgres(database.url()), Some(database)))
            }
            Err(why) if environment::in_ci() => panic!("CI is set, so PostgreSQL has to be tested: {why}"),
            Err(_) => None,
        }
    }

    fn at(url: &DatabaseUrl, database: Option<postgres::Database>) -> Bare {
        let mut conn = url.connect().expect("the database answers");
        migrations::run(&mut conn).expect("it can be migrated");
        Bare { conn, _database: database }
    }

    /// Does the work and undoes it.
    pub fn undone(&mut self, work: impl FnOnce(&mut Tx<'_>)) {
        let undone: Result<(), DbError> = unit_of_work(&mut self.conn, |tx| {
            work(tx);
            Err(DbError::Interrupted)
        });
        assert!(undone.is_err());
    }
}

fn the_scim_store_keeps_its_promises(mut bare: Bare) {
    let mut account = 0;
    scim::store::contract::run(|name, case| {
        println!("{name}");
        account += 1;
        bare.undone(|tx| case(&mut tx.in_account(account, 0, true)));
    });
}

#[test]
fn the_scim_store_keeps_its_promises_on_sqlite() {
    the_scim_store_keeps_its_promises(Bare::sqlite());
}

#[test]
fn the_scim_store_keeps_its_promises_on_postgres() {
    Bare::postgres().into_iter().for_each(the_scim_store_keeps_its_promises);
}

/// The account whose clients and owners the oauth suite uses.
struct Account {
    bare: Bare,
    seq: i64,
    registry: Registry,
    owners: u32,
}

impl Account {
    fn new(mut bare: Bare) -> Account {
        let mut account = gateway::storage::accounts::Account {
            seq: 0,
            id: "contract".to_owned(),
            name: "contract".to_owned(),
            product_environments: Vec::new(),
            default_role: None,
            created: 0,
            options: Default::default(),
        };
        unit_of_work(&mut bare.conn, |tx| tx.insert_account(&mut account)).expect("stored").expect("the name is free");
        Account { bare, seq: account.seq, registry: Registry::standard(), owners: 0 }
    }

    fn scim<T>(&mut self, work: impl FnOnce(&mut dyn scim::Store, &mut Context<'_>) -> T) -> T {
        let (seq, number, registry) = (self.seq, self.owners, &self.registry);
        let mut id = || scim::Id::new(format!("owner-{number}")).expect("an id");
        let mut cx = Context {
            now: 1_000,
            new_id: &mut id,
            registry,
            vocabulary: &Vocabulary::default(),
            base: "https://scim.example/scim/v2",
            leniency: &Leniency::generous(),
            limits: Limits::default(),
            cursors: None,
        };
        unit_of_work(&mut self.bare.conn, |tx| Ok::<_, DbError>(work(&mut tx.in_account(seq, 1_000, false), &mut cx)))
            .expect("kept")
    }
}

impl Workplace for Account {
    fn unit<T>(
        &mut self,
        work: impl FnOnce(&mut dyn oauth::Store) -> Result<T, oauth::StoreError>,
    ) -> Result<T, oauth::StoreError> {
        Ok(unit_of_work(&mut self.bare.conn, |tx| Ok::<_, DbError>(work(tx)?))?)
    }

    fn register(&mut self, client: &Client) {
        let mut record = ClientRecord {
            seq: 0,
            account: Some(self.seq),
            okta_app_name: None,
            created: 1_000,
            client: client.clone(),
            scim: Default::default(),
        };
        unit_of_work(&mut self.bare.conn, |tx| {
            tx.insert_client(&mut record)?;
            for secret in &client.secrets {
                tx.insert_client_secret(record.seq, &secret.id, &secret.fingerprint, None, 1_000, secret.expires)?;
            }
            Ok::<_, DbError>(())
        })
        .expect("registered");
        let known = unit_of_work(&mut self.bare.conn, |tx| Ok::<_, DbError>(tx.client(&client.id)?)).expect("readable");
        assert!(known.is_some());
    }

    fn owner(&mut self) -> Subject {
        self.owners += 1;
        let body = json!({"userName": format!("owner-{}", self.owners)});
        let user = self.scim(|store, cx| service::create(store, cx, USER, &body, None)).expect("created");
        Subject::new(user.resource.id.as_str())
    }

    fn deactivate(&mut self, owner: &Subject) {
        let off = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "active", "value": false}]
        });
        let off = PatchRequest::parse(&off).expect("a patch");
        let id = scim::Id::new(owner.as_str()).expect("an id");
        self.scim(|store, cx| service::patch(store, cx, USER, &id, &off, &Precondition::None, None)).expect("patched");
    }
}

#[test]
fn the_oauth_store_keeps_its_promises_on_sqlite() {
    oauth::store::contract::check(&mut Account::new(Bare::sqlite())).expect("the database answers");
}

#[test]
fn the_oauth_store_keeps_its_promises_on_postgres() {
    if let Some(bare) = Bare::postgres() {
        oauth::store::contract::check(&mut Account::new(bare)).expect("the database answers");
    }
}
