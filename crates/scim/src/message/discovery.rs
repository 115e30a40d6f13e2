//! The discovery endpoints (RFC 7644 §4, RFC 7643 §5 to §7): `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas`.
//! They publish only what the service provider does.

use serde_json::{Map, Value, json};

use crate::context::Limits;
use crate::message::bulk;
use crate::message::cursor;
use crate::schema::{AccountValues, Attribute, CanonicalValues, Registry, ResourceType, Schema};
use crate::urn;

/// The facts that `/ServiceProviderConfig` publishes.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The base URL, as in [`Context::base`](crate::Context::base).
    pub base: &'a str,
    /// The URL of the documentation for humans.
    pub documentation_uri: Option<&'a str>,
    /// Published as `filter.maxResults` and in `pagination`.
    pub limits: Limits,
    /// The largest body in bytes; published as `bulk.maxPayloadSize`.
    pub max_payload: usize,
}

/// `/ServiceProviderConfig` (RFC 7643 §5, RFC 9865 §4). RFC 9967 §4 would have `securityEvents` there: clients that read it by the schema of
/// RFC 7643 refuse the whole document for an attribute more.
pub fn service_provider_config(facts: &Facts<'_>) -> Value {
    let mut config = Map::new();
    config.insert("schemas".to_owned(), json!([urn::SERVICE_PROVIDER_CONFIG]));
    if let Some(uri) = facts.documentation_uri {
        config.insert("documentationUri".to_owned(), uri.into());
    }
    let features = [
        ("patch", json!({ "supported": true })),
        (
            "bulk",
            json!({ "supported": true, "maxOperations": bulk::MAX_OPERATIONS, "maxPayloadSize": facts.max_payload }),
        ),
        ("filter", json!({ "supported": true, "maxResults": facts.limits.max_page })),
        ("changePassword", json!({ "supported": false })),
        ("sort", json!({ "supported": true })),
        ("etag", json!({ "supported": true })),
        (
            "pagination",
            json!({
                "cursor": true,
                "index": true,
                "defaultPaginationMethod": "index",
                "defaultPageSize": facts.limits.default_page.min(facts.limits.max_page),
                "maxPageSize": facts.limits.max_page,
                "cursorTimeout": cursor::TIMEOUT
            }),
        ),
        (
            "authenticationSchemes",
            json!([{
                "type": "oauthbearertoken",
                "name": "OAuth Bearer Token",
                "description": "An access token of our authorization server, sent as in RFC 6750 §2.1.",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": true
            }]),
        ),
    ];
    config.extend(features.map(|(name, value)| (name.to_owned(), value)));
    let location = format!("{}/ServiceProviderConfig", facts.base);
    config.insert("meta".to_owned(), json!({ "resourceType": "ServiceProviderConfig", "location": location }));
    Value::Object(config)
}

/// `/ResourceTypes` (RFC 7643 §6).
pub fn resource_types(registry: &Registry, base: &str) -> Value {
    list(published(registry).map(|resource_type| describe_type(resource_type, base)).collect())
}

/// `/ResourceTypes/{name}`.
pub fn resource_type(registry: &Registry, base: &str, name: &str) -> Option<Value> {
    let found = published(registry).find(|resource_type| resource_type.name == name)?;
    Some(describe_type(found, base))
}

/// `/Schemas` (RFC 7643 §7), with the account's own lists as `canonicalValues`.
pub fn schemas(registry: &Registry, account_values: &AccountValues, base: &str) -> Value {
    list(all_schemas(registry).into_iter().map(|schema| describe_schema(schema, account_values, base)).collect())
}

/// `/Schemas/{urn}`.
pub fn schema(registry: &Registry, account_values: &AccountValues, base: &str, id: &str) -> Option<Value> {
    let found = all_schemas(registry).into_iter().find(|schema| urn::same(&schema.id, id))?;
    Some(describe_schema(found, account_values, base))
}

fn list(resources: Vec<Value>) -> Value {
    let total = resources.len();
    json!({
        "schemas": [urn::LIST_RESPONSE],
        "totalResults": total,
        "startIndex": 1,
        "itemsPerPage": total,
        "Resources": resources
    })
}

fn published(registry: &Registry) -> impl Iterator<Item = &ResourceType> {
    registry.resource_types().iter().chain(registry.catalogs().map(|catalog| &catalog.resource_type))
}

/// Each schema once; several resource types may share an extension.
fn all_schemas(registry: &Registry) -> Vec<&Schema> {
    let mut schemas: Vec<&Schema> = Vec::new();
    for resource_type in published(registry) {
        let extensions = resource_type.extensions.iter().map(|(extension, _)| extension);
        for schema in std::iter::once(&resource_type.schema).chain(extensions) {
            if schemas.iter().all(|known| known.id != schema.id) {
                schemas.push(schema);
            }
        }
    }
    schemas
}

fn describe_type(resource_type: &ResourceType, base: &str) -> Value {
    let extensions: Vec<Value> = resource_type
        .extensions
        .iter()
        .map(|(extension, required)| json!({ "schema": extension.id, "required": required }))
        .collect();
    json!({
        "schemas": [urn::RESOURCE_TYPE],
        "id": resource_type.name,
        "name": resource_type.name,
        "endpoint": format!("/{}", resource_type.endpoint),
        "description": resource_type.description,
        "schema": resource_type.schema.id,
        "schemaExtensions": extensions,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base}/ResourceTypes/{}", resource_type.name)
        }
    })
}

