//! Which attributes an answer shows (RFC 7644 §3.9, RFC 7643 §7 `returned`).
//!
//! `returned: always` is always shown, `never` never, `request` when it is named, `default` unless the request selects
//! other attributes. Names that no schema has select nothing and exclude nothing.

use crate::error::Error;
use crate::resource::locate::{Place, locate};
use crate::schema::{Attribute, Relation, ResourceType, Returned, Schema};

/// Which attributes of a resource type an answer shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    unlisted: Shown,
    /// The attributes that differ from `unlisted`.
    rules: Vec<Rule>,
    members: bool,
    groups: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    extension: Option<String>,
    name: String,
    shown: Shown,
}

/// Which part of an attribute is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shown {
    Whole,
    Hidden,
    /// Only these sub-attributes.
    Only(Vec<String>),
    /// All sub-attributes except these.
    Without(Vec<String>),
}

impl Shown {
    /// Whether a sub-attribute is shown.
    pub(crate) fn includes(&self, sub: &str) -> bool {
        match self {
            Shown::Whole => true,
            Shown::Hidden => false,
            Shown::Only(subs) => subs.iter().any(|s| s == sub),
            Shown::Without(subs) => subs.iter().all(|s| s != sub),
        }
    }
}

/// A name from `attributes` or `excludedAttributes`, looked up in the schema.
enum Name<'r> {
    Core,
    Extension(&'r Schema),
    Attribute(Option<&'r Schema>, &'r Attribute, Option<&'r Attribute>),
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Default,
    Only,
    Without,
}

impl Projection {
    /// The projection of a request that names no attributes.
    pub fn standard(resource_type: &ResourceType) -> Projection {
        Projection::compile(resource_type, Mode::Default, &[])
    }

    /// The projection for the parameters `attributes` and `excludedAttributes`: names separated by commas. Naming both
    /// is an error.
    pub fn new(
        resource_type: &ResourceType,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Projection, Error> {
        let split = |list: Option<&str>| -> Vec<String> {
            list.unwrap_or_default().split(',').map(|name| name.trim().to_owned()).collect()
        };
        Projection::named(resource_type, &split(attributes), &split(excluded))
    }

    /// The projection for lists of names, as in the body of a search request. Empty names are ignored.
    pub fn named(
        resource_type: &ResourceType,
        attributes: &[String],
        excluded: &[String],
    ) -> Result<Projection, Error> {
        let any = |names: &[String]| names.iter().any(|name| !name.is_empty());
        match (any(attributes), any(excluded)) {
            (true, true) => Err(Error::InvalidSyntax(
                "attributes and excludedAttributes exclude each other: send one of them".to_owned(),
            )),
            (true, false) => Ok(Projection::compile(resource_type, Mode::Only, attributes)),
            (false, true) => Ok(Projection::compile(resource_type, Mode::Without, excluded)),
            (false, false) => Ok(Projection::standard(resource_type)),
        }
    }

    fn compile(resource_type: &ResourceType, mode: Mode, names: &[String]) -> Projection {
        let names: Vec<Name<'_>> = names.iter().filter_map(|name| find(resource_type, name)).collect();
        let mut projection = Projection {
            unlisted: if mode == Mode::Only { Shown::Hidden } else { Shown::Whole },
            rules: Vec::new(),
            members: false,
            groups: false,
        };
        let core = crate::schema::common().iter().chain(&resource_type.schema.attributes).map(|a| (None, a));
        let extensions = resource_type.extensions.iter();
        let extensions = extensions.flat_map(|(e, _)| e.attributes.iter().map(move |a| (Some(e), a)));
        for (extension, attribute) in core.chain(extensions) {
            let shown = shown(mode, &names, extension, attribute);
            if shown != Shown::Hidden {
                projection.members |= attribute.relation == Some(Relation::Members);
                projection.groups |= attribute.relation == Some(Relation::Groups);
            }
            if shown != projection.unlisted {
                projection.rules.push(Rule {
                    extension: extension.map(|e| e.id.clone()),
                    name: attribute.name.clone(),
                    shown,
                });
            }
        }
        projection
    }

    /// Whether members are shown and so have to be loaded.
    pub fn shows_members(&self) -> bool {
        self.members
    }

    /// Whether the groups of a resource are shown and so have to be loaded.
    pub fn shows_groups(&self) -> bool {
        self.groups
    }

    /// Whether all that may be under this name at the top of a document, which may be that of an extension, is shown.
    pub(crate) fn shows_all_of(&self, name: &str, is_extension: bool) -> bool {
        match is_extension {
            true => {
                self.unlisted == Shown::Whole && self.rules.iter().all(|rule| rule.extension.as_deref() != Some(name))
            }
            false => *self.shown(None, name) == Shown::Whole,
        }
    }

    /// Which part of an attribute is shown. `extension` and `name` are in the schema's spelling.
    pub(crate) fn shown(&self, extension: Option<&str>, name: &str) -> &Shown {
        self.rules
            .iter()
            .find(|rule| rule.name == name && rule.extension.as_deref() == extension)
            .map_or(&self.unlisted, |rule| &rule.shown)
    }
}

fn find<'r>(resource_type: &'r ResourceType, name: &str) -> Option<Name<'r>> {
    let name = name.trim();
    match locate(resource_type, name).map(|located| located.place) {
        Some(Place::Core) => return Some(Name::Core),
        Some(Place::Extension(extension)) => return Some(Name::Extension(extension)),
        Some(Place::Attribute(extension, attribute)) => return Some(Name::Attribute(extension, attribute, None)),
        None => {}
    }
    let (name, of) = name.rsplit_once('.')?;
    match locate(resource_type, name)?.place {
        Place::Attribute(extension, attribute) => {
            Some(Name::Attribute(extension, attribute, Some(attribute.sub_attribute(of)?)))
        }
        Place::Core | Place::Extension(_) => None,
    }
}

