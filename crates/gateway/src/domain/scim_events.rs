//! Events of the feed as those of RFC 9967: which is told by which, and with what.
//!
//! `docs/security-events.md` has the table. What is told is what the feed tells: no secret, no password, nothing that no client is shown. What has
//! no counterpart in RFC 9967 (access, grants, clients, accounts) is in the feed only.

use scim::security_event::{EventSubject, ScimEvent, full, notice, patch, representation};
use serde_json::{Map, Value, json};

use super::feed::EventType;

/// What a SET says of an event of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// `sub_id`
    pub subject: Value,
    /// The events by URI, each with its payload.
    pub events: Map<String, Value>,
    /// The public id of the account.
    pub account: Option<String>,
}

/// By which events of RFC 9967 those of a type are told. An event with all data may be a notice instead.
const fn told_by(kind: EventType) -> &'static [ScimEvent] {
    match kind {
        EventType::UserCreated | EventType::GroupCreated => &[ScimEvent::CreateFull],
        EventType::UserChanged => &[ScimEvent::PutFull],
        EventType::UserActivated => &[ScimEvent::Activate],
        EventType::UserDeactivated => &[ScimEvent::Deactivate],
        EventType::UserRestored => &[ScimEvent::Activate, ScimEvent::PutFull],
        EventType::UserDeleted | EventType::GroupDeleted => &[ScimEvent::Delete],
        EventType::GroupChanged | EventType::GroupMembershipChanged => &[ScimEvent::PatchFull],
        _ => &[],
    }
}

fn is_wanted(event: ScimEvent, wanted: &[ScimEvent]) -> bool {
    wanted.contains(&event) || event.notice().is_some_and(|notice| wanted.contains(&notice))
}

/// The types of events of the feed of which a stream tells that has these kinds of events.
pub fn types_for(wanted: &[ScimEvent]) -> Vec<EventType> {
    let is_told = |kind: &EventType| told_by(*kind).iter().any(|event| is_wanted(*event, wanted));
    EventType::ALL.iter().copied().filter(is_told).collect()
}

/// The first kind of events with all data that is asked for without the notice that takes its place where all data is too much.
pub fn without_notice(wanted: &[ScimEvent]) -> Option<(ScimEvent, ScimEvent)> {
    let pairs = wanted.iter().filter_map(|event| Some((*event, event.notice()?)));
    pairs.into_iter().find(|(_, notice)| !wanted.contains(notice))
}

/// What a SET says of an event: of its type, and its members as the feed has them, without braces. `None`: nothing of it is wanted, or it cannot
/// be read.
pub fn told(kind: &str, members: &str, wanted: &[ScimEvent]) -> Option<Told> {
    let kind = EventType::parse(kind)?;
    let event: Value = serde_json::from_str(&format!("{{{members}}}")).ok()?;
    let (subject, data) = (&event["subject"], &event["data"]);
    let id = subject["id"].as_str()?;
    let is_user = subject["type"] == "user";
    let resource = &data[if is_user { "user" } else { "group" }];
    let mut events = Map::new();
    for of in told_by(kind).iter().filter(|event| is_wanted(**event, wanted)) {
        let whole = wanted.contains(of).then(|| payload(*of, kind, is_user, data, resource)).flatten();
        let (of, payload) = match (whole, of.notice()) {
            (Some(payload), _) => (*of, payload),
            (None, Some(short)) => (short, notice(attributes(kind, data, resource).iter().map(String::as_str))),
            (None, None) => continue,
        };
        events.insert(of.uri().to_owned(), payload);
    }
    let subject = EventSubject {
        endpoint: if is_user { "Users" } else { "Groups" },
        id,
        external_id: resource["externalId"].as_str().or_else(|| subject["externalId"].as_str()),
        user_name: subject["name"].as_str().filter(|_| is_user),
    };
    let account = event["account"]["id"].as_str().map(str::to_owned);
    (!events.is_empty()).then(|| Told { subject: subject.claim(), events, account })
}

/// The payload with all data; `None` where the feed has not all of it.
fn payload(of: ScimEvent, kind: EventType, is_user: bool, data: &Value, resource: &Value) -> Option<Value> {
    if data["complete"] == false {
        return None;
    }
    match of {
        ScimEvent::Delete | ScimEvent::Activate | ScimEvent::Deactivate => Some(json!({})),
        ScimEvent::PatchFull if kind == EventType::GroupMembershipChanged => Some(full(patch(membership(data)))),
        ScimEvent::PatchFull => Some(full(patch(changes(data, resource)?))),
        _ => {
            let core = if is_user { scim::urn::USER } else { scim::urn::GROUP };
            Some(full(representation(core, resource.as_object()?)))
        }
    }
}

