//! Configuration: defaults, a file, the environment, in this order; parsed into types at the start, every mistake at once.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Environment, File, FileFormat};
use scim::schema::overlay::Overlay;

use crate::platform::outbound::address::AllowedNetworks;
use crate::platform::secret_text::SecretText;
use crate::platform::smtp::Mail;
use crate::storage::{DatabaseUrl, Limits};

mod file;
pub mod keys;
mod limits;
mod mail;
mod proxies;
pub(crate) mod public_url;
mod reader;

pub use proxies::TrustedProxies;
use reader::Reader;

const DEFAULTS: &str = include_str!("../../../config/default.toml");
const ATTRIBUTES: &str = include_str!("../../../config/attributes.toml");

/// Everything an operator can set, checked.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // config/default.toml says what they mean
pub struct Config {
    pub bind: SocketAddr,
    pub public_url: Option<String>,
    pub insecure_http: bool,
    pub workers: usize,
    pub trusted_proxies: TrustedProxies,
    pub body_patience: Duration,
    pub header_patience: Duration,
    pub write_patience: Duration,
    pub drain_patience: Duration,
    pub connections_of_one_address: Option<usize>,
    pub memory: Memory,
    pub database: DatabaseUrl,
    pub limits: Limits,
    pub migrate_on_start: bool,
    pub data_dir: PathBuf,
    pub master_key: MasterKeySource,
    pub admin_token: Option<SecretText>,
    pub operator_sign_in: Option<OperatorSignIn>,
    pub attributes: Vec<Overlay>,
    pub consent_roles: Vec<String>,
    pub consent_role_attribute: String,
    pub oauth: OAuth,
    pub outbound: AllowedNetworks,
    pub mail: Option<Mail>,
    pub scim: Scim,
    pub audit_retention_days: Option<u32>,
    pub housekeeping: Housekeeping,
    pub password_threads: usize,
    pub password_queue: usize,
    pub log_json: bool,
    pub log_filter: String,
    /// What an operator should know, though the server can work with it.
    pub warnings: Vec<String>,
}

/// How many bytes requests and answers may take while they are worked on and on their way.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Memory {
    pub all: usize,
    pub of_one_account: usize,
}

/// Where operators sign in, and who they are.
#[derive(Debug, Clone)]
pub struct OperatorSignIn {
    /// The vendor's OpenID provider, as its discovery document writes it.
    pub issuer: String,
    /// Our client ID there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretText,
    /// Addresses, or domains with an `@` before them.
    pub allowed: Vec<String>,
    /// Believe an address that the provider does not call verified.
    pub unverified_email: bool,
    /// How long a token counts.
    pub token_seconds: u64,
}

/// Lifetimes of what is issued.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct OAuth {
    pub access_token_seconds: u64,
    pub authorization_code_seconds: u64,
    pub refresh_idle_seconds: u64,
    pub refresh_absolute_seconds: Option<u64>,
    pub retry_grace_seconds: u64,
    /// `refresh_retry_hours` is set, which has no effect any more.
    pub has_retry_hours: bool,
    pub session_seconds: u64,
    pub signing_key_days: Option<i64>,
    pub session_idle_seconds: u64,
    pub allow_okta_internal_http: bool,
    /// 0: for ever.
    pub client_secret_days: u32,
}

/// Limits of the SCIM endpoint.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Scim {
    pub page_size: u32,
    pub max_page_size: u32,
    pub max_page_bytes: usize,
    pub max_body_bytes: usize,
    pub max_document_bytes: usize,
}

/// How often what is due goes, and how much of it.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Housekeeping {
    pub pause: Duration,
    pub largest_share_percent: u32,
}

/// Where the master key comes from.
#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// From the configuration: the first seals, all open.
    Given(Vec<[u8; 32]>),
    /// From this file, which the operator named and keeps; one on each line.
    File(PathBuf),
    /// From this file in the data directory, one on each line; made there on the first start.
    KeyFile(PathBuf),
}

