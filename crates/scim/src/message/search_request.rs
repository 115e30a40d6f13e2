//! Queries (RFC 7644 §3.4.2, §3.4.3; RFC 9865): the parameters of a GET, or the body of a POST to `.search`.

use serde_json::{Map, Value};

use crate::context::Limits;
use crate::error::Error;
use crate::message::projection::Projection;
use crate::observations::nearest_of;
use crate::query::filter::Filter;
use crate::query::index_query::IndexQuery;
use crate::schema::{Registry, ResourceType, ResourceTypeId};
use crate::urn;

/// A query as written; its names are not looked up yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchRequest {
    /// Which resources; `None` for all.
    pub filter: Option<Filter>,
    /// The attribute path to sort by; `None` for the order of creation.
    pub sort_by: Option<String>,
    /// `sortOrder: descending`.
    pub descending: bool,
    /// `startIndex` as sent; a value below 1 means 1.
    pub start_index: Option<i64>,
    /// `count` as sent; a negative value means 0.
    pub count: Option<i64>,
    /// `cursor` as sent; empty for the first page.
    pub cursor: Option<String>,
    /// The names in `attributes`.
    pub attributes: Vec<String>,
    /// The names in `excludedAttributes`.
    pub excluded_attributes: Vec<String>,
}

impl SearchRequest {
    /// Reads the decoded parameters of a GET. Unknown parameters are ignored. A duplicate parameter is an error,
    /// because either value would be silently lost.
    pub fn from_query<'q>(pairs: impl IntoIterator<Item = (&'q str, &'q str)>) -> Result<SearchRequest, Error> {
        let mut request = SearchRequest::default();
        let mut seen = 0u8;
        for (name, value) in pairs {
            let Some(parameter) = PARAMETERS.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
                continue;
            };
            if seen & (1 << parameter) != 0 {
                return Err(Error::InvalidSyntax(format!("the parameter {name} is there twice; send it once")));
            }
            seen |= 1 << parameter;
            match parameter {
                0 => request.filter = Some(value.parse()?),
                1 => request.sort_by = Some(value.trim().to_owned()).filter(|path| !path.is_empty()),
                2 => request.descending = descending(value)?,
                3 => request.start_index = integer("startIndex", value)?,
                4 => request.count = integer("count", value)?,
                5 => request.cursor = Some(value.to_owned()),
                6 => request.attributes = names(value),
                _ => request.excluded_attributes = names(value),
            }
        }
        Ok(request)
    }

    /// The parameters of a GET that do not exist, each with the one that is most like it.
    pub fn unknown_parameters<'q>(
        names: impl IntoIterator<Item = &'q str>,
    ) -> impl Iterator<Item = (&'q str, Option<&'static str>)> {
        let is_unknown = |name: &&str| !PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name));
        names.into_iter().filter(is_unknown).map(|name| (name, nearest_of(&PARAMETERS, name)))
    }

    /// Reads the body of a POST to `.search`.
    pub fn from_body(body: &Value) -> Result<SearchRequest, Error> {
        let refused = || {
            Error::InvalidSyntax(format!(
                "A search request is a JSON object with \"schemas\": [\"{}\"].",
                urn::SEARCH_REQUEST
            ))
        };
        let body = body.as_object().ok_or_else(refused)?;
        let schemas = member(body, "schemas").and_then(Value::as_array).ok_or_else(refused)?;
        if !schemas.iter().filter_map(Value::as_str).any(|urn| urn::same(urn, urn::SEARCH_REQUEST)) {
            return Err(refused());
        }
        Ok(SearchRequest {
            filter: text(body, "filter")?.map(str::parse).transpose()?,
            sort_by: text(body, "sortBy")?.map(str::to_owned),
            descending: text(body, "sortOrder")?.map(descending).transpose()?.unwrap_or(false),
            start_index: number(body, "startIndex")?,
            count: number(body, "count")?,
            cursor: text(body, "cursor")?.map(str::to_owned),
            attributes: list(body, "attributes")?,
            excluded_attributes: list(body, "excludedAttributes")?,
        })
    }

    /// Which attributes the answer shows.
    pub fn projection(&self, resource_type: &ResourceType) -> Result<Projection, Error> {
        Projection::named(resource_type, &self.attributes, &self.excluded_attributes)
    }

    /// Which attributes of each resource type the answer to a query at the root shows (§3.4.2.1, §3.4.3).
    pub fn projections(&self, registry: &Registry) -> Result<Vec<(ResourceTypeId, Projection)>, Error> {
        registry.resource_types().iter().map(|described| Ok((described.id, self.projection(described)?))).collect()
    }

    /// Whether the request names attributes to show or to exclude.
    pub fn names_attributes(&self) -> bool {
        !self.attributes.is_empty() || !self.excluded_attributes.is_empty()
    }

    /// What the index of this resource type is asked, where it answers the filter whole and in order of creation; `None` where it does
    /// not, or where there is no filter.
    pub fn index_query(&self, resource_type: &ResourceType) -> Option<IndexQuery> {
        let filter = self.filter.as_ref().filter(|_| self.sort_by.is_none())?;
        let plan = filter.resolve(resource_type).ok()?.plan(resource_type);
        plan.exact.then_some(plan.index_query)
    }

    /// Whether an index answers the whole query, so that no document outside the page is read.
    pub fn is_indexed(&self, resource_type: &ResourceType) -> bool {
        let exact = |filter: &Filter| filter.resolve(resource_type).is_ok_and(|p| p.plan(resource_type).exact);
        self.sort_by.is_none() && self.filter.as_ref().is_none_or(exact)
    }

    /// The index of the first resource asked for, from 1.
    pub fn first(&self) -> u64 {
        self.start_index.and_then(|index| u64::try_from(index).ok()).unwrap_or(1).max(1)
    }

    /// The number of resources asked for, limited to the largest page.
    pub fn page(&self, limits: Limits) -> u32 {
        match self.count {
            None => limits.default_page.min(limits.max_page),
            Some(count) => u32::try_from(count.max(0)).unwrap_or(u32::MAX).min(limits.max_page),
        }
    }
}