/// What was done to the attributes of a group: those that it has since, and those that are gone. Its members are told by themselves.
fn changes(data: &Value, group: &Value) -> Option<Vec<Value>> {
    let changes = data["changes"].as_object();
    if changes.is_some_and(|changes| changes.contains_key(CUT)) {
        return None;
    }
    let mut since = group.as_object()?.clone();
    since.shift_remove("id");
    let mut operations = vec![json!({"op": "replace", "value": since})];
    let gone = changes.into_iter().flatten().filter(|(_, change)| change["after"].is_null());
    operations.extend(gone.map(|(path, _)| json!({"op": "remove", "path": path})));
    Some(operations)
}

/// Who joined a group, and who left.
fn membership(data: &Value) -> Vec<Value> {
    let named = |list: &str| data[list].as_array().cloned().unwrap_or_default();
    let member = |member: &Value| {
        let (is_user, id) = (member["type"] == "user", member["id"].as_str().unwrap_or_default());
        let (name, endpoint) = if is_user { ("User", "Users") } else { ("Group", "Groups") };
        let mut told = json!({"value": id, "$ref": format!("/{endpoint}/{id}"), "type": name});
        if member["name"].is_string() {
            told["display"] = member["name"].clone();
        }
        told
    };
    let mut operations = Vec::new();
    let added: Vec<Value> = named("added").iter().map(member).collect();
    if !added.is_empty() {
        operations.push(json!({"op": "add", "path": "members", "value": added}));
    }
    operations.extend(
        named("removed")
            .iter()
            .map(|member| json!({"op": "remove", "path": format!("members[value eq {}]", member["id"])})),
    );
    operations
}

/// The mark by which a list of changes says that there are more.
const CUT: &str = "…";

