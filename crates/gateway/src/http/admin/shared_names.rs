//! Users whose userName others of the account have, too, now that names are compared by more than their letters.

use actix_web::web;

use super::body::Params;
use super::operator::Operator;
use super::page::{self, Items, PageQuery};
use crate::app::App;
use crate::domain::described::{With, answer};
use crate::http::edge::problem::Problem;
use crate::services::members;
use crate::storage::shared_keys::NameHolder;

answer! {
    /// A user by their name.
    pub(super) struct NamedUser {
        /// Their id.
        id: String,
        /// Their name as it is written.
        user_name as "userName": String,
        /// Whether they are active.
        active: bool,
    }
    example {"id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "userName": "josé@acme.test", "active": true}
}

answer! {
    /// Who has the same name.
    pub(super) struct NameSharers {
        /// The others who have it.
        same_as: Vec<NamedUser>,
    }
    example {"same_as": [{"id": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b", "userName": "jose\u{301}@acme.test", "active": true}]}
}

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<With<NamedUser, NameSharers>>>, Problem> {
    page::of_account(&operator, &app, account.into_inner(), query.0.into(), |tx, mandate, account, page| {
        let shared = members::shared_names(tx, mandate, account, page.after.unwrap_or(0), page.limit)?.into_iter();
        // A user is among those who have their name: all of it is read at one moment.
        let shown = shared.filter_map(|name| {
            let (themselves, others): (Vec<_>, Vec<_>) =
                name.holders.into_iter().partition(|holder| holder.seq == name.seq);
            let of = themselves.into_iter().next().map(NamedUser::from)?;
            let same_as = others.into_iter().map(NamedUser::from).collect();
            Some((name.seq.into(), With { of, with: NameSharers { same_as } }))
        });
        Ok(shown.collect())
    })
    .await
}

impl From<NameHolder> for NamedUser {
    fn from(holder: NameHolder) -> NamedUser {
        NamedUser { id: holder.id, user_name: holder.user_name, active: holder.active }
    }
}