/// What is wrong with a configuration: every mistake, each with its key and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "the configuration has {} mistake(s):", self.0.len())?;
        self.0.iter().try_for_each(|mistake| writeln!(f, "  - {mistake}"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads the defaults, `file` and the environment.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigErrors> {
        let environment = Environment::with_prefix("GATEWAY").prefix_separator("__").separator("__").ignore_empty(true);
        Config::from_layers(file, environment)
    }

    /// As [`load`](Self::load), with variables instead of the environment: for the demo and for tests.
    pub fn from_variables(variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let source = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let environment =
            Environment::with_prefix("GATEWAY").prefix_separator("__").separator("__").source(Some(source));
        Config::from_layers(None, environment)
    }

    fn from_layers(file: Option<&Path>, environment: Environment) -> Result<Config, ConfigErrors> {
        let mut layers = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(path) = file {
            let text = file::toml(path).map_err(|mistake| ConfigErrors(vec![mistake]))?;
            layers = layers.add_source(File::from_str(&text, FileFormat::Toml));
        }
        let tree: serde_json::Value = layers
            .add_source(environment)
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|e| ConfigErrors(vec![e.to_string()]))?;
        let mut reader = Reader::new(tree);
        let config = read(&mut reader);
        match (reader.finish(), config) {
            (mistakes, Some(config)) if mistakes.is_empty() => Ok(config),
            (mistakes, _) => Err(ConfigErrors(mistakes)),
        }
    }
}