fn shown(mode: Mode, names: &[Name<'_>], extension: Option<&Schema>, attribute: &Attribute) -> Shown {
    let same_extension = |other: Option<&Schema>| other.map(|e| &e.id) == extension.map(|e| &e.id);
    let mut itself = false;
    let mut as_part = false;
    let mut subs: Vec<&str> = Vec::new();
    for name in names {
        match name {
            Name::Core => as_part |= extension.is_none(),
            Name::Extension(other) => as_part |= same_extension(Some(other)),
            Name::Attribute(other, named, sub) if same_extension(*other) && named.name == attribute.name => match sub {
                None => itself = true,
                Some(sub) => subs.push(&sub.name),
            },
            Name::Attribute(..) => {}
        }
    }
    let visible = match attribute.returned {
        Returned::Never => false,
        Returned::Always => true,
        Returned::Default => match mode {
            Mode::Default => true,
            Mode::Only => itself || as_part || !subs.is_empty(),
            Mode::Without => !itself && !as_part,
        },
        Returned::Request => mode == Mode::Only && (itself || !subs.is_empty()),
    };
    if !visible {
        return Shown::Hidden;
    }
    let by_subs = mode == Mode::Only && !itself && !as_part && !subs.is_empty();
    let sub_visible = |sub: &Attribute| match sub.returned {
        Returned::Never => false,
        Returned::Always => true,
        Returned::Default if by_subs => subs.contains(&sub.name.as_str()),
        Returned::Default => mode != Mode::Without || !subs.contains(&sub.name.as_str()),
        Returned::Request => mode == Mode::Only && subs.contains(&sub.name.as_str()),
    };
    let named = |visible: bool| -> Vec<String> {
        let subs = attribute.sub_attributes.iter().filter(|sub| sub_visible(sub) == visible);
        subs.map(|sub| sub.name.clone()).collect()
    };
    if by_subs {
        return Shown::Only(named(true));
    }
    match attribute.sub_attributes.iter().all(sub_visible) {
        true => Shown::Whole,
        false => Shown::Without(named(false)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Projection;
    use crate::examples::{barbara_jensen, tour_guides};
    use crate::message::representation::Representation;
    use crate::resource::{Attributes, Resource};
    use crate::schema::Registry;
    use crate::testing::{BASE, refusal};

    fn shown(resource: &Resource, attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let registry = Registry::standard();
        let projection = Projection::new(registry.get(resource.resource_type), attributes, excluded).unwrap();
        let mut stored = resource.clone();
        let text = serde_json::to_string(resource.attributes()).unwrap();
        stored.attributes = Attributes::of_text(text).unwrap();
        let [held, read] =
            [resource, &stored].map(|of| Representation::new(of, &projection, &registry, BASE).to_bytes());
        assert_eq!(held, read, "{attributes:?}, {excluded:?}: what was stored as text is shown as if it were values");
        serde_json::from_slice(&held).unwrap()
    }

    /// Barbara Jensen under these `attributes`, without `schemas` and `id`.
    fn check(attributes: &str, expected: Value) {
        let mut shown = shown(&barbara_jensen(), Some(attributes), None);
        let shown = shown.as_object_mut().unwrap();
        assert!(shown.shift_remove("schemas").is_some_and(|schemas| schemas.is_array()), "{attributes}");
        assert!(shown.shift_remove("id").is_some_and(|id| id.is_string()), "{attributes}");
        assert_eq!(Value::Object(shown.clone()), expected, "{attributes}");
    }

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    #[test]
    fn point_13_attributes_show_what_is_named_and_what_is_always_shown() {
        check("userName", json!({ "userName": "bjensen@example.com" }));
        check(" USERNAME , nickName,,", json!({ "userName": "bjensen@example.com", "nickName": "Babs" }));
        check("name.givenName,name.familyName", json!({ "name": { "familyName": "Jensen", "givenName": "Barbara" } }));
        check("emails.type", json!({ "emails": [{ "type": "work" }, { "type": "home" }] }));
        check(
            "emails.type,emails.value",
            json!({ "emails": [
                { "value": "bjensen@example.com", "type": "work" }, { "value": "babs@jensen.org", "type": "home" }
            ]}),
        );
        check("urn:ietf:params:scim:schemas:core:2.0:User:title", json!({ "title": "Tour Guide" }));
        check(
            "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName",
            json!({ "name": { "givenName": "Barbara" } }),
        );
        check(&format!("{ENTERPRISE}:department"), json!({ (ENTERPRISE): { "department": "Tour Operations" } }));
        check("department", json!({ (ENTERPRISE): { "department": "Tour Operations" } }));
        check("meta.version", json!({ "meta": { "version": "W/\"3\"" } }));
        check("id", json!({}));
        check("schemas", json!({}));
        check("password", json!({}));
        check("shoeSize", json!({}));
        check("emails.shoeSize", json!({}));
        let extension = shown(&barbara_jensen(), Some(ENTERPRISE), None);
        assert_eq!(extension[ENTERPRISE]["division"], "Theme Park");
        assert_eq!(extension[ENTERPRISE].as_object().unwrap().len(), 6);
        assert_eq!(extension.get("userName"), None);
    }

    #[test]
    fn point_13_excluded_attributes_are_not_shown_unless_always() {
        let whole = shown(&barbara_jensen(), None, None);
        assert_eq!(shown(&barbara_jensen(), None, Some("id,schemas,shoeSize")), whole);
        assert_eq!(shown(&barbara_jensen(), Some(""), Some(" ")), whole);
        let part = shown(&barbara_jensen(), None, Some("meta,emails.value,addresses,department"));
        assert_eq!(part.get("meta"), None);
        assert_eq!(part["emails"], json!([{ "type": "work", "primary": true }, { "type": "home" }]));
        assert_eq!(part.get("addresses"), None);
        assert_eq!(part[ENTERPRISE].get("department"), None);
        assert_eq!(part[ENTERPRISE]["division"], "Theme Park");
        assert_eq!(part["title"], whole["title"]);
        let without_extension = shown(&barbara_jensen(), None, Some(ENTERPRISE));
        assert_eq!(without_extension.get(ENTERPRISE), None);
        assert_eq!(without_extension["schemas"], whole["schemas"], "schemas say what the resource has");
    }

    #[test]
    fn members_are_shown_or_excluded_as_a_whole_or_in_part() {
        let group = tour_guides();
        let members =
            |attributes: Option<&str>, excluded: Option<&str>| shown(&group, attributes, excluded)["members"].clone();
        assert_eq!(members(None, Some("members")), Value::Null);
        assert_eq!(members(Some("displayName"), None), Value::Null);
        let first = &members(None, None)[0];
        assert_eq!(first["$ref"], format!("{BASE}/Users/2819c223-7f76-453a-919d-413861904646"));
        assert_eq!((&first["type"], &first["display"]), (&json!("User"), &Value::Null));
        assert_eq!(members(Some("members.display"), None)[0]["display"], "Babs Jensen");
        let ids = json!([
            { "value": "2819c223-7f76-453a-919d-413861904646" }, { "value": "902c246b-6245-4190-8e05-00816be7344a" }
        ]);
        assert_eq!(members(Some("members.value"), None), ids);
        assert_eq!(members(None, Some("members.display,members.$ref,members.type")), ids);

        let registry = Registry::standard();
        let check = |attributes: Option<&str>, excluded: Option<&str>, read: bool| {
            let projection = Projection::new(registry.get(group.resource_type), attributes, excluded).unwrap();
            assert_eq!((projection.shows_members(), projection.shows_groups()), (read, false));
        };
        check(None, None, true);
        check(Some("members.value"), None, true);
        check(None, Some("members.value"), true);
        check(None, Some("members"), false);
        check(Some("id"), None, false);
    }

    #[test]
    fn point_13_both_at_once_exclude_each_other() {
        let registry = Registry::standard();
        let user = &registry.resource_types()[0];
        let both = Projection::new(user, Some("userName"), Some("name"));
        assert_eq!(refusal(both), (400, Some("invalidSyntax")));
    }
}
