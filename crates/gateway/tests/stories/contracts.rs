//! The ports of both protocols, on both databases: the suites that the protocols' own memory stores pass.

use gateway::domain::ids::{AccountKey, ClientKey};
use gateway::platform::timestamp::Timestamp;
use gateway::services::reactions::unit_of_work;
use gateway::storage::clients::ClientRecord;
use gateway::storage::{AnyConn, DatabaseUrl, DbError, Tx, migrations};
use oauth::store::Clients as _;
use oauth::store::contract::Workplace;
use oauth::{Client, Subject};
use scim::schema::USER;
use scim::{AccountValues, Context, Limits, PatchRequest, Precondition, Registry, ToleranceTracker, service};
use serde_json::json;

use crate::support::directories;
use crate::support::environment;
use crate::support::postgres;

/// An empty, migrated database and a connection to it.
pub struct Bare {
    pub conn: AnyConn,
    _database: Option<postgres::Database>,
}

impl Bare {
    pub fn sqlite() -> Bare {
        let file = directories::subdirectory("bare").join("gateway.db");
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
        bare.undone(|tx| case(&mut tx.in_account(AccountKey::of_row(account), Timestamp::EPOCH, true)));
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

const ACCOUNT: AccountKey = AccountKey::of_row(1);

/// One unit of work on PostgreSQL has done `first` and not committed when another one begins `second`; what that finds.
fn side_by_side<T: Send + 'static>(
    first: impl FnOnce(&mut dyn scim::Store),
    second: impl FnOnce(&mut dyn scim::Store) -> T + Send + 'static,
) -> Option<T> {
    let mut bare = Bare::postgres()?;
    let url: DatabaseUrl = bare._database.as_ref()?.url().parse().expect("a database");
    let (done, second_done) = std::sync::mpsc::channel();
    let mut other = None;
    unit_of_work(&mut bare.conn, |tx| {
        first(&mut tx.in_account(ACCOUNT, Timestamp::EPOCH, true));
        other = Some(std::thread::spawn(move || {
            let mut conn = url.connect().expect("the database answers");
            let found = unit_of_work(&mut conn, |tx| {
                Ok::<_, DbError>(second(&mut tx.in_account(ACCOUNT, Timestamp::EPOCH, true)))
            });
            let _ = done.send(());
            found.expect("kept")
        }));
        let waits = second_done.recv_timeout(std::time::Duration::from_millis(300)).is_err();
        assert!(waits, "the second transaction waits for the first");
        Ok::<_, DbError>(())
    })
    .expect("kept");
    Some(other?.join().expect("it ended"))
}

fn ana() -> (scim::Resource, Vec<scim::SearchKey>) {
    let body = json!({"userName": "ana", "externalId": "00uANA"});
    let document = body.as_object().expect("an object").clone();
    let meta = scim::Meta { created: 0, last_modified: 0, version: 1 };
    let ana = scim::Resource::from_stored(USER, scim::Id::new("id-of-ana").expect("an id"), meta, document);
    let keys = scim::search_keys(&Registry::standard(), &ana);
    (ana, keys)
}

#[test]
fn a_transaction_that_locks_names_sees_a_user_who_is_being_created() {
    let found = side_by_side(
        |store| {
            let (ana, keys) = ana();
            store.insert(&ana, &keys).expect("inserted");
        },
        |store| {
            store.lock_names().expect("held");
            store.find_by_keys(&ana().1).expect("holders").len()
        },
    );
    assert!(found.is_none_or(|found| found == 2), "by both names");
}

#[test]
fn a_transaction_that_creates_a_user_sees_a_name_that_is_being_parked() {
    let found = side_by_side(
        |store| {
            let meta = scim::Meta { created: 0, last_modified: 0, version: 1 };
            let id = scim::Id::new("id-of-editors").expect("an id");
            let group =
                scim::Resource::from_stored(scim::schema::GROUP, id, meta, scim::resource::Attributes::default());
            let group = store.insert(&group, &[]).expect("inserted");
            store.lock_names().expect("held");
            let parked = scim::PendingChange { add: vec!["00uANA".to_owned()], remove: Vec::new() };
            store.change_pending_members(group, &parked).expect("parked");
        },
        |store| {
            let (ana, keys) = ana();
            store.insert(&ana, &keys).expect("inserted");
            store.find_pending_members(&[scim::key_of_text("00uANA")]).expect("groups").len()
        },
    );
    assert!(found.is_none_or(|found| found == 1));
}

/// The account whose clients and owners the oauth suite uses.
pub struct Account {
    pub bare: Bare,
    seq: AccountKey,
    registry: Registry,
    owners: u32,
}

impl Account {
    pub fn new(mut bare: Bare) -> Account {
        let mut account = gateway::domain::account::Account {
            seq: AccountKey::NO_ROW,
            id: "contract".to_owned(),
            name: "contract".to_owned(),
            product_environments: Vec::new(),
            default_role: None,
            created: Timestamp::EPOCH,
            suspended: None,
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
            is_id: |_| false,
            registry,
            account_values: &AccountValues::default(),
            base: "https://scim.example/scim/v2",
            leniency: &ToleranceTracker::generous(),
            observations: &scim::Observations::default(),
            inactive_match: scim::InactiveMatch::Restore,
            unique_group_names: false,
            limits: Limits::default(),
            cursors: None,
        };
        unit_of_work(&mut self.bare.conn, |tx| {
            Ok::<_, DbError>(work(&mut tx.in_account(seq, Timestamp::of_millis(1_000), false), &mut cx))
        })
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
            recorded: None,
            seq: ClientKey::NO_ROW,
            account: Some(self.seq),
            okta_app_name: None,
            created: Timestamp::of_millis(1_000),
            client: client.clone(),
            scim: Default::default(),
        };
        unit_of_work(&mut self.bare.conn, |tx| {
            tx.insert_client(&mut record)?;
            for secret in &client.secrets {
                tx.insert_client_secret(
                    record.seq,
                    &secret.id,
                    &secret.fingerprint,
                    None,
                    Timestamp::of_millis(1_000),
                    secret.expires.map(Timestamp::of_millis),
                )?;
            }
            Ok::<_, DbError>(())
        })
        .expect("registered");
        let known = unit_of_work(&mut self.bare.conn, |tx| Ok::<_, DbError>(tx.client(&client.id)?)).expect("readable");
        assert!(known.is_some());
    }

    fn keep_static_token(&mut self, fingerprint: &oauth::Fingerprint, token: &oauth::StaticToken) {
        let (grant, client) = (token.status.grant.id.number, token.status.grant.client.as_str());
        unit_of_work(&mut self.bare.conn, |tx| {
            let client = tx.client_record(client)?.expect("the client").seq;
            let record = gateway::storage::static_tokens::StaticTokenRecord {
                id: token.id.clone(),
                name: "contract".to_owned(),
                scope: token.scope.to_string(),
                created: Timestamp::of_millis(token.created),
                expires: Timestamp::of_millis(token.expires),
                last_used: None,
                grant,
            };
            tx.insert_static_token(client, fingerprint, &record)
        })
        .expect("kept");
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
