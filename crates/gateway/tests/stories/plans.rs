//! What a request asks, it asks of an index: no statement's cost grows with the account unless its answer does.
//!
//! SQLite decides how to answer a statement without knowing how much there is, so its plans can be read on an empty database.
//! The statements are those that the protocols' suites make the stores send.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::sql_types::Text;
use gateway::storage::AnyConn;

use crate::contracts::{Account, Bare};

/// What may be gone through from end to end: what the statement itself made or was given.
const OWN: [&str; 4] = ["json_each", "wanted", "inside", "counted"];

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The texts of statements that were sent.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<BTreeSet<String>>>);

impl Sent {
    fn listen(&self, conn: &mut AnyConn) {
        let AnyConn::Sqlite(conn) = conn else { unreachable!("these are SQLite's plans") };
        let sent = self.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let shown = query.to_string();
                let text = shown.split(" -- binds").next().unwrap_or_default();
                sent.0.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned());
            }
        });
    }

    fn texts(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether a step of a plan looks at more than it was asked for.
fn is_wasteful(step: &str, statement: &str) -> bool {
    let by_account_alone = step.starts_with("SEARCH ") && step.ends_with("(account=?)");
    // Ids are an account's, whatever the type: in their order, those of other types are passed over.
    let in_order_of_ids = statement.contains("ORDER BY r.id");
    let scan = step.strip_prefix("SCAN ").map(|what| what.split(' ').next().unwrap_or_default());
    scan.is_some_and(|what| !OWN.contains(&what)) || (by_account_alone && !in_order_of_ids)
}

#[test]
fn no_statement_looks_at_everything() {
    let sent = Sent::default();
    let mut bare = Bare::sqlite();
    sent.listen(&mut bare.conn);
    let mut account = 0;
    scim::store::contract::run(|_, case| {
        account += 1;
        bare.undone(|tx| case(&mut tx.in_account(account, 0, true)));
    });
    let mut workplace = Account::new(Bare::sqlite());
    sent.listen(&mut workplace.bare.conn);
    oauth::store::contract::check(&mut workplace).expect("the database answers");

    let AnyConn::Sqlite(conn) = &mut bare.conn else { unreachable!("it was made above") };
    let (mut explained, mut wasteful) = (0, Vec::new());
    for text in sent.texts() {
        let plan: QueryResult<Vec<Step>> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {text}")).load(conn);
        let Ok(plan) = plan else { continue }; // BEGIN, PRAGMA and their like
        explained += 1;
        if plan.iter().any(|step| is_wasteful(&step.detail, &text)) {
            let steps: Vec<String> = plan.into_iter().map(|step| format!("    {}", step.detail)).collect();
            wasteful.push(format!("{text}\n{}", steps.join("\n")));
        }
    }
    assert!(explained > 80, "{explained} statements");
    assert!(wasteful.is_empty(), "these look at more than they are asked for:\n{}", wasteful.join("\n"));
}
