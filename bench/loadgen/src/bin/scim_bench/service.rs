//! The service provider as the scenarios see it, and the users they know in it.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};

use loadgen::text::beginning;
use loadgen::{Args, Pool, Response, split_url};
use serde_json::{Value, json};

/// The base URL, the credentials, and a connection for each worker.
pub struct Service {
    base: String,
    headers: String,
    pool: Pool,
}

/// One user made earlier.
#[derive(Clone)]
pub struct Known {
    pub name: String,
    pub id: String,
}

impl Service {
    pub fn new(args: &Args, connections: usize) -> Service {
        let url = args.text("base", "http://127.0.0.1:8080/scim/v2");
        let (host, base) = split_url(url.trim_end_matches('/'));
        let authorization = args.opt("token").map(|token| format!("Authorization: Bearer {token}\r\n"));
        let headers = format!("Accept: application/scim+json\r\n{}", authorization.unwrap_or_default());
        Service { base, headers, pool: Pool::new(&host, connections) }
    }

    /// One request on the worker's own connection; any status but those in `good` is an error.
    pub async fn call(
        &self,
        worker: usize,
        method: &str,
        path: &str,
        body: &[u8],
        good: &[u16],
    ) -> Result<Response, String> {
        let mut headers = self.headers.clone();
        if !body.is_empty() {
            headers.push_str("Content-Type: application/scim+json\r\n");
        }
        let path = format!("{}{path}", self.base);
        match self.pool.call(worker, method, &path, &headers, body).await {
            Ok(response) if good.contains(&response.status) => Ok(response),
            Ok(response) => Err(format!("{} {}", response.status, beginning(&response.body))),
            Err(error) => Err(format!("no answer: {error}")),
        }
    }

    pub async fn get(&self, worker: usize, path: &str) -> Result<Vec<u8>, String> {
        Ok(self.call(worker, "GET", path, b"", &[200]).await?.body)
    }

    pub async fn patch(&self, worker: usize, path: &str, operation: Value) -> Result<usize, String> {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        let body = json!({"schemas": schemas, "Operations": [operation]}).to_string();
        Ok(self.call(worker, "PATCH", path, body.as_bytes(), &[200, 204]).await?.body.len())
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

/// The body Okta sends when it pushes a new user, with the role our schema requires.
pub fn user_body(name: &str, n: usize) -> Vec<u8> {
    json!({
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
    })
    .to_string()
    .into_bytes()
}

/// Reads the state file: userName, tab, id.
pub fn load_state(path: &str) -> Vec<Known> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let known = text.lines().filter_map(|line| line.split_once('\t'));
    known.map(|(name, id)| Known { name: name.to_string(), id: id.to_string() }).collect()
}

/// Adds to the state file.
pub fn append_state(path: &str, made: &[Known]) {
    let file: File = OpenOptions::new().create(true).append(true).open(path).expect("the state file can be written");
    let mut out = BufWriter::new(file);
    for Known { name, id } in made {
        writeln!(out, "{name}\t{id}").expect("the state file can be written");
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
