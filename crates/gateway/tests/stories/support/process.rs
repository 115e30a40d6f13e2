//! A gateway as its operator knows it: a process, its environment, a port, signals.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use gateway::platform::clock::Clock;

use crate::support::directories;
use crate::support::inside::Inside;

/// What a debug build on a loaded machine may need.
const PATIENCE: Duration = Duration::from_secs(60);

/// `gateway`, told nothing but what is given.
pub fn command(arguments: &[&str], directory: &Path, environment: &[(&str, String)]) -> Command {
    command_by(GATEWAY, arguments, directory, environment)
}

const GATEWAY: &str = env!("CARGO_BIN_EXE_gateway");

fn command_by(program: &str, arguments: &[&str], directory: &Path, environment: &[(&str, String)]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).env_clear().envs(environment.iter().map(|(k, v)| (k, v)));
    command.stdin(Stdio::null());
    command
}

/// A running `gateway serve`, or a server that does what it does.
pub struct Process {
    running: Running,
    pub address: String,
    log: PathBuf,
}

enum Running {
    Child(Child),
    Inside(Inside),
}

impl Process {
    /// Starts a server inside of this process, by this clock.
    pub async fn start_inside(port: u16, environment: &[(&str, String)], clock: &Clock) -> Result<Process, String> {
        let bind = format!("127.0.0.1:{port}");
        let address = format!("http://{bind}");
        let environment = [environment, &[("GATEWAY__SERVER__BIND", bind)]].concat();
        let running = Running::Inside(Inside::start(&environment, clock).await?);
        Ok(Process { running, address, log: PathBuf::new() })
    }

    /// Starts one on `port` and waits until it is ready.
    pub async fn start(directory: &Path, port: u16, environment: &[(&str, String)]) -> Result<Process, String> {
        Process::start_by(GATEWAY, &["serve"], directory, port, environment).await
    }

    /// Starts one and waits until it lives.
    pub async fn start_live(directory: &Path, port: u16, environment: &[(&str, String)]) -> Result<Process, String> {
        let mut process = Process::spawn(GATEWAY, &["serve"], directory, port, environment)?;
        process.wait_for("live").await?;
        Ok(process)
    }

    /// The same by a program that ends up as `gateway serve`; `{}` among its arguments is the gateway.
    pub async fn start_by(
        program: &str,
        arguments: &[&str],
        directory: &Path,
        port: u16,
        environment: &[(&str, String)],
    ) -> Result<Process, String> {
        let mut process = Process::spawn(program, arguments, directory, port, environment)?;
        process.wait_for("ready").await?;
        Ok(process)
    }

    fn spawn(
        program: &str,
        arguments: &[&str],
        directory: &Path,
        port: u16,
        environment: &[(&str, String)],
    ) -> Result<Process, String> {
        let arguments: Vec<&str> = arguments.iter().map(|text| if *text == "{}" { GATEWAY } else { text }).collect();
        let speaks_tls = environment.iter().any(|(name, _)| *name == "GATEWAY__TLS__CERTIFICATE_FILE");
        let address = format!("{}://127.0.0.1:{port}", if speaks_tls { "https" } else { "http" });
        let log = directory.join(format!("gateway-{port}.log"));
        let file = fs::File::options().create(true).append(true).open(&log).map_err(|e| e.to_string())?;
        let child = command_by(program, &arguments, directory, environment)
            .env("GATEWAY__SERVER__BIND", format!("127.0.0.1:{port}"))
            .stdout(file.try_clone().map_err(|e| e.to_string())?)
            .stderr(file)
            .spawn()
            .map_err(|e| e.to_string())?;
        directories::ends_with_us(child.id(), "KILL");
        Ok(Process { running: Running::Child(child), address, log })
    }

    async fn wait_for(&mut self, health: &str) -> Result<(), String> {
        let started = Instant::now();
        let client = crate::support::http::client();
        let url = format!("{}/health/{health}", self.address);
        loop {
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.child().try_wait().map_err(|e| e.to_string())? {
                return Err(format!("gateway ended before it was ready, with {status}:\n{}", self.log()));
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("gateway was not ready after {PATIENCE:?}:\n{}", self.log()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn child(&mut self) -> &mut Child {
        match &mut self.running {
            Running::Child(child) => child,
            Running::Inside(_) => panic!("a server inside of this process is no process of its own"),
        }
    }

    /// What it has written so far. A server inside of this process writes nothing.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn id(&self) -> u32 {
        match &self.running {
            Running::Child(child) => child.id(),
            Running::Inside(_) => std::process::id(),
        }
    }

    /// The memory it holds and the most it ever held, in MiB; where the system tells (Linux).
    pub fn memory(&self) -> Option<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
        };
        Some((line("VmRSS:")?, line("VmHWM:")?))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        match &mut self.running {
            Running::Child(child) => {
                let _ = child.kill();
                let _ = child.wait();
                directories::has_ended(child.id());
            }
            Running::Inside(server) => server.stop(false),
        }
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let Running::Child(child) = &self.running else { panic!("a story does not kill itself") };
        let told = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "the gateway can be sent a signal");
    }

    /// SIGTERM; says how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }

    /// Waits until it ends; says how.
    pub async fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child().try_wait().expect("a child can be waited for") {
                directories::has_ended(self.id());
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the gateway did not stop:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("---- what the gateway at {} wrote ----\n{}", self.address, self.log());
        }
    }
}

/// A port without a listener. It is below those of outgoing connections, so that none of them takes it meanwhile.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 18_000 + (std::process::id().wrapping_mul(101) % 130) as u16 * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 1_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
