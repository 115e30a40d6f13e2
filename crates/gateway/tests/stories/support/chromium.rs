//! A real browser: Chromium, driven by WebDriver (<https://www.w3.org/TR/webdriver2/>) and, for what that cannot ask, by the DevTools
//! protocol.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};
use url::Url;

use crate::support::directories;
use crate::support::environment;
use crate::support::http;

/// How long a page may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where `.ci/axe` puts it.
const AXE: &str = "axe/node_modules/axe-core/axe.min.js";

/// What a page is looked at in.
#[derive(Debug, Clone, Copy)]
struct Mode {
    name: &'static str,
    width: u32,
    height: u32,
    is_dark: bool,
    looked_at: LookedAt,
}

/// What of a page is looked at, beside its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookedAt {
    /// Every rule of axe.
    Whole,
    /// The rules of axe that go by colours.
    Colours,
    /// Nothing else.
    Layout,
}

/// The narrowest window that pages are made for (WCAG 2.2, success criterion 1.4.10).
const NARROWEST: Mode =
    Mode { name: "narrowest", width: 320, height: 640, is_dark: false, looked_at: LookedAt::Layout };
/// With the script and without it a page is looked at in two modes each, so that axe sees every page in each width and each scheme. Of these
/// pictures are kept.
const WITH_SCRIPT: [Mode; 3] = [
    Mode { name: "desktop", width: 1280, height: 900, is_dark: false, looked_at: LookedAt::Whole },
    Mode { name: "phone-dark", width: 390, height: 844, is_dark: true, looked_at: LookedAt::Whole },
    NARROWEST,
];
/// Without the script a page has fewer parts and none of its own, so the narrow one differs by colours alone.
const WITHOUT_SCRIPT: [Mode; 3] = [
    Mode { name: "desktop-dark", width: 1280, height: 900, is_dark: true, looked_at: LookedAt::Whole },
    Mode { name: "phone", width: 390, height: 844, is_dark: false, looked_at: LookedAt::Colours },
    NARROWEST,
];
/// The rules of axe that go by colours.
const BY_COLOURS: [&str; 2] = ["color-contrast", "link-in-text-block"];

/// What makes no difference to a page takes no time. Names outside of this machine are not found, so that no story calls another server.
const ARGUMENTS: [&str; 17] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=BackForwardCache,MediaRouter,OptimizationHints,PaintHolding,Translate",
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];
/// How much faster time passes for the timers of pages that are in a hurry.
const HURRY: u32 = 50;

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
    /// Whether pages come with it.
    comes_with_axe: Cell<bool>,
    /// Where its pictures go.
    folder: PathBuf,
    findings: RefCell<Vec<String>>,
    /// The paths of the pages that were looked at.
    looked_at: RefCell<BTreeSet<String>>,
    has_scripts: Cell<bool>,
    /// The width and the scheme that are shown.
    shown: Cell<Option<(u32, bool)>>,
    /// How often its user pressed something.
    pub presses: Cell<usize>,
    /// The documents that its user saw, as long as they are kept.
    seen: RefCell<Option<Vec<String>>>,
}

