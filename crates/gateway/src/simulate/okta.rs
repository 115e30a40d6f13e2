//! Okta's SCIM client, as it calls from outside: its headers, its look-ups, and what its two kinds of application send for each act of an
//! administrator.
//!
//! An app made with Okta's wizard reads a resource and replaces it (GET, PUT); an app from Okta's catalog modifies it (PATCH). A service
//! provider has to serve both.

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use serde_json::{Map, Value, json};
use url::Url;

use super::wire::{Answer, Failure, Wire, encoded};

/// The User schema.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The Group schema.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What goes with every request, beside the token.
pub const HEADERS: &[(&str, &str)] =
    &[("user-agent", "Okta SCIM Client 1.0.0"), ("accept", "application/scim+json"), ("accept-charset", "utf-8")];
const MEDIA_TYPE: &str = "application/scim+json; charset=utf-8";

/// How many resources it asks for at once.
const PAGE: usize = 100;

/// What kind of application it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Made with the App Integration Wizard: GET, then PUT.
    Wizard,
    /// From the catalog: PATCH.
    Catalog,
}

/// Okta's provisioning. The way to the server adds the access token and [`HEADERS`].
#[derive(Debug)]
pub struct Okta<W> {
    wire: W,
    kind: Kind,
    /// Where the SCIM endpoint is.
    base: String,
}

impl<W: Wire> Okta<W> {
    /// An application of this kind that provisions to the SCIM endpoint at this address.
    pub fn new(wire: W, kind: Kind, base: &str) -> Okta<W> {
        Okta { wire, kind, base: base.to_owned() }
    }

    /// Its way to the server.
    pub fn wire(&self) -> &W {
        &self.wire
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let url = format!("{}{path}", self.base);
        let url = Url::parse(&url).map_err(|e| Failure(format!("`{url}` is not a URL: {e}")))?;
        let mut request = Request::new(method, url);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        *request.body_mut() = body.map(|body| body.to_string().into());
        self.wire.send(request).await
    }

