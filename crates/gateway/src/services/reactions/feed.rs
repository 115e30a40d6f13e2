//! The feed as a projection of events: what is told of each, with all that a reader needs to keep a copy.
//!
//! An event carries the whole state of what it is about after the change, or adds and removes members by id: it may be applied twice. What
//! would not be bounded is not told: then `complete` is false, and a reader reads it anew. No event has a secret: attributes that no client is
//! shown are left out by the protocol, and acts are told as the audit trail tells them.

use oauth::Event as Authorization;
use scim::schema::{ResourceTypeId, USER};
use scim::{EventKind, Member, Members};
use serde::Serialize;
use serde_json::{Value, json};

use super::access::Effect;
use super::audit_trail::Told;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Event, Kind, ResourceEvent};
use crate::domain::feed::EventType;
use crate::domain::ids::AccountKey;
use crate::platform::system;
use crate::services::resolution::short;
use crate::storage::events::NewEvent;
use crate::storage::{DbError, Tx};

/// A resource whose attributes have more bytes of JSON is not told whole.
const LARGEST: usize = 64 * 1024;

/// A kind of thing that has an id, and perhaps a name.
struct Subject<'a> {
    kind: &'a str,
    id: &'a str,
    name: Option<&'a str>,
    /// Of a user or group: what an identity provider calls it.
    external_id: Option<&'a str>,
}

impl<'a> Subject<'a> {
    fn of(kind: &'a str, id: &'a str, name: Option<&'a str>) -> Subject<'a> {
        Subject { kind, id, name, external_id: None }
    }
}

/// Writes an event as the feed tells it, if it does. `told` is its row of the audit trail, and `effect` what it means for access.
pub(super) fn write(tx: &mut Tx<'_>, event: &Event, told: &Told, effect: &Effect) -> Result<(), DbError> {
    if !tx.feeds() {
        return Ok(());
    }
    match &event.kind {
        Kind::Resource(of) => resource(tx, event, told, of, effect)?,
        Kind::Authorization(of) => authorization(tx, event, told, of)?,
        Kind::Act(of) => {
            let Some(kind) = EventType::of_act(of.action) else { return Ok(()) };
            let target = told.target.as_ref();
            let subject = kind.subject().or(of.about).zip(target);
            let subject = subject.map(|(kind, target)| Subject::of(kind, &target.id, target.name.as_deref()));
            let data = about_act(of.detail.as_deref(), of.changes.to_json());
            emit(tx, event, told, kind, subject, &data)?;
        }
        Kind::TakenOver { .. } => {}
    }
    match effect {
        Effect::OfMany { of, users } => {
            let (kind, id, name) = match of {
                Some(group) => ("group", group.id.as_str(), Some(group.name.as_str())),
                None => match &told.account_label {
                    Some(account) => ("account", account.id.as_str(), account.name.as_deref()),
                    None => return Ok(()),
                },
            };
            let data = match users {
                Some(users) if users.is_empty() => return Ok(()),
                Some(users) => json!({ "users": users, "complete": true }),
                None => json!({ "users": [], "complete": false }),
            };
            emit(tx, event, told, EventType::AccessChanged, Some(Subject::of(kind, id, name)), &data.to_string())
        }
        Effect::None | Effect::OfUser(_) => Ok(()),
    }
}

fn resource(tx: &mut Tx<'_>, event: &Event, told: &Told, of: &ResourceEvent, effect: &Effect) -> Result<(), DbError> {
    let is_user = of.resource_type == USER;
    let type_of = |user, group| Some(if is_user { user } else { group });
    let kind = match &of.kind {
        EventKind::Created => type_of(EventType::UserCreated, EventType::GroupCreated),
        // Where only members came or went, that is told beside.
        EventKind::Replaced | EventKind::Patched if of.document.is_none() => None,
        EventKind::Replaced | EventKind::Patched => type_of(EventType::UserChanged, EventType::GroupChanged),
        EventKind::Restored => Some(EventType::UserRestored),
        EventKind::Activated => Some(EventType::UserActivated),
        EventKind::Deactivated => Some(EventType::UserDeactivated),
        EventKind::Deleted => type_of(EventType::UserDeleted, EventType::GroupDeleted),
        EventKind::MembershipChanged { .. } => Some(EventType::GroupMembershipChanged),
        EventKind::AccessOpened { .. } | EventKind::MembersPending { .. } | EventKind::MembersSkipped { .. } => None,
    };
    let Some(kind) = kind else { return Ok(()) };
    let data = match &of.kind {
        EventKind::MembershipChanged { added, removed } => membership(added, removed).to_string(),
        EventKind::Deleted => "{}".to_owned(),
        _ => state(of, effect),
    };
    let external_id = of.external_id.as_deref();
    let subject = Subject { external_id, ..Subject::of(noun(of.resource_type), of.id.as_str(), Some(&of.name)) };
    emit(tx, event, told, kind, Some(subject), &data)
}

fn noun(resource_type: ResourceTypeId) -> &'static str {
    if resource_type == USER { "user" } else { "group" }
}

