//! A real browser: Chromium, driven by WebDriver (<https://www.w3.org/TR/webdriver2/>) and, for what that cannot ask, by the DevTools
//! protocol.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::directories;
use crate::support::environment;
use crate::support::http;

/// How long a page may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where `.ci/axe` puts it.
const AXE: &str = "axe/node_modules/axe-core/axe.min.js";

/// What a page is looked at in.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    pub is_dark: bool,
}

pub const MODES: [Mode; 4] = [
    Mode { name: "desktop", width: 1280, height: 900, is_dark: false },
    Mode { name: "desktop-dark", width: 1280, height: 900, is_dark: true },
    Mode { name: "phone-dark", width: 390, height: 844, is_dark: true },
    Mode { name: "phone", width: 390, height: 844, is_dark: false },
];
/// The narrowest window that pages are made for (WCAG 2.2, success criterion 1.4.10).
const NARROWEST: Mode = Mode { name: "narrowest", width: 320, height: 640, is_dark: false };

/// What it takes to look at pages.
struct Tools {
    chromium: PathBuf,
    driver: PathBuf,
    axe: String,
}

/// A running browser with one window.
pub struct Chromium {
    driver: Child,
    client: Client,
    session: String,
    axe: &'static str,
    /// Where its pictures go.
    folder: PathBuf,
    findings: RefCell<Vec<String>>,
    has_scripts: Cell<bool>,
}

/// The tools, or why there are none. Without them nothing is looked at, which is said loudly; `CI` makes it a failure.
fn tools() -> Option<&'static Tools> {
    static TOOLS: OnceLock<Result<Tools, String>> = OnceLock::new();
    let found = TOOLS.get_or_init(|| {
        let axe = target().join(AXE);
        Ok(Tools {
            chromium: program("chromium")?,
            driver: program("chromedriver")?,
            axe: std::fs::read_to_string(&axe).map_err(|_| format!("no {}: .ci/axe fetches it", axe.display()))?,
        })
    });
    match found {
        Ok(tools) => Some(tools),
        Err(why) if environment::in_ci() => panic!("CI is set, so pages have to be looked at: {why}"),
        Err(why) => {
            // Past the test harness, which would keep it to itself.
            let _ = io::stderr()
                .write_all(format!("\n*** NO CHROMIUM: {why}. The pages are NOT looked at. ***\n\n").as_bytes());
            None
        }
    }
}

fn program(name: &str) -> Result<PathBuf, String> {
    let folders = environment::variable("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is not installed"))
}

/// The target directory of this build.
fn target() -> &'static Path {
    let binary = Path::new(env!("CARGO_BIN_EXE_gateway"));
    binary.parent().and_then(Path::parent).unwrap_or(binary)
}