/// The attributes that a notice names.
fn attributes(kind: EventType, data: &Value, resource: &Value) -> Vec<String> {
    if kind == EventType::GroupMembershipChanged {
        return vec!["members".to_owned()];
    }
    let names = |value: &Value| value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let mut named: Vec<String> = names(&data["changes"]);
    let is_cut = named.iter().any(|name| name == CUT);
    named.retain(|name| name != CUT);
    // All it has, where what changed is not all known, or all is new.
    if named.is_empty()
        || is_cut
        || matches!(kind, EventType::UserCreated | EventType::GroupCreated | EventType::UserRestored)
    {
        let has: Vec<String> = names(resource);
        named.extend(has);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: [ScimEvent; 9] = ScimEvent::ALL;
    const SHORT: [ScimEvent; 3] = [ScimEvent::CreateNotice, ScimEvent::PatchNotice, ScimEvent::PutNotice];

    fn members(subject: Value, data: Value) -> String {
        let event = json!({"account": {"id": "a1", "name": "acme"}, "actor": null, "subject": subject, "data": data});
        let text = event.to_string();
        text[1..text.len() - 1].to_owned()
    }

    fn of_user(data: Value) -> String {
        members(json!({"type": "user", "id": "u1", "name": "ana"}), data)
    }

    fn of_group(data: Value) -> String {
        members(json!({"type": "group", "id": "g1", "name": "Editors"}), data)
    }

    fn events(kind: &str, members: &str, wanted: &[ScimEvent]) -> Value {
        told(kind, members, wanted).map_or(Value::Null, |told| Value::Object(told.events))
    }

    #[test]
    fn a_user_is_told_whole_where_that_is_asked_for_and_else_by_the_names_of_attributes() {
        let user = json!({"id": "u1", "userName": "ana", "externalId": "00u1", "role": "admin"});
        let data = json!({"user": user, "changes": {"role": {"before": "x", "after": "admin"}}});
        let whole =
            json!({"schemas": [scim::urn::USER], "id": "u1", "userName": "ana", "externalId": "00u1", "role": "admin"});
        let changed = of_user(data);
        assert_eq!(events("user.changed", &changed, &FULL), json!({ScimEvent::PutFull.uri(): {"data": whole}}));
        let short = json!({ScimEvent::PutNotice.uri(): {"attributes": ["role"]}});
        assert_eq!(events("user.changed", &changed, &SHORT), short);
        assert_eq!(events("user.changed", &changed, &[ScimEvent::Delete]), Value::Null);
        let created = events("user.created", &of_user(json!({ "user": user })), &SHORT);
        assert_eq!(
            created[ScimEvent::CreateNotice.uri()]["attributes"],
            json!(["id", "userName", "externalId", "role"])
        );
        let told = told("user.changed", &changed, &FULL).unwrap();
        let subject =
            json!({"format": "scim", "uri": "/Users/u1", "id": "u1", "externalId": "00u1", "userName": "ana"});
        assert_eq!((told.subject, told.account.as_deref()), (subject, Some("a1")));
    }

    #[test]
    fn what_is_gone_is_named_as_its_identity_provider_names_it() {
        let subject = json!({"type": "group", "id": "g1", "name": "Editors", "externalId": "00g1"});
        let told = told("group.deleted", &members(subject, json!({})), &FULL).unwrap();
        assert_eq!(told.subject, json!({"format": "scim", "uri": "/Groups/g1", "id": "g1", "externalId": "00g1"}));
    }

    #[test]
    fn what_is_too_large_for_the_feed_is_a_notice() {
        let large = of_user(json!({"user": {"id": "u1"}, "complete": false, "changes": {"title": {}, "…": 3}}));
        let told = events("user.changed", &large, &FULL);
        assert_eq!(told, json!({ScimEvent::PutNotice.uri(): {"attributes": ["title", "id"]}}));
        let many = of_group(json!({"added": [], "removed": [], "added_count": 2_000, "complete": false}));
        let told = events("group.membership_changed", &many, &FULL);
        assert_eq!(told, json!({ScimEvent::PatchNotice.uri(): {"attributes": ["members"]}}));
    }

    #[test]
    fn members_and_attributes_of_a_group_are_told_as_a_patch() {
        let data = json!({"added": [{"type": "user", "id": "u1", "name": "ana"}], "removed": [{"type": "group", "id": "g2", "name": null}],
            "complete": true});
        let told = events("group.membership_changed", &of_group(data), &FULL);
        let operations = json!([
            {"op": "add", "path": "members", "value": [{"value": "u1", "$ref": "/Users/u1", "type": "User", "display": "ana"}]},
            {"op": "remove", "path": "members[value eq \"g2\"]"}
        ]);
        assert_eq!(
            told[ScimEvent::PatchFull.uri()]["data"],
            json!({"schemas": [scim::urn::PATCH_OP], "Operations": operations})
        );
        let data = json!({"group": {"id": "g1", "displayName": "EU"}, "changes": {"displayName": {"before": "a", "after": "EU"},
            "externalId": {"before": "7", "after": null}}});
        let told = events("group.changed", &of_group(data), &FULL);
        let operations =
            json!([{"op": "replace", "value": {"displayName": "EU"}}, {"op": "remove", "path": "externalId"}]);
        assert_eq!(told[ScimEvent::PatchFull.uri()]["data"]["Operations"], operations);
        for operation in operations.as_array().unwrap() {
            let body = json!({"schemas": [scim::urn::PATCH_OP], "Operations": [operation]});
            assert!(scim::patch::PatchRequest::parse(&body).is_ok(), "{operation}");
        }
    }

    #[test]
    fn comings_and_goings_have_no_payload() {
        let whole = json!({"user": {"id": "u1", "userName": "ana"}});
        for (kind, event) in [
            ("user.activated", ScimEvent::Activate),
            ("user.deactivated", ScimEvent::Deactivate),
            ("user.deleted", ScimEvent::Delete),
        ] {
            assert_eq!(events(kind, &of_user(whole.clone()), &FULL), json!({event.uri(): {}}), "{kind}");
        }
        let restored = events("user.restored", &of_user(whole), &FULL);
        let uris: Vec<&String> = restored.as_object().unwrap().keys().collect();
        assert_eq!(uris, [ScimEvent::Activate.uri(), ScimEvent::PutFull.uri()]);
    }

    #[test]
    fn what_has_no_counterpart_is_not_told() {
        let told = types_for(&FULL);
        for kind in EventType::ALL {
            let is_of_resource = kind.code().starts_with("user.") || kind.code().starts_with("group.");
            assert_eq!(told.contains(kind), is_of_resource, "{kind:?}");
        }
        assert_eq!(events("access.changed", &of_user(json!({})), &FULL), Value::Null);
        assert_eq!(types_for(&[ScimEvent::Delete]), [EventType::UserDeleted, EventType::GroupDeleted]);
        assert_eq!(types_for(&[]), []);
    }

    #[test]
    fn all_data_is_asked_for_together_with_its_notice() {
        assert_eq!(without_notice(&FULL), None);
        assert_eq!(without_notice(&SHORT), None);
        let wanted = [ScimEvent::Delete, ScimEvent::PutFull];
        assert_eq!(without_notice(&wanted), Some((ScimEvent::PutFull, ScimEvent::PutNotice)));
    }
}
