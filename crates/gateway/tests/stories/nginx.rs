//! A real nginx before a gateway, with what `deploy/` says.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::environment;
use crate::http::{self, Call};
use crate::workplace;
use crate::world::World;

/// What an operator includes for a gateway below a path.
const SNIPPET: &str = include_str!("../../../../deploy/nginx-path.conf");

/// A running nginx.
pub struct Nginx {
    child: Child,
    pub address: String,
}

impl Nginx {
    /// One at this port that passes the path `/identity` on, or strips it; `None` where there is no nginx.
    pub async fn before(world: &World, port: u16, strips: bool) -> Option<Nginx> {
        let Some(program) = program() else {
            assert!(!environment::in_ci(), "CI is set, so nginx has to be there");
            println!("skipped: nginx is not installed");
            return None;
        };
        let directory = workplace::subdirectory("nginx");
        let passes = "proxy_pass http://gateways;";
        assert!(SNIPPET.contains(passes));
        let snippet = match strips {
            true => SNIPPET.replacen(passes, "proxy_pass http://gateways/;", 1),
            false => SNIPPET.to_owned(),
        };
        let process = world.gateway.routed("");
        let process = process.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
        let here = directory.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {here}/{kind};\n"))
            .collect();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log {here}/error.log warn;\nevents {{}}\nhttp {{\n\
             access_log off;\n{temporary}upstream gateways {{ server {process}; }}\nserver {{\nlisten 127.0.0.1:{port};\n\
             large_client_header_buffers 8 32k;\nproxy_buffer_size 64k;\nproxy_buffers 8 64k;\n\
             proxy_set_header Host $host;\nproxy_set_header X-Forwarded-For $remote_addr;\n\
             location / {{ return 200 'another product'; }}\n{snippet}\n}}\n}}\n"
        );
        let file = directory.join("nginx.conf");
        fs::write(&file, configuration).expect("a file can be written");
        let child = Command::new(program)
            .args(["-p", &here.to_string(), "-e", "stderr", "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx can be run");
        workplace::outlives_nobody(child.id(), "KILL");
        let mut nginx = Nginx { child, address: format!("http://127.0.0.1:{port}") };
        for _ in 0..500 {
            let url = format!("{}/elsewhere", nginx.address);
            if Call::new(http::client(), reqwest::Method::GET, url).attempt().await.is_ok() {
                return Some(nginx);
            }
            assert!(nginx.child.try_wait().is_ok_and(|ended| ended.is_none()), "{}", log(&directory));
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("nginx does not answer: {}", log(&directory));
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        workplace::has_ended(self.child.id());
    }
}

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("error.log")).unwrap_or_default()
}

fn program() -> Option<String> {
    let path = environment::variable("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    folders.map(|folder| format!("{folder}/nginx")).find(|file| Path::new(file).is_file())
}
