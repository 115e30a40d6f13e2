//! Members that groups wait for: named by an identity provider, and not there yet.

use actix_web::web;

use super::body::Params;
use super::operator::Operator;
use super::page::{self, Items, Limit, Page};
use crate::app::App;
use crate::domain::described::query::{After, query};
use crate::domain::described::{Text, Time, answer};
use crate::http::edge::problem::Problem;
use crate::services::members;

query! {
    /// Which of them are listed.
    pub(super) struct PendingQuery {
        /// The id of a group: only what that group waits for.
        group: Text,
        /// How many items there are at most; 100 if nothing is said.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

answer! {
    /// A group.
    pub(super) struct GroupReference {
        /// Its id.
        id: String,
        /// Its `displayName`.
        display: String,
    }
    example {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "display": "Editors"}
}

answer! {
    /// A name that an identity provider gave to a group as a member, and that no user has yet.
    pub(super) struct PendingMember {
        /// The group that waits for it.
        group: GroupReference,
        /// The name.
        value: String,
        /// Since when.
        since: Time,
    }
    example {
        "group": {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "display": "Editors"}, "value": "00uANAITO00000001d7",
        "since": "2026-11-23T20:00:00.000Z"
    }
}

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PendingQuery>,
) -> Result<web::Json<Items<PendingMember>>, Problem> {
    let PendingQuery { group, limit, after } = query.0;
    page::of_account(
        &operator,
        &app,
        account.into_inner(),
        Page::of(limit, after),
        move |tx, mandate, account, page| {
            let (group, after) = (group.as_ref().map(|group| group.as_str()), page.after.unwrap_or(0));
            let waiting = members::pending(tx, mandate, account, group, after, page.limit)?.into_iter();
            let shown = waiting.map(|member| {
                let group = GroupReference { id: member.group, display: member.group_display };
                (member.seq, PendingMember { group, value: member.value, since: Time(member.since) })
            });
            Ok(shown.collect())
        },
    )
    .await
}