/// A user or group as it is since, what changed, and what it means for access.
fn state(of: &ResourceEvent, effect: &Effect) -> String {
    let id = format!(r#"{{"id":{}"#, text(of.id.as_str()));
    let attributes = of.document.as_ref().map(to_json).unwrap_or_default();
    let is_whole = attributes.len() <= LARGEST;
    let rest = attributes.strip_prefix('{').filter(|rest| is_whole && *rest != "}");
    let mut data = format!(r#"{{"{}":{id}"#, noun(of.resource_type));
    match rest {
        Some(rest) => data.extend([",", rest]),
        None => data.push('}'),
    }
    if !is_whole {
        data.push_str(r#","complete":false"#);
    }
    if let Some(changes) = of.values.to_json() {
        data.extend([r#","changes":"#, &changes]);
    }
    if let Effect::OfUser(change) = effect {
        data.extend([r#","access":"#, &to_json(&short(&change.after))]);
        if let Some(before) = change.before.as_ref().filter(|before| !change.after.is_like(before)) {
            data.extend([r#","access_before":"#, &to_json(&short(before))]);
        }
    }
    data.push('}');
    data
}

/// What can be written as JSON.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

fn text(value: &str) -> String {
    to_json(&value)
}

/// Who joined and who left; whole where all are named.
fn membership(added: &Members, removed: &Members) -> Value {
    let named = |members: &Members| -> Vec<Value> { members.named.iter().map(member).collect() };
    let is_whole = |members: &Members| members.named.len() as u64 == members.count;
    json!({
        "added": named(added),
        "removed": named(removed),
        "added_count": added.count,
        "removed_count": removed.count,
        "complete": is_whole(added) && is_whole(removed),
    })
}

fn member(member: &Member) -> Value {
    json!({"type": noun(member.resource_type), "id": member.id.as_str(), "name": member.display})
}

fn authorization(tx: &mut Tx<'_>, event: &Event, told: &Told, of: &Authorization) -> Result<(), DbError> {
    let (kind, data) = match of {
        Authorization::GrantCreated { client, scope, .. } => {
            (EventType::GrantCreated, json!({"client": client.to_string(), "scope": scope.to_string()}))
        }
        Authorization::GrantEnded { reason, .. } => (EventType::GrantEnded, json!({"reason": reason.as_str()})),
        Authorization::GrantRebound { from, to, reason, .. } => {
            (EventType::GrantRebound, json!({"from": from, "to": to, "reason": reason.as_str()}))
        }
        Authorization::ConnectionReplaced { ended, .. } => {
            let first: Vec<String> = ended.iter().take(Members::NAMED).map(ToString::to_string).collect();
            (EventType::ConnectionReplaced, json!({"ended": first, "ended_count": ended.len()}))
        }
        Authorization::ForeignToken { .. }
        | Authorization::TokenRevoked { .. }
        | Authorization::StaticTokenRevoked { .. }
        | Authorization::AnsweredAgain { .. }
        | Authorization::AcceptedWithoutPkce { .. } => return Ok(()),
    };
    let id = of.grant().to_string();
    let name = told.target.as_ref().and_then(|target| target.name.as_deref());
    emit(tx, event, told, kind, Some(Subject::of("grant", &id, name)), &data.to_string())
}

/// What is said of an act: for people, and what changed.
fn about_act(detail: Option<&str>, changes: Option<String>) -> String {
    let detail = detail.map(|detail| format!(r#""detail":{}"#, json!(detail)));
    let changes = changes.map(|changes| format!(r#""changes":{changes}"#));
    format!("{{{}}}", detail.into_iter().chain(changes).collect::<Vec<_>>().join(","))
}

fn emit(
    tx: &mut Tx<'_>,
    event: &Event,
    told: &Told,
    kind: EventType,
    subject: Option<Subject<'_>>,
    data: &str,
) -> Result<(), DbError> {
    let label = told.account_label.as_ref();
    let account = label.map(|account| Labelled::of(None, Some(&account.id), account.name.as_deref()));
    let subject = subject
        .map(|one| Labelled { external_id: one.external_id, ..Labelled::of(Some(one.kind), Some(one.id), one.name) });
    let body = format!(
        r#""account":{},"actor":{},"request":{},"subject":{},"data":{data}"#,
        to_json(&account),
        actor(&told.actor),
        to_json(&event.request.as_ref().map(ToString::to_string)),
        to_json(&subject),
    );
    // The rows of an account that is deleted go with it; that it was deleted is told.
    let account: Option<AccountKey> = told.account.filter(|_| kind != EventType::AccountDeleted);
    tx.insert_event(NewEvent { id: system::new_uuid(), at: event.at, account, label, kind: kind.code(), body })
}

/// A thing as it is named in an event.
#[derive(Serialize)]
struct Labelled<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    id: Option<&'a str>,
    name: Option<&'a str>,
    #[serde(rename = "externalId", skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
}

impl<'a> Labelled<'a> {
    fn of(kind: Option<&'a str>, id: Option<&'a str>, name: Option<&'a str>) -> Labelled<'a> {
        Labelled { kind, id, name, external_id: None }
    }
}

fn actor(actor: &Actor) -> String {
    let named = |kind, Named { id, name }: &Named| to_json(&Labelled::of(Some(kind), Some(id), name.as_deref()));
    match actor {
        Actor::Client(client) => named("client", client),
        Actor::User(user) => named("user", user),
        Actor::Operator(operator) => named("operator", operator),
        Actor::SetupLink(link) => named("setup_link", link),
        Actor::Provider(provider) => named("provider", provider),
        Actor::Server | Actor::CommandLine | Actor::Browser | Actor::Unknown => {
            to_json(&Labelled::of(Some(&actor.code().replace(' ', "_")), None, None))
        }
    }
}
