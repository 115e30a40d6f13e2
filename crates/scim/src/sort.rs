//! The order of a list (RFC 7644 §3.4.2.3).
//!
//! A multi-valued attribute sorts by its primary value, else its first; text by its folding unless it is `caseExact`; a
//! resource without a value comes last when ascending and first when descending.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use crate::error::Error;
use crate::filter::Needs;
use crate::filter::resolve::{self, Leaf};
use crate::filter::target::{Datum, Origin, Scope, Target};
use crate::path::AttributePath;
use crate::resource::Resource;
use crate::schema::{ResourceType, Type};
use crate::search_keys::AttributeKey;
use crate::search_keys::key_text::{fold, of_boolean, of_decimal, of_integer};

/// What a list is ordered by.
#[derive(Debug, Clone, PartialEq)]
pub struct Sort {
    target: Target,
    r#type: Type,
    case_exact: bool,
    descending: bool,
    by: SortBy,
}

/// What a resource is ordered by, as text that compares as the values do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey(String);

/// Where a store may find the order ready-made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// `id`
    Id,
    /// `meta.created`
    Created,
    /// `meta.lastModified`
    LastModified,
    /// An indexed attribute with at most one value. Its keys have this order, but for values that begin with the same
    /// 190 bytes.
    Key(AttributeKey),
    /// Only [`Sort::key`] knows.
    Document,
}

impl Sort {
    /// Reads `sortBy` and `sortOrder`; [`Error::InvalidValue`] names what cannot be sorted by.
    pub fn new(path: &str, descending: bool, resource_type: &ResourceType) -> Result<Sort, Error> {
        let refused = |why: String| Error::InvalidValue(format!("sortBy: {why}"));
        let parsed: AttributePath = path.parse().map_err(|error: Error| refused(error.detail()))?;
        if parsed.filter.is_some() {
            return Err(refused(
                "a list is sorted by an attribute, without brackets, such as name.familyName".to_owned(),
            ));
        }
        let found = resolve::leaf(&parsed, resource_type).map_err(|error| refused(error.detail()))?;
        let Some(Leaf { target, definition, index }) = found else {
            let name: String = path.chars().take(200).collect();
            return Err(refused(format!("a {} has no attribute {name}", resource_type.name)));
        };
        let by = match (&target.origin, index) {
            (Origin::Id, _) => SortBy::Id,
            (Origin::Created, _) => SortBy::Created,
            (Origin::LastModified, _) => SortBy::LastModified,
            (_, Some(key)) if target.sub.is_none() && !definition.multi_valued => SortBy::Key(key),
            _ => SortBy::Document,
        };
        let (r#type, case_exact) = (definition.r#type, definition.case_exact);
        Ok(Sort { target, r#type, case_exact, descending, by })
    }

    /// Largest first.
    pub fn is_descending(&self) -> bool {
        self.descending
    }

    /// Where a store may find the order ready-made.
    pub fn by(&self) -> SortBy {
        self.by
    }

    /// What has to be loaded on a resource before it is compared.
    pub fn needs(&self) -> Needs {
        self.target.needs()
    }

    /// What a resource is ordered by; `None` where it has no value.
    pub fn key(&self, resource: &Resource) -> Option<SortKey> {
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

    /// The order of two resources; where it is equal, the order of their creation is to decide.
    pub fn compare(&self, a: &Resource, b: &Resource) -> Ordering {
        self.compare_keys(self.key(a).as_ref(), self.key(b).as_ref())
    }

    /// The order of two resources whose keys are known.
    pub fn compare_keys(&self, a: Option<&SortKey>, b: Option<&SortKey>) -> Ordering {
        let ascending = match (a, b) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if self.descending { ascending.reverse() } else { ascending }
    }

    /// The key of the value that says it is the primary one.
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
                if self.case_exact { Cow::Borrowed(text) } else { fold(text) }.into_owned()
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
    use serde_json::json;

    fn sorted(by: &str, descending: bool, people: &[Value]) -> Vec<usize> {
        let sort = Sort::new(by, descending, &schema::user()).expect("an attribute to sort by");
        let people: Vec<Resource> = people.iter().cloned().map(user).collect();
        let mut order: Vec<usize> = (0..people.len()).collect();
        order.sort_by(|&a, &b| sort.compare(&people[a], &people[b]));
        order
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
        assert!(sort.key(&barbara_jensen()).is_some());
    }

    #[test]
    fn what_cannot_be_sorted_by_is_named() {
        for (path, named) in [
            ("shoeSize", "shoeSize"),
            ("name", "name.formatted, name.familyName"),
            ("emails[type eq \"work\"].value", "brackets"),
            ("password", "never disclosed"),
            ("emails.", "emails."),
            ("", "missing"),
        ] {
            let error = Sort::new(path, false, &schema::user()).expect_err("cannot be sorted by");
            assert!(matches!(&error, Error::InvalidValue(detail) if detail.contains(named)), "{path}: {error}");
        }
    }
}
