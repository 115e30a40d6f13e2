//! The service provider as the scenarios see it, and the users they know in it.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};

use loadgen::text::beginning;
use loadgen::{Args, Pool, Response, split_url};
use serde_json::{Value, json};

/// The account whose lists, groups and new users are measured: the first one that was named.
pub const FIRST: usize = 0;

/// The base path, the credentials of each account, and a connection for each worker.
pub struct Service {
    base: String,
    /// One for each account.
    headers: Vec<String>,
    pool: Pool,
    /// Attributes of the bodies below that this server does not know.
    without: Vec<String>,
}

/// One user made earlier, and the account they are in.
#[derive(Clone)]
pub struct Known {
    pub name: String,
    pub id: String,
    pub account: usize,
}

impl Service {
    /// `--base` names one server or several, which the workers take in turn; `--token` one account or several. Both are separated by
    /// commas, as are the attributes that `--without` leaves out of new users.
    pub fn new(args: &Args, connections: usize) -> Service {
        let urls = args.text("base", "http://127.0.0.1:8080/scim/v2");
        let (hosts, paths): (Vec<_>, Vec<_>) = urls.split(',').map(|url| split_url(url.trim_end_matches('/'))).unzip();
        let headers = |token: &str| format!("Accept: application/scim+json\r\nAuthorization: Bearer {token}\r\n");
        let headers = args.text("token", "").split(',').map(headers).collect();
        let without = args.text("without", "").split(',').map(str::to_string).collect();
        Service { base: paths[0].clone(), headers, pool: Pool::new(&hosts, connections), without }
    }

    pub fn accounts(&self) -> usize {
        self.headers.len()
    }

    /// One request on the worker's own connection; any status but those in `good` is an error.
    pub async fn call(
        &self,
        (worker, account): (usize, usize),
        method: &str,
        path: &str,
        body: &[u8],
        good: &[u16],
    ) -> Result<Response, String> {
        let (path, headers) = (format!("{}{path}", self.base), self.headers_for(account, body));
        match self.pool.call(worker, method, &path, &headers, body).await {
            Ok(response) if good.contains(&response.status) => Ok(response),
            Ok(response) => Err(format!("{} {}", response.status, beginning(&response.body))),
            Err(error) => Err(format!("no answer: {error}")),
        }
    }

    /// The status of the answer, and 0 where there is none.
    pub async fn status(&self, (worker, account): (usize, usize), method: &str, path: &str, body: &[u8]) -> u16 {
        let (path, headers) = (format!("{}{path}", self.base), self.headers_for(account, body));
        self.pool.call(worker, method, &path, &headers, body).await.map_or(0, |response| response.status)
    }

    fn headers_for(&self, account: usize, body: &[u8]) -> String {
        let media_type = if body.is_empty() { "" } else { "Content-Type: application/scim+json\r\n" };
        format!("{}{media_type}", self.headers[account])
    }

    pub async fn get(&self, worker: (usize, usize), path: &str) -> Result<Vec<u8>, String> {
        Ok(self.call(worker, "GET", path, b"", &[200]).await?.body)
    }

    pub async fn patch(&self, worker: (usize, usize), path: &str, operation: Value) -> Result<usize, String> {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        let body = json!({"schemas": schemas, "Operations": [operation]}).to_string();
        Ok(self.call(worker, "PATCH", path, body.as_bytes(), &[200, 204]).await?.body.len())
    }

    /// The body Okta sends when it pushes a new user, with the role our schema requires.
    pub fn user_body(&self, name: &str, n: usize) -> Vec<u8> {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name,
            "name": {"givenName": format!("Given{n}"), "familyName": format!("Family{n}")},
            "emails": [{"primary": true, "value": name, "type": "work"}],
            "displayName": format!("Given{n} Family{n}"),
            "externalId": format!("00u{:017}", scattered(n).rotate_left(16)),
            "locale": "en-US",
            "groups": [],
            "active": true,
            "role": "media_library_user"
        });
        if let Some(attributes) = body.as_object_mut() {
            attributes.retain(|name, _| !self.without.contains(name));
        }
        body.to_string().into_bytes()
    }
}

/// The n-th user's name. Names come in no order, as people's do: an index that is filled in order would flatter us.
pub fn user_name(n: usize) -> String {
    format!("user{:08x}@example.com", scattered(n))
}

/// A permutation of the 32-bit numbers (Knuth's multiplicative hash).
fn scattered(n: usize) -> u32 {
    (n as u32).wrapping_mul(2_654_435_761)
}

/// Reads the state file: userName, id, and which of the accounts, with tabs between.
pub fn load_state(path: &str) -> Vec<Known> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let read = |line: &str| {
        let mut fields = line.split('\t').map(str::to_string);
        let (name, id) = (fields.next()?, fields.next()?);
        Some(Known { name, id, account: fields.next().map_or(Some(FIRST), |n| n.parse().ok())? })
    };
    text.lines().filter_map(read).collect()
}

/// Those of the first account.
pub fn of_the_first(known: Vec<Known>) -> Vec<Known> {
    known.into_iter().filter(|user| user.account == FIRST).collect()
}

/// Adds to the state file.
pub fn append_state(path: &str, made: &[Known]) {
    let file: File = OpenOptions::new().create(true).append(true).open(path).expect("the state file can be written");
    let mut out = BufWriter::new(file);
    for Known { name, id, account } in made {
        writeln!(out, "{name}\t{id}\t{account}").expect("the state file can be written");
    }
}

/// `totalResults`, without parsing the page.
pub fn total_results(body: &[u8]) -> usize {
    let text = String::from_utf8_lossy(body);
    let after = text.split_once("\"totalResults\"").map_or("", |(_, after)| after);
    let digits: String = after.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// The `id` of an answer.
pub fn id_of(body: &[u8]) -> Result<String, String> {
    let value: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    value["id"].as_str().map(str::to_string).ok_or_else(|| "an answer without an id".to_string())
}
