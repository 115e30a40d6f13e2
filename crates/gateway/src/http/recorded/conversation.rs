//! A request that was recorded in full, as a conversation file: what has to be there first, the request, and what it is to be answered. Personal
//! data is replaced consistently. The form is that of `crates/gateway/tests/conversations`.

use oauth::GrantId;
use scim::AccountValues;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::account::Account;
use crate::domain::bodies::requests::{AnyJson, Conversation};
use crate::domain::ids::AccountKey;
use crate::domain::request::full::{FullRecording, KeptBody};
use crate::domain::request::stand_ins::{StandIns, ids_in};
use crate::http::edge::problem::Problem;
use crate::http::scim::rehearse;
use crate::platform::system;
use crate::services::requests::Recorded;
use crate::storage::ReadCost;

/// So many users and groups are made first.
const MOST: usize = 50;

/// Writes the file.
pub(in crate::http) async fn export(app: &App, found: Recorded) -> Result<Conversation, Problem> {
    if let Some(why) = found.recording.why_not_replayable() {
        return Err(Problem::conflict(format!("this request cannot be exported: {why}")));
    }
    let (Some(key), Some(grant)) = (found.row.account, found.recording.grant) else {
        return Err(Problem::conflict("this request cannot be exported: it came by no grant"));
    };
    let (client, name) = (found.client, found.row.client.clone().unwrap_or_default());
    let read = app.db.read(ReadCost::Point, move |tx| {
        let account = tx.account_at(key)?.ok_or_else(|| Problem::not_found("account", "of this request"))?;
        let profile = tx.client_record(&name)?.map_or("generic", |record| record.client.profile.name);
        Ok::<_, Problem>((account, profile, tx.grant_to_replay(client, key, grant)?))
    });
    let (account, profile, grant) = read.await?;
    let there = There { app, account: key, grant: GrantId::new(grant) };
    let resources = there.needed(&found).await?;
    let registry = app.provider(&account)?.registry;
    let mut values: AccountValues = account.account_values();
    values.lists.clear();
    let stand_ins = StandIns::new(&registry, &values);
    Ok(Writer { found, account, profile, stand_ins }.write(resources))
}

/// A user or group that has to be there before the request.
struct Resource {
    endpoint: String,
    /// The id it has here; none of one that the request only collides with.
    id: Option<String>,
    document: Value,
}

/// What is in the account, as the client sees it.
struct There<'a> {
    app: &'a App,
    account: AccountKey,
    grant: GrantId,
}

impl There<'_> {
    /// The users and groups that the request names, and the one it collides with.
    async fn needed(&self, found: &Recorded) -> Result<Vec<Resource>, Problem> {
        let recording = &found.recording;
        let mut ids = Vec::new();
        ids_in(&json!(recording.below), &mut ids);
        ids_in(&json!(recording.query), &mut ids);
        if let KeptBody::Json(body) = &recording.body {
            ids_in(body, &mut ids);
        }
        let mut needed = Vec::new();
        for id in ids.into_iter().filter(|id| system::is_id(id)).take(MOST) {
            let (mut there, mut endpoint) = (None, "Users");
            for candidate in ["Users", "Groups"] {
                there = self.read(format!("{candidate}/{id}"), Vec::new()).await?;
                if there.is_some() {
                    endpoint = candidate;
                    break;
                }
            }
            let is_target = recording.below.as_deref().is_some_and(|below| below.ends_with(&id));
            match there {
                Some(document) => needed.push(Resource { endpoint: endpoint.to_owned(), id: Some(id), document }),
                // It was there, and was deleted: by this very request, or since.
                None if is_target && found.row.status < 400 => {
                    let name = found.row.target_name.clone().unwrap_or_else(|| "gone".to_owned());
                    let endpoint = recording.below.as_deref().unwrap_or_default().split('/').next().unwrap_or_default();
                    let document =
                        if endpoint == "Groups" { json!({"displayName": name}) } else { json!({"userName": name}) };
                    needed.push(Resource { endpoint: endpoint.to_owned(), id: Some(id), document });
                }
                None => {}
            }
        }
        if recording.status == 409
            && let Some(other) = self.in_the_way(recording, &needed).await?
        {
            needed.push(other);
        }
        // Users first: groups may name them.
        needed.sort_by_key(|resource| resource.endpoint != "Users");
        Ok(needed)
    }

    /// What has the name that the request gives.
    async fn in_the_way(&self, recording: &FullRecording, needed: &[Resource]) -> Result<Option<Resource>, Problem> {
        let KeptBody::Json(body) = &recording.body else { return Ok(None) };
        for (endpoint, attribute) in [("Users", "userName"), ("Groups", "displayName")] {
            let Some(name) = named(body, attribute)
                .filter(|_| recording.below.as_deref().is_some_and(|below| below.starts_with(endpoint)))
            else {
                continue;
            };
            let filter = format!("{attribute} eq {}", Value::String(name));
            let list = self.read(endpoint.to_owned(), vec![("filter".to_owned(), filter)]).await?;
            let found = list.as_ref().and_then(|list| list["Resources"].as_array()).into_iter().flatten();
            let known = |document: &Value| needed.iter().any(|other| other.id.as_deref() == document["id"].as_str());
            if let Some(document) = found.clone().find(|document| !known(document)) {
                return Ok(Some(Resource { endpoint: endpoint.to_owned(), id: None, document: document.clone() }));
            }
        }
        Ok(None)
    }

    async fn read(&self, below: String, query: Vec<(String, String)>) -> Result<Option<Value>, Problem> {
        let asked = FullRecording {
            method: "GET".to_owned(),
            path: String::new(),
            below: Some(below),
            query,
            headers: Vec::new(),
            body: KeptBody::None,
            status: 0,
            answer_headers: Vec::new(),
            answer: KeptBody::None,
            grant: None,
            matters: false,
        };
        let answer = rehearse(self.app, self.account, self.grant, &asked).await.map_err(Problem::from)?;
        Ok((answer.status == 200).then(|| serde_json::from_slice(&answer.body).ok()).flatten())
    }
}

