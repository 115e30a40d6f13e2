//! The reference proxies of `deploy/`, whole and with TLS, before two gateways on this machine. What is replaced are names, ports and
//! places of files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;

use crate::support::directories;
use crate::support::environment;
use crate::support::http::{self, Call};
use crate::support::process;

const NGINX: &str = include_str!("../../../../../deploy/nginx.conf");
const HAPROXY: &str = include_str!("../../../../../deploy/haproxy.cfg");

/// A running proxy.
pub struct ReferenceProxy {
    child: Child,
    /// Where it listens with TLS.
    pub address: String,
    directory: PathBuf,
}

impl ReferenceProxy {
    /// `None` where there is no nginx.
    pub async fn nginx(gateways: &[u16; 2]) -> Option<ReferenceProxy> {
        let program = environment::program("nginx")?;
        let (directory, port) = (with_certificate("nginx-whole"), process::free_port());
        let here = directory.display().to_string();
        let mut text = without(NGINX, "listen [::]:");
        for (name, by) in [
            ("listen 80 ", format!("listen 127.0.0.1:{} ", process::free_port())),
            ("listen 443 ", format!("listen 127.0.0.1:{port} ")),
            ("/etc/nginx/tls/", format!("{here}/")),
            ("/run/nginx.pid", format!("{here}/pid")),
            ("/var/cache/nginx", here.clone()),
            ("/dev/stdout", format!("{here}/access.log")),
        ] {
            text = replaced(&text, name, &by);
        }
        let file = directory.join("nginx.conf");
        fs::write(&file, to(gateways, &text)).expect("a file can be written");
        let mut command = Command::new(program);
        command.args(["-p", &here, "-e", "stderr", "-g", "daemon off; master_process off;", "-c"]).arg(file);
        Some(ReferenceProxy::start(command, port, directory).await)
    }

    /// `None` where there is no HAProxy.
    pub async fn haproxy(gateways: &[u16; 2]) -> Option<ReferenceProxy> {
        let program = environment::program("haproxy")?;
        let (directory, port) = (with_certificate("haproxy-whole"), process::free_port());
        let mut text = without(HAPROXY, "bind :::");
        for (name, by) in [
            ("bind :80\n", format!("bind 127.0.0.1:{}\n", process::free_port())),
            ("bind :443 ", format!("bind 127.0.0.1:{port} ")),
            ("/etc/haproxy/tls/", format!("{}/", directory.display())),
        ] {
            text = replaced(&text, name, &by);
        }
        let file = directory.join("haproxy.cfg");
        fs::write(&file, to(gateways, &text)).expect("a file can be written");
        let mut command = Command::new(program);
        command.args(["-db", "-f"]).arg(file);
        Some(ReferenceProxy::start(command, port, directory).await)
    }

    async fn start(mut command: Command, port: u16, directory: PathBuf) -> ReferenceProxy {
        let log = fs::File::create(directory.join("log")).expect("a file can be made");
        let also = log.try_clone().expect("a file can be opened twice");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(also).spawn().expect("the proxy can be run");
        directories::ends_with_us(child.id(), "KILL");
        let mut proxy = ReferenceProxy { child, address: format!("https://127.0.0.1:{port}"), directory };
        for _ in 0..500 {
            let url = format!("{}/health/live", proxy.address);
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

impl Drop for ReferenceProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        directories::has_ended(self.child.id());
    }
}

/// A directory with a certificate, under the names by which both proxies look for it.
fn with_certificate(purpose: &str) -> PathBuf {
    let directory = directories::subdirectory(purpose);
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"])
        .args(["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(&directory)
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl makes a certificate");
    copy(&directory, "key.pem", "certificate.pem.key");
    directory
}

fn copy(directory: &Path, from: &str, to: &str) {
    fs::copy(directory.join(from), directory.join(to)).expect("a file can be copied");
}

fn replaced(text: &str, name: &str, by: &str) -> String {
    assert!(text.contains(name), "the reference has no `{name}`");
    text.replace(name, by)
}

/// Without the lines of IPv6, which not every machine has.
fn without(text: &str, listener: &str) -> String {
    text.lines().filter(|line| !line.trim().starts_with(listener)).map(|line| format!("{line}\n")).collect()
}

fn to(gateways: &[u16; 2], text: &str) -> String {
    let one = replaced(text, "gateway-1:8080", &format!("127.0.0.1:{}", gateways[0]));
    replaced(&one, "gateway-2:8080", &format!("127.0.0.1:{}", gateways[1]))
}
