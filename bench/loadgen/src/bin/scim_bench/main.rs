//! SCIM under load. `--scenario` is one of seed, create, get, filter, page_first, page_last, deactivate, import, group_add,
//! group_put, overload; bench/README.md says what each does. Prints one line of JSON for each run.

use std::cell::RefCell;
use std::rc::Rc;

use loadgen::Args;

mod groups;
mod import;
mod overload;
mod service;
mod users;

use service::Service;

/// What every scenario needs.
struct Bench {
    args: Args,
    service: Rc<Service>,
    pids: Vec<i32>,
    /// Connections, one run for each entry.
    concurrencies: Vec<usize>,
    runs: usize,
    secs: f64,
    state: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio::task::LocalSet::new().run_until(run()).await;
}

async fn run() {
    let args = Args::parse();
    let concurrencies = args.list("conc", "8");
    let most = concurrencies.iter().max().copied().unwrap_or(1);
    let bench = Bench {
        service: Rc::new(Service::new(&args, most)),
        pids: args.pids(),
        concurrencies,
        runs: args.num("runs", 3),
        secs: args.num("secs", 5.0),
        state: args.text("state", "scim_bench.state"),
        args,
    };
    let scenario = bench.args.text("scenario", "get");
    match scenario.as_str() {
        "seed" => users::seed(&bench).await,
        "create" => users::create(&bench).await,
        "get" | "filter" | "page_first" | "page_last" => users::read(&bench, &scenario).await,
        "deactivate" => users::deactivate(&bench).await,
        "import" => import::import(&bench).await,
        "group_add" => groups::add(&bench).await,
        "group_put" => groups::put(&bench).await,
        "overload" => overload::overload(&bench).await,
        other => panic!("unknown scenario {other}"),
    }
}

/// A value the connections of one loop share; they run on one thread.
fn shared<T>(value: T) -> Rc<RefCell<T>> {
    Rc::new(RefCell::new(value))
}
