use serde_json::{Value, json};

use super::{
    Body, Components, Described, FieldError, Fixed, Flat, Mistakes, Name, Patch, Required, Sometimes, Text, Texts,
    Time, Whole,
};
use crate::platform::timestamp::Timestamp;

body! {
    /// What a sample has.
    struct Options {
        /// How many.
        number: Patch<Whole<1, 10>>,
        /// A part.
        inner: Patch<Inner>,
    }
    example {}
}

body! {
    /// A part.
    struct Inner {
        /// Some text.
        text: Required<Text>,
        /// A switch.
        flag: Option<bool>,
    }
    example {"text": "x"}
}
part!(Inner);

body! {
    /// A sample,
    /// in two lines.
    struct Sample {
        /// What it is called.
        name: Required<Name>,
        /// When.
        at as "when": Option<Time>,
        /// Some words.
        words: Option<Texts>,
        kind: Fixed,
        options: Flat<Options>,
    }
    example {"name": "one"}
}

body! {
    /// An open sample.
    struct Open {
        /// What it is called.
        name: Option<Name>,
        ..rest
    }
    example {}
}

fn read(value: Value) -> (Sample, Result<(), Vec<FieldError>>) {
    let Value::Object(fields) = value else { panic!("an object") };
    let mut mistakes = Mistakes::default();
    let sample = Sample::read_whole(fields, &mut mistakes);
    (sample, mistakes.finish())
}

fn fields(value: Value) -> Vec<String> {
    read(value).1.unwrap_err().into_iter().map(|error| error.field).collect()
}

#[test]
fn every_mistake_is_told_at_once_and_unknown_fields_last() {
    let body = json!({
        "zzz": 1, "name": " ", "when": "noon", "words": ["a", 1, "b", null], "kind": "x", "number": 11,
        "inner": {"flag": 1, "other": 2},
    });
    let expected =
        ["name", "when", "words[1]", "words[3]", "kind", "number", "inner.text", "inner.flag", "inner.other", "zzz"];
    assert_eq!(fields(body), expected);
}

#[test]
fn a_required_field_that_is_null_is_missing() {
    for body in [json!({}), json!({"name": null})] {
        let error = FieldError { field: "name".to_owned(), detail: "is missing".to_owned() };
        assert_eq!(read(body).1, Err(vec![error]));
    }
}

#[test]
fn a_change_tells_null_from_what_is_left_out() {
    let number = |body: Value| read(body).0.options.0.number;
    assert_eq!(number(json!({"name": "x"})), Patch::Absent);
    assert_eq!(number(json!({"name": "x", "number": null})), Patch::Null);
    assert_eq!(number(json!({"name": "x", "number": 3})), Patch::Value(Whole(3)));
    assert!(read(json!({"name": "x", "number": null, "kind": null})).1.is_ok());
}

#[test]
fn what_an_open_body_does_not_know_is_left_for_another_reader() {
    let Value::Object(fields) = json!({"name": "x", "role": "admin"}) else { panic!("an object") };
    let mut mistakes = Mistakes::default();
    let open = Open::read_whole(fields, &mut mistakes);
    assert_eq!(open.rest, *json!({"role": "admin"}).as_object().unwrap());
    assert!(mistakes.finish().is_ok() && open.name.is_some());
    assert_eq!(described::<Open>()["additionalProperties"], true);
}

fn described<T: Described>() -> Value {
    let mut components = Components::default();
    let reference = T::schema(&mut components);
    let name = reference["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    components.schema(name).unwrap().clone()
}

#[test]
fn the_schema_of_a_body_is_closed_and_names_what_is_required() {
    let schema = described::<Sample>();
    let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["name", "when", "words", "number", "inner"]);
    assert_eq!(schema["required"], json!(["name"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["description"], "A sample, in two lines.");
    let number = json!({"type": ["integer", "null"], "minimum": 1, "maximum": 10, "description": "How many."});
    assert_eq!(schema["properties"]["number"], number);
}

answer! {
    /// An answer.
    struct Shown {
        /// When.
        at as "when": Option<Time>,
        /// What is shown once.
        secret: Sometimes<String>,
    }
    example {"when": null}
}

#[test]
fn an_answer_is_written_as_it_is_described() {
    let shown = Shown { at: Some(Time(Timestamp::EPOCH)), secret: Sometimes(None) };
    assert_eq!(json!(shown), json!({"when": "1970-01-01T00:00:00.000Z"}));
    let shown = Shown { at: None, secret: Sometimes(Some("s".to_owned())) };
    assert_eq!(json!(shown), json!({"when": null, "secret": "s"}));
    let schema = described::<Shown>();
    assert_eq!(schema["required"], json!(["when"]));
    assert!(schema.get("additionalProperties").is_none(), "later versions may answer more");
}

#[test]
fn of_a_field_that_could_not_be_read_one_mistake_is_told() {
    let error = |field: &str, detail: &str| FieldError { field: field.to_owned(), detail: detail.to_owned() };
    let mut mistakes = Mistakes::default();
    mistakes.note("provider", "must be okta or entra");
    mistakes.besides([error("provider", "is missing"), error("name", "is taken"), error("name", "is too long")]);
    let told = [error("provider", "must be okta or entra"), error("name", "is taken"), error("name", "is too long")];
    assert_eq!(mistakes.finish(), Err(told.to_vec()));
}
