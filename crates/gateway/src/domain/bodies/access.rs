//! Access: the rules of an account as they are set and answered, and what a user may do, with reasons.

use serde_json::{Map, Value, json};

use crate::domain::access::{Environments, Precedence, UnsetEnvironments};
use crate::domain::described::{
    Anything, Components, Described, Mistakes, Name, Read, Required, Sometimes, Text, Time, Whole, answer, body, part,
};

/// An account has so many rules at most.
pub const MOST_RULES: usize = 500;

body! {
    /// A rule: members of a group have a role, may enter environments, or both.
    pub struct NewRule {
        /// The group, by its id. Either this or `group_name`.
        group_id: Option<Text>,
        /// The group by its `displayName`, in any letter case; it need not be there yet. Several groups of one name all count.
        group_name: Option<Name>,
        /// The role that members have.
        role: Option<Text>,
        /// The product environments that members may enter, or `"*"` for all of them.
        environments: Option<Environments>,
    }
    example {"group_name": "Editors", "role": "media_library_user", "environments": ["acme-prod"]}
}
part!(NewRule);

/// Rules in their order.
#[derive(Debug, Clone, Default)]
pub struct NewRules(pub Vec<NewRule>);

impl Described for NewRules {
    fn schema(components: &mut Components) -> Value {
        json!({"type": "array", "items": NewRule::schema(components), "maxItems": MOST_RULES})
    }

    fn example() -> Value {
        json!([NewRule::example()])
    }
}

impl Read for NewRules {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<NewRules> {
        let Value::Array(values) = value else {
            mistakes.note(at, "must be a list of rules");
            return None;
        };
        if values.len() > MOST_RULES {
            mistakes.note(at, format!("has {} rules; an account has at most {MOST_RULES}", values.len()));
            return None;
        }
        let rules =
            values.into_iter().enumerate().filter_map(|(i, rule)| NewRule::read(rule, &format!("{at}[{i}]"), mistakes));
        Some(NewRules(rules.collect()))
    }
}

body! {
    /// The rules of an account, all of them.
    pub struct NewAccess {
        /// What goes first where a user has a value of their own and a group gives one: `user` (the default) or `groups`.
        precedence: Option<Precedence>,
        /// The rules in their order. The role of the first one that matches counts; the environments of all that match are united.
        rules: Required<NewRules>,
        /// The `version` that is to be replaced. If another one is there by now, nothing is done (409). Without it the rules are
        /// replaced in any case.
        version: Option<Whole<0, 9007199254740991>>,
    }
    example {
        "precedence": "groups",
        "rules": [
            {"group_name": "Cloud admins", "role": "admin", "environments": "*"},
            {"group_name": "Editors", "role": "media_library_user", "environments": ["acme-prod"]}
        ]
    }
}

answer! {
    /// A group.
    pub struct AccessGroup {
        /// Its id.
        id: String,
        /// Its `displayName`.
        display: String,
    }
    example {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "display": "Editors"}
}

answer! {
    /// Who did something.
    pub struct AccessActor {
        /// As in the audit trail: `client:ID`, `operator:ID`, `user:ID` or a word.
        actor: String,
        /// The name they had then.
        name: Option<String>,
    }
    example {"actor": "client:0198c1d2e3f4", "name": "Okta"}
}

