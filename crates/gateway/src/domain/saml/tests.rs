//! Each refusal, with a document that was built for it; and what no change of a signed response can do.

use proptest::prelude::*;

use super::assertion::{Assertion, Expected};
use super::certificate::{Certificate, ProviderKey};
use super::response::{Envelope, decoded};
use super::signature::Trust;
use crate::domain::request::{OwnCode, Refusal};

#[path = "../../../tests/stories/support/saml_documents.rs"]
#[allow(unreachable_pub, dead_code, missing_docs)]
mod documents;
mod samples;

use documents::{Document, ENVELOPED, EXCLUSIVE, Form, Signer, enclosing, encoded, signature, signed};

const CONSUMER: &str = "https://front.test/saml/acme/consume";
const AUDIENCE: &str = "https://front.test/saml/acme";
const NOW: i64 = 1_795_000_000_000;

fn document() -> Document {
    Document::of("ada@acme.test", CONSUMER, AUDIENCE, NOW)
}

fn keys() -> Vec<ProviderKey> {
    vec![Certificate::read(&Signer::provider().certificate).unwrap().key]
}

fn accept_with(text: &str, sha1: bool) -> Result<(Assertion, Option<String>), Refusal> {
    let keys = keys();
    let assertion = Envelope::parse(text)?.verify(Trust { keys: &keys, sha1 })?;
    let audiences = [AUDIENCE.to_owned()];
    let expected = Expected { issuer: "https://id.test/saml", audiences: &audiences, recipient: CONSUMER, now: NOW };
    let answered = assertion.judge(&expected)?.map(str::to_owned);
    Ok((assertion, answered))
}

fn accept(text: &str) -> Result<(Assertion, Option<String>), Refusal> {
    accept_with(text, false)
}

/// The document is refused for this reason.
#[track_caller]
fn refuses(text: &str, code: OwnCode) {
    match accept(text) {
        Ok(read) => panic!("accepted: {read:?}"),
        Err(refusal) => assert_eq!(refusal.code, code.into(), "{}", refusal.detail),
    }
}

/// Changed in one place.
#[track_caller]
fn with(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old} is not there");
    text.replacen(old, new, 1)
}

#[test]
fn a_response_is_read_whose_assertion_is_signed_or_that_is_signed_itself_or_both() {
    let mut of = document();
    of.in_response_to = Some("_asked".to_owned());
    let both = signed(&of.around("_response", &of.signed_assertion()), "_response", Signer::provider(), &of.form);
    for text in [of.response(), of.signed_response(), both] {
        let (assertion, answered) = accept(&text).unwrap();
        assert_eq!((assertion.name_id.value.as_str(), answered.as_deref()), ("ada@acme.test", Some("_asked")));
        assert_eq!(assertion.value("email"), Some("ada@acme.test"));
        assert_eq!(assertion.authenticated, NOW);
        assert!(assertion.context.unwrap().ends_with(":PasswordProtectedTransport"));
        assert_eq!(decoded(&encoded(&text)).unwrap(), text);
    }
}

