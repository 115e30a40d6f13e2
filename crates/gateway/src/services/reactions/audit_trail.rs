//! The audit trail as a projection of events: what a row says of each.

use oauth::event::Presented;
use scim::EventKind;
use scim::schema::USER;

use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Act, Action, Event, Kind, ResourceEvent, Target};
use crate::domain::ids::AccountKey;
use crate::storage::audit::Row;
use crate::storage::{DbError, Tx};

/// So many names are told; the others are counted.
const NAMED: usize = 20;

/// What the trail tells of an event: who did it, to what, in which account.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) account: Option<AccountKey>,
    pub(super) account_label: Option<Named>,
    pub(super) actor: Actor,
    pub(super) target: Option<Target>,
}

/// Writes down an event, if it is one that the trail tells of.
pub(super) fn write(tx: &mut Tx<'_>, event: &Event) -> Result<Option<Told>, DbError> {
    let (mut account, mut actor) = (event.account, event.actor.clone());
    let act = match &event.kind {
        Kind::Act(act) => act.clone(),
        Kind::Resource(event) => of_resource(event),
        Kind::TakenOver { .. } => return Ok(None),
        Kind::Authorization(event) => {
            let mut act = of_authorization(event);
            if let Some(grant) = tx.facts_of_grant(event.grant())? {
                account = grant.account;
                if let (Some(target), Some(client)) = (&mut act.target, &grant.client) {
                    target.name.clone_from(&client.name);
                }
                if actor == Actor::Unknown
                    && let Some(client) = presented_by(event).or(grant.client)
                {
                    actor = Actor::Client(client);
                }
            }
            act
        }
    };
    let Act { action, mut target, detail, .. } = act;
    let changes = match &event.kind {
        Kind::Act(act) => act.changes.to_json(),
        Kind::Resource(event) => event.changes.to_json(),
        Kind::Authorization(_) | Kind::TakenOver { .. } => None,
    };
    let account_label = account.map(|account| tx.account_label(account)).transpose()?.flatten();
    name_users(tx, account, action, &mut actor, target.as_mut())?;
    tx.insert_audit(Row {
        at: event.at,
        account,
        account_label: account_label.clone(),
        actor: &actor,
        action,
        target: target.clone(),
        address: event.address.as_deref(),
        request_id: event.request.as_ref().map(ToString::to_string),
        detail,
        changes,
    })?;
    Ok(Some(Told { account, account_label, actor, target }))
}

/// Names the user who acts and the user it is about, where only their ids were at hand.
fn name_users(
    tx: &mut Tx<'_>,
    account: Option<AccountKey>,
    action: Action,
    actor: &mut Actor,
    target: Option<&mut Target>,
) -> Result<(), DbError> {
    let Some(account) = account else { return Ok(()) };
    let mut found = None;
    if let Actor::User(user) = actor
        && user.name.is_none()
    {
        user.name = tx.resource_name(account, &user.id)?;
        found = Some(user.clone());
    }
    let Some(target) = target.filter(|target| target.name.is_none() && action.is_about_user()) else { return Ok(()) };
    target.name = match found.filter(|user| user.id == target.id) {
        Some(user) => user.name,
        None => tx.resource_name(account, &target.id)?,
    };
    Ok(())
}

/// The client at the token endpoint, where it is another than that of the grant.
fn presented_by(event: &oauth::Event) -> Option<Named> {
    match event {
        oauth::Event::ForeignToken { client, .. } => Some(Named::id(client)),
        _ => None,
    }
}

fn of_resource(event: &ResourceEvent) -> Act {
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
            (Action::GroupMembershipChanged, Some(format!("{} joined, {} left", added.count, removed.count)))
        }
        EventKind::MembersPending { names } => {
            (Action::GroupMembersParked, Some(format!("waits for {}", listed(names))))
        }
        EventKind::MembersSkipped { ids } => (Action::GroupMembersSkipped, Some(format!("left out {}", listed(ids)))),
    };
    Act::new(action).on_named(event.id.as_str(), &event.name).saying(detail)
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
