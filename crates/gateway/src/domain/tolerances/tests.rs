use std::fmt::Write as _;

use oauth::Tolerance as O;
use scim::Tolerance as S;

use super::Tolerance::{OAuth, Scim};
use super::*;

#[test]
fn strict_forgives_nothing_and_a_vendor_what_it_needs() {
    assert_eq!(of_profile(Profile::Strict), Tolerances::default());
    let every: Tolerances = Tolerance::all().collect();
    assert_eq!(of_profile(Profile::Generic), every.set(Scim(S::PrimaryRole), false));
    for profile in Profile::ALL {
        assert_eq!(of_profile(profile).contains(Scim(S::PrimaryRole)), profile == Profile::Entra, "{profile:?}");
    }
    assert!(of_profile(Profile::Entra).contains(Scim(S::CreateOnUnmatchedReplace)));
    assert!(of_profile(Profile::OneLogin).contains(Scim(S::Scim1Urns)));
    assert!(!of_profile(Profile::Okta).contains(Scim(S::Scim1Urns)));
    assert!(of_profile(Profile::Entra).contains(OAuth(O::CredentialsTwice)));
    assert!(of_profile(Profile::Ping).contains(OAuth(O::ScopeSeparators)));
    assert!(!of_profile(Profile::Okta).contains(OAuth(O::ScopeSeparators)));
}

#[test]
fn no_two_tolerances_have_one_name() {
    let names: std::collections::BTreeSet<_> = Tolerance::all().map(Tolerance::name).collect();
    assert_eq!(names.len(), Tolerance::all().count());
}

#[test]
fn an_operators_word_counts_more_than_the_profile_and_can_be_taken_back() {
    let mut overrides = Overrides::default();
    overrides.set(Scim(S::BooleanStrings), Some(false));
    overrides.set(Scim(S::ManagerId), Some(true));
    let client = of_client(Profile::Okta, &overrides);
    assert!(!client.contains(Scim(S::BooleanStrings)) && client.contains(Scim(S::ManagerId)));
    overrides.set(Scim(S::BooleanStrings), None);
    assert!(of_client(Profile::Okta, &overrides).contains(Scim(S::BooleanStrings)));
}

#[test]
fn overrides_are_stored_by_name_and_unknown_names_do_no_harm() {
    let stored = r#"{"boolean_strings":false,"of_another_version":true}"#;
    let overrides: Overrides = serde_json::from_str(stored).unwrap();
    assert_eq!(overrides.iter().collect::<Vec<_>>(), [(Scim(S::BooleanStrings), false)]);
    assert_eq!(serde_json::to_string(&overrides).unwrap(), r#"{"boolean_strings":false}"#);
}

/// The list in `docs/tolerances.md`, from the definitions.
fn table() -> String {
    let mut table = String::new();
    let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.as_str()).collect();
    writeln!(table, "| tolerance | {} |", names.join(" | ")).unwrap();
    writeln!(table, "|---|{}", "---|".repeat(names.len())).unwrap();
    for tolerance in Tolerance::all() {
        let on = Profile::ALL.map(|profile| if of_profile(profile).contains(tolerance) { "on" } else { "–" });
        writeln!(table, "| `{}` | {} |", tolerance.name(), on.join(" | ")).unwrap();
    }
    for tolerance in Tolerance::all() {
        let (name, forgives, letter, rfc) =
            (tolerance.name(), tolerance.forgives(), tolerance.strict_behaviour(), tolerance.rfc());
        write!(table, "\n### `{name}`\n\n{forgives}\n\nOff: {letter} ({rfc}).\n").unwrap();
    }
    table
}

#[test]
fn the_page_about_tolerances_says_what_the_definitions_say() {
    const BEGIN: &str =
        "<!-- What follows is checked by a test of crates/gateway/src/domain/tolerances/tests.rs -->\n\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tolerances.md");
    let page = std::fs::read_to_string(path).expect("docs/tolerances.md");
    let (before, listed) = page.split_once(BEGIN).expect("the mark where the list begins");
    if listed != table() {
        let right = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tolerances.md");
        std::fs::write(right, format!("{before}{BEGIN}{}", table())).expect("writable");
        panic!("docs/tolerances.md is not what the definitions say; target/tolerances.md is: copy it");
    }
}
