use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// A filter as nested lists, so that its structure can be read.
fn shape(filter: &Filter) -> String {
    let list = |word: &str, parts: &[Filter]| {
        let parts: Vec<String> = parts.iter().map(shape).collect();
        format!("({word} {})", parts.join(" "))
    };
    match filter {
        Filter::And(parts) => list("and", parts),
        Filter::Or(parts) => list("or", parts),
        Filter::Not(inner) => format!("(not {})", shape(inner)),
        Filter::Present(path) => path_shape(path),
        Filter::Compare(path, operator, value) => format!("({} {} {value})", operator.as_str(), path_shape(path)),
        Filter::Some(path) => format!("(some {})", path_shape(path)),
    }
}

fn path_shape(path: &AttributePath) -> String {
    let urn = path.urn.as_ref().map(|urn| format!("{{{urn}}}")).unwrap_or_default();
    let filter = path.filter.as_ref().map(|filter| format!("[{}]", shape(filter))).unwrap_or_default();
    let sub = path.sub.as_ref().map(|sub| format!(".{sub}")).unwrap_or_default();
    format!("{urn}{}{filter}{sub}", path.name)
}

#[test]
fn point_6_and_binds_tighter_than_or_and_parentheses_override() {
    let check = |text: &str, expected: &str| {
        let parsed = filter(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shape(&parsed), expected, "{text}");
        assert_eq!(
            filter(&parsed.to_string()).as_ref().map(shape).ok().as_deref(),
            Some(expected),
            "shown and read again"
        );
    };
    check("a pr or b pr and c pr", "(or a (and b c))");
    check("a pr and b pr or c pr", "(or (and a b) c)");
    check("(a pr or b pr) and c pr", "(and (or a b) c)");
    check("a pr or (b pr or c pr) or d pr", "(or a (or b c) d)");
    check("not (a pr) and b pr", "(and (not a) b)");
    check("not(a pr or b pr)", "(not (or a b))");
    check("((((a pr))))", "a");
    check("(a pr)and(b pr)or(c pr)", "(or (and a b) c)");
}