const PARAMETERS: [&str; 8] =
    ["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes"];

fn descending(text: &str) -> Result<bool, Error> {
    match text.trim() {
        "" => Ok(false),
        order if order.eq_ignore_ascii_case("ascending") => Ok(false),
        order if order.eq_ignore_ascii_case("descending") => Ok(true),
        _ => Err(Error::InvalidValue("sortOrder is \"ascending\" or \"descending\"".to_owned())),
    }
}

fn integer(name: &str, text: &str) -> Result<Option<i64>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::InvalidValue(format!("{name} is an integer")));
    }
    // Of a number beyond 64 bits only the sign matters.
    Ok(Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })))
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn member<'b>(body: &'b Map<String, Value>, name: &str) -> Option<&'b Value> {
    body.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).filter(|v| !v.is_null())
}

fn text<'b>(body: &'b Map<String, Value>, name: &str) -> Result<Option<&'b str>, Error> {
    match member(body, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::InvalidSyntax(format!("{name} is a string"))),
    }
}

fn number(body: &Map<String, Value>, name: &str) -> Result<Option<i64>, Error> {
    match member(body, name) {
        None => Ok(None),
        Some(Value::String(text)) => integer(name, text),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => integer(name, &number.to_string()),
        Some(_) => Err(Error::InvalidValue(format!("{name} is an integer"))),
    }
}

fn list(body: &Map<String, Value>, name: &str) -> Result<Vec<String>, Error> {
    let refused = || Error::InvalidSyntax(format!("{name} is an array of attribute names"));
    match member(body, name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(names(text)),
        Some(Value::Array(elements)) => {
            elements.iter().map(|e| e.as_str().map(|name| name.trim().to_owned()).ok_or_else(refused)).collect()
        }
        Some(_) => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::SearchRequest;
    use crate::urn;

    #[test]
    fn point_15_a_search_by_post_is_the_search_by_get() {
        let body = json!({
            "schemas": [urn::SEARCH_REQUEST], "filter": "userName sw \"a\"", "sortBy": "userName",
            "sortOrder": "descending", "startIndex": 3, "count": 5, "attributes": ["userName", " name.givenName"],
            "excludedAttributes": null
        });
        let query = [
            ("filter", "userName sw \"a\""),
            ("sortBy", "userName"),
            ("sortOrder", "Descending"),
            ("startIndex", "3"),
            ("COUNT", " 5"),
            ("attributes", "userName, name.givenName"),
            ("aadOptscim062020", ""),
        ];
        assert_eq!(SearchRequest::from_body(&body).unwrap(), SearchRequest::from_query(query).unwrap());
    }

    #[test]
    fn point_15_a_search_request_says_that_it_is_one() {
        let check = |body: Value, scim_type: &str| {
            let error = SearchRequest::from_body(&body).expect_err(&body.to_string());
            assert_eq!(error.wire(), (400, Some(scim_type)), "{body}");
        };
        let with = |name: &str, value: Value| json!({ "schemas": [urn::SEARCH_REQUEST], (name): value });
        check(json!([]), "invalidSyntax");
        check(json!({}), "invalidSyntax");
        check(json!({ "schemas": [urn::LIST_RESPONSE] }), "invalidSyntax");
        check(with("filter", json!(7)), "invalidSyntax");
        check(with("filter", json!("userName")), "invalidFilter");
        check(with("count", json!(1.5)), "invalidValue");
        check(with("count", json!("many")), "invalidValue");
        check(with("attributes", json!([7])), "invalidSyntax");
        check(with("sortOrder", json!("up")), "invalidValue");
    }

    #[test]
    fn point_2_counts_beyond_reason_mean_the_nearest_reasonable_one() {
        let limits = crate::Limits::default();
        let check = |start: &str, count: &str, expected: (u64, u32)| {
            let request = SearchRequest::from_query([("startIndex", start), ("count", count)]).unwrap();
            assert_eq!((request.first(), request.page(limits)), expected, "{start}, {count}");
        };
        check("", "", (1, 100));
        check("0", "0", (1, 0));
        check("-5", "-1", (1, 0));
        check("7", "1001", (7, 1000));
        check("-99999999999999999999", "-99999999999999999999", (1, 0));
        check("99999999999999999999", "99999999999999999999", (i64::MAX as u64, 1000));
    }
}
