//! A real nginx before a gateway, with what `deploy/` says.

use std::fs;
use std::process::Command;

use crate::support::directories;
use crate::support::environment;
use crate::support::proxy::Proxy;
use crate::support::testing::World;

const REFERENCE: &str = include_str!("../../../../../deploy/nginx.conf");
/// What an operator includes for a gateway below a path.
const SNIPPET: &str = include_str!("../../../../../deploy/nginx-path.conf");

/// One at this port that passes the path `/identity` on, or strips it; `None` where there is no nginx.
pub async fn before(world: &World, port: u16, strips: bool) -> Option<Proxy> {
    let passes = "proxy_pass http://gateways;";
    assert!(SNIPPET.contains(passes));
    let snippet = match strips {
        true => SNIPPET.replacen(passes, "proxy_pass http://gateways/;", 1),
        false => SNIPPET.to_owned(),
    };
    let process = world.gateway.routed("");
    let process = process.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
    let http = format!("upstream gateways {{ server {process}; }}");
    let server = format!(
        "large_client_header_buffers 8 32k;\nproxy_buffer_size 64k;\nproxy_buffers 8 64k;\n\
         proxy_set_header Host $host;\nproxy_set_header X-Forwarded-For $remote_addr;\n\
         location / {{ return 200 'another product'; }}\n{snippet}"
    );
    start(port, &http, &server).await
}

/// One that balances between gateways at these ports of this machine, as the reference configuration says; `None` where there is no
/// nginx.
pub async fn balancing(gateways: &[u16; 2], port: u16) -> Option<Proxy> {
    let upstream = REFERENCE.split_once("upstream gateways {").and_then(|(_, rest)| rest.split_once('}'));
    let mut upstream = upstream.expect("the reference has an upstream").0.to_owned();
    for (number, gateway) in gateways.iter().enumerate() {
        let name = format!("gateway-{}:8080", number + 1);
        assert!(upstream.contains(&name), "{upstream}");
        upstream = upstream.replace(&name, &format!("127.0.0.1:{gateway}"));
    }
    let proxying = REFERENCE.lines().map(str::trim).filter(|line| line.starts_with("proxy_"));
    let proxying: Vec<&str> =
        proxying.filter(|line| !line.contains("_pass ") && !line.contains("_temp_path")).collect();
    let server = format!("{}\nlocation / {{ proxy_pass http://gateways; }}", proxying.join("\n"));
    start(port, &format!("upstream gateways {{ {upstream} }}"), &server).await
}

async fn start(port: u16, http: &str, server: &str) -> Option<Proxy> {
    let program = environment::program("nginx")?;
    let directory = directories::subdirectory("nginx");
    let here = directory.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {here}/{kind};\n"))
        .collect();
    let configuration = format!(
        "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log stderr warn;\nevents {{}}\nhttp {{\n\
         access_log off;\n{temporary}{http}\nserver {{\nlisten 127.0.0.1:{port};\n{server}\n}}\n}}\n"
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, configuration).expect("a file can be written");
    let mut command = Command::new(program);
    command.args(["-p", &here.to_string(), "-e", "stderr", "-c"]).arg(file);
    Some(Proxy::start(command, format!("http://127.0.0.1:{port}"), directory, "/elsewhere").await)
}
