//! The audit trail as a projection of events: what a row says of each.

use oauth::event::Presented;
use scim::EventKind;
use scim::schema::USER;

use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Act, Action, Event, Kind, Target};
use crate::storage::audit::Row;
use crate::storage::{DbError, Tx};

/// So many names are told; the others are counted.
const NAMED: usize = 20;

/// Writes down an event, if it is one that the trail tells of.
pub(super) fn write(tx: &mut Tx<'_>, event: &Event) -> Result<(), DbError> {
    let act = match &event.kind {
        Kind::Act(act) => act.clone(),
        Kind::Resource(event) => {
            let changes = tx.changes.take_if(|(id, _)| written(&event.kind) && *id == event.id);
            of_resource(event).changing(changes.map(|(_, changes)| changes).unwrap_or_default())
        }
        Kind::Authorization(event) => of_authorization(event),
        Kind::TakenOver { .. } | Kind::RoleLost(_) | Kind::AdministratorLeft(_) => return Ok(()),
    };
    let (mut account, mut actor) = (event.account, event.actor.clone());
    if let Kind::Authorization(event) = &event.kind
        && let Some(grant) = tx.facts_of_grant(event.grant())?
    {
        account = Some(grant.account);
        if actor == Actor::Unknown {
            actor = Actor::Client(presented_by(event).or(grant.client).unwrap_or(Named::id("")));
        }
    }
    let Act { action, target, detail, changes } = act;
    let (target, name) = target.map(|Target { id, name }| (id, name)).unzip();
    tx.insert_audit(Row {
        at: event.at,
        account,
        actor: actor.code(),
        action,
        target,
        address: event.address.as_deref(),
        detail: detail.or(name.flatten()),
        changes: changes.to_json(),
    })
}

/// The client at the token endpoint, where it is another than that of the grant.
fn presented_by(event: &oauth::Event) -> Option<Named> {
    match event {
        oauth::Event::ForeignToken { client, .. } => Some(Named::id(client)),
        _ => None,
    }
}

fn written(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Replaced | EventKind::Patched)
}

fn of_resource(event: &scim::Event) -> Act {
    let is_user = event.resource_type == USER;
    let of = |user, group| if is_user { user } else { group };
    let (action, detail) = match &event.kind {
        EventKind::Created => (of(Action::UserCreated, Action::GroupCreated), None),
        EventKind::Restored => (Action::UserRestored, None),
        EventKind::Replaced => (of(Action::UserReplaced, Action::GroupReplaced), None),
        EventKind::Patched => (of(Action::UserPatched, Action::GroupPatched), None),
        EventKind::Activated => (Action::UserActivated, None),
        EventKind::Deactivated => (Action::UserDeactivated, None),
        EventKind::Deleted => (of(Action::UserDeleted, Action::GroupDeleted), None),
        EventKind::AccessOpened { attributes } => {
            let names = attributes.join(", ");
            let detail = format!("{names} was unassigned as a whole: without a value nothing is restricted");
            (Action::UserAccessOpened, Some(detail))
        }
        EventKind::MembershipChanged { added, removed } => {
            (Action::GroupMembershipChanged, Some(format!("{added} joined, {removed} left")))
        }
        EventKind::MembersParked { names } => {
            (Action::GroupMembersParked, Some(format!("waits for {}", listed(names))))
        }
        EventKind::MembersSkipped { ids } => (Action::GroupMembersSkipped, Some(format!("left out {}", listed(ids)))),
    };
    Act::new(action).on(event.id.to_string()).saying(detail)
}

fn of_authorization(event: &oauth::Event) -> Act {
    use oauth::Event as E;
    let grant = event.grant().to_string();
    match event {
        E::GrantCreated { client, scope, .. } => {
            Act::new(Action::GrantCreated).on(grant).saying(format!("client {client}, scope {scope}"))
        }
        E::GrantEnded { reason, .. } => Act::new(Action::GrantEnded).on(grant).saying(reason.as_str().to_owned()),
        E::GrantRebound { from, to, reason, .. } => {
            let detail = format!("from user {from} to user {to}: {}", reason.as_str());
            Act::new(Action::GrantRebound).on(grant).saying(detail)
        }
        E::ForeignToken { client, .. } => {
            Act::new(Action::GrantForeignToken).on(grant).saying(format!("presented by client {client}"))
        }
        E::TokenRevoked { .. } => Act::new(Action::TokenRevoked).on(grant),
        E::StaticTokenRevoked { token, .. } => Act::new(Action::StaticTokenRevoked).on(token),
        E::ConnectionReplaced { ended, .. } => {
            let ended: Vec<String> = ended.iter().map(ToString::to_string).collect();
            let detail = format!("its first use ended {} older connections: {}", ended.len(), first(&ended));
            Act::new(Action::ConnectionReplaced).on(grant).saying(detail)
        }
        E::AnsweredAgain { presented, .. } => {
            let what = match presented {
                Presented::Code => "an authorization code",
                Presented::RefreshToken => "a refresh token",
            };
            let detail = format!("{what} was presented again, and nothing of its first answer had been used");
            Act::new(Action::GrantAnsweredAgain).on(grant).saying(detail)
        }
        E::AcceptedWithoutPkce { .. } => Act::new(Action::GrantWithoutPkce).on(grant),
    }
}

/// How many, and the first of them.
fn listed(names: &[String]) -> String {
    format!("{}: {}", names.len(), first(names))
}

fn first(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = if names.len() > first.len() { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}
