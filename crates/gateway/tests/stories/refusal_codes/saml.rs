//! Logging in at a SAML provider.

use reqwest::Method;
use serde_json::{Value, json};

use super::Provoked;
use crate::support::saml_documents::{Document, Form, Signer, encoded, signed};
use crate::support::saml_provider::SamlProvider;
use crate::support::testing::World;

/// Each refusal of a response.
pub(super) async fn provoke(world: &World, log: &mut Provoked) {
    let acme = world.account("saml").await;
    acme.user("ada@saml.test").role("master_admin").create().await;
    let saml = SamlProvider::of(world, &acme, json!({})).await;
    let ada = || saml.about("ada@saml.test");
    let xml = "<!DOCTYPE a><a/>".to_owned();
    let encrypted = "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>";
    let of = ada();
    let elsewhere = "https://other.test/consume".to_owned();
    let told: Vec<(&str, String)> = vec![
        ("saml_malformed", "<a/>".to_owned()),
        ("saml_forbidden_xml", xml),
        ("saml_unsigned", of.around("_r", &of.assertion())),
        (
            "saml_signature_form",
            Document { form: Form { transforms: Vec::new(), ..Form::default() }, ..ada() }.response(),
        ),
        ("saml_signature_wrong", of.around("_r", &signed(&of.assertion(), &of.id, Signer::other(), &of.form))),
        ("saml_weak_hash", Document { form: Form::sha1(), ..ada() }.response()),
        ("saml_wrapped", of.around(&of.id, &of.signed_assertion())),
        ("saml_assertions", of.around("_r", "")),
        ("saml_encrypted", of.around("_r", encrypted)),
        ("saml_refused", Document { status: "Responder".to_owned(), ..ada() }.around("_r", "")),
        ("saml_issuer", Document { issuer: "https://evil.test".to_owned(), ..ada() }.response()),
        ("saml_audience", Document { audience: "https://other.test".to_owned(), ..ada() }.response()),
        ("saml_destination", Document { destination: elsewhere.clone(), ..ada() }.response()),
        ("saml_recipient", Document { recipient: elsewhere, ..ada() }.response()),
        ("saml_time", Document { valid: (-3_600_000, -1_800_000), ..ada() }.response()),
        ("saml_subject", Document { name_id: String::new(), ..ada() }.response()),
        ("saml_request_unknown", Document { in_response_to: Some("_x".to_owned()), ..ada() }.response()),
        ("saml_unsolicited", of.response()),
        ("saml_replayed", of.response()),
    ];
    for (code, response) in &told {
        log.ask(code, saml.bring(response)).await;
    }
    let unknown = Document { issuer: "https://nowhere.test".to_owned(), ..ada() }.response();
    log.ask("saml_account_unclear", saml.bring_to(&saml.shared_consumer, &unknown)).await;

    let with = async |more: Value| SamlProvider::of(world, &acme, more).await;
    let named = |id: &str, person: &str| Document { id: id.to_owned(), ..saml.about(person) };
    with(json!({"idp_initiated": true})).await;
    log.ask("saml_user_unknown", saml.bring(&named("_1", "eve@saml.test").response())).await;
    with(json!({"idp_initiated": true, "create_users": true})).await;
    let mut eve = named("_2", "eve@saml.test");
    eve.attributes.push(("role".to_owned(), "emperor".to_owned()));
    log.ask("saml_user_not_created", saml.bring(&eve.response())).await;
    with(json!({"idp_initiated": true, "attribute": "uid"})).await;
    log.ask("saml_attribute_missing", saml.bring(&named("_3", "ada@saml.test").response())).await;

    acme.admin(Method::PATCH, "/sign-in").json(&json!({"saml": null})).await.expect(200);
    let response = [("SAMLResponse", encoded(&ada().response()))];
    log.ask("saml_missing", world.post(&saml.consumer).form(&response)).await;
}
