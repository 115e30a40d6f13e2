//! What a request asks, it asks of an index: no statement's cost grows with the account unless its answer does.
//!
//! The statements are those that the protocols' suites make the stores send. SQLite decides how to answer them without knowing how
//! much there is, so its plans are read on an empty database; PostgreSQL's on one with much in it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::Text;
use gateway::domain::daily::ClientDay;
use gateway::domain::event::Action;
use gateway::domain::health::{Seen, Visit};
use gateway::domain::ids::{AccountKey, ClientKey, ResourceKey, UserKey};
use gateway::domain::request::RequestId;
use gateway::domain::standing::Standing;
use gateway::each;
use gateway::platform::timestamp::Timestamp;
use gateway::storage::audit::search::AuditFilter;
use gateway::storage::requests::search::{Asked, RequestFilter};
use gateway::storage::standings::{AccountFilter, Place};
use gateway::storage::{AnyConn, DbError, Tx};
use scim::AttributeKey;

use crate::contracts::{Account, Bare};

/// What may be gone through from end to end on SQLite: what the statement itself made or was given.
const OWN: [&str; 10] =
    ["CONSTANT", "json_each", "wanted", "inside", "counted", "sealed", "waiting", "both_parts", "a", "looked_at"];

/// The rows of the audit trail that wait for their seal: a batch, which the next seal empties.
const WAITING: &str = "SCAN audit USING INDEX audit_unsealed";

/// Steps of PostgreSQL's that take in a whole table, or all of an index that a condition leaves.
const GOES_THROUGH: [&str; 6] =
    ["Seq Scan", "Hash Join", "Hash Left Join", "Hash Semi Join", "Hash Anti Join", "Merge "];