fn read(r: &mut Reader) -> Option<Config> {
    let bind = r.required("server.bind", |text: String| address(&text));
    let public_url = r.optional("server.public_url", |text: String| public_url::parse(&text));
    let insecure_http = r.required("server.insecure_http", Ok::<bool, String>);
    let workers = r.required("server.workers", |n: u64| at_most(n, 1024)).map(|n| n as usize);
    let trusted_proxies =
        r.list("server.trusted_proxies", |text: String| proxies::network(&text)).map(TrustedProxies::new);
    let body_seconds = r.required("server.body_seconds", |n: u64| between(n, 1, 3600));
    let header_seconds = r.required("server.header_seconds", |n: u64| between(n, 1, 3600));
    let write_seconds = r.required("server.write_seconds", |n: u64| between(n, 1, 3600));
    let drain_seconds = r.required("server.drain_seconds", |n: u64| at_most(n, 300));
    let connections_of_one_address = r.required("server.connections_per_address", |n: u64| at_most(n, 100_000));
    let memory = memory(r);
    let data_dir = r.required("data.dir", |text: String| Ok(PathBuf::from(text)));
    let database = r.optional("database.url", |text: String| text.parse::<DatabaseUrl>());
    let limits = limits::read(r);
    let migrate_on_start = r.required("database.migrate_on_start", Ok::<bool, String>);
    let given_key = r.optional("security.master_key", |text: String| keys::parse(&text));
    let given_keys = r.list("security.master_keys", |text: String| keys::parse(&text));
    let key_file = r.optional("security.master_key_file", |text: String| Ok(PathBuf::from(text)));
    let token = r.optional("admin.token", |text: String| admin_token(&text));
    let token_file = r.secret_file("admin.token_file", |text| admin_token(text.trim()));
    let operator_sign_in = operator_sign_in(r);
    let attributes = r.optional("attributes.file", |path: String| file::read(Path::new(&path)));
    let attributes = match overlays(attributes.as_deref().unwrap_or(ATTRIBUTES)) {
        Ok(attributes) => Some(attributes),
        Err(mistake) => {
            r.mistake(format!("attributes.file: {mistake}"));
            None
        }
    };
    let consent_roles = r.list("consent.roles", Ok::<String, String>);
    let consent_role_attribute = r.required("consent.role_attribute", Ok::<String, String>);
    let minutes = |n: u64| between(n, 1, 60 * 24 * 31).map(|n| n * 60);
    let hours = |n: u64| between(n, 0, 24 * 366).map(|n| n * 3600);
    let days = |n: u64| between(n, 1, 3660).map(|n| n * 86_400);
    let access_token_seconds = r.required("oauth.access_token_minutes", minutes);
    let authorization_code_seconds = r.required("oauth.authorization_code_seconds", |n: u64| between(n, 5, 600));
    let refresh_idle_seconds = r.required("oauth.refresh_idle_days", days);
    let refresh_absolute_seconds =
        r.required("oauth.refresh_absolute_days", |n: u64| at_most(n, 3650).map(|n| (n > 0).then_some(n * 86_400)));
    let retry_grace_seconds = r.required("oauth.retry_grace_seconds", |n: u64| between(n, 10, 30));
    let has_retry_hours = r.optional("oauth.refresh_retry_hours", hours).is_some();
    let session_seconds = r.required("oauth.session_hours", hours);
    let signing_key_days = r.required("oauth.signing_key_days", |n: u64| at_most(n, 3660));
    let session_idle_seconds = r.required("oauth.session_idle_minutes", minutes);
    let allow_okta_internal_http = r.required("oauth.allow_okta_internal_http", Ok::<bool, String>);
    let client_secret_days = r.required("oauth.client_secret_days", |n: u64| at_most(n, 3660)).map(|n| n as u32);
    let outbound = r.required("outbound.allow_loopback", |loopback: bool| {
        Ok(if loopback { AllowedNetworks::PublicAndLoopback } else { AllowedNetworks::Public })
    });
    let mail = mail::read(r);
    let page_size = r.required("scim.page_size", |n: u64| between(n, 1, 10_000)).map(|n| n as u32);
    let max_page_size = r.required("scim.max_page_size", |n: u64| between(n, 1, 10_000)).map(|n| n as u32);
    let max_body_kib = r.required("scim.max_body_kib", |n: u64| between(n, 16, 1 << 20));
    let max_page_kib = r.required("scim.max_page_kib", |n: u64| between(n, 64, 1 << 20));
    let max_document_kib = r.required("scim.max_document_kib", |n: u64| between(n, 16, 1 << 20));
    let audit_retention_days =
        r.required("audit.retention_days", |n: u64| at_most(n, 36_500).map(|n| (n > 0).then_some(n as u32)));
    let housekeeping_seconds = r.required("housekeeping.seconds", |n: u64| between(n, 1, 3600));
    let largest_share = r.required("housekeeping.largest_share_percent", |n: u64| between(n, 1, 100));
    let password_threads = r.required("passwords.threads", |n: u64| between(n, 1, 256)).map(|n| n as usize);
    let password_queue = r.required("passwords.queue", |n: u64| between(n, 1, 100_000)).map(|n| n as usize);
    let log_json = r.required("log.format", |text: String| match text.as_str() {
        "json" => Ok(true),
        "text" => Ok(false),
        _ => Err(format!("`{text}` is neither \"text\" nor \"json\"")),
    });
    let log_filter = r.required("log.filter", Ok::<String, String>);

    let data_dir = data_dir?;
    let given_keys = Some(given_keys?).filter(|keys| !keys.is_empty());
    let master_key = match (given_key, given_keys, key_file) {
        (Some(key), None, None) => MasterKeySource::Given(vec![key]),
        (None, Some(keys), None) => MasterKeySource::Given(keys),
        (None, None, Some(path)) => MasterKeySource::File(path),
        (None, None, None) => MasterKeySource::KeyFile(data_dir.join("master.key")),
        _ => {
            r.mistake(
                "security.master_key, security.master_keys and security.master_key_file: set one of them".to_owned(),
            );
            return None;
        }
    };
    let public_url = match public_url {
        Some(url) if !insecure_http? && is_exposed(&url) => {
            r.mistake(format!(
                "server.public_url: `{url}` is plain http, and passwords and tokens would travel readable; put a proxy with TLS \
                 in front and use its https:// address. (server.insecure_http = true allows it in a closed test network.)"
            ));
            None
        }
        url => url,
    };
    if let MasterKeySource::File(path) | MasterKeySource::KeyFile(path) = &master_key {
        r.warn_if_readable_by_others("security.master_key_file", path);
    }
    if token.is_some() && token_file.is_some() {
        r.mistake("admin.token and admin.token_file: set one of them".to_owned());
    }
    Some(Config {
        bind: bind?,
        public_url,
        insecure_http: insecure_http?,
        workers: workers?,
        trusted_proxies: trusted_proxies?,
        body_patience: Duration::from_secs(body_seconds?),
        header_patience: Duration::from_secs(header_seconds?),
        write_patience: Duration::from_secs(write_seconds?),
        drain_patience: Duration::from_secs(drain_seconds?),
        connections_of_one_address: Some(connections_of_one_address? as usize).filter(|most| *most > 0),
        memory: memory?,
        database: database.unwrap_or_else(|| DatabaseUrl::Sqlite(data_dir.join("gateway.db"))),
        limits: limits?,
        migrate_on_start: migrate_on_start?,
        data_dir,
        master_key,
        admin_token: token.or(token_file),
        operator_sign_in,
        attributes: attributes?,
        consent_roles: consent_roles?,
        consent_role_attribute: consent_role_attribute?,
        oauth: OAuth {
            access_token_seconds: access_token_seconds?,
            authorization_code_seconds: authorization_code_seconds?,
            refresh_idle_seconds: refresh_idle_seconds?,
            refresh_absolute_seconds: refresh_absolute_seconds?,
            retry_grace_seconds: retry_grace_seconds?,
            has_retry_hours,
            session_seconds: session_seconds?,
            signing_key_days: Some(signing_key_days? as i64 * 86_400_000).filter(|every| *every > 0),
            session_idle_seconds: session_idle_seconds?,
            allow_okta_internal_http: allow_okta_internal_http?,
            client_secret_days: client_secret_days?,
        },
        outbound: outbound?,
        mail,
        scim: Scim {
            page_size: page_size?,
            max_page_size: max_page_size?,
            max_page_bytes: max_page_kib? as usize * 1024,
            max_body_bytes: max_body_kib? as usize * 1024,
            max_document_bytes: max_document_kib? as usize * 1024,
        },
        audit_retention_days: audit_retention_days?,
        housekeeping: Housekeeping {
            pause: Duration::from_secs(housekeeping_seconds?),
            largest_share_percent: largest_share? as u32,
        },
        password_threads: password_threads?,
        password_queue: password_queue?,
        log_json: log_json?,
        log_filter: log_filter?,
        warnings: r.take_warnings(),
    })
}

