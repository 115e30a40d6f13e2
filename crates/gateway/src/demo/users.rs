//! "User synchronization": import, assign, update, deactivate, reactivate, and the mistakes administrators make.

use serde_json::{Value, json};

use super::okta::{Okta, new_user};
use super::transcript::CHAPTERS;
use super::vendor::{Prepared, TOM};
use super::wire::{Answer, Failure, Json};

const ANA: &str = "ana.ito@acme.example";
const RAVI: &str = "ravi.menon@acme.example";

/// The users Okta knows by their ids here.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) ana: String,
    pub(crate) ravi: String,
    pub(crate) tom: String,
}

/// "Import users from the account to Okta."
pub(crate) async fn import(okta: &Okta<'_>, prepared: &Prepared) -> Result<(), Failure> {
    okta.transcript().chapter(CHAPTERS, "Import Now: the people who are already there");
    let users = okta
        .get("/Users?startIndex=1&count=100")
        .await?
        .expect(200, "Every user of this account, each once, in an order that does not change while others write.")?
        .has("/totalResults", 3)?;
    let all = users.value.pointer("/Resources").and_then(Value::as_array).cloned().unwrap_or_default();
    if !all.iter().any(|user| user.get("id").is_some_and(|id| *id == prepared.tom)) {
        return Err(Failure(format!("the import\n  expected: Tom, {}\n  came:     {}", prepared.tom, users.value)));
    }
    for user in &all {
        let text = |member: &str| user.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        okta.transcript().value(&text("role"), &text("userName"));
    }
    okta.get("/Groups?startIndex=1&count=100").await?.expect(200, "And no groups.")?;
    Ok(())
}

/// "Assign users from Okta": two are new, one is linked.
pub(crate) async fn assign(okta: &Okta<'_>, prepared: &Prepared) -> Result<People, Failure> {
    okta.transcript().chapter(CHAPTERS, "Assign to People: create two, link one");
    let none_exists = "Before it creates a user, Okta looks for one. None exists: 200 with an empty list.";
    okta.find("/Users", "userName", ANA).await?.expect(200, none_exists)?.has("/totalResults", 0)?;
    let extra = json!({"role": "media_library_admin", "product_environments": ["acme-prod", "acme-stage"]});
    let ana = okta
        .post("/Users", &new_user(ANA, "Ana", "Ito", "00uANAITO00000001d7", &extra))
        .await?
        .expect(201, "Ana, with her role and both environments. The random password Okta always sends is not kept.")?
        .has("/role", "media_library_admin")?
        .has("/product_environments", json!(["acme-prod", "acme-stage"]))?
        .has("/password", Value::Null)?;

    okta.find("/Users", "userName", RAVI).await?.expect(200, "Nor is there a Ravi.")?.has("/totalResults", 0)?;
    let extra = json!({"role": "reports", "favourite_colour": "teal"});
    let ravi = okta
        .post("/Users", &new_user(RAVI, "Ravi", "Menon", "00uRAVIMENON00002d7", &extra))
        .await?
        .expect(
            201,
            "Ravi, without `product_environments`: that means all of them. An attribute we do not know is ignored, not \
             refused.",
        )?
        .has("/product_environments", Value::Null)?
        .has("/favourite_colour", Value::Null)?;

    let found = okta
        .find("/Users", "userName", &TOM.to_uppercase())
        .await?
        .expect(200, "Tom is here already, and is found however his name is written. Okta links him …")?
        .has("/totalResults", 1)?;
    let tom = found.text("/Resources/0/id")?;
    okta.read_and_replace(
        &user(&tom),
        |user| set(user, &[("externalId", json!("00uTOMEK0000000003d7"))]),
        "… and from now on Tom's profile follows Okta's. It sent back what we had answered, with ids, meta and groups; \
         what is ours to say is ignored.",
    )
    .await?
    .has("/externalId", "00uTOMEK0000000003d7")?
    .has("/id", prepared.tom.as_str())?;
    Ok(People { ana: ana.text("/id")?, ravi: ravi.text("/id")?, tom })
}

