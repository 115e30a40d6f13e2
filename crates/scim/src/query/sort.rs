//! The order of a list (RFC 7644 §3.4.2.3).
//!
//! A multi-valued attribute sorts by its primary value, else by its first. Text sorts folded unless it is `caseExact`.
//! Resources without a value come last when ascending and first when descending. Ties keep the order of creation;
//! descending is the exact reverse of ascending. Only the first 200 bytes of a text count.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::Value;

use crate::error::Error;
use crate::query::filter::resolve::{self, Leaf};
use crate::query::filter::target::{Datum, Origin, Scope, Target};
use crate::query::path::AttributePath;
use crate::resource::Resource;
use crate::schema::AttributeKey;
use crate::schema::key_text::{fold, of_boolean, of_decimal, of_folded, of_integer, to_integer};
use crate::schema::{Registry, ResourceType, Type};

/// What a list is ordered by.
#[derive(Debug, Clone, PartialEq)]
pub struct Sort {
    /// `None` where no resource of the type has the attribute.
    value: Option<SortValue>,
    descending: bool,
    by: SortBy,
    always: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct SortValue {
    target: Target,
    r#type: Type,
    case_exact: bool,
}

/// The value that a resource sorts by, as text that compares like the values: the search key of an indexed attribute,
/// at most about 270 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey(pub(crate) String);

impl SortKey {
    /// The sort key that equals this search key.
    pub fn indexed(key: String) -> SortKey {
        SortKey(key)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number or instant (milliseconds since the epoch) behind the key.
    pub fn integer(&self) -> Option<i64> {
        to_integer(&self.0)
    }
}

/// Where a store can read the order from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// `id`
    Id,
    /// `meta.created`
    Created,
    /// `meta.lastModified`
    LastModified,
    /// An indexed attribute with at most one value: its keys are in this order.
    Key(AttributeKey),
    /// No resource of this type has a value.
    Nothing,
    /// Only [`Sort::key`] can tell; the store has to read documents.
    Document,
}

/// The standard's own schemas: an attribute that they require is present in every resource.
static STANDARD: LazyLock<Registry> = LazyLock::new(Registry::standard);

impl Sort {
    /// Reads `sortBy` and `sortOrder`; [`Error::InvalidValue`] names a path that cannot be sorted by.
    pub fn new(path: &str, descending: bool, resource_type: &ResourceType) -> Result<Sort, Error> {
        Sort::find(path, descending, resource_type)?.ok_or_else(|| {
            let name: String = path.chars().take(200).collect();
            Error::InvalidValue(format!("sortBy: a {} has no attribute {name}", resource_type.name))
        })
    }

    /// Reads the order for several resource types, with one sort for each. Resources of a type without the attribute
    /// have no value (RFC 7644 §3.4.2.1); at least one type must have it.
    pub fn among(path: &str, descending: bool, resource_types: &[&ResourceType]) -> Result<Vec<Sort>, Error> {
        let found = resource_types.iter().map(|resource_type| Sort::find(path, descending, resource_type));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        if found.iter().all(Option::is_none) {
            let name: String = path.chars().take(200).collect();
            return Err(Error::InvalidValue(format!("sortBy: no resource has an attribute {name}")));
        }
        let nothing = Sort { value: None, descending, by: SortBy::Nothing, always: false };
        Ok(found.into_iter().map(|sort| sort.unwrap_or_else(|| nothing.clone())).collect())
    }

