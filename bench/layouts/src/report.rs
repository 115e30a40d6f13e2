//! Candidates take turns within one run; the table says what each cost and how it compares with the first.
use std::time::Instant;

use crate::db::{Engine, Place, Round, round};

pub type Candidate<'a> = (String, Box<dyn FnMut() -> usize + 'a>);

pub fn candidate<'a>(name: impl Into<String>, f: impl FnMut() -> usize + 'a) -> Candidate<'a> {
    (name.into(), Box::new(f))
}

pub struct Report {
    start: Instant,
    budget: f64,
    rounds: usize,
    secs: f64,
}

impl Report {
    pub fn from_env() -> Report {
        let number = |n: &str, or: f64| std::env::var(n).ok().and_then(|v| v.parse().ok()).unwrap_or(or);
        Report {
            start: Instant::now(),
            budget: number("BUDGET_SECS", 2400.0),
            rounds: 5,
            secs: number("ROUND_SECS", 0.4),
        }
    }

    pub fn left(&self) -> f64 {
        self.budget - self.start.elapsed().as_secs_f64()
    }

    pub fn section(&self, title: &str, first: &str) {
        println!(
            "\n## {title}\n\n| {first} | candidate | database | wall | CPU | wall against the first | operations |\n|---|---|---|--:|--:|--:|--:|"
        );
        eprintln!("[{:.0} s] {title}", self.start.elapsed().as_secs_f64());
    }

    /// Five turns each after a short one that is not counted: the median wall time, the mean processor time.
    pub fn compare(&self, place: &Place, engine: Engine, what: &str, all: Vec<Candidate>) {
        self.compare_for(self.secs, place, engine, what, all);
    }

    /// Writes are given longer turns: they meet checkpoints.
    pub fn compare_writes(&self, place: &Place, engine: Engine, what: &str, all: Vec<Candidate>) {
        self.compare_for(self.secs * 3.0, place, engine, what, all);
    }

    fn compare_for(&self, secs: f64, place: &Place, engine: Engine, what: &str, mut all: Vec<Candidate>) {
        if self.left() < 0.0 {
            println!("| {what} | not measured: out of time | {} | | | | |", engine.name());
            return;
        }
        for (_, f) in &mut all {
            round(place, secs / 4.0, f);
        }
        let mut rounds: Vec<Vec<Round>> = all.iter().map(|_| Vec::new()).collect();
        for _ in 0..self.rounds {
            for (i, (_, f)) in all.iter_mut().enumerate() {
                rounds[i].push(round(place, secs, f));
            }
        }
        let names: Vec<String> = all.into_iter().map(|(name, _)| name).collect();
        self.rows(engine, what, &names, &rounds);
    }

    pub fn rows(&self, engine: Engine, what: &str, names: &[String], rounds: &[Vec<Round>]) {
        let mut first = None;
        for (name, rounds) in names.iter().zip(rounds) {
            let mut walls: Vec<f64> = rounds.iter().map(|r| r.wall / r.ops as f64).collect();
            walls.sort_by(f64::total_cmp);
            let wall = walls[walls.len() / 2];
            let ops: usize = rounds.iter().map(|r| r.ops).sum();
            let cpu = rounds.iter().map(|r| r.cpu).sum::<f64>() / ops as f64;
            let ratio = wall / *first.get_or_insert(wall);
            println!("| {what} | {name} | {} | {} | {} | {ratio:.2} | {ops} |", engine.name(), time(wall), time(cpu));
        }
    }
}

pub fn time(secs: f64) -> String {
    match secs {
        s if s < 1e-3 => format!("{:.1} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}