fn describe_schema(schema: &Schema, account_values: &AccountValues, base: &str) -> Value {
    let attributes: Vec<Value> = schema.attributes.iter().map(|a| describe_attribute(a, account_values)).collect();
    json!({
        "schemas": [urn::SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": attributes,
        "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id) }
    })
}

fn describe_attribute(attribute: &Attribute, account_values: &AccountValues) -> Value {
    let mut described = Map::new();
    let mut say = |name: &str, value: Value| drop(described.insert(name.to_owned(), value));
    say("name", attribute.name.as_str().into());
    say("type", attribute.r#type.as_str().into());
    say("multiValued", attribute.multi_valued.into());
    say("description", attribute.description.as_str().into());
    say("required", attribute.required.into());
    match &attribute.canonical_values {
        CanonicalValues::Any => {}
        CanonicalValues::Suggested(values) | CanonicalValues::Only(values) => {
            say("canonicalValues", values.as_slice().into());
        }
        CanonicalValues::OnlyListed(name) => {
            say("canonicalValues", account_values.lists.get(name).map_or(&[][..], Vec::as_slice).into());
        }
    }
    say("caseExact", attribute.case_exact.into());
    say("mutability", attribute.mutability.as_str().into());
    say("returned", attribute.returned.as_str().into());
    say("uniqueness", attribute.uniqueness.as_str().into());
    if !attribute.reference_types.is_empty() {
        say("referenceTypes", attribute.reference_types.as_slice().into());
    }
    if !attribute.sub_attributes.is_empty() {
        let subs: Vec<Value> = attribute.sub_attributes.iter().map(|s| describe_attribute(s, account_values)).collect();
        say("subAttributes", subs.into());
    }
    Value::Object(described)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BASE, provisioning};

    #[test]
    fn point_42_schemas_and_resource_types_are_lists_that_refer_to_each_other() {
        let (registry, account_values) = provisioning();
        let types = resource_types(&registry, BASE);
        let schemas = schemas(&registry, &account_values, BASE);
        for list in [&types, &schemas] {
            assert_eq!(list["schemas"], json!([urn::LIST_RESPONSE]));
            assert_eq!(list["totalResults"].as_u64(), list["Resources"].as_array().map(|r| r.len() as u64));
        }
        let published: Vec<&str> =
            schemas["Resources"].as_array().unwrap().iter().map(|schema| schema["id"].as_str().unwrap()).collect();
        assert_eq!(published, [urn::USER, urn::ENTERPRISE_USER, urn::GROUP], "no message is a schema");
        for described in types["Resources"].as_array().unwrap() {
            assert!(published.contains(&described["schema"].as_str().unwrap()), "point 43");
            assert_eq!(described["id"], described["name"]);
            let one = resource_type(&registry, BASE, described["name"].as_str().unwrap());
            assert_eq!(one.as_ref(), Some(described));
        }
        for id in published {
            let one = schema(&registry, &account_values, BASE, id).unwrap();
            assert_eq!(one["meta"]["location"], format!("{BASE}/Schemas/{id}"));
        }
        assert_eq!(resource_type(&registry, BASE, "Printer"), None);
        assert_eq!(schema(&registry, &account_values, BASE, "urn:x"), None);
    }

    #[test]
    fn an_operators_attributes_are_published_with_this_customers_words() {
        let (registry, account_values) = provisioning();
        let user = schema(&registry, &account_values, BASE, urn::USER).unwrap();
        let attribute = |name: &str| {
            let attributes = user["attributes"].as_array().unwrap();
            attributes.iter().find(|attribute| attribute["name"] == name).cloned().unwrap()
        };
        let role = attribute("role");
        assert_eq!((&role["required"], &role["multiValued"]), (&json!(true), &json!(false)));
        assert_eq!(role["canonicalValues"], json!(["master_admin", "admin", "billing"]));
        assert_eq!(attribute("product_environments")["canonicalValues"], json!(["prod", "stage"]));
        assert_eq!(attribute("userName")["uniqueness"], "server");
        assert_eq!(attribute("groups")["mutability"], "readOnly");
        let password = attribute("password");
        assert_eq!((&password["mutability"], &password["returned"]), (&json!("writeOnly"), &json!("never")));
        assert_eq!(attribute("emails")["subAttributes"][0]["name"], "value");
        for attribute in user["attributes"].as_array().unwrap() {
            for characteristic in ["name", "type", "multiValued", "description", "required", "mutability", "returned"] {
                assert!(!attribute[characteristic].is_null(), "{characteristic} of {}", attribute["name"]);
            }
        }
    }

    #[test]
    fn point_43_the_configuration_claims_what_is_true() {
        let limits = Limits { default_page: 10, max_page: 77, ..Limits::default() };
        let config =
            service_provider_config(&Facts { base: BASE, documentation_uri: None, limits, max_payload: 1 << 20 });
        assert_eq!(
            config["bulk"],
            json!({ "supported": true, "maxOperations": 1000, "maxPayloadSize": 1_048_576 }),
            "point 37"
        );
        assert_eq!(config["filter"], json!({ "supported": true, "maxResults": 77 }));
        for (feature, supported) in
            [("patch", true), ("bulk", true), ("changePassword", false), ("sort", true), ("etag", true)]
        {
            assert_eq!(config[feature]["supported"], supported, "{feature}");
        }
        let pagination = json!({
            "cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 10, "maxPageSize": 77,
            "cursorTimeout": 3600
        });
        assert_eq!(config["pagination"], pagination, "point 52");
        assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
        assert_eq!(config.get("documentationUri"), None);
    }
}
