//! What the client sends: the attributes that decide about access, deviations that it is forgiven, members who do not exist.

use super::{Facts, HealthPolicy, Reason, ReasonCode, listed, times};
use crate::domain::wording::day;
use crate::platform::timestamp::Timestamp;

pub(super) fn judge(facts: &Facts, policy: &HealthPolicy, _: Timestamp, reasons: &mut Vec<Reason>) {
    let name = &facts.client.name;
    let fields = &facts.fields;
    for misspelt in &fields.misspelt {
        let sentence = format!(
            "{name} sent “{}” {}, and it was ignored; “{}” is meant, it seems.",
            misspelt.name,
            times(misspelt.count),
            misspelt.nearest
        );
        reasons.push(Reason::new(ReasonCode::AccessAttributeMisspelt, None, sentence));
    }
    if fields.users >= policy.field_requests {
        let users = fields.users;
        if fields.role == Some(0) {
            match facts.account.as_ref().and_then(|account| account.default_role.as_deref()) {
                Some(role) => {
                    let sentence =
                        format!("None of the {users} users that {name} sent had a role: each got the default, {role}.");
                    reasons.push(Reason::new(ReasonCode::RoleIsDefault, None, sentence));
                }
                None => {
                    let sentence = format!("None of the {users} users that {name} sent had a role.");
                    reasons.push(Reason::new(ReasonCode::RoleNeverArrives, None, sentence));
                }
            }
        }
        // With one environment, or none, there is nothing to choose.
        let can_choose = facts.account.as_ref().is_none_or(|account| account.environments > 1);
        if fields.environments == Some(0) && can_choose {
            let sentence = format!(
                "None of the {users} users that {name} sent had product environments: each may enter all of them."
            );
            reasons.push(Reason::new(ReasonCode::EnvironmentsNeverArrive, None, sentence));
        }
    }
    if !facts.tolerances.is_empty() {
        let sentence = format!(
            "{name} needs what the RFCs do not allow and its profile forgives ({}): it would not work with the profile strict.",
            listed(&facts.tolerances)
        );
        reasons.push(Reason::new(ReasonCode::NeedsTolerances, None, sentence));
    }
    if let Some(pending) = facts.pending.as_ref().filter(|_| facts.client.provisions && facts.has_connected()) {
        let many = match (pending.count, pending.more) {
            (1, false) => "A member".to_owned(),
            (count, false) => format!("{count} members"),
            (count, true) => format!("{count} members or more"),
        };
        let (are, exist) = if pending.count == 1 { ("is", "does") } else { ("are", "do") };
        let sentence = format!(
            "{many} of groups {are} named who {exist} not exist, for more than a day: “{}” in the group “{}” since {}.",
            pending.member,
            pending.group,
            day(pending.since)
        );
        reasons.push(Reason::new(ReasonCode::PendingMembers, pending.since, sentence));
    }
}