#[test]
fn the_examples_of_the_rfc_are_understood() {
    let check = |text: &str, expected: &str| {
        let parsed = filter(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shape(&parsed), expected, "{text}");
        assert_eq!(filter(&parsed.to_string()).ok(), Some(parsed), "shown and read again");
    };
    check(r#"userName eq "bjensen""#, r#"(eq userName "bjensen")"#);
    check(r#"name.familyName co "O'Malley""#, r#"(co name.familyName "O'Malley")"#);
    check(
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        r#"(sw {urn:ietf:params:scim:schemas:core:2.0:User}userName "J")"#,
    );
    check("title pr", "title");
    check(r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, r#"(gt meta.lastModified "2011-05-13T04:42:34Z")"#);
    check(
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
        r#"(and (ne userType "Employee") (not (or (co emails "example.com") (co emails.value "example.org"))))"#,
    );
    check(
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
        r#"(or (some emails[(and (eq type "work") (co value "@example.com"))]) (some ims[(and (eq type "xmpp") (co value "@foo.com"))]))"#,
    );
}

#[test]
fn what_real_clients_write_is_understood() {
    let check = |text: &str, expected: &str| {
        let parsed = filter(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shape(&parsed), expected, "{text}");
    };
    check(r#"USERNAME Eq "x" AND active EQ True"#, r#"(and (eq USERNAME "x") (eq active true))"#);
    check(r#"  userName   eq   "x"  "#, r#"(eq userName "x")"#);
    check(r#"userName eq"x""#, r#"(eq userName "x")"#);
    check(r#"emails[type eq "work"].value eq "x""#, r#"(eq emails[(eq type "work")].value "x")"#);
    check(r#"emails[ type eq "work" ].value pr and a pr"#, r#"(and emails[(eq type "work")].value a)"#);
    check(r#"(emails[primary eq true])"#, "(some emails[(eq primary true)])");
    check(r#"a eq null and b eq -1.5e3 or c eq 7"#, "(or (and (eq a null) (eq b -1500.0)) (eq c 7))");
    check(r#"members.$ref pr"#, "members.$ref");
    check(r#"notes eq "x" and order pr and android pr"#, r#"(and (eq notes "x") order android)"#);
}

#[test]
fn point_11_values_are_json() {
    let check = |text: &str, expected: &str| {
        let parsed = filter(&format!("a eq {text}")).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(matches!(&parsed, Filter::Compare(_, _, Value::String(value)) if value == expected), "{parsed:?}");
    };
    check(r#""say \"hi\"""#, r#"say "hi""#);
    check(r#""back\\slash""#, r"back\slash");
    check(r#""\\""#, r"\");
    check(r#""\u00e9\ud83d\ude00\n""#, "é😀\n");
    check(r#""a) or (b pr""#, "a) or (b pr");
}

#[test]
fn point_10_what_is_malformed_is_refused_with_the_reason() {
    let check = |text: &str, reason: &str| match filter(text) {
        Err(Error::InvalidFilter(detail)) => assert!(detail.contains(reason), "{text}: {detail} lacks {reason}"),
        other => panic!("{text}: {other:?}"),
    };
    check("", "name is missing");
    check("   ", "name is missing");
    check("userName", "operator is missing after userName");
    check("userName is \"x\"", "`is` is not an operator");
    check("userName eq", "a value is missing");
    check("userName eq bjensen", "double quotes");
    check("userName eq 'bjensen'", "double quotes");
    check("userName eq \"bjensen", "double quote is missing");
    check("userName eq \"\\x\"", "not a JSON string");
    check("userName eq \"a\u{1}\"", "not a JSON string");
    check("userName eq \"\\u0000\"", "U+0000");
    check("userName eq [\"a\"]", "a value is missing");
    check("userName eq 01", "`01` is not a value");
    check("(userName pr", "`)` is missing at the end");
    check("userName pr)", "should not be here");
    check("userName pr title pr", "`and` or `or` may be missing");
    check("userName pr and", "name is missing");
    check("and userName pr", "`userName` is not an operator");
    check("not userName pr", "parentheses");
    check("emails[type eq \"work\"", "`]` is missing");
    check("emails[type eq \"work\"]. eq \"x\"", "after the dot");
    check("emails[type eq \"work\"] is", "`is` is not an operator");
    check("emails] eq 1", "operator is missing after emails");
    check("1a pr", "not an attribute name");
    check("a..b pr", "not an attribute name");
    check("a.b.c pr", "not an attribute name");
    check(":a pr", "not an attribute name");
    check("ä pr", "at character 1:");
    check("title eq \"ä\" und a pr", "at character 14:");
}

#[test]
fn length_depth_and_number_have_limits() {
    let deep = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(filter(&deep(MAX_DEPTH)).is_ok());
    assert!(
        matches!(filter(&deep(MAX_DEPTH + 1)), Err(Error::InvalidFilter(detail)) if detail.contains("deeper than 32"))
    );
    let wide = |number: usize| vec!["a pr"; number].join(" or ");
    assert!(filter(&wide(MAX_NODES)).is_ok());
    assert!(matches!(filter(&wide(MAX_NODES + 1)), Err(Error::InvalidFilter(detail)) if detail.contains("256")));
    let long = format!("a eq \"{}\"", "x".repeat(MAX_LENGTH));
    assert!(matches!(filter(&long), Err(Error::InvalidFilter(detail)) if detail.contains("at most 8192")));
    assert!(matches!(path(&"a".repeat(MAX_LENGTH + 1)), Err(Error::InvalidPath(_))));
}

#[test]
fn a_million_parentheses_are_refused_at_once() {
    let begun = Instant::now();
    for text in ["(".repeat(1_000_000), "not(".repeat(250_000), "a[".repeat(500_000), "(".repeat(MAX_LENGTH)] {
        assert!(filter(&text).is_err());
        assert!(path(&text).is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[test]
fn point_32_paths_of_every_form_are_understood() {
    let check = |text: &str, expected: &str| {
        let parsed = path(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(path_shape(&parsed), expected, "{text}");
        assert_eq!(path(&parsed.to_string()).ok(), Some(parsed), "shown and read again");
    };
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    check("userName", "userName");
    check(" name.familyName ", "name.familyName");
    check(&format!("{urn}:department"), &format!("{{{urn}}}department"));
    check(&format!("{urn}:manager.displayName"), &format!("{{{urn}}}manager.displayName"));
    check(urn, "{urn:ietf:params:scim:schemas:extension:enterprise:2.0}User");
    check("urn:acme:people:1.0", "{urn:acme:people}1.0");
    check(r#"emails[type eq "work"].value"#, r#"emails[(eq type "work")].value"#);
    check(r#"addresses[type eq "home" and primary eq true]"#, r#"addresses[(and (eq type "home") (eq primary true))]"#);
    check(r#"members[value eq "2819c223"]"#, r#"members[(eq value "2819c223")]"#);
    check(r#"urn:a:b:c[value eq "1"].d"#, r#"{urn:a:b}c[(eq value "1")].d"#);
}

#[test]
fn a_malformed_path_is_one_and_in_brackets_it_is_a_malformed_filter() {
    for text in ["", ".", "a.", "a.b.c", "a b", "a[b pr]c", "emails[].value", "9", "urn:", "a]"] {
        let refused = path(text);
        let in_brackets = text.contains("[]");
        let fits = matches!(&refused, Err(Error::InvalidFilter(_)) if in_brackets)
            || matches!(&refused, Err(Error::InvalidPath(_)) if !in_brackets);
        assert!(fits, "{text}: {refused:?}");
    }
    assert!(matches!(path(r#"emails[type is "work"].value"#), Err(Error::InvalidFilter(_))));
}

fn any_path(with_filter: bool) -> BoxedStrategy<AttributePath> {
    let urn = proptest::option::of("urn:[a-z]{1,5}:[a-z0-9.]{1,5}");
    let sub = proptest::option::of("[$]?[a-z][a-zA-Z0-9_-]{0,5}");
    let plain = (urn, "[a-z][a-zA-Z0-9_-]{0,5}", sub).prop_map(|(urn, name, sub)| AttributePath {
        urn,
        name: format!("x{name}"),
        filter: None,
        sub,
    });
    if !with_filter {
        return plain.boxed();
    }
    (plain, proptest::option::of(any_filter(1))).prop_map(|(path, filter)| AttributePath { filter, ..path }).boxed()
}

fn any_literal() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        (-1000i32..1000).prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        any::<String>().prop_map(|text| Value::String(text.replace('\0', ""))),
    ]
}

fn any_filter(levels: u32) -> BoxedStrategy<Filter> {
    const OPERATORS: [&str; 9] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
    let operator =
        proptest::sample::select(&OPERATORS[..]).prop_map(|word| Operator::parse(word).expect("an operator"));
    let comparison = move |with_filter: bool| {
        prop_oneof![
            any_path(with_filter).prop_map(|path| Filter::Present(Box::new(path))),
            (any_path(with_filter), operator.clone(), any_literal())
                .prop_map(|(path, operator, value)| Filter::Compare(Box::new(path), operator, value)),
        ]
    };
    if levels == 0 {
        return comparison(false).boxed();
    }
    let several = || proptest::collection::vec(any_filter(levels - 1), 2..4);
    prop_oneof![
        3 => comparison(levels > 1),
        1 => several().prop_map(Filter::And),
        1 => several().prop_map(Filter::Or),
        1 => any_filter(levels - 1).prop_map(|inner| Filter::Not(Box::new(inner))),
        1 => ("x[a-z]{1,5}", any_filter(levels - 1)).prop_map(|(name, filter)| {
            Filter::Some(Box::new(AttributePath { urn: None, name, filter: Some(filter), sub: None }))
        }),
    ]
    .boxed()
}

proptest! {
    #[test]
    fn a_filter_shown_and_read_again_is_the_same(filter in any_filter(3)) {
        let text = filter.to_string();
        match text.parse::<Filter>() {
            Ok(read) => prop_assert_eq!(read, filter),
            Err(error) => prop_assert!(text.len() > MAX_LENGTH, "{}: {}", text, error),
        }
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        let _ = filter(&text);
        let _ = path(&text);
    }

    #[test]
    fn no_arrangement_of_the_grammars_own_words_is_too_strange(
        words in proptest::collection::vec(
            proptest::sample::select(&["a", "a.b", "urn:a:b", "eq", "pr", "not", "and", "or", "(", ")", "[", "]", ".",
                ":", "$", "\"", "\\", "\"x\"", "1", "-", "true", "null", " ", "  ", "é"][..]), 0..40),
        space in any::<bool>(),
    ) {
        let text = words.join(if space { " " } else { "" });
        if let Ok(read) = filter(&text) {
            prop_assert_eq!(filter(&read.to_string()).ok(), Some(read), "{}", text);
        }
        if let Ok(read) = path(&text) {
            prop_assert_eq!(path(&read.to_string()).ok(), Some(read), "{}", text);
        }
    }
}
