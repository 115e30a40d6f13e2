//! "Push Okta groups": create, fill, change, rename, push again, unlink.

use serde_json::{Value, json};

use super::okta::{GROUP, Okta};
use super::transcript::CHAPTERS;
use super::users::{People, written};
use super::wire::{Failure, Json};

/// A group is pushed, and its membership follows Okta's.
pub(crate) async fn push_and_change(okta: &Okta<'_>, people: &People) -> Result<(), Failure> {
    okta.transcript().chapter(CHAPTERS, "Push Groups: create, change memberships, rename");
    okta.find("/Groups", "displayName", "Editors")
        .await?
        .expect(200, "\"No match found\" …")?
        .has("/totalResults", 0)?;
    let editors = okta
        .post("/Groups", &json!({"schemas": [GROUP], "displayName": "Editors", "members": []}))
        .await?
        .expect(201, "… so Okta creates the group, empty, and sends the members at once:")?;
    let path = format!("/Groups/{}", editors.text("/id")?);

    let operations = json!([{"op": "add", "path": "members", "value": [
        {"value": people.ana, "display": "ana.ito@acme.example"},
        {"value": people.ravi, "display": "ravi.menon@acme.example"},
    ]}]);
    written(
        okta.patch(&path, operations).await?,
        "Two members joined. This costs the same in a group of 100 000: a row for each, and no list is rewritten.",
    )?;
    members_are(
        &okta.get(&path).await?.expect(200, "A group is answered with all of its members, or none.")?,
        &[&people.ana, &people.ravi],
    )?;

    let operations = json!([
        {"op": "remove", "path": format!("members[value eq \"{}\"]", people.ravi)},
        {"op": "add", "path": "members", "value": [{"value": people.tom}, {"value": "00uNOBODY-we-know"}]},
    ]);
    written(
        okta.patch(&path, operations).await?,
        "One request, mixed: Ravi left, Tom joined, and a member we do not know is skipped without losing the others.",
    )?;
    let group = okta.get(&path).await?.expect(200, "As Okta has it.")?;
    members_are(&group, &[&people.ana, &people.tom])?;

    let rename = json!([{"op": "replace", "value": {"id": editors.text("/id")?, "displayName": "Editors EU"}}]);
    written(okta.patch(&path, rename).await?, "The group was renamed in Okta.")?;
    let put = json!({
        "schemas": [GROUP], "displayName": "Editors EU",
        "members": [{"value": people.ana}, {"value": people.ravi}, {"value": people.tom}],
    });
    let full = okta
        .put(&path, &put)
        .await?
        .expect(200, "\"Push now\" of a wizard-made app: the whole group. The difference is applied, in one step.")?;
    members_are(&full.has("/displayName", "Editors EU")?, &[&people.ana, &people.ravi, &people.tom])?;
    okta.get(&format!("/Users/{}", people.ana))
        .await?
        .expect(200, "Ana's `groups` are computed from the memberships.")?
        .has("/groups/0/display", "Editors EU")?;
    Ok(())
}

/// "Removing links from pushed group … and optionally removes the group."
pub(crate) async fn remove(okta: &Okta<'_>) -> Result<(), Failure> {
    let found = okta.find("/Groups", "displayName", "editors eu").await?;
    let found =
        found.expect(200, "The link to the group is removed in Okta, with \"delete the group in the app\" ticked.")?;
    let path = format!("/Groups/{}", found.has("/totalResults", 1)?.text("/Resources/0/id")?);
    okta.delete(&path).await?.expect(204, "The group is gone; its members are not.")?;
    okta.delete(&path).await?.expect(404, "A second time there is nothing to delete.")?;
    okta.post("/Groups", &json!({"schemas": [GROUP], "displayName": "Photographers", "members": []}))
        .await?
        .expect(201, "Another group, to be looked at when the story is over.")?;
    Ok(())
}

fn members_are(group: &Json, expected: &[&str]) -> Result<(), Failure> {
    let members = group.value.pointer("/members").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut found: Vec<&str> = members.iter().filter_map(|m| m.get("value").and_then(Value::as_str)).collect();
    let mut expected = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    if found == expected {
        Ok(())
    } else {
        Err(Failure(format!("the group\n  expected: members {expected:?}\n  came:     {}", group.value)))
    }
}
