//! HTTP with next to nothing behind it: one actix-web worker.
//!
//!     limit_http --bind HOST:PORT [--sqlite FILE] [--postgres URL] [--pool N]
//!
//! `GET /fixed`, `/bearer`: the same answer always, without and with a token to compare. `GET /sqlite/id/N`,
//! `/sqlite_blocking/id/N`, `/postgres/id/N`, and `name` for `id`: a point read, on the worker itself or through `web::block`.
//! `POST /sqlite/new`, `/postgres/new`: a durable insert for each request.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use limits::{body_of, create_table, id_of, name_of, sqlite_pragmas, user, users};
use loadgen::Args;
use subtle::ConstantTimeEq;

type Sqlite = Pool<ConnectionManager<SqliteConnection>>;
type Postgres = Pool<ConnectionManager<PgConnection>>;

struct State {
    fixed: String,
    sqlite: Option<Sqlite>,
    postgres: Option<Postgres>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Pragmas {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        sqlite_pragmas(conn, "FULL");
        Ok(())
    }
}

fn scim(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/scim+json").body(body)
}

async fn fixed(state: web::Data<State>) -> HttpResponse {
    scim(state.fixed.clone())
}

async fn with_bearer(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    match header.and_then(|text| text.strip_prefix("Bearer ")) {
        Some(token) if token.as_bytes().ct_eq(b"bench-token").into() => scim(state.fixed.clone()),
        _ => HttpResponse::Unauthorized().finish(),
    }
}

macro_rules! point_read {
    ($name:ident, $pool:ty) => {
        fn $name(pool: Option<&$pool>, by: &str, n: usize) -> Option<String> {
            let mut conn = pool?.get().ok()?;
            if by == "name" {
                users::table.filter(users::user_name_ci.eq(name_of(n))).select(users::body).first(&mut conn).ok()
            } else {
                users::table.filter(users::id.eq(id_of(n))).select(users::body).first(&mut conn).ok()
            }
        }
    };
}
point_read!(read_sqlite, Sqlite);
point_read!(read_postgres, Postgres);

fn found(row: Option<String>) -> HttpResponse {
    row.map_or_else(|| HttpResponse::NotFound().finish(), scim)
}

async fn blocking(work: impl FnOnce() -> Found + Send + 'static) -> HttpResponse {
    match web::block(work).await {
        Ok(Some(body)) => scim(body),
        _ => HttpResponse::InternalServerError().finish(),
    }
}

/// What a blocking thread hands back: the body, where there is one.
type Found = Option<String>;

async fn sqlite(path: web::Path<(String, usize)>, state: web::Data<State>) -> HttpResponse {
    found(read_sqlite(state.sqlite.as_ref(), &path.0, path.1))
}

async fn sqlite_blocking(path: web::Path<(String, usize)>, state: web::Data<State>) -> HttpResponse {
    blocking(move || read_sqlite(state.sqlite.as_ref(), &path.0, path.1)).await
}

async fn postgres(path: web::Path<(String, usize)>, state: web::Data<State>) -> HttpResponse {
    blocking(move || read_postgres(state.postgres.as_ref(), &path.0, path.1)).await
}

async fn sqlite_new(state: web::Data<State>) -> HttpResponse {
    blocking(move || {
        let row = user(state.next.fetch_add(1, Ordering::Relaxed));
        let mut conn = state.sqlite.as_ref()?.get().ok()?;
        diesel::insert_into(users::table).values(&row).execute(&mut conn).ok().map(|_| row.body)
    })
    .await
}

async fn postgres_new(state: web::Data<State>) -> HttpResponse {
    blocking(move || {
        let row = user(state.next.fetch_add(1, Ordering::Relaxed));
        let mut conn = state.postgres.as_ref()?.get().ok()?;
        diesel::insert_into(users::table).values(&row).execute(&mut conn).ok().map(|_| row.body)
    })
    .await
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let size: u32 = args.num("pool", 8);
    let sqlite_pool = args.opt("sqlite").map(|file| {
        let pool = Pool::builder().max_size(size).test_on_check_out(false).connection_customizer(Box::new(Pragmas));
        let pool = pool.build(ConnectionManager::new(file)).expect("the file can be opened");
        create_table(&mut *pool.get().expect("a connection"));
        pool
    });
    let postgres_pool = args.opt("postgres").map(|url| {
        let pool = Pool::builder().max_size(size).test_on_check_out(false);
        let pool = pool.build(ConnectionManager::new(url)).expect("PostgreSQL answers");
        create_table(&mut *pool.get().expect("a connection"));
        pool
    });
    let state = web::Data::new(State {
        fixed: body_of(42),
        sqlite: sqlite_pool,
        postgres: postgres_pool,
        // Above the rows that are read, and apart from those of an earlier process.
        next: AtomicUsize::new(2_000_000_000 + std::process::id() as usize * 10_000_000),
    });
    HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/fixed", web::get().to(fixed))
            .route("/bearer", web::get().to(with_bearer))
            .route("/sqlite/new", web::post().to(sqlite_new))
            .route("/postgres/new", web::post().to(postgres_new))
            .route("/sqlite/{by}/{n}", web::get().to(sqlite))
            .route("/sqlite_blocking/{by}/{n}", web::get().to(sqlite_blocking))
            .route("/postgres/{by}/{n}", web::get().to(postgres))
    })
    .workers(1)
    .worker_max_blocking_threads(size as usize)
    .bind(args.text("bind", "127.0.0.1:9100"))?
    .run()
    .await
}