    fn find(path: &str, descending: bool, resource_type: &ResourceType) -> Result<Option<Sort>, Error> {
        let refused = |why: String| Error::InvalidValue(format!("sortBy: {why}"));
        let parsed: AttributePath = path.parse().map_err(|error: Error| refused(error.detail()))?;
        if parsed.filter.is_some() {
            return Err(refused(
                "a list is sorted by an attribute, without brackets, such as name.familyName".to_owned(),
            ));
        }
        let found = resolve::leaf(&parsed, resource_type).map_err(|error| refused(error.detail()))?;
        let Some(Leaf { target, definition, index }) = found else { return Ok(None) };
        if target.needs() != Default::default() {
            return Err(refused("a list is not sorted by who is in which group".to_owned()));
        }
        let by = match (&target.origin, index) {
            (Origin::Id, _) => SortBy::Id,
            (Origin::Created, _) => SortBy::Created,
            (Origin::LastModified, _) => SortBy::LastModified,
            (_, Some(key)) if target.sub.is_none() && !definition.multi_valued => SortBy::Key(key),
            _ => SortBy::Document,
        };
        let (r#type, case_exact) = (definition.r#type, definition.case_exact);
        let standard = STANDARD.resource_types().iter().find(|standard| standard.id == resource_type.id);
        let always = matches!((&target.origin, standard), (Origin::Document { extension: None, name }, Some(standard))
            if standard.schema.attributes.iter().any(|attribute| attribute.required && attribute.default.is_none() && attribute.name == **name));
        Ok(Some(Sort { value: Some(SortValue { target, r#type, case_exact }), descending, by, always }))
    }

    /// Whether the order is descending.
    pub fn is_descending(&self) -> bool {
        self.descending
    }

    /// Where a store can read the order from.
    pub fn by(&self) -> SortBy {
        self.by
    }

    /// Whether every resource has a value, because the standard requires it.
    pub fn is_always_there(&self) -> bool {
        self.always
    }

    /// The sort key of a resource; `None` where it has no value.
    pub fn key(&self, resource: &Resource) -> Option<SortKey> {
        self.value.as_ref()?.key(resource)
    }
}

impl SortValue {
    fn key(&self, resource: &Resource) -> Option<SortKey> {
        if let Some(primary) = self.primary(resource) {
            return Some(primary);
        }
        let mut key = None;
        self.target.any(Scope::Resource(resource), &mut |datum| {
            key = self.key_of(datum);
            key.is_some()
        });
        key
    }

    /// The key of the primary value.
    fn primary(&self, resource: &Resource) -> Option<SortKey> {
        let sub = self.target.sub.as_deref()?;
        let Origin::Document { .. } = &self.target.origin else { return None };
        let elements = Target { origin: self.target.origin.clone(), sub: None };
        let mut key = None;
        elements.any(Scope::Resource(resource), &mut |element| {
            let Some(element) = element.json() else { return false };
            let is_primary = element.get("primary").and_then(Value::as_bool) == Some(true);
            if is_primary {
                key = element.get(sub).and_then(|value| self.key_of(Datum::Json(value)));
            }
            is_primary
        });
        key
    }

    fn key_of(&self, datum: Datum<'_>) -> Option<SortKey> {
        let text = match self.r#type {
            Type::String | Type::Reference | Type::Binary => {
                let text = datum.text().filter(|text| !text.is_empty())?;
                of_folded(if self.case_exact { Cow::Borrowed(text) } else { fold(text) })
            }
            Type::Boolean => of_boolean(datum.boolean()?).to_owned(),
            Type::Integer => of_integer(datum.integer()?),
            Type::Decimal => of_decimal(datum.decimal()?),
            Type::DateTime => of_integer(datum.instant()?),
            Type::Complex => return None,
        };
        Some(SortKey(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{barbara_jensen, user};
    use crate::schema;
    use crate::store::{Handle, PageKey, Stored};
    use serde_json::json;

    fn sorted(by: &str, descending: bool, people: &[Value]) -> Vec<usize> {
        let sort = Sort::new(by, descending, &schema::user()).expect("an attribute to sort by");
        let stored = |(n, person): (usize, &Value)| Stored { handle: Handle(n as i64), resource: user(person.clone()) };
        let people = people.iter().enumerate().map(stored);
        let mut page_keys: Vec<PageKey> = people.map(|person| PageKey::after(&person, Some(&sort))).collect();
        page_keys.sort_by(|a, b| a.compare(b, Some(&sort)));
        page_keys.into_iter().map(|page_key| page_key.handle.0 as usize).collect()
    }

    #[test]
    fn text_sorts_without_regard_to_case_unless_exact() {
        let people = [json!({"userName": "bea"}), json!({"userName": "Abe"}), json!({"userName": "CID"})];
        assert_eq!(sorted("userName", false, &people), [1, 0, 2]);
        assert_eq!(sorted("USERNAME", true, &people), [2, 0, 1]);
        let people = [json!({"externalId": "bea"}), json!({"externalId": "Abe"}), json!({"externalId": "CID"})];
        assert_eq!(sorted("externalId", false, &people), [1, 2, 0]);
    }

    #[test]
    fn point_12_without_a_value_comes_last_ascending_and_first_descending() {
        let people = [json!({}), json!({"title": "b"}), json!({"title": "a"})];
        assert_eq!(sorted("title", false, &people), [2, 1, 0]);
        assert_eq!(sorted("title", true, &people), [0, 1, 2]);
    }

    #[test]
    fn a_multi_valued_attribute_sorts_by_its_primary_value_else_its_first() {
        let people = [
            json!({"emails": [{"value": "m@x"}, {"value": "a@x"}]}),
            json!({"emails": [{"value": "z@x"}, {"value": "b@x", "primary": true}]}),
            json!({"emails": [{"type": "work"}, {"value": "c@x"}]}),
        ];
        assert_eq!(sorted("emails", false, &people), [1, 2, 0]);
        assert_eq!(sorted("emails.value", true, &people), [0, 2, 1]);
    }

    #[test]
    fn extensions_and_booleans_sort_too() {
        let people = [json!({"active": true}), json!({"active": false})];
        assert_eq!(sorted("active", false, &people), [1, 0]);
        let urn = crate::urn::ENTERPRISE_USER;
        let people = [json!({urn: {"department": "b"}}), json!({urn: {"department": "A"}})];
        assert_eq!(sorted(&format!("{urn}:department"), false, &people), [1, 0]);
        assert_eq!(sorted("department", false, &people), [1, 0]);
    }

    #[test]
    fn a_store_is_told_where_the_order_is_ready_made() {
        let by = |path: &str| Sort::new(path, false, &schema::user()).expect("sorts").by();
        assert_eq!(by("id"), SortBy::Id);
        assert_eq!(by("meta.created"), SortBy::Created);
        assert_eq!(by("meta.lastModified"), SortBy::LastModified);
        assert_eq!(by("userName"), SortBy::Key(AttributeKey::of("User", None, "userName", None)));
        assert_eq!(by("emails.value"), SortBy::Document);
        let sort = Sort::new("meta.lastModified", false, &schema::user()).expect("sorts");
        let key = sort.key(&barbara_jensen()).expect("a key");
        assert_eq!(key.integer(), Some(barbara_jensen().meta.last_modified));
        assert!(Sort::new("userName", false, &schema::user()).expect("sorts").is_always_there());
        assert!(!Sort::new("displayName", false, &schema::user()).expect("sorts").is_always_there());
        assert!(Sort::new("displayName", false, &schema::group()).expect("sorts").is_always_there());
    }

    #[test]
    fn several_types_are_sorted_together_where_one_has_the_attribute() {
        let (user, group) = (schema::user(), schema::group());
        let by = |path: &str| Sort::among(path, false, &[&user, &group]).map(|s| [s[0].by(), s[1].by()]);
        let key = |kind: &str, name: &str| SortBy::Key(AttributeKey::of(kind, None, name, None));
        let both = [key("User", "displayName"), key("Group", "displayName")];
        assert_eq!(by("displayName").ok(), Some(both));
        assert_eq!(by("userName").ok(), Some([key("User", "userName"), SortBy::Nothing]));
        assert!(by("shoeSize").is_err());
    }

    #[test]
    fn what_cannot_be_sorted_by_is_named() {
        for (path, named) in [
            ("shoeSize", "shoeSize"),
            ("name", "name.formatted, name.familyName"),
            ("emails[type eq \"work\"].value", "brackets"),
            ("password", "never disclosed"),
            ("groups.display", "in which group"),
            ("emails.", "emails."),
            ("", "missing"),
        ] {
            let error = Sort::new(path, false, &schema::user()).expect_err("cannot be sorted by");
            assert!(matches!(&error, Error::InvalidValue(detail) if detail.contains(named)), "{path}: {error}");
        }
    }
}
