//! The attributes that an account declares beyond the standard and the configuration.
//!
//! A declaration counts from the next request on, at every replica. What was written before gets into its index, or out of the
//! documents, in the background ([`indexing`]).

use actix_web::web;
use serde_json::json;

use super::answer::{NoContent, Put};
use super::body::{Body, Params};
use super::lookup;
use super::operator::{Operator, changes};
use super::page::{Items, PageQuery};
use super::removed_values::{self, Force};
use crate::app::App;
use crate::domain::declared_attributes::{Declarations, Declared, Duplicate};
use crate::domain::event::{Act, Action};
use crate::http::edge::problem::{FieldError, Problem};
use crate::services::indexing;
use crate::storage::ReadCost;

mod change;
mod declaration;
mod described;

use change::Change;
use declaration::{Name, representation};
use described::{Attribute, Declaration};
use scim::schema::Stage;

/// The declaration that a path names, and its place.
fn find(declared: &[Declared], app: &App, name: &Name) -> Option<usize> {
    let id = name.id(app.schemas.configured());
    declared.iter().position(|one| one.id().eq_ignore_ascii_case(&id))
}

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    _: Params<PageQuery>, // never more than fit on a page
) -> Result<web::Json<Items<Attribute>>, Problem> {
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let declared = lookup::account(tx, &account)?.options.attributes.read()?;
            let items: Vec<_> = declared.iter().map(|one| representation(one, &declared, &work.schemas)).collect();
            Ok::<_, Problem>(Items::all(items))
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn get(
    _: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<Attribute>, Problem> {
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let name = Name::of(&path.1);
            let declared = lookup::account(tx, &path.0)?.options.attributes.read()?;
            let at = find(&declared, &work, &name).ok_or_else(|| Problem::not_found("attribute", &path.1))?;
            Ok::<_, Problem>(representation(&declared[at], &declared, &work.schemas))
        })
        .await?;
    Ok(web::Json(answer))
}

/// Declares an attribute, or changes its declaration.
pub(super) async fn put(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    query: Params<Force>,
    body: Body<Declaration>,
) -> Result<Put<Attribute>, Problem> {
    let (account, name) = path.into_inner();
    let declaration = body.finish()?;
    let force = query.0.or(declaration.force);
    let overlay = declaration::read(declaration.fields, &Name::of(&name), &app.schemas)?;
    let (work, looked_up, wanted) = (app.clone(), account.clone(), overlay.clone());
    let (seq, change, removed) = app
        .db
        .read(ReadCost::Point, move |tx| {
            let account = lookup::account(tx, &looked_up)?;
            let change = Change::of(&account, &wanted, &work.schemas)?;
            let account_values = account.account_values();
            let later = work.schemas.with(&change.declared);
            let removed = work.schemas.of(&account)?.removed(&account_values, &later, &account_values);
            Ok::<_, Problem>((account.seq, change, removed))
        })
        .await?;
    if !force {
        let in_use = removed_values::in_use(&app.db, seq, removed).await?;
        if !in_use.is_empty() {
            return Err(removed_values::refused("canonical_values", &in_use));
        }
    }
    let duplicates = change.duplicates(&app.db, seq).await?;
    if !duplicates.is_empty() {
        return Err(not_unique(&change.id, &duplicates));
    }
    let work = app.clone();
    let (is_new, body) = app
        .db
        .write(move |tx| {
            let mut account = lookup::locked_account(tx, &account)?;
            // Judged by the account as it is now: another operator may have declared an attribute meanwhile.
            let change = Change::of(&account, &overlay, &work.schemas)?;
            let action = if change.created { Action::AttributeDeclared } else { Action::AttributeChanged };
            if change.changed {
                let declared = &change.declared[change.at].declaration;
                let act = Act::new(action).on_named(&change.id, &declared.name);
                let changes = changes(&json!(change.before), &json!(declared));
                operator.record(tx, Some(account.seq), act.changing(changes));
                account.options.attributes = Declarations::write(&change.declared)?;
                tx.set_account_options(&account)?;
            }
            if change.begins {
                tx.begin_attribute_work(account.seq, &change.id)?;
            }
            let answer = representation(&change.declared[change.at], &change.declared, &work.schemas);
            Ok::<_, Problem>((change.created, answer))
        })
        .await?;
    indexing::run_now(app.db.clone(), app.schemas.clone());
    Ok(Put { body, is_new })
}

/// Takes an attribute away, with its values.
pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    let work = app.clone();
    app.db
        .write(move |tx| {
            let mut account = lookup::locked_account(tx, &path.0)?;
            let mut declared = account.options.attributes.read()?;
            let at = find(&declared, &work, &Name::of(&path.1));
            let at = at.filter(|at| declared[*at].stage != Stage::Removing);
            let at = at.ok_or_else(|| Problem::not_found("attribute", &path.1))?;
            let (id, removed) = (declared[at].id(), declared[at].declaration.clone());
            match work.schemas.overrules(&declared, at) {
                // What there is of it is the configuration's.
                true => drop(declared.remove(at)),
                false => {
                    declared[at].stage = Stage::Removing;
                    tx.begin_attribute_work(account.seq, &id)?;
                }
            }
            account.options.attributes = Declarations::write(&declared)?;
            tx.set_account_options(&account)?;
            let act = Act::new(Action::AttributeRemoved).on_named(id, &removed.name);
            operator.record(tx, Some(account.seq), act.changing(changes(&json!(removed), &json!({}))));
            Ok::<_, Problem>(())
        })
        .await?;
    indexing::run_now(app.db.clone(), app.schemas.clone());
    Ok(NoContent)
}

fn not_unique(id: &str, duplicates: &[Duplicate]) -> Problem {
    let errors = duplicates.iter().map(|duplicate| FieldError {
        field: "uniqueness".to_owned(),
        detail: format!("{:?} is the value of {}", duplicate.value, duplicate.resources.join(" and ")),
    });
    let detail = format!("{id} cannot be unique, for several resources have the same value; change theirs first");
    Problem::conflict(detail).with_errors(errors.collect())
}