/// The value of an attribute somewhere in a body.
fn named(body: &Value, attribute: &str) -> Option<String> {
    match body {
        Value::Object(members) => {
            let own = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
            let path =
                members.iter().find(|(name, _)| name.eq_ignore_ascii_case("path")).and_then(|(_, path)| path.as_str());
            let value = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("value")).map(|(_, value)| value);
            own.and_then(|(_, value)| value.as_str())
                .or_else(|| value.filter(|_| path.is_some_and(|path| path.eq_ignore_ascii_case(attribute)))?.as_str())
                .map(str::to_owned)
                .or_else(|| members.values().find_map(|value| named(value, attribute)))
        }
        Value::Array(elements) => elements.iter().find_map(|element| named(element, attribute)),
        _ => None,
    }
}

/// Writes the file.
struct Writer {
    found: Recorded,
    account: Account,
    profile: &'static str,
    stand_ins: StandIns,
}

impl Writer {
    fn write(mut self, resources: Vec<Resource>) -> Conversation {
        let mut steps = Vec::new();
        let target = self.found.recording.below.clone().unwrap_or_default();
        let mut target_version = None;
        for (n, resource) in resources.iter().enumerate() {
            let name = format!("{}-{}", if resource.endpoint == "Groups" { "group" } else { "user" }, n + 1);
            let mut keep = Map::new();
            if let Some(id) = &resource.id {
                self.stand_ins.call(id, format!("{{{{{name}}}}}"));
                keep.insert(name.clone(), json!("/id"));
                if target.ends_with(id.as_str()) {
                    keep.insert(format!("{name}-version"), json!("/meta/version"));
                    target_version = Some(format!("{{{{{name}-version}}}}"));
                }
            }
            let body = self.document(resource);
            steps.push(json!({
                "name": format!("{name} is there"),
                "request": {"method": "POST", "path": format!("/{}", resource.endpoint), "body": body},
                "expect": {"status": 201},
                "keep": keep,
            }));
        }
        steps.push(self.request(target_version));
        let of_account = self.of_account();
        let about = format!(
            "Exported from a recorded request; personal data is replaced. It was answered {}{}.",
            self.found.row.status,
            self.found.row.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default()
        );
        Conversation {
            about,
            profile: self.profile,
            account: AnyJson(of_account),
            headers: AnyJson(json!({})),
            steps: AnyJson(steps.into()),
        }
    }

    /// What the account has that outcomes depend on.
    fn of_account(&mut self) -> Value {
        let Account { product_environments, default_role, options, .. } = &self.account;
        let environments: Vec<String> = product_environments.iter().map(|name| self.stand_ins.text(name)).collect();
        let mut account = json!({"product_environments": environments, "inactive_match": options.inactive_match});
        if let Some(role) = default_role {
            account["default_role"] = json!(role);
        }
        if options.unique_group_names {
            account["unique_group_names"] = json!(true);
        }
        account
    }

