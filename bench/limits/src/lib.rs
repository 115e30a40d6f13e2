//! What the same machine can do with nothing in the way, in the product's own libraries: actix-web, diesel, SQLite, PostgreSQL,
//! ring. The table has the shape every SCIM server needs at the least: a primary key, a unique and a plain secondary index,
//! and the resource as JSON text.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

diesel::table! {
    users (id) {
        id -> Text,
        user_name_ci -> Text,
        external_id -> Text,
        active -> Bool,
        updated -> BigInt,
        body -> Text,
    }
}

/// One user.
#[derive(Insertable, Queryable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: String,
    pub user_name_ci: String,
    pub external_id: String,
    pub active: bool,
    pub updated: i64,
    pub body: String,
}

const DDL: &str = "
    CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, user_name_ci TEXT NOT NULL, external_id TEXT NOT NULL,
        active BOOLEAN NOT NULL, updated BIGINT NOT NULL, body TEXT NOT NULL);
    CREATE UNIQUE INDEX IF NOT EXISTS users_name ON users (user_name_ci);
    CREATE INDEX IF NOT EXISTS users_ext ON users (external_id);";

/// A deterministic id, so that a reader can name a stored row without a list of ids.
pub fn id_of(i: usize) -> String {
    let mut high = (i as u64).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    high ^= high >> 27;
    let low = high.wrapping_mul(0x94D0_49BB_1331_11EB) ^ i as u64;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

pub fn name_of(i: usize) -> String {
    format!("user{i:07}@example.com")
}

/// About 700 bytes: what a SCIM server answers for one user pushed by Okta.
pub fn body_of(i: usize) -> String {
    let (id, name) = (id_of(i), name_of(i));
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"{id}","externalId":"00u{i:017}","userName":"{name}","name":{{"givenName":"Given{i}","familyName":"Family{i}","formatted":"Given{i} Family{i}"}},"displayName":"Given{i} Family{i}","locale":"en-US","active":true,"role":"media_library_user","emails":[{{"value":"{name}","type":"work","primary":true}}],"groups":[],"meta":{{"resourceType":"User","created":"2026-11-23T18:00:00.000Z","lastModified":"2026-11-23T18:00:00.000Z","version":"W/\"1\"","location":"https://idp.example.com/scim/v2/Users/{id}"}}}}"#
    )
}

pub fn user(i: usize) -> User {
    User {
        id: id_of(i),
        user_name_ci: name_of(i),
        external_id: format!("00u{i:017}"),
        active: true,
        updated: 1_763_900_000_000 + i as i64,
        body: body_of(i),
    }
}

pub fn create_table(conn: &mut impl SimpleConnection) {
    conn.batch_execute(DDL).expect("the table can be created");
}

/// As the product opens its own files.
pub fn sqlite_pragmas(conn: &mut SqliteConnection, synchronous: &str) {
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA cache_size=-2048; \
         PRAGMA mmap_size=8589934592; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864"
    ))
    .expect("the pragmas are known");
}

pub fn sqlite_open(path: &str, synchronous: &str) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(path).expect("the file can be opened");
    sqlite_pragmas(&mut conn, synchronous);
    create_table(&mut conn);
    conn
}