impl Chromium {
    /// A browser whose pictures go into `target/pages/{folder}`; `None` where there is none.
    pub async fn start(folder: &str) -> Option<Chromium> {
        let tools = tools()?;
        let pictures = target().join("pages").join(folder);
        let _ = std::fs::remove_dir_all(&pictures);
        std::fs::create_dir_all(&pictures).expect("a folder for pictures can be made");
        let mut driver = Command::new(&tools.driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        directories::ends_with_us(driver.id(), "KILL");
        let lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            line.split_once("started successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
        });
        let port = port.expect("chromedriver says its port");
        let client = http::client();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            "--no-first-run",
        ];
        let options = json!({"binary": tools.chromium, "args": arguments});
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}});
        let base = format!("http://127.0.0.1:{port}/session");
        let begun = command(&client, &base, &wanted).await;
        let id = begun["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {begun}"));
        let session = format!("{base}/{id}");
        Some(Chromium {
            driver,
            client,
            session,
            axe: &tools.axe,
            folder: pictures,
            findings: RefCell::default(),
            has_scripts: Cell::new(true),
        })
    }

    async fn ask(&self, what: &str, body: &Value) -> Value {
        command(&self.client, &format!("{}/{what}", self.session), body).await
    }

    /// A command of the DevTools protocol.
    async fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.ask("goog/cdp/execute", &json!({"cmd": name, "params": parameters})).await
    }

    /// What a script returns. It runs beside the page and not by the page's policy.
    pub async fn run(&self, script: &str) -> Value {
        self.ask("execute/sync", &json!({"script": script, "args": []})).await
    }

    /// From now on no page gets its script; pages have no other.
    pub async fn without_scripts(&self) {
        self.has_scripts.set(false);
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.setBlockedURLs", json!({"urls": ["*.js"]})).await;
    }

    pub async fn open(&self, url: &str) {
        self.ask("url", &json!({"url": url})).await;
    }

    pub async fn url(&self) -> String {
        self.run("return location.href").await.as_str().unwrap_or_default().to_owned()
    }

    pub async fn words(&self) -> String {
        self.run("return document.body.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// Types into the input of this name.
    pub async fn type_into(&self, name: &str, text: &str) {
        let script = format!(
            "const input = document.querySelector({}); if (!input) return false; input.value = {}; return true;",
            json!(format!("input[name={name}]")),
            json!(text)
        );
        assert_eq!(self.run(&script).await, true, "no input {name} on {}: {}", self.url().await, self.words().await);
    }

    /// Presses the button or link with these words, and waits for the page that it leads to.
    pub async fn press(&self, words: &str) {
        let script = format!(
            "const said = (part) => part.textContent.replace(/\\s+/g, ' ').trim();
             const found = [...document.querySelectorAll('button, a')].find((part) => said(part) === {});
             if (!found) return false; window.isLeft = true; found.click(); return true;",
            json!(words)
        );
        assert_eq!(self.run(&script).await, true, "no `{words}` on {}: {}", self.url().await, self.words().await);
        let begun = Instant::now();
        while self.run("return !window.isLeft && document.readyState === 'complete'").await != true {
            assert!(begun.elapsed() < PATIENCE, "`{words}` leads nowhere: {}", self.url().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn log_in(&self, user_name: &str, password: &str) {
        self.type_into("username", user_name).await;
        self.type_into("password", password).await;
        self.press("Log in").await;
    }

    async fn show(&self, mode: Mode) {
        let metrics =
            json!({"width": mode.width, "height": mode.height, "deviceScaleFactor": 1, "mobile": mode.width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if mode.is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Looks at the page in every mode, and keeps a picture of each.
    pub async fn look(&self, name: &str) {
        let url = self.url().await;
        for mode in MODES {
            self.show(mode).await;
            self.fits(name, mode).await;
            // Each width and each scheme once: what axe finds depends on one of them, and on no pair. Without the script a page has fewer
            // parts and none of its own: axe looks at it once.
            if mode.name == MODES[0].name || (self.has_scripts.get() && mode.name == MODES[2].name) {
                self.is_accessible(name, mode).await;
            }
            self.picture(&format!("{name}.{}", mode.name)).await;
        }
        self.show(NARROWEST).await;
        self.fits(name, NARROWEST).await;
        let outline = self
            .run("return [document.querySelectorAll('h1').length, document.querySelectorAll('main').length, document.title]")
            .await;
        self.holds(outline[0] == 1 && outline[1] == 1, || {
            format!("{name} at {url} has not one h1 in one main: {outline}")
        });
        let title = outline[2].as_str().unwrap_or_default();
        self.holds(title.contains(" · "), || format!("{name}: the title does not say what and whose: {title}"));
        let primaries = self
            .run("return document.querySelectorAll('.button.primary:not(.copy)').length")
            .await
            .as_u64()
            .unwrap_or(9);
        self.holds(primaries <= 1 || name == "style", || format!("{name} has {primaries} primary buttons"));
        self.show(MODES[0]).await;
    }

    /// Nothing is wider than the window.
    async fn fits(&self, name: &str, mode: Mode) {
        let script = "const width = document.documentElement.clientWidth;
             const wide = [...document.body.querySelectorAll('*')]
                 .filter((part) => !part.closest('.hidden, .skip, .scroll, .tabs, .top nav, pre'))
                 .filter((part) => part.getBoundingClientRect().right > width + 1)
                 .map((part) => part.outerHTML.slice(0, 120));
             return {width, page: document.documentElement.scrollWidth, wide: wide.slice(0, 3)};";
        let found = self.run(script).await;
        let fits = found["page"].as_u64() <= found["width"].as_u64() && found["wide"] == json!([]);
        self.holds(fits, || format!("{name} does not fit into {}: {found}", mode.name));
    }

    /// axe-core finds nothing.
    async fn is_accessible(&self, name: &str, mode: Mode) {
        if self.run("return typeof axe").await != "object" {
            self.run(self.axe).await;
        }
        let script = "const done = arguments[arguments.length - 1];
             axe.run(document, {resultTypes: ['violations']}).then((found) => done(found.violations.map((one) =>
                 [one.id, one.help, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary)])),
                 (error) => done([String(error)]));";
        let found = self.ask("execute/async", &json!({"script": script, "args": []})).await;
        self.holds(found == json!([]), || format!("axe on {name} in {}: {found:#}", mode.name));
    }

    fn holds(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.findings.borrow_mut().push(what());
        }
    }

    /// Fails with everything that was found on the way.
    pub fn finish(self) {
        let findings = self.findings.take();
        assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    }

    async fn picture(&self, name: &str) {
        let sent =
            self.devtools("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true})).await;
        let png = STANDARD.decode(sent["data"].as_str().unwrap_or_default()).expect("base64");
        std::fs::write(self.folder.join(format!("{name}.png")), png).expect("a picture can be kept");
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Ends the browser too, which is its child and ends with its last connection.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        directories::has_ended(self.driver.id());
    }
}

async fn command(client: &Client, url: &str, body: &Value) -> Value {
    let answer = client.post(url).json(body).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let mut told: Value = answer.json().await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let value = told["value"].take();
    assert!(value["error"].is_null(), "{url}: {value}");
    value
}