    /// A resource as it is made: without what only the service provider sets, and without the members of a group.
    fn document(&mut self, resource: &Resource) -> Value {
        let mut document = resource.document.clone();
        if let Value::Object(members) = &mut document {
            for name in ["id", "meta", "groups", "members"] {
                members.shift_remove(name);
            }
            if resource.endpoint == "Users" && !members.contains_key("schemas") {
                members.insert("schemas".to_owned(), json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
            }
            if resource.endpoint == "Groups" && !members.contains_key("schemas") {
                members.insert("schemas".to_owned(), json!(["urn:ietf:params:scim:schemas:core:2.0:Group"]));
            }
        }
        self.stand_ins.body(&document)
    }

    fn request(&mut self, version: Option<String>) -> Value {
        let recording = self.found.recording.clone();
        let below = recording.below.as_deref().unwrap_or_default().trim_start_matches('/');
        let path: Vec<String> = below.split('/').map(|part| self.segment(part)).collect();
        let mut path = format!("/{}", path.join("/"));
        if !recording.query.is_empty() {
            let query = recording.query.iter().map(|(name, value)| (name.clone(), self.stand_ins.literals(value)));
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            path = format!("{path}?{}", query.replace("%7B%7B", "{{").replace("%7D%7D", "}}"));
        }
        let mut request = json!({"method": recording.method, "path": path});
        let mut headers = Map::new();
        for (name, value) in &recording.headers {
            match name.as_str() {
                "content-type" | "accept" => drop(headers.insert(name.clone(), json!(value))),
                // The version is another one; where it was the wrong one, it is again.
                "if-match" | "if-none-match" if value != "*" => {
                    let fits = (recording.status == 304) == (name == "if-none-match") && recording.status != 412;
                    let known = version.clone().filter(|_| fits).unwrap_or_else(|| "W/\"999999\"".to_owned());
                    headers.insert(name.clone(), json!(known));
                }
                "if-match" | "if-none-match" => drop(headers.insert(name.clone(), json!(value))),
                _ => {}
            }
        }
        if !headers.is_empty() {
            request["headers"] = Value::Object(headers);
        }
        if let KeptBody::Json(body) = &recording.body {
            request["body"] = self.stand_ins.body(body);
        }
        let mut expect = json!({"status": recording.status});
        if let Some(body) = self.expected(&recording) {
            expect["body"] = body;
        }
        json!({"name": format!("{} as it was recorded", recording.method), "request": request, "expect": expect})
    }

    /// A part of a path: an id, a name of ours, or what a client made up.
    fn segment(&mut self, part: &str) -> String {
        let ours = ["Users", "Groups", "Me", "Bulk", ".search", "Schemas", "ResourceTypes", "ServiceProviderConfig"];
        if ours.contains(&part)
            || part.starts_with("urn:")
            || self.found.row.endpoint.split('/').any(|known| known == part)
        {
            return part.to_owned();
        }
        let told = self.stand_ins.text(part);
        let encoded: String = url::form_urlencoded::byte_serialize(told.as_bytes()).collect();
        encoded.replace('+', "%20").replace("%7B%7B", "{{").replace("%7D%7D", "}}")
    }

    /// What of the answer does not depend on when and where it is given.
    fn expected(&mut self, recording: &FullRecording) -> Option<Value> {
        let KeptBody::Json(answer) = &recording.answer else { return None };
        if recording.status >= 400 {
            let mut expected = json!({"status": recording.status.to_string(), "detail": "{{a string}}"});
            if let Some(kind) = answer.get("scimType") {
                expected["scimType"] = kind.clone();
            }
            return Some(expected);
        }
        if answer.get("totalResults").is_some() {
            return Some(json!({"totalResults": "{{a number}}"}));
        }
        let mut expected = Map::new();
        if answer.get("id").is_some() {
            expected.insert("id".to_owned(), json!("{{a string}}"));
        }
        if let (KeptBody::Json(Value::Object(sent)), Value::Object(answered)) = (&recording.body, answer) {
            let same = sent.iter().filter(|(name, value)| answered.get(name.as_str()) == Some(*value));
            for (name, value) in same.filter(|(name, _)| !matches!(name.as_str(), "id" | "meta" | "groups" | "members"))
            {
                let one = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
                expected.extend(self.stand_ins.body(&one).as_object().cloned().unwrap_or_default());
            }
        }
        Some(Value::Object(expected)).filter(|expected| expected != &json!({}))
    }
}