fn memory(r: &mut Reader) -> Option<Memory> {
    let all = r.required("server.in_flight_mib", |n: u64| between(n, 16, 1 << 20).map(|n| n << 20));
    let of_one = r.required("server.account_in_flight_mib", |n: u64| between(n, 8, 1 << 20).map(|n| n << 20));
    let (all, of_one) = (all? as usize, of_one? as usize);
    if of_one > all / 4 * 3 {
        r.mistake(
            "server.account_in_flight_mib: at most three quarters of server.in_flight_mib, or one account could take what is kept for \
             the others"
                .to_owned(),
        );
        return None;
    }
    Some(Memory { all, of_one_account: of_one })
}

fn operator_sign_in(r: &mut Reader) -> Option<OperatorSignIn> {
    let issuer = r.optional("operators.issuer", |text: String| public_url::issuer(&text));
    let client_id = r.optional("operators.client_id", Ok::<String, String>);
    let secret = r.optional("operators.client_secret", |text: String| Ok(SecretText::new(&text)));
    let secret_file = r.secret_file("operators.client_secret_file", |text| Ok(SecretText::new(text.trim())));
    let allowed = r.list("operators.allowed", |text: String| match text.contains('@') {
        true => Ok(text),
        false => Err(format!("`{text}` is neither an address (ada@vendor.example) nor a domain (@vendor.example)")),
    });
    let unverified_email = r.required("operators.unverified_email", Ok::<bool, String>);
    let token_seconds = r.required("operators.token_hours", |n: u64| between(n, 1, 24 * 7).map(|n| n * 3600));
    if secret.is_some() && secret_file.is_some() {
        r.mistake("operators.client_secret and operators.client_secret_file: set one of them".to_owned());
    }
    let (allowed, unverified_email, token_seconds) = (allowed?, unverified_email?, token_seconds?);
    match (issuer, client_id, secret.or(secret_file)) {
        (None, None, None) => None,
        (Some(issuer), Some(client_id), Some(client_secret)) if !allowed.is_empty() => {
            Some(OperatorSignIn { issuer, client_id, client_secret, allowed, unverified_email, token_seconds })
        }
        _ => {
            r.mistake(
                "operators: set issuer, client_id, client_secret (or client_secret_file) and allowed, or none of them"
                    .to_owned(),
            );
            None
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text
        .to_socket_addrs()
        .map_err(|_| format!("`{text}` is not an address to listen on: write HOST:PORT, as in 127.0.0.1:8080"))?;
    found.next().ok_or_else(|| format!("`{text}` names no address"))
}

/// Plain http that leaves the machine.
pub(crate) fn is_exposed(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !loopback
}

fn admin_token(text: &str) -> Result<SecretText, String> {
    if text.len() < 16 {
        return Err(
            "is too short to be safe: use at least 16 characters, such as `openssl rand -hex 32` prints".to_owned()
        );
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("may only have visible ASCII characters, for it travels in a header".to_owned());
    }
    Ok(SecretText::new(text))
}

fn overlays(text: &str) -> Result<Vec<Overlay>, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Attributes {
        #[serde(default)]
        attribute: Vec<Overlay>,
    }
    toml::from_str::<Attributes>(text).map(|a| a.attribute).map_err(|e| e.to_string())
}

fn at_most(n: u64, most: u64) -> Result<u64, String> {
    between(n, 0, most)
}

fn between(n: u64, least: u64, most: u64) -> Result<u64, String> {
    if (least..=most).contains(&n) { Ok(n) } else { Err(format!("{n} is not between {least} and {most}")) }
}

#[cfg(test)]
mod tests;