    /// GET of a path below the SCIM endpoint.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, None).await
    }

    /// POST of this body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// PUT of this body.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// DELETE of a path.
    pub async fn delete(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::DELETE, path, None).await
    }

    /// A PATCH with these operations.
    pub async fn patch(&self, path: &str, operations: Value) -> Result<Answer, Failure> {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        self.send(Method::PATCH, path, Some(&body)).await
    }

    /// The look-up before every assignment: `endpoint` is `/Users` or `/Groups`.
    pub async fn look_up(&self, endpoint: &str, attribute: &str, value: &str) -> Result<Answer, Failure> {
        let filter = encoded(&format!("{attribute} eq \"{value}\""));
        self.get(&format!("{endpoint}?filter={filter}&startIndex=1&count={PAGE}")).await
    }

    /// "Test API Credentials".
    pub async fn test_credentials(&self) -> Result<(), Failure> {
        list(self.get("/Users?startIndex=1&count=2").await?)?;
        list(self.get(&format!("/Groups?startIndex=1&count={PAGE}")).await?)?;
        Ok(())
    }

    /// The resource that a look-up finds. More than one is an error in Okta.
    pub async fn find(&self, endpoint: &str, attribute: &str, value: &str) -> Result<Option<Value>, Failure> {
        let (found, _) = list(self.look_up(endpoint, attribute, value).await?)?;
        match found.len() {
            0 | 1 => Ok(found.into_iter().next()),
            n => Err(Failure(format!("{endpoint}: {n} resources have {attribute} {value}: Multiple users found"))),
        }
    }

    /// The resource as it is now.
    pub async fn read(&self, resource: &Value) -> Result<Value, Failure> {
        self.get(&path_of(resource)).await?.expect(&[200])?.json()
    }

    /// Assigns a user to the application: links the one that the look-up finds, creates the one that it does not.
    pub async fn assign(&self, user_name: &str, profile: Value) -> Result<Value, Failure> {
        match self.find("/Users", "userName", user_name).await? {
            Some(found) => self.update(&found, &profile).await,
            None => {
                let mut body = profile;
                merge(&mut body, &json!({"password": "r4nd0m-Xy-made-up-by-okta"}));
                self.post("/Users", &body).await?.expect(&[201])?.json()
            }
        }
    }

    /// Pushes a changed profile.
    pub async fn update(&self, user: &Value, changes: &Value) -> Result<Value, Failure> {
        match self.kind {
            Kind::Wizard => {
                let mut body = self.read(user).await?;
                merge(&mut body, changes);
                self.put(&path_of(user), &body).await?.expect(&[200])?.json()
            }
            Kind::Catalog => {
                let operations = json!([{"op": "replace", "value": changes}]);
                self.patch(&path_of(user), operations).await?.expect(&[200, 204])?;
                self.read(user).await
            }
        }
    }

    /// Unassigns a user, or assigns them again.
    pub async fn set_active(&self, user: &Value, active: bool) -> Result<Value, Failure> {
        self.update(user, &json!({"active": active})).await
    }

    /// "Import Now": every page of `/Users` or `/Groups`.
    pub async fn import(&self, endpoint: &str) -> Result<Vec<Value>, Failure> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let answer = self.get(&format!("{endpoint}?startIndex={}&count={PAGE}", all.len() + 1)).await?;
            let (page, total) = list(answer)?;
            if page.is_empty() && all.len() < total {
                return Err(Failure(format!("{endpoint}: a page is empty after {} of {total}", all.len())));
            }
            all.extend(page);
            if all.len() >= total {
                return Ok(all);
            }
        }
    }

    /// Pushes a group that Okta does not know here yet.
    pub async fn push_group(&self, name: &str, members: &[&Value]) -> Result<Value, Failure> {
        let group = match self.find("/Groups", "displayName", name).await? {
            Some(found) => found,
            None => {
                let body = json!({"schemas": [GROUP], "displayName": name, "members": []});
                self.post("/Groups", &body).await?.expect(&[201])?.json()?
            }
        };
        self.set_members(&group, name, members).await?;
        Ok(group)
    }

    /// "Push now": the whole member list.
    pub async fn set_members(&self, group: &Value, name: &str, members: &[&Value]) -> Result<(), Failure> {
        let members: Vec<Value> = members.iter().map(|user| member(user)).collect();
        match self.kind {
            Kind::Wizard => self.put_group(group, name, members).await,
            Kind::Catalog => {
                self.patch_group(group, json!([{"op": "replace", "path": "members", "value": members}])).await
            }
        }
    }

    /// Users joined, and users left.
    pub async fn change_members(&self, group: &Value, added: &[&Value], removed: &[&Value]) -> Result<(), Failure> {
        let added = added.iter().map(|user| member(user));
        match self.kind {
            Kind::Wizard => {
                let now = self.read(group).await?;
                let mut members = now["members"].as_array().cloned().unwrap_or_default();
                members.retain(|member| !removed.iter().any(|gone| gone["id"] == member["value"]));
                members.extend(added);
                self.put_group(group, text(&now, "displayName"), members).await
            }
            Kind::Catalog => {
                let path = |gone: &Value| format!("members[value eq \"{}\"]", text(gone, "id"));
                let mut operations: Vec<Value> =
                    removed.iter().map(|gone| json!({"op": "remove", "path": path(gone)})).collect();
                if added.len() > 0 {
                    operations.push(json!({"op": "add", "path": "members", "value": added.collect::<Vec<_>>()}));
                }
                self.patch_group(group, operations.into()).await
            }
        }
    }

    /// A group was renamed in Okta.
    pub async fn rename_group(&self, group: &Value, name: &str) -> Result<(), Failure> {
        match self.kind {
            Kind::Wizard => {
                let members = self.read(group).await?["members"].as_array().cloned().unwrap_or_default();
                self.put_group(group, name, members).await
            }
            Kind::Catalog => {
                // With the readOnly `id` inside the value, as Okta sends it.
                let value = json!({"id": group["id"], "displayName": name});
                self.patch_group(group, json!([{"op": "replace", "value": value}])).await
            }
        }
    }

    /// Removes the link and the group.
    pub async fn remove_group(&self, group: &Value) -> Result<(), Failure> {
        self.delete(&path_of(group)).await?.expect(&[204])?;
        Ok(())
    }

    async fn put_group(&self, group: &Value, name: &str, members: Vec<Value>) -> Result<(), Failure> {
        let body = json!({"schemas": [GROUP], "id": group["id"], "displayName": name, "members": members});
        self.put(&path_of(group), &body).await?.expect(&[200])?;
        Ok(())
    }

    async fn patch_group(&self, group: &Value, operations: Value) -> Result<(), Failure> {
        self.patch(&path_of(group), operations).await?.expect(&[200, 204])?;
        Ok(())
    }
}

/// The profile of a user as Okta sends it, without the password of a new one.
pub fn profile(user_name: &str, given: &str, family: &str, okta_id: &str, extra: &Value) -> Value {
    let mut profile = json!({
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": given, "familyName": family},
        "emails": [{"primary": true, "value": user_name, "type": "work"}],
        "displayName": format!("{given} {family}"),
        "locale": "en-US",
        "externalId": okta_id,
        "groups": [],
        "active": true,
    });
    merge(&mut profile, extra);
    profile
}

/// What Okta does with what it read: its own values over the rest.
pub fn merge(into: &mut Value, changes: &Value) {
    let empty = Map::new();
    for (name, value) in changes.as_object().unwrap_or(&empty) {
        into[name] = value.clone();
    }
}

/// The resources of a list, and how many there are in all. Okta insists on the members of a list.
fn list(answer: Answer) -> Result<(Vec<Value>, usize), Failure> {
    let answer = answer.expect(&[200])?;
    let list = answer.json()?;
    let number = |name: &str| list[name].as_u64().and_then(|number| usize::try_from(number).ok());
    let counted = (number("totalResults"), number("startIndex"), number("itemsPerPage"));
    match (counted, list["Resources"].as_array()) {
        ((Some(total), Some(_), Some(shown)), Some(resources)) if resources.len() == shown => {
            Ok((resources.clone(), total))
        }
        _ => Err(answer.unexpected("a list with totalResults, startIndex, itemsPerPage and so many Resources")),
    }
}

/// Members go without `type`.
fn member(user: &Value) -> Value {
    json!({"value": user["id"], "display": user["userName"]})
}

fn text<'a>(resource: &'a Value, name: &str) -> &'a str {
    resource[name].as_str().unwrap_or_default()
}

fn path_of(resource: &Value) -> String {
    let kind = resource["meta"]["resourceType"].as_str().unwrap_or_default();
    format!("/{kind}s/{}", text(resource, "id"))
}