/// Twenty thousand users with their keys, each in one of two hundred groups, in one account; as many grants and tokens.
const MUCH: &str = "
    INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, provisioned, display, document)
        SELECT 7001, 1 + (i > 20000)::int, 'r' || i, 1, i, i, TRUE, TRUE, 'r' || i, '{}' FROM generate_series(1, 20200) AS i;
    INSERT INTO attribute_values (account, attribute, key, resource, is_unique)
        SELECT 7001, a, seq || 'x', seq, FALSE FROM resources, generate_series(1, 4) AS a;
    INSERT INTO members (group_seq, member_seq) SELECT g.seq, u.seq FROM resources AS u JOIN resources AS g
        ON g.resource_type = 2 AND u.resource_type = 1 AND g.id = 'r' || (20001 + u.seq % 200);
    INSERT INTO parked_members (account, group_seq, value, name_key, parked)
        SELECT 7001, seq, i || 'v', i || 'v', 1 FROM resources, generate_series(1, 50) AS i WHERE resource_type = 2;
    INSERT INTO clients (id, account, name, profile, public, redirect_uris, grant_types, scopes, default_scope, require_pkce, disabled,
        created) SELECT 'c' || i, 7001, '', '', FALSE, '', '', '', '', FALSE, FALSE, 1 FROM generate_series(1, 500) AS i;
    INSERT INTO grants (client, account, owner, owner_id, scope, created)
        SELECT 1 + seq % 500, 7001, seq, id, '', 1 FROM resources;
    INSERT INTO refresh_tokens (fingerprint, grant_seq, generation, created, expires)
        SELECT sha256(seq::text::bytea), seq, 1, 1, 1 FROM grants;
    INSERT INTO authorization_codes (fingerprint, request_id, grant_seq, client, redirect_uri, redirect_uri_was_sent, expires)
        SELECT sha256(seq::text::bytea), seq::text, seq, 'c', '', FALSE, 1 FROM grants;
    INSERT INTO revoked_tokens (id, expires) SELECT sha256(seq::text::bytea), 1 FROM grants;
    INSERT INTO client_secrets (id, client, fingerprint, created)
        SELECT i::text, 1 + i % 500, sha256(i::text::bytea), 1 FROM generate_series(1, 1000) AS i;
    INSERT INTO logins (resource, account, name_key, service_account) SELECT seq, 7001, id, FALSE FROM resources;
    INSERT INTO accounts (id, name, product_environments, created) SELECT 'a' || i, '', '[]', 1 FROM generate_series(1, 2000) AS i;
    INSERT INTO endings (owner, owner_id, last_grant, provisioning, at, reason)
        SELECT seq, id, seq, FALSE, 1, '' FROM resources WHERE seq % 10 = 0;
    INSERT INTO client_health (client, state, since, told, reasons, due)
        SELECT seq, CASE WHEN seq % 20 = 0 THEN 'broken' ELSE 'ok' END, 1, 'ok', '{}', seq FROM clients;
    INSERT INTO client_activity (client, last_request, day, days, writes, writes_before) SELECT seq, 1, 1, 1, 0, 0 FROM clients;
    INSERT INTO client_days (client, day, requests, refused, list_pages) SELECT seq, i, 1, 0, 0 FROM clients, generate_series(1, 40) AS i;
    INSERT INTO account_days (account, day, user_count, group_count)
        SELECT seq, i, 1, 0 FROM accounts, generate_series(1, 20) AS i;
    INSERT INTO tolerance_needs (client, tolerance, forgiven, refused, last_needed)
        SELECT seq, 't' || i, 1, 0, 1 FROM clients, generate_series(1, 10) AS i;
    INSERT INTO field_counts (client, resource_type, name, known, arrived, changed, empty, refused, ignored)
        SELECT seq, 1, 'f' || i, i < 30, 1, 0, 0, 0, 1 FROM clients, generate_series(1, 60) AS i;
    INSERT INTO static_tokens (id, client, grant_seq, fingerprint, name, scope, created, expires)
        SELECT seq::text, client, seq, sha256(seq::text::bytea), '', '', 1, 1 FROM grants WHERE seq < 3000;
    INSERT INTO audit (at, account, actor, action, target, segment)
        SELECT i, 7001 + i % 50, 'user:' || i % 5000, 'user.' || i % 90, 'r' || i % 9000, 1 + i / 1000 FROM generate_series(1, 50000) AS i;
    INSERT INTO requests (seq, bits, given_id, account, client, method, endpoint, target, status, code, micros)
        SELECT i::bigint * 1048576, i, CASE WHEN i % 100 = 0 THEN 'g' || i END, 7001 + i % 50, 'c' || i % 500, 'GET', '/scim/v2/Users', 'r' || i % 9000,
            CASE WHEN i % 50 = 0 THEN 409 ELSE 200 END, CASE WHEN i % 50 = 0 THEN 'uniqueness' END, 80 FROM generate_series(1, 50000) AS i;
    ANALYZE";

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// The texts of statements that were sent.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<BTreeSet<String>>>);