/// What an administrator reads in Okta's Tasks when a value is wrong.
pub(crate) async fn make_mistakes(okta: &Okta<'_>) -> Result<(), Failure> {
    okta.transcript().chapter(CHAPTERS, "Mistakes, and what the administrator reads");
    let user = |extra: Value| new_user("eve.berg@acme.example", "Eve", "Berg", "00uEVEBERG00000004d7", &extra);
    for (extra, what) in [
        (json!({"role": "superuser"}), "A role that is not in the list."),
        (json!({}), "No role at all, in an account without a default one."),
        (
            json!({"role": "admin", "product_environments": ["acme-prod", "acme-qa"]}),
            "An environment that the account does not have.",
        ),
    ] {
        let refused = okta.post("/Users", &user(extra)).await?.expect(400, what)?.has("/scimType", "invalidValue")?;
        okta.transcript().quote("Okta's Tasks", &refused.text("/detail")?);
    }
    let twice = new_user(ANA, "Ana", "Ito", "00uANOTHERANA0005d7", &json!({"role": "admin"}));
    let refused =
        okta.post("/Users", &twice).await?.expect(409, "A name that is taken.")?.has("/scimType", "uniqueness")?;
    okta.transcript().quote("Okta's Tasks", &refused.text("/detail")?);
    let refused = okta
        .get("/Users?filter=shoeSize+eq+42")
        .await?
        .expect(400, "A filter that cannot be answered is refused; it never selects all users.")?
        .has("/scimType", "invalidFilter")?;
    okta.transcript().quote("Okta's Tasks", &refused.text("/detail")?);
    Ok(())
}

/// "Update User Attributes", in both of Okta's habits.
pub(crate) async fn update(okta: &Okta<'_>, people: &People) -> Result<(), Failure> {
    okta.transcript()
        .chapter(CHAPTERS, "Push Profile Updates: replaced by a wizard-made app, modified by a catalog app");
    let changed = okta
        .read_and_replace(
            &user(&people.ana),
            |user| set(user, &[("role", json!("admin")), ("product_environments", json!(["acme-prod"]))]),
            "… and replaces. Ana is an admin of one environment now.",
        )
        .await?
        .has("/role", "admin")?
        .has("/product_environments", json!(["acme-prod"]))?;
    let version = changed.text("/meta/version")?;
    okta.read_and_replace(
        &user(&people.ana),
        |_| {},
        "… and often replaces with the same. Nothing changed, so neither did the version.",
    )
    .await?
    .has("/meta/version", version)?;
    let operations = json!([{"op": "replace", "value": {"displayName": "Ravi K. Menon", "role": "technical_admin"}}]);
    written(okta.patch(&user(&people.ravi), operations).await?, "A catalog app sends only what changed.")?;
    okta.get(&user(&people.ravi))
        .await?
        .expect(200, "Ravi, with the new name and role and everything else as it was.")?
        .has("/role", "technical_admin")?
        .has("/displayName", "Ravi K. Menon")?
        .has("/name/familyName", "Menon")?;
    Ok(())
}

/// "Deactivate Users", and a change of mind.
pub(crate) async fn leave_and_return(okta: &Okta<'_>, people: &People) -> Result<(), Failure> {
    okta.transcript().chapter(CHAPTERS, "Deactivate, reactivate, remove");
    okta.read_and_replace(
        &user(&people.ana),
        |user| set(user, &[("active", json!(false))]),
        "… and deactivates: unassigning in Okta does not delete.",
    )
    .await?
    .has("/active", false)?;
    okta.find("/Users", "userName", ANA)
        .await?
        .expect(200, "Inactive users are still found, or Okta would try to create Ana a second time.")?
        .has("/totalResults", 1)?
        .has("/Resources/0/active", false)?;
    okta.read_and_replace(&user(&people.ana), |user| set(user, &[("active", json!(true))]), "… and reactivates.")
        .await?
        .has("/active", true)?;
    let deactivate = json!([{"op": "replace", "value": {"active": false}}]);
    written(okta.patch(&user(&people.ravi), deactivate).await?, "The same by a catalog app, for Ravi.")?;
    okta.get(&user(&people.ravi))
        .await?
        .expect(200, "Inactive, with his memberships kept.")?
        .has("/active", false)?
        .has("/groups/0/display", "Editors EU")?;
    written(
        okta.patch(&user(&people.ravi), json!([{"op": "replace", "value": {"active": true}}])).await?,
        "And back.",
    )?;
    okta.delete(&user(&people.ravi)).await?.expect(204, "Okta never deletes a user; other identity providers do.")?;
    okta.get(&user(&people.ravi)).await?.expect(404, "Gone, from his groups as well.")?.has("/status", "404")?;
    Ok(())
}

/// A PATCH may be answered with the resource or without (RFC 7644 §3.5.2).
pub(super) fn written(answer: Answer<'_>, meaning: &str) -> Result<Json, Failure> {
    let status = if answer.status() == 204 { 204 } else { 200 };
    answer.expect(status, meaning)
}

fn user(id: &str) -> String {
    format!("/Users/{id}")
}

fn set(resource: &mut Value, members: &[(&str, Value)]) {
    if let Some(resource) = resource.as_object_mut() {
        resource.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
}
