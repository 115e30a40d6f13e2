//! Environments that leave an account's list while users have them: an operator says what becomes of each before it is saved.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};

use super::parts::{Crumb, Typed};
use super::{Desk, Section};
use crate::app::App;
use crate::http::pages::frame::filters;

/// What a field is called that says what becomes of an environment, before its name.
const FATE: &str = "fate.";
/// Before an environment that users get instead.
const BECOMES: &str = "=";

/// An environment that leaves.
#[derive(Debug)]
struct Leaving {
    field: String,
    value: String,
}

#[derive(Debug, Template)]
#[template(path = "console/environments_leave.html")]
struct LeavingPage {
    crumbs: Vec<Crumb>,
    points: Vec<String>,
    path: String,
    leaving: Vec<Leaving>,
    /// The environments that there are after it.
    others: Vec<String>,
    hidden: Vec<(String, String)>,
}

/// Asks what becomes of those of `before` that the form has no more; `None`: none leaves.
pub(super) fn ask(
    desk: &Desk,
    app: &App,
    crumbs: Vec<Crumb>,
    (path, points): (String, Vec<String>),
    (before, typed): (&[String], &Typed),
) -> Option<HttpResponse> {
    let others = typed.lines("environments");
    let leaving = before.iter().filter(|name| !others.contains(name));
    let leaving: Vec<Leaving> =
        leaving.map(|name| Leaving { field: format!("{FATE}{name}"), value: name.clone() }).collect();
    if leaving.is_empty() {
        return None;
    }
    let hidden = typed.pairs().iter().filter(|(name, _)| !name.starts_with(FATE)).cloned().collect();
    let page = LeavingPage { crumbs, points, path, leaving, others, hidden };
    Some(desk.page_with(app, StatusCode::CONFLICT, Section::Accounts, &page))
}

/// What the operator said, as `force` of a change; `None`: nothing.
pub(super) fn said(typed: &Typed) -> Option<Value> {
    let fates = typed.pairs().iter().filter_map(|(name, said)| {
        let fate = match said.strip_prefix(BECOMES) {
            Some(other) => json!(other),
            None if said == "gone" => json!([]),
            None => Value::Null,
        };
        Some((name.strip_prefix(FATE)?.to_owned(), fate))
    });
    let fates: BTreeMap<String, Value> = fates.collect();
    (!fates.is_empty()).then(|| json!({"environments": fates}))
}