impl Sent {
    fn listen(&self, conn: &mut AnyConn) {
        let sent = self.clone();
        let listener = move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let shown = query.to_string();
                let text = shown.split(" -- binds").next().unwrap_or_default();
                sent.0.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned());
            }
        };
        each!(conn, c => c.set_instrumentation(listener));
    }

    /// Those of both protocols' suites.
    fn by_the_suites(mut bare: impl FnMut() -> Bare) -> BTreeSet<String> {
        let sent = Sent::default();
        let (mut resources, mut account) = (bare(), 0);
        sent.listen(&mut resources.conn);
        scim::store::contract::run(|_, case| {
            account += 1;
            resources.undone(|tx| case(&mut tx.in_account(AccountKey::of_row(account), Timestamp::EPOCH, true)));
        });
        let mut workplace = Account::new(bare());
        sent.listen(&mut workplace.bare.conn);
        oauth::store::contract::check(&mut workplace).expect("the database answers");
        let mut trail = bare();
        sent.listen(&mut trail.conn);
        trail.undone(|tx| {
            ask_the_audit_trail(tx).expect("the database answers");
            ask_the_request_log(tx).expect("the database answers");
            ask_for_health(tx).expect("the database answers");
            ask_for_the_console(tx).expect("the database answers");
            tx.ask_together_of_each_kind().expect("the database answers");
            ask_for_accounts_of_the_console(tx).expect("the database answers");
        });
        sent.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Each question to the audit trail: with every set of filters, from its beginning and after a row.
fn ask_the_audit_trail(tx: &mut Tx<'_>) -> Result<(), DbError> {
    for set in 0..32 {
        let has = |filter: u32| set & (1 << filter) != 0;
        let actor = if has(4) { "user:u" } else { "operator:o" };
        let filter = AuditFilter {
            account: has(0).then_some(AccountKey::of_row(7001)),
            actor: has(1).then(|| actor.to_owned()),
            target: has(2).then(|| "t".to_owned()),
            action: has(3).then_some(Action::UserCreated),
            from: has(4).then_some(Timestamp::of_millis(1)),
            to: has(4).then_some(Timestamp::of_millis(2)),
        };
        tx.audit_page(&filter, None, 50)?;
        tx.audit_page(&filter, Some(1), 50)?;
    }
    Ok(())
}

/// Each question to the request log: whose, with every set of filters, from its beginning and after a row, and by id.
fn ask_the_request_log(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let account = AccountKey::of_row(7001);
    for of in [Asked::Account(account), Asked::Client("c7".to_owned()), Asked::All] {
        for set in 0..32 {
            let has = |filter: u32| set & (1 << filter) != 0;
            let filter = RequestFilter {
                status: has(0).then_some((400, 499)),
                target: has(1).then(|| "t".to_owned()),
                code: has(2).then(|| "uniqueness".to_owned()),
                since: has(3).then_some(Timestamp::of_millis(1)),
                until: has(3).then_some(Timestamp::of_millis(2)),
                method: has(4).then(|| "POST".to_owned()),
                ..RequestFilter::of(of.clone())
            };
            tx.request_page(&filter, None, 50)?;
            tx.request_page(&filter, Some(1), 50)?;
        }
    }
    for account in [None, Some(account)] {
        tx.refused_requests(account, None)?;
    }
    let made = RequestId::Made { at: Timestamp::of_millis(1), bits: 1 }.to_string();
    for id in [&made, "given-by-a-proxy"] {
        tx.requests_called(id)?;
    }
    Ok(())
}

/// Each question of the console's list of accounts, and of its overview of one; what is exported of one.
fn ask_for_accounts_of_the_console(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let accounts = [AccountKey::of_row(7001), AccountKey::of_row(7002)];
    let place = Place { standing: Standing::Attention, name_key: "a".to_owned() };
    for among in [None, Some(accounts.to_vec())] {
        for text in [None, Some("a".to_owned())] {
            for standing in [None, Some(Standing::Broken)] {
                let filter = AccountFilter { standing, text: text.clone(), among: among.clone() };
                tx.accounts_by_standing(&filter, None, 25)?;
                tx.accounts_by_standing(&filter, Some(&place), 25)?;
            }
        }
        tx.counts_by_standing(among.as_deref())?;
    }
    tx.first_clients_of(&accounts)?;
    tx.resource_counts_of(&accounts)?;
    tx.count_clients_of(accounts[0])?;
    tx.stand_anew(accounts[0])?;
    tx.counts_of_values(accounts[0], &[(AttributeKey(1), "1x".to_owned()), (AttributeKey(2), "2x".to_owned())])?;
    for kind in [scim::schema::USER, scim::schema::GROUP] {
        tx.resources_after(accounts[0], kind, 0, 100)?;
    }
    tx.member_ids_after(accounts[0], 1, 0, 100)?;
    Ok(())
}

/// Each question about the health of clients, and what the job keeps of the answers.
fn ask_for_health(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let (now, accounts) = (Timestamp::of_millis(1), [AccountKey::of_row(7001), AccountKey::of_row(7002)]);
    let (clients, users) = ([1, 2, 3].map(ClientKey::of_row), [4, 5].map(UserKey::of_row));
    tx.open_provisioning_grants(&clients)?;
    tx.newest_provisioning_grants(&clients)?;
    tx.own_grants_of(&clients)?;
    tx.newest_refresh_tokens(&[1, 2])?;
    tx.users_of_grants(&users)?;
    tx.service_accounts_among(&users)?;
    tx.accounts_at(&accounts)?;
    tx.active_users_called(&accounts.map(|account| (account, "r1")))?;
    tx.first_administrators_by(&accounts, AttributeKey(1), "1x")?;
    tx.secrets_of(&clients)?;
    tx.static_tokens_of(&clients)?;
    tx.refused_since(&["c1", "c2"], now)?;
    tx.tolerances_needed_by(&clients)?;
    tx.access_fields_of(&clients, "role", "product_environments")?;
    tx.old_pending_members(&accounts, now)?;
    tx.activity_of(&clients)?;
    tx.health_of(&clients)?;
    tx.clients_in_state("broken", 0, 50)?;
    tx.clients_at(&clients)?;
    tx.all_clients_after(0, 50)?;
    let visit = Visit {
        client: "c1",
        at: now,
        address: None,
        method: "GET",
        endpoint: "/scim/v2/Users",
        status: 200,
        lists_users: true,
    };
    tx.note_activity(&Seen::of([visit].into_iter()))?;
    tx.add_client_days(&ClientDay::of([visit].into_iter()))?;
    tx.health_is_due(now)?;
    let claimed = tx.claim_health(now, now + 1, 50)?;
    tx.postpone_health(&clients, now, now + 1)?;
    for stored in claimed.iter().take(1) {
        tx.keep_health(stored, now)?;
    }
    Ok(())
}

/// What pages of the console ask about a connection and a directory.
fn ask_for_the_console(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let (account, client) = (AccountKey::of_row(7001), ClientKey::of_row(1));
    tx.client_days(client, 1)?;
    tx.account_days(account, 1)?;
    tx.population(account)?;
    tx.facts_of_users(account, &["r1", "r2"])?;
    tx.members_after(account, ResourceKey::of_row(20_001), 0, 100)?;
    tx.access_rules(account)?;
    tx.memberships_above(account, &[1, 2, 20_001], 1_000)?;
    tx.groups_by_id(account, &["r1", "r2"])?;
    tx.groups_by_seq(account, &[1, 20_001])?;
    tx.groups_by_name(account, &["editors".to_owned(), "news".to_owned()])?;
    Ok(())
}

/// Whether a step of a plan of SQLite's looks at more than it was asked for.
fn is_wasteful(step: &str, statement: &str) -> bool {
    // An account has one row of rules, and that is its key.
    let is_one_row = step.starts_with("SEARCH access_rules ");
    let by_account_alone = step.starts_with("SEARCH ") && step.ends_with("(account=?)") && !is_one_row;
    // The index of ids is an account's, without the type: in their order, those of other types are passed over.
    let in_order_of_ids = statement.contains("ORDER BY r.id");
    let scan = step.strip_prefix("SCAN ").map(|what| what.split(' ').next().unwrap_or_default());
    // The rows that an INSERT brings along.
    let is_own = |what: &str| OWN.contains(&what) || step.ends_with("-ROW VALUES CLAUSE");
    scan.is_some_and(|what| !is_own(what) && step != WAITING) || (by_account_alone && !in_order_of_ids)
}

/// Fails with those statements that are wasteful, and how each is answered.
fn judge(explained: usize, wasteful: &[(String, Vec<String>)]) {
    assert!(explained > 80, "{explained} statements");
    let shown: Vec<String> =
        wasteful.iter().map(|(text, plan)| format!("{text}\n    {}", plan.join("\n    "))).collect();
    assert!(wasteful.is_empty(), "these look at more than they are asked for:\n{}", shown.join("\n"));
}

#[test]
fn no_statement_looks_at_everything_on_sqlite() {
    let sent = Sent::by_the_suites(Bare::sqlite);
    let AnyConn::Sqlite(mut conn) = Bare::sqlite().conn else { unreachable!("it was asked for") };
    let (mut explained, mut wasteful) = (0, Vec::new());
    for text in sent {
        let plan: QueryResult<Vec<Step>> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {text}")).load(&mut conn);
        let Ok(plan) = plan else { continue }; // BEGIN, PRAGMA and their like
        explained += 1;
        if plan.iter().any(|step| is_wasteful(&step.detail, &text)) {
            wasteful.push((text, plan.into_iter().map(|step| step.detail).collect()));
        }
    }
    judge(explained, &wasteful);
}

/// The plans are kept for as long as a connection, so those made when nothing was there have to do when there is much.
#[test]
fn no_statement_looks_at_everything_on_postgres() {
    if Bare::postgres().is_none() {
        return;
    }
    let bare = || Bare::postgres().expect("there was one a moment ago");
    let sent = Sent::by_the_suites(bare);
    for much in [false, true] {
        let mut bare = bare();
        let AnyConn::Postgres(session) = &mut bare.conn else { unreachable!("it was asked for") };
        let conn = session.begun();
        conn.batch_execute(if much { MUCH } else { "SELECT 1" }).expect("it is stored");
        conn.batch_execute("SET plan_cache_mode = force_generic_plan").expect("it is set");
        let (mut explained, mut wasteful) = (0, Vec::new());
        // A filter is planned with its values at every request, and a count reads what it counts.
        let others = ["FROM resources AS r WHERE", "r.seq IN (", "SELECT count(*)"];
        let planned_once = |text: &&String| others.iter().all(|what| !text.contains(what));
        for (n, text) in sent.iter().filter(planned_once).enumerate() {
            if conn.batch_execute(&format!("PREPARE statement_{n} AS {text}")).is_err() {
                continue; // BEGIN, SET and their like
            }
            let values: Vec<&str> = (1..).take_while(|i| text.contains(&format!("${i}"))).map(|_| "NULL").collect();
            let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
            let plan: Vec<PlanLine> =
                diesel::sql_query(format!("EXPLAIN EXECUTE statement_{n}{values}")).load(conn).expect("a plan");
            explained += 1;
            // Merging what comes in order already goes through no more than is asked for.
            let goes_through =
                |line: &str| !line.contains("Merge Append") && GOES_THROUGH.iter().any(|what| line.contains(what));
            // Which keys are wanted is a condition of the index, and not tried on what it leaves. (Within one group it may be.)
            let tries =
                |line: &str| line.contains("Filter: (") && line.contains("= ANY (") && !text.starts_with("DELETE");
            // An index that was asked for an account alone, or for a type in it, and the rest is tried.
            let barely = |pair: &[PlanLine]| {
                let terms = pair[0].line.trim().strip_prefix("Index Cond: ").unwrap_or_default();
                let asked: Vec<&str> = terms.split(" AND ").map(|term| term.trim_matches(['(', ')'])).collect();
                let coarse = |term: &&str| term.starts_with("account = ") || term.starts_with("resource_type = ");
                !terms.is_empty() && asked.iter().all(coarse) && pair[1].line.contains("Filter: ")
            };
            if plan.iter().any(|step| goes_through(&step.line) || tries(&step.line)) || plan.windows(2).any(barely) {
                wasteful.push((text.clone(), plan.into_iter().map(|step| step.line).collect()));
            }
        }
        judge(explained, &wasteful);
    }
}
