//! The events of RFC 9967: what happened to a resource, as a security event token tells it.
//!
//! A *full* event has the resource as it is since, or what changed of it, in `data`; a *notice* names what changed in `attributes`, and who
//! wants to know more reads the resource. Exactly one of the two is there (§2.4).

use serde_json::{Map, Value, json};

use crate::urn;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScimEvent {
    /// A resource was created, with all it has (§2.4.1).
    CreateFull,
    /// The same, naming the attributes.
    CreateNotice,
    /// A resource changed, with what was done to it (§2.4.2).
    PatchFull,
    /// The same, naming the attributes.
    PatchNotice,
    /// A resource changed, with all it has since (§2.4.3).
    PutFull,
    /// The same, naming the attributes.
    PutNotice,
    /// A resource was deleted (§2.4.4).
    Delete,
    /// A resource became active (§2.4.5).
    Activate,
    /// A resource became inactive (§2.4.6).
    Deactivate,
}

impl ScimEvent {
    /// All that there are for what happens to resources, but for those of a feed of some resources only.
    pub const ALL: [ScimEvent; 9] = [
        ScimEvent::CreateFull,
        ScimEvent::CreateNotice,
        ScimEvent::PatchFull,
        ScimEvent::PatchNotice,
        ScimEvent::PutFull,
        ScimEvent::PutNotice,
        ScimEvent::Delete,
        ScimEvent::Activate,
        ScimEvent::Deactivate,
    ];

    /// Its URI (§7.4).
    pub const fn uri(self) -> &'static str {
        match self {
            ScimEvent::CreateFull => "urn:ietf:params:scim:event:prov:create:full",
            ScimEvent::CreateNotice => "urn:ietf:params:scim:event:prov:create:notice",
            ScimEvent::PatchFull => "urn:ietf:params:scim:event:prov:patch:full",
            ScimEvent::PatchNotice => "urn:ietf:params:scim:event:prov:patch:notice",
            ScimEvent::PutFull => "urn:ietf:params:scim:event:prov:put:full",
            ScimEvent::PutNotice => "urn:ietf:params:scim:event:prov:put:notice",
            ScimEvent::Delete => "urn:ietf:params:scim:event:prov:delete",
            ScimEvent::Activate => "urn:ietf:params:scim:event:prov:activate",
            ScimEvent::Deactivate => "urn:ietf:params:scim:event:prov:deactivate",
        }
    }

    /// The event of a URI, in any case (RFC 8141 §3.1, RFC 7644 §3.10).
    pub fn parse(uri: &str) -> Option<ScimEvent> {
        ScimEvent::ALL.into_iter().find(|event| urn::same(event.uri(), uri))
    }

    /// Of an event with all data, the one that only names attributes.
    pub const fn notice(self) -> Option<ScimEvent> {
        match self {
            ScimEvent::CreateFull => Some(ScimEvent::CreateNotice),
            ScimEvent::PatchFull => Some(ScimEvent::PatchNotice),
            ScimEvent::PutFull => Some(ScimEvent::PutNotice),
            _ => None,
        }
    }
}

/// Which resource an event is about: `sub_id` (§2.1).
#[derive(Debug, Clone, Copy)]
pub struct EventSubject<'a> {
    /// `Users`, `Groups`.
    pub endpoint: &'a str,
    /// Its `id`.
    pub id: &'a str,
    /// Its `externalId`, if that is known.
    pub external_id: Option<&'a str>,
    /// Its `userName`, which is unique, if it has one.
    pub user_name: Option<&'a str>,
}

impl EventSubject<'_> {
    /// As a claim.
    pub fn claim(&self) -> Value {
        let mut claim = json!({"format": "scim", "uri": format!("/{}/{}", self.endpoint, self.id), "id": self.id});
        for (name, value) in [("externalId", self.external_id), ("userName", self.user_name)] {
            if let Some(value) = value {
                claim[name] = json!(value);
            }
        }
        claim
    }
}

/// The payload of a full event: `data`.
pub fn full(data: Value) -> Value {
    json!({ "data": data })
}

/// The payload of a notice: the paths of attributes, each once.
pub fn notice<'a>(attributes: impl IntoIterator<Item = &'a str>) -> Value {
    let mut named: Vec<&str> = Vec::new();
    for attribute in attributes {
        if !named.contains(&attribute) {
            named.push(attribute);
        }
    }
    json!({ "attributes": named })
}

/// A resource as `data`: its attributes, with the schemas that they are of.
pub fn representation(core: &str, attributes: &Map<String, Value>) -> Value {
    let extensions = attributes.keys().map(String::as_str).filter(|name| urn::is_extension_key(name));
    let schemas: Vec<&str> = std::iter::once(core).chain(extensions).collect();
    let mut whole = Map::from_iter([("schemas".to_owned(), json!(schemas))]);
    whole.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(whole)
}

/// A PATCH as `data`: its operations.
pub fn patch(operations: Vec<Value>) -> Value {
    json!({"schemas": [urn::PATCH_OP], "Operations": operations})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_uri_of_its_own_and_is_found_by_it() {
        for event in ScimEvent::ALL {
            assert_eq!(ScimEvent::parse(event.uri()), Some(event));
            assert_eq!(ScimEvent::parse(&event.uri().to_uppercase()), Some(event));
            assert_eq!(event.uri().ends_with(":full"), event.notice().is_some());
        }
        assert_eq!(ScimEvent::PutFull.notice().map(ScimEvent::uri), Some("urn:ietf:params:scim:event:prov:put:notice"));
        assert_eq!(ScimEvent::parse("urn:ietf:params:scim:event:feed:add"), None);
    }

    #[test]
    fn a_payload_has_data_or_attributes_and_never_both() {
        assert_eq!(
            notice(["emails", "name.familyName", "emails"]),
            json!({"attributes": ["emails", "name.familyName"]})
        );
        let attributes = json!({"id": "7", "userName": "ana", urn::ENTERPRISE_USER: {"department": "x"}});
        let data = representation(urn::USER, attributes.as_object().unwrap());
        assert_eq!(data["schemas"], json!([urn::USER, urn::ENTERPRISE_USER]));
        assert_eq!(full(data)["data"]["userName"], "ana");
    }

    #[test]
    fn a_subject_is_named_by_its_path_below_the_base_url() {
        let mut subject = EventSubject { endpoint: "Users", id: "7", external_id: None, user_name: Some("ana") };
        let claim = json!({"format": "scim", "uri": "/Users/7", "id": "7", "userName": "ana"});
        assert_eq!(subject.claim(), claim);
        subject.external_id = Some("00u1");
        assert_eq!(subject.claim()["externalId"], "00u1");
    }
}
