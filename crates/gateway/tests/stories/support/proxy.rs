//! A reverse proxy that runs before gateways.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;

use crate::support::directories;
use crate::support::http::{self, Call};

/// A running proxy. It ends with this value.
pub struct Proxy {
    child: Child,
    /// Where it listens.
    pub address: String,
    directory: PathBuf,
}

impl Proxy {
    /// Starts one that logs to its standard output or error, and waits until it answers at this path. `directory` is its own.
    pub async fn start(mut command: Command, address: String, directory: PathBuf, path: &str) -> Proxy {
        let log = fs::File::create(directory.join("log")).expect("a file can be made");
        let also = log.try_clone().expect("a file can be opened twice");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(also).spawn().expect("the proxy can be run");
        directories::ends_with_us(child.id(), "KILL");
        let mut proxy = Proxy { child, address, directory };
        for _ in 0..500 {
            let url = format!("{}{path}", proxy.address);
            if Call::new(http::client(), Method::GET, url).attempt().await.is_ok() {
                return proxy;
            }
            assert!(proxy.child.try_wait().is_ok_and(|ended| ended.is_none()), "{}", proxy.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the proxy does not answer: {}", proxy.log());
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        directories::has_ended(self.child.id());
    }
}
