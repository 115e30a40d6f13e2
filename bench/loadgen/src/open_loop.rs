//! The open loop: requests come when they come, whether or not those before them were answered, as they do from many clients that do
//! not know of each other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::process::cpu_seconds;

/// As many connections as all clients have together.
pub struct Arrivals {
    pub per_second: f64,
    pub secs: f64,
    pub connections: usize,
    /// An answer that takes longer is of no use to its client.
    pub patience: Duration,
}

/// What became of the requests.
#[derive(Default)]
pub struct Arrived {
    pub sent: usize,
    /// Had to stay with their client: each connection was waiting for an answer.
    pub held_back: usize,
    /// Answered as asked, in time: how long each took.
    pub good_us: Vec<u32>,
    /// Answered as asked, but too late.
    pub late: usize,
    /// Answered otherwise: how often by status (0: no answer), and how long each took.
    pub refused: BTreeMap<u16, usize>,
    pub refused_us: Vec<u32>,
    pub cpu: f64,
}

/// Runs `op(connection, ordinal)` at the rate asked for; it says with which status it was answered, and whether that is what was wanted.
pub async fn open_loop<F, Fut>(arrivals: Arrivals, pids: &[i32], op: F) -> Arrived
where
    F: Fn(usize, usize) -> Fut + 'static,
    Fut: Future<Output = (u16, bool)> + 'static,
{
    let op = Rc::new(op);
    let told = Rc::new(RefCell::new(Arrived::default()));
    let free = Rc::new(RefCell::new((0..arrivals.connections).rev().collect::<Vec<_>>()));
    let (begun, cpu_before) = (Instant::now(), cpu_seconds(pids));
    let mut ordinal = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while begun.elapsed().as_secs_f64() < arrivals.secs {
        tick.tick().await;
        let due = (begun.elapsed().as_secs_f64() * arrivals.per_second) as usize;
        for _ in ordinal..due {
            ordinal += 1;
            let Some(connection) = free.borrow_mut().pop() else {
                told.borrow_mut().held_back += 1;
                continue;
            };
            told.borrow_mut().sent += 1;
            let (op, told, free, patience) = (op.clone(), told.clone(), free.clone(), arrivals.patience);
            tokio::task::spawn_local(async move {
                let sent = Instant::now();
                let (status, wanted) = op(connection, ordinal - 1).await;
                let took = sent.elapsed();
                let us = took.as_micros().min(u128::from(u32::MAX)) as u32;
                free.borrow_mut().push(connection);
                let mut told = told.borrow_mut();
                match (wanted, took <= patience) {
                    (true, true) => told.good_us.push(us),
                    (true, false) => told.late += 1,
                    (false, _) => {
                        *told.refused.entry(status).or_default() += 1;
                        told.refused_us.push(us);
                    }
                }
            });
        }
    }
    let mut arrived = std::mem::take(&mut *told.borrow_mut());
    arrived.cpu = cpu_seconds(pids) - cpu_before;
    arrived
}