answer! {
    /// A rule of an account.
    pub struct AccessRule {
        /// The group that it names by its id.
        group_id: Option<String>,
        /// The group that it names by its name; or what the group of `group_id` is called, or was called last.
        group_name: String,
        /// Whether it counts: `live`; `waiting` for a group of the name; or `dead`, because the group of the id was deleted.
        state: String,
        /// The groups that it means.
        groups: Vec<AccessGroup>,
        /// The role that members have.
        role: Option<String>,
        /// The environments that members may enter; `*` is all of them.
        environments: Environments,
        /// Those of them that the account does not have any more: no user enters them.
        gone_environments: Vec<String>,
        /// Since when the rule is there.
        since: Time,
        /// Who made it.
        by: AccessActor,
    }
    example {
        "group_id": null, "group_name": "Editors", "state": "live",
        "groups": [{"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "display": "Editors"}], "role": "media_library_user",
        "environments": ["acme-prod"], "gone_environments": [], "since": "2026-11-23T20:00:00.000Z",
        "by": {"actor": "operator:nora", "name": "nora"}
    }
}

answer! {
    /// The rules by which the users of an account get roles and environments from their groups.
    pub struct AccessRules {
        /// What goes first where a user has a value of their own and a group gives one.
        precedence: Precedence,
        /// What it means that neither a user nor a group of theirs says which environments they may enter; set with the account.
        unset_environments: UnsetEnvironments,
        /// The rules in their order.
        rules: Vec<AccessRule>,
        /// How often the rules were written.
        version: i64,
    }
    example {"precedence": "user", "unset_environments": "all", "rules": [], "version": 0}
}

answer! {
    /// A user.
    pub struct AccessUser {
        /// The id.
        id: String,
        /// The name the user logs in by.
        user_name as "userName": String,
    }
    example {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d", "userName": "ana@acme.test"}
}

answer! {
    /// Why a user has something.
    pub struct AccessReason {
        /// `own`: the user's own attribute; `rule`: a rule of the account, for a group of theirs; `unset`: neither, and the account's policy.
        kind: String,
        /// In a sentence, for people.
        text: String,
        /// The rule, counted from 1.
        rule: Sometimes<usize>,
        /// The group that the rule names.
        group: Sometimes<AccessGroup>,
        /// The group in it of which the user is a member, where that is another one.
        through: Sometimes<AccessGroup>,
        /// Since when the user is a member of that group, or has the value; left out where that is no longer known.
        since: Sometimes<Time>,
        /// Who did that; left out where the audit trail does not say it any more.
        by: Sometimes<AccessActor>,
    }
    example {
        "kind": "rule", "text": "group \"Editors\", second rule, since 3 November 2026, by client Okta", "rule": 2,
        "group": {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "display": "Editors"}, "since": "2026-11-03T08:00:00.000Z",
        "by": {"actor": "client:0198c1d2e3f4", "name": "Okta"}
    }
}

answer! {
    /// The role of a user, and why.
    pub struct RoleAccess {
        /// The role.
        value: String,
        /// Why.
        reason: AccessReason,
    }
    example {"value": "admin", "reason": {"kind": "own", "text": "the user's own role"}}
}

answer! {
    /// An environment that a user may enter, and why.
    pub struct EnvironmentAccess {
        /// Its name.
        value: String,
        /// All reasons.
        reasons: Vec<AccessReason>,
    }
    example {"value": "acme-prod", "reasons": [{"kind": "own", "text": "the user's own product_environments"}]}
}

answer! {
    /// What a user may do, and why.
    pub struct UserAccess {
        /// Who.
        user: AccessUser,
        /// Whether they may do anything: the user is active, and the account is not suspended.
        active: bool,
        /// The role; `null` for none.
        role: Option<RoleAccess>,
        /// The environments of the account that they may enter.
        environments: Vec<EnvironmentAccess>,
        /// Whether they may enter every environment, those of the future too.
        every_environment: bool,
        /// Why there is nothing, where there is nothing.
        none_because: Sometimes<String>,
        /// The time that was asked about, where one was.
        at: Sometimes<Time>,
    }
    example {
        "user": {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d", "userName": "ana@acme.test"}, "active": true,
        "role": {"value": "admin", "reason": {"kind": "own", "text": "the user's own role"}},
        "environments": [{"value": "acme-prod", "reasons": [{"kind": "own", "text": "the user's own product_environments"}]}],
        "every_environment": false
    }
}

answer! {
    /// What a user may do, in short.
    pub struct ShortAccess {
        /// Whether they may do anything.
        active: bool,
        /// The role; `null` for none.
        role: Option<String>,
        /// The environments of the account that they may enter.
        environments: Vec<String>,
        /// Whether they may enter every environment, those of the future too.
        every_environment: bool,
    }
    example {"active": true, "role": "admin", "environments": ["acme-prod"], "every_environment": false}
}

answer! {
    /// A user and what they may do.
    pub struct ListedAccess {
        /// Who.
        user: AccessUser,
        /// What.
        access: ShortAccess,
    }
    example {
        "user": {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d", "userName": "ana@acme.test"},
        "access": {"active": true, "role": "admin", "environments": ["acme-prod"], "every_environment": false}
    }
}

body! {
    /// A change to be looked at before it is made. What it leaves out stays as it is; at least one is there.
    pub struct WhatIf {
        /// Other rules, all of them.
        rules: Option<NewRules>,
        /// Another order of users and groups.
        precedence: Option<Precedence>,
        /// Another policy for users of whom nothing is said.
        unset_environments: Option<UnsetEnvironments>,
        /// The id of a group that would be deleted.
        without_group: Option<Text>,
        /// An environment that would be removed.
        without_environment: Option<Text>,
    }
    example {"without_environment": "acme-stage"}
}

answer! {
    /// What would become of a user's access.
    pub struct AccessDifference {
        /// Who.
        user: AccessUser,
        /// Whether they would get something that they have not.
        grows: bool,
        /// What they may do now.
        before: ShortAccess,
        /// What they might do then.
        after: ShortAccess,
    }
    example {
        "user": {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d", "userName": "ana@acme.test"}, "grows": false,
        "before": {"active": true, "role": "admin", "environments": ["acme-prod", "acme-stage"], "every_environment": true},
        "after": {"active": true, "role": "admin", "environments": ["acme-prod"], "every_environment": true}
    }
}

answer! {
    /// What a change was made to.
    pub struct AccessTarget {
        /// The id of a user, a group or the account.
        id: Option<String>,
        /// What it was called then.
        name: Option<String>,
    }
    example {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d", "name": "Ana Reyes"}
}

answer! {
    /// A change by which users may do more than before.
    pub struct Widening {
        /// When.
        at: Time,
        /// What it was, in words.
        cause: String,
        /// Whom or what was changed: a user, a group, or the account.
        target: AccessTarget,
        /// Who did it.
        by: AccessActor,
        /// Of one user: what they may do before and after. Of several, `users`: the first of them. Of a large group or of all users,
        /// `users_at_most`: how many it may concern.
        changes: Anything,
        /// The request by which it was done.
        request_id: Option<String>,
    }
    example {
        "at": "2026-11-23T20:00:00.000Z", "cause": "the user's product_environments changed",
        "target": {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d", "name": "Ana Reyes"},
        "by": {"actor": "client:0198c1d2e3f4", "name": "Okta"},
        "changes": {"environments": {"before": ["acme-prod"], "after": ["acme-prod", "acme-stage"], "added": ["acme-stage"]}},
        "request_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"
    }
}

/// A rule as it is compared for the audit trail.
pub fn told(rules: &AccessRules) -> Value {
    let told = |rule: &AccessRule| {
        let mut told = Map::new();
        told.insert("group".to_owned(), json!(rule.group_name));
        told.insert("role".to_owned(), json!(rule.role));
        told.insert("environments".to_owned(), json!(rule.environments));
        Value::Object(told)
    };
    json!({"precedence": rules.precedence, "rules": rules.rules.iter().map(told).collect::<Vec<_>>()})
}