#[test]
fn how_a_document_is_written_makes_no_difference_to_what_was_signed() {
    let text = document().response();
    let written = with(&text, "<samlp:StatusCode Value=", "<samlp:StatusCode   Value=");
    let written = with(&written, "></samlp:StatusCode>", " />");
    let written = with(&written, r#"ID="_assertion" IssueInstant"#, "ID='_assertion'\r\n\tIssueInstant");
    let written = with(&written, "ada@acme.test</saml:NameID>", "&#97;da&#x40;acme.test</saml:NameID\n>");
    let written = with(
        &written,
        "<samlp:Response ",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<samlp:Response xmlns:unused=\"urn:u\" ",
    );
    assert_eq!(accept(&written).unwrap(), accept(&text).unwrap());
}

#[test]
fn a_response_without_a_signature_or_with_one_of_another_key_is_refused() {
    let of = document();
    refuses(&of.around("_response", &of.assertion()), OwnCode::SamlUnsigned);
    let other = signed(&of.assertion(), &of.id, Signer::other(), &of.form);
    refuses(&of.around("_response", &other), OwnCode::SamlSignatureWrong);
    // Which key made it is not taken from the response.
    let key_info = format!(
        "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
        Signer::other().certificate
    );
    let form = Form { tail: key_info, ..Form::default() };
    refuses(
        &of.around("_response", &signed(&of.assertion(), &of.id, Signer::other(), &form)),
        OwnCode::SamlSignatureWrong,
    );
    // A signature that is wrong is not made right by another.
    let both = signed(&of.around("_response", &other), "_response", Signer::provider(), &of.form);
    refuses(&both, OwnCode::SamlSignatureWrong);
    refuses(&with(&of.response(), "ada@acme.test<", "eve@acme.test<"), OwnCode::SamlSignatureWrong);
}

/// The eight forms of <https://www.usenix.org/conference/usenixsecurity12/technical-sessions/presentation/somorovsky>.
#[test]
fn signature_wrapping_is_refused_in_all_eight_forms() {
    let of = document();
    let evil = Document { id: "_evil".to_owned(), name_id: "eve@acme.test".to_owned(), ..document() };
    let key = Signer::provider();

    // 1 and 2: of a response that is signed, around and beside its signature.
    let original = of.around("_response", &of.assertion());
    let detached = signature(&original, "_response", key, &of.form);
    let enveloping = with(&detached, "</ds:Signature>", &format!("{original}</ds:Signature>"));
    refuses(&enclosing(&evil.around("_evil_response", &evil.assertion()), &enveloping), OwnCode::SamlAssertions);
    let beside = format!("{original}{detached}");
    refuses(&enclosing(&evil.around("_evil_response", &evil.assertion()), &beside), OwnCode::SamlAssertions);

    // 3 to 8: of an assertion that is signed.
    let (assertion, sealed) = (of.assertion(), of.signed_assertion());
    let detached = signature(&assertion, &of.id, key, &of.form);
    let end = "</saml:Assertion>";
    let xsw3 = format!("{}{sealed}", evil.assertion());
    let xsw4 = with(&evil.assertion(), end, &format!("{sealed}{end}"));
    let xsw5 = format!("{}{assertion}", enclosing(&evil.assertion(), &detached));
    let xsw6 =
        enclosing(&evil.assertion(), &with(&detached, "</ds:Signature>", &format!("{assertion}</ds:Signature>")));
    let xsw7 = format!("<samlp:Extensions>{}</samlp:Extensions>{sealed}", evil.assertion());
    let object = format!("<ds:Object>{assertion}</ds:Object></ds:Signature>");
    let xsw8 = enclosing(&evil.assertion(), &with(&detached, "</ds:Signature>", &object));
    for wrapped in [xsw3, xsw4, xsw5, xsw6, xsw7, xsw8] {
        refuses(&of.around("_response", &wrapped), OwnCode::SamlAssertions);
    }
}

/// The same where there is one assertion only, so that it is not the number of assertions that keeps them out.
#[test]
fn a_signature_counts_where_it_stands_and_for_what_it_stands_in() {
    let of = document();
    let evil = Document { name_id: "eve@acme.test".to_owned(), ..document() };
    let detached = signature(&of.assertion(), &of.id, Signer::provider(), &of.form);
    // Of another element, or of the right ID and other content.
    let other = Document { id: "_evil".to_owned(), ..evil.clone() };
    refuses(&of.around("_response", &enclosing(&other.assertion(), &detached)), OwnCode::SamlWrapped);
    refuses(&of.around("_response", &enclosing(&evil.assertion(), &detached)), OwnCode::SamlSignatureWrong);
    // Beside the assertion, in something of the response, in the assertion's subject.
    let response = of.around("_response", &of.assertion());
    refuses(&enclosing(&response, &detached), OwnCode::SamlWrapped);
    let extensions = format!("<samlp:Extensions>{detached}</samlp:Extensions>{}", of.assertion());
    refuses(&of.around("_response", &extensions), OwnCode::SamlWrapped);
    let deep = with(&of.assertion(), "</saml:Subject>", &format!("{detached}</saml:Subject>"));
    refuses(&of.around("_response", &deep), OwnCode::SamlWrapped);
    // Twice, and the assertion below something.
    let twice = enclosing(&of.signed_assertion(), &detached);
    refuses(&of.around("_response", &twice), OwnCode::SamlWrapped);
    let below = format!("<samlp:Extensions>{}</samlp:Extensions>", of.signed_assertion());
    refuses(&of.around("_response", &below), OwnCode::SamlWrapped);
    // An ID that is there twice, however it is written.
    for id in ["ID", "Id", "xml:id"] {
        let content = format!("<samlp:Extensions {id}=\"_assertion\"></samlp:Extensions>{}", of.signed_assertion());
        refuses(&of.around("_response", &content), OwnCode::SamlWrapped);
    }
    // Nothing to refer to.
    let all = signature(&of.assertion(), "", Signer::provider(), &of.form);
    refuses(
        &of.around("_response", &enclosing(&of.assertion(), &with(&all, "URI=\"#\"", "URI=\"\""))),
        OwnCode::SamlSignatureWrong,
    );
    refuses(&of.around("_response", &enclosing(&of.assertion(), &all)), OwnCode::SamlWrapped);
}

#[test]
fn two_assertions_none_and_encrypted_ones_are_refused() {
    let of = document();
    let second = Document { id: "_second".to_owned(), ..document() };
    let two = format!("{}{}", of.signed_assertion(), second.signed_assertion());
    refuses(&of.around("_response", &two), OwnCode::SamlAssertions);
    refuses(&signed(&of.around("_response", &two), "_response", Signer::provider(), &of.form), OwnCode::SamlAssertions);
    refuses(&of.around("_response", ""), OwnCode::SamlAssertions);
    let encrypted =
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:EncryptedAssertion>";
    refuses(&of.around("_response", encrypted), OwnCode::SamlEncrypted);
    let failed = Document { status: "Responder".to_owned(), ..document() };
    refuses(&failed.around("_response", ""), OwnCode::SamlRefused);
}

#[test]
fn a_name_is_one_plain_text() {
    let of = document();
    // The comment is not part of what is signed: with many readers the name is what stands before it, or after.
    let text = with(&of.response(), "ada@acme.test</saml:NameID>", "ada@acme.test<!-- -->.evil.test</saml:NameID>");
    refuses(&text, OwnCode::SamlForbiddenXml);
    for name in ["<x></x>ada@acme.test", "ada<x></x>@acme.test", "<x>ada@acme.test</x>", "", "  "] {
        let named = Document { name_id: name.to_owned(), attributes: Vec::new(), ..document() };
        refuses(&named.response(), OwnCode::SamlSubject);
    }
}

#[test]
fn what_a_document_may_do_beyond_saying_something_is_refused() {
    let text = document().response();
    for forbidden in [
        "<!DOCTYPE Response>",
        "<!DOCTYPE Response [<!ENTITY a \"ada\">]>",
        "<!DOCTYPE r SYSTEM \"https://evil.test/dtd\">",
        "<!-- -->",
        "<?target content?>",
    ] {
        refuses(&format!("{forbidden}{text}"), OwnCode::SamlForbiddenXml);
    }
    for inside in ["<![CDATA[x]]>", "<?target content?>", "<!-- -->", "&unknown;"] {
        refuses(&with(&text, "</saml:Audience>", &format!("{inside}</saml:Audience>")), OwnCode::SamlForbiddenXml);
    }
    let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
    refuses(&document().around("_r", &deep), OwnCode::SamlMalformed);
    refuses(&format!("{}{}", "<a>".repeat(30_000), "</a>".repeat(30_000)), OwnCode::SamlMalformed);
    let wide: String = (0..40).map(|n| format!(" a{n}=\"\"")).collect();
    refuses(&document().around("_r", &format!("<a{wide}></a>")), OwnCode::SamlMalformed);
    refuses(&document().around("_r", &"<a></a>".repeat(25_000)), OwnCode::SamlMalformed);
    refuses(&document().around("_r", &" ".repeat(200 << 10)), OwnCode::SamlMalformed);
    for no_response in ["", "hello", "<a", "<a></b>", "<samlp:Response/>", "<Response xmlns=\"urn:other\"/>", "\u{0}"] {
        refuses(no_response, OwnCode::SamlMalformed);
    }
    for no_base64 in [String::new(), "*".to_owned(), "/w==".to_owned(), "A".repeat(5 << 20)] {
        assert_eq!(decoded(&no_base64).unwrap_err().code, OwnCode::SamlMalformed.into());
    }
}

#[test]
fn a_stream_that_would_be_large_is_never_inflated() {
    // Two mebibytes of zeros, in DEFLATE: a response by redirect would be so written, and it is not XML.
    let bomb = [0xec, 0xc1, 0x01, 0x0d, 0x00, 0x00, 0x00, 0xc2, 0xa0, 0xf7, 0x4f, 0x6d, 0x0e, 0x37, 0xa0, 0x00, 0x00];
    use base64::Engine;
    let field = base64::engine::general_purpose::STANDARD.encode(bomb);
    assert_eq!(decoded(&field).unwrap_err().code, OwnCode::SamlMalformed.into());
}

#[test]
fn a_response_from_or_for_another_is_refused() {
    let refuses_if = |change: &dyn Fn(&mut Document), code| {
        let mut of = document();
        change(&mut of);
        refuses(&of.response(), code);
        refuses(&of.signed_response(), code);
    };
    refuses_if(&|of| of.issuer = "https://evil.test".to_owned(), OwnCode::SamlIssuer);
    refuses_if(&|of| of.audience = "https://other.test/saml".to_owned(), OwnCode::SamlAudience);
    refuses_if(&|of| of.recipient = "https://other.test/consume".to_owned(), OwnCode::SamlRecipient);
    refuses_if(&|of| of.destination = "https://other.test/consume".to_owned(), OwnCode::SamlDestination);
    let of = document();
    let without = |old: &str, new: &str| {
        let assertion = with(&of.assertion(), old, new);
        of.around("_response", &signed(&assertion, &of.id, Signer::provider(), &of.form))
    };
    let restriction =
        format!("<saml:AudienceRestriction><saml:Audience>{AUDIENCE}</saml:Audience></saml:AudienceRestriction>");
    refuses(&without(&restriction, ""), OwnCode::SamlAudience);
    let another = format!(
        "{restriction}<saml:AudienceRestriction><saml:Audience>urn:x</saml:Audience></saml:AudienceRestriction>"
    );
    refuses(&without(&restriction, &another), OwnCode::SamlAudience);
    refuses(&without(&restriction, &format!("{restriction}<saml:Condition></saml:Condition>")), OwnCode::SamlMalformed);
    refuses(&without("cm:bearer", "cm:sender-vouches"), OwnCode::SamlSubject);
    refuses(&without(&format!(" Recipient=\"{CONSUMER}\""), ""), OwnCode::SamlRecipient);
    // A response that is not signed may not name another request than its assertion.
    refuses(
        &with(&of.response(), " ID=\"_response\"", " ID=\"_response\" InResponseTo=\"_x\""),
        OwnCode::SamlRequestUnknown,
    );
}

#[test]
fn an_assertion_counts_from_when_until_when_it_says_with_three_minutes_of_difference() {
    let minute = 60_000;
    let at = |valid: (i64, i64)| accept(&Document { valid, ..document() }.response());
    for valid in [(3 * minute, 10 * minute), (-10 * minute, -3 * minute + 1)] {
        at(valid).unwrap();
    }
    for valid in [(3 * minute + 1, 10 * minute), (-10 * minute, -3 * minute)] {
        assert_eq!(at(valid).unwrap_err().code, OwnCode::SamlTime.into());
    }
    let (assertion, _) = at((-minute, minute)).unwrap();
    assert_eq!(assertion.expires, NOW + minute + super::SKEW);
    let of = document();
    for (old, new, code) in [
        ("NotBefore=\"", "NotBefore=\"about ", OwnCode::SamlMalformed),
        (" NotOnOrAfter=\"2026", " Never=\"2026", OwnCode::SamlTime),
        ("AuthnInstant=\"2026", "AuthnInstant=\"2036", OwnCode::SamlTime),
    ] {
        let assertion = with(&of.assertion(), old, new);
        refuses(&of.around("_r", &signed(&assertion, &of.id, Signer::provider(), &of.form)), code);
    }
}

#[test]
fn a_signature_of_another_form_is_refused() {
    let transform = |name: &str, inner: &str| (name.to_owned(), inner.to_owned());
    let refuses_form = |form: Form, code| {
        refuses(&Document { form: form.clone(), ..document() }.response(), code);
        refuses(&Document { form, ..document() }.signed_response(), code);
    };
    let forms = [
        vec![transform(ENVELOPED, "")],
        vec![transform(EXCLUSIVE, "")],
        vec![transform(EXCLUSIVE, ""), transform(ENVELOPED, "")],
        vec![transform(ENVELOPED, ""), transform("http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "")],
        vec![
            transform(ENVELOPED, ""),
            transform(EXCLUSIVE, ""),
            transform("http://www.w3.org/TR/1999/REC-xslt-19991116", ""),
        ],
        vec![
            transform(ENVELOPED, ""),
            transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<ds:XPath>self::x</ds:XPath>"),
        ],
        vec![transform(ENVELOPED, ""), transform("http://www.w3.org/2000/09/xmldsig#base64", "")],
        vec![transform(ENVELOPED, "<ds:XPath>self::x</ds:XPath>"), transform(EXCLUSIVE, "")],
        vec![],
    ];
    for transforms in forms {
        refuses_form(Form { transforms, ..Form::default() }, OwnCode::SamlSignatureForm);
    }
    let canonicalization = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315".to_owned();
    refuses_form(Form { canonicalization, ..Form::default() }, OwnCode::SamlSignatureForm);
    for method in ["hmac-sha256", "dsa-sha1", "rsa-md5"] {
        let method = format!("http://www.w3.org/2001/04/xmldsig-more#{method}");
        refuses_form(Form { method, ..Form::default() }, OwnCode::SamlSignatureForm);
    }
    let digest_method = "http://www.w3.org/2001/04/xmldsig-more#md5".to_owned();
    refuses_form(Form { digest_method, ..Form::default() }, OwnCode::SamlSignatureForm);
    refuses_form(Form { tail: "<ds:Object></ds:Object>".to_owned(), ..Form::default() }, OwnCode::SamlSignatureForm);
    let form = Form {
        transforms: vec![transform(ENVELOPED, ""), transform(&format!("{EXCLUSIVE}WithComments"), "")],
        ..Form::default()
    };
    accept(&Document { form, ..document() }.response()).unwrap();
}

#[test]
fn sha1_is_refused_unless_the_account_allows_it() {
    let text = Document { form: Form::sha1(), ..document() }.response();
    refuses(&text, OwnCode::SamlSha1);
    let digest = Form { digest_method: Form::sha1().digest_method, ..Form::default() };
    let text = Document { form: digest, ..document() }.response();
    refuses(&text, OwnCode::SamlSha1);
    accept_with(&text, true).unwrap();
}

/// One change of a text.
fn change() -> impl Strategy<Value = (usize, usize, usize, String)> {
    let bits = prop_oneof![
        Just(String::new()),
        "[ -~]{1,8}",
        Just("<!-- -->".to_owned()),
        Just("&#x41;".to_owned()),
        Just(" xmlns:saml=\"urn:x\"".to_owned()),
        Just(" xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\"".to_owned()),
        Just("<saml:NameID>eve@acme.test</saml:NameID>".to_owned()),
        Just("eve".to_owned()),
        Just("\r\n".to_owned()),
    ];
    (any::<prop::sample::Index>(), 0..12usize, any::<prop::sample::Index>(), bits)
        .prop_map(|(at, length, from, bit)| (at.index(1 << 16), length, from.index(1 << 16), bit))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A response that was changed is refused, or says the same.
    #[test]
    fn no_change_of_a_signed_response_changes_what_is_read(
        whole in any::<bool>(),
        moved in any::<bool>(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let of = document();
        let original = if whole { of.signed_response() } else { of.response() };
        let mut text = original.clone();
        for (at, length, from, bit) in changes {
            let (at, from) = (at % text.len(), from % text.len());
            let end = (at + length).min(text.len());
            // Everything in it is ASCII.
            let bit = if moved && bit.is_empty() { text[from..(from + 300).min(text.len())].to_owned() } else { bit };
            text.replace_range(at..end, &bit);
        }
        if let Ok((read, answered)) = accept(&text) {
            let (assertion, expected) = accept(&original).unwrap();
            prop_assert_eq!(answered, expected);
            prop_assert_eq!(read.name_id, assertion.name_id);
            prop_assert_eq!(read.attributes, assertion.attributes);
            prop_assert_eq!((read.id, read.issuer, read.expires), (assertion.id, assertion.issuer, assertion.expires));
            prop_assert_eq!((read.authenticated, read.context), (assertion.authenticated, assertion.context));
        }
    }

    /// What is canonical is its own canonical form, however it was written.
    #[test]
    fn a_canonical_form_is_its_own(text in "(<a( xmlns(:b)?=\"(u|v|)\")?( b:c=\"[&]lt;\t\")?>[x\r\n ]{0,3}|</a>){0,8}") {
        super::fuzz::canonical_form(&text);
    }

    /// What the targets of `fuzz/` state, of documents that are nearly right.
    #[test]
    fn what_arrives_is_refused_in_words_or_read(at in any::<prop::sample::Index>(), length in 0..40usize, bit in "[ -~]{0,6}") {
        for text in [document().response(), samples::METADATA.to_owned()] {
            let at = at.index(text.len());
            let mut text = text;
            text.replace_range(at..(at + length).min(text.len()), &bit);
            super::fuzz::response(&text);
            super::fuzz::metadata(&text);
        }
    }
}
