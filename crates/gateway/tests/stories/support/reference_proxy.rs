//! The reference proxies of `deploy/`, whole and with TLS, before two gateways on this machine. What is replaced are names, ports and
//! places of files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::directories;
use crate::support::environment;
use crate::support::process;
use crate::support::proxy::Proxy;

const NGINX: &str = include_str!("../../../../../deploy/nginx.conf");
const HAPROXY: &str = include_str!("../../../../../deploy/haproxy.cfg");

/// `None` where there is no nginx.
pub async fn nginx(gateways: &[u16; 2]) -> Option<Proxy> {
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
    Some(Proxy::start(command, format!("https://127.0.0.1:{port}"), directory, "/health/live").await)
}

/// `None` where there is no HAProxy.
pub async fn haproxy(gateways: &[u16; 2]) -> Option<Proxy> {
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
    Some(Proxy::start(command, format!("https://127.0.0.1:{port}"), directory, "/health/live").await)
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