/// The tools, or why there are none. Without them nothing is looked at, which is said loudly; `CI` makes it a failure.
fn tools() -> Option<&'static Tools> {
    static TOOLS: OnceLock<Result<Tools, String>> = OnceLock::new();
    let found = TOOLS.get_or_init(|| {
        let axe = target().join(AXE);
        Ok(Tools {
            chromium: program("chromium-headless-shell").or_else(|_| program("chromium"))?,
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
        let options = json!({"binary": tools.chromium, "args": ARGUMENTS});
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}});
        let base = format!("http://127.0.0.1:{port}/session");
        let begun = command(&client, &base, &wanted).await;
        let id = begun["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {begun}"));
        let session = format!("{base}/{id}");
        let chromium = Chromium {
            driver,
            client,
            session,
            axe: &tools.axe,
            comes_with_axe: Cell::new(false),
            folder: pictures,
            findings: RefCell::default(),
            looked_at: RefCell::default(),
            has_scripts: Cell::new(true),
            shown: Cell::default(),
            presses: Cell::new(0),
            seen: RefCell::default(),
        };
        chromium.show(WITH_SCRIPT[0]).await;
        Some(chromium)
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

    /// Forgets every session.
    pub async fn forget(&self) {
        self.devtools("Network.clearBrowserCookies", json!({})).await;
    }

    /// From now on no page gets its script; pages have no other.
    pub async fn without_scripts(&self) {
        self.has_scripts.set(false);
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.setBlockedURLs", json!({"urls": ["*.js"]})).await;
    }

    /// From now on the timers of pages run faster than time.
    pub async fn hurry(&self) {
        let script =
            format!("const wait = setInterval; window.setInterval = (act, time) => wait(act, time / {HURRY});");
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
    }

    /// From now on what its user sees is kept.
    pub fn keep_what_is_seen(&self) {
        *self.seen.borrow_mut() = Some(Vec::new());
    }

    /// The documents that its user saw.
    pub fn seen(&self) -> Vec<String> {
        self.seen.borrow().clone().unwrap_or_default()
    }

    async fn keep(&self) {
        if self.seen.borrow().is_some() {
            let document = self.text("return document.documentElement.outerHTML").await;
            if let Some(seen) = &mut *self.seen.borrow_mut() {
                seen.push(document);
            }
        }
    }

    pub async fn open(&self, url: &str) {
        self.ask("url", &json!({"url": url})).await;
        self.keep().await;
    }

    /// The text that a script returns.
    pub async fn text(&self, script: &str) -> String {
        self.run(script).await.as_str().unwrap_or_default().to_owned()
    }

    pub async fn url(&self) -> String {
        self.text("return location.href").await
    }

    /// Where it is, even if nothing answers there.
    pub async fn address(&self) -> String {
        let history = self.devtools("Page.getNavigationHistory", json!({})).await;
        let current = history["currentIndex"].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or_default();
        history["entries"][current]["url"].as_str().unwrap_or_default().to_owned()
    }

    pub async fn words(&self) -> String {
        self.text("return document.body.innerText").await
    }

    /// What these paths answer to this browser.
    pub async fn fetch(&self, paths: &[String]) -> Vec<String> {
        let script = "const [paths, done] = arguments;
             Promise.all(paths.map(async (path) => (await fetch(path)).text())).then(done, (error) => done([String(error)]));";
        let answers = self.ask("execute/async", &json!({"script": script, "args": [paths]})).await;
        let answers: Vec<String> = serde_json::from_value(answers).expect("texts");
        assert_eq!(answers.len(), paths.len(), "{answers:?}");
        answers
    }

    /// The value that has a button to copy it by.
    pub async fn copyable(&self, name: &str) -> String {
        let selector = json!(format!("[data-copy={}]", json!(name)));
        let value = self.text(&format!("return document.querySelector({selector})?.textContent.trim()")).await;
        assert!(!value.is_empty(), "no {name} to copy on {}: {}", self.url().await, self.words().await);
        value
    }

    /// Types into the field of this name.
    pub async fn type_into(&self, name: &str, text: &str) {
        let script = format!(
            "const found = [...document.querySelectorAll({})].find((field) => field.checkVisibility());
             if (!found) return false; found.value = {}; found.dispatchEvent(new Event('input', {{bubbles: true}})); return true;",
            json!(format!(":is(input, textarea)[name={name}]:not([type=hidden])")),
            json!(text)
        );
        assert_eq!(self.run(&script).await, true, "no field {name} on {}: {}", self.url().await, self.words().await);
    }

    /// Chooses one of several, or ticks a box.
    pub async fn choose(&self, name: &str, value: &str) {
        let selector = json!(format!("input[name={name}][value={value}]"));
        let script =
            format!("const found = document.querySelector({selector}); found?.click(); return !!found?.checked");
        assert_eq!(self.run(&script).await, true, "no choice {value} on {}: {}", self.url().await, self.words().await);
    }

    /// Presses the button, link or heading with these words, which leads to no other page: with the mouse, where it can be seen.
    pub async fn touch(&self, words: &str) {
        let script = format!(
            "const said = (part) => part.textContent.replace(/\\s+/g, ' ').trim();
             window.isLeft = true;
             return [...document.querySelectorAll('button, a, summary')].find((part) => said(part) === {} && part.checkVisibility());",
            json!(words)
        );
        loop {
            let found = self.run(&script).await;
            let Some(found) = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str) else {
                panic!("no `{words}` on {}: {}", self.url().await, self.words().await);
            };
            let click = format!("{}/element/{found}/click", self.session);
            match attempt(&self.client, &click, &json!({})).await {
                Ok(_) => break,
                // A part that is kept up to date was replaced meanwhile.
                Err(error) if error["error"] == "stale element reference" => {}
                Err(error) => panic!("`{words}` on {}: {error}", self.url().await),
            }
        }
        self.presses.set(self.presses.get() + 1);
    }

    /// Presses the button or link with these words, and waits for the page that it leads to.
    pub async fn press(&self, words: &str) {
        self.touch(words).await;
        self.until(words, "return !window.isLeft && document.readyState === 'complete'").await;
        self.keep().await;
    }

    /// Waits until a script says yes.
    pub async fn until(&self, what: &str, script: &str) {
        let begun = Instant::now();
        while self.run(script).await != true {
            if begun.elapsed() > PATIENCE {
                panic!("`{what}` comes to nothing: {}: {}", self.url().await, self.words().await);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn log_in(&self, user_name: &str, password: &str) {
        self.type_into("username", user_name).await;
        self.type_into("password", password).await;
        self.press("Log in").await;
    }

    async fn show(&self, mode: Mode) {
        let Mode { width, height, is_dark, .. } = mode;
        let before = self.shown.replace(Some((width, is_dark)));
        if before.is_none_or(|(before, _)| before != width) {
            let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
            self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        }
        if before.is_none_or(|(_, before)| before != is_dark) {
            let scheme = if is_dark { "dark" } else { "light" };
            let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            self.devtools("Emulation.setEmulatedMedia", features).await;
        }
    }

    /// Looks at the page in the modes of this browser, and keeps pictures of it where it has its script.
    pub async fn look(&self, name: &str) {
        let url = self.url().await;
        if let Ok(url) = Url::parse(&url) {
            self.looked_at.borrow_mut().insert(url.path().to_owned());
        }
        let has_scripts = self.has_scripts.get();
        let modes = if has_scripts { WITH_SCRIPT } else { WITHOUT_SCRIPT };
        for mode in modes {
            self.show(mode).await;
            self.is_laid_out(name, mode).await;
            match mode.looked_at {
                LookedAt::Whole => self.is_accessible(name, mode, &json!({})).await,
                LookedAt::Colours => self.is_accessible(name, mode, &json!({"runOnly": BY_COLOURS})).await,
                LookedAt::Layout => {}
            }
            if has_scripts && mode.looked_at == LookedAt::Whole {
                self.picture(&format!("{name}.{}", mode.name), true).await;
            }
        }
        self.show(modes[0]).await;
    }

    /// Nothing is wider than the window, and the page has one subject, one title and one way on.
    async fn is_laid_out(&self, name: &str, mode: Mode) {
        let script = "const width = document.documentElement.clientWidth;
             const wide = [...document.body.querySelectorAll('*')]
                 .filter((part) => part.getBoundingClientRect().right > width + 1)
                 .filter((part) => !part.closest('.hidden, .skip, .scroll, .tabs, .top nav, pre'))
                 .map((part) => part.outerHTML.slice(0, 120));
             const count = (parts) => document.querySelectorAll(parts).length;
             return {width, page: document.documentElement.scrollWidth, wide: wide.slice(0, 3), url: location.href,
                 subjects: [count('h1'), count('main')], title: document.title, primaries: [...document.querySelectorAll('.button.primary:not(.copy)')].filter((part) => part.checkVisibility()).length};";
        let found = self.run(script).await;
        let fits = found["page"].as_u64() <= found["width"].as_u64() && found["wide"] == json!([]);
        self.holds(fits, || format!("{name} does not fit into {}: {found}", mode.name));
        self.holds(found["subjects"] == json!([1, 1]), || format!("{name} has not one h1 in one main: {found}"));
        let title = found["title"].as_str().unwrap_or_default();
        self.holds(title.contains(" · "), || format!("{name}: the title does not say what and whose: {title}"));
        let primaries = found["primaries"].as_u64().unwrap_or(9);
        self.holds(primaries <= 1 || name == "style", || format!("{name} has {primaries} primary buttons"));
    }

    /// axe-core finds nothing, by all rules or by those that these options say.
    async fn is_accessible(&self, name: &str, mode: Mode, options: &Value) {
        if !self.comes_with_axe.replace(true) {
            self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": self.axe})).await;
        }
        if self.run("return typeof axe").await != "object" {
            self.run(self.axe).await;
        }
        let script = "const [options, done] = arguments;
             axe.run(document, {resultTypes: ['violations'], ...options}).then((found) => done(found.violations.map((one) =>
                 [one.id, one.help, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary)])),
                 (error) => done([String(error)]));";
        let found = self.ask("execute/async", &json!({"script": script, "args": [options]})).await;
        self.holds(found == json!([]), || format!("axe on {name} in {}: {found:#}", mode.name));
    }

    fn holds(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.findings.borrow_mut().push(what());
        }
    }

    /// The paths of the pages that were looked at.
    pub fn looked_at(&self) -> BTreeSet<String> {
        self.looked_at.borrow().clone()
    }

    /// Fails with everything that was found on the way.
    pub fn finish(self) {
        let findings = self.findings.take();
        assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    }

    /// Keeps a picture: of the whole page, or of what the window shows.
    pub async fn picture(&self, name: &str, whole: bool) {
        let asked = json!({"format": "png", "captureBeyondViewport": whole, "optimizeForSpeed": whole});
        let sent = self.devtools("Page.captureScreenshot", asked).await;
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
    attempt(client, url, body).await.unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// What is answered, or the error that is told.
async fn attempt(client: &Client, url: &str, body: &Value) -> Result<Value, Value> {
    let answer = client.post(url).json(body).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let mut told: Value = answer.json().await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let value = told["value"].take();
    if value["error"].is_null() { Ok(value) } else { Err(value) }
}
