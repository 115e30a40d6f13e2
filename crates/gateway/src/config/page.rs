//! `docs/configuration.md` and `config/default.toml` are written from what is declared.

use std::fmt::Write as _;

use serde_json::Value;

use super::origin::Origins;
use super::reader::{Declared, Reader, Unit};
use crate::domain::written::says;

const BEGIN: &str = "<!-- The tables are written by a test of crates/gateway/src/config/page.rs: REWRITE=1 cargo test -p gateway --lib config::page -->\n";
const END: &str = "<!-- The end of the tables. -->\n";
const WIDTH: usize = 120;

fn declared() -> Vec<Declared> {
    let mut reader = Reader::new(Value::Null, Origins::default());
    super::read(&mut reader).expect("the defaults are a whole configuration");
    reader.declared
}

/// The tables of `docs/configuration.md`, one for each section.
fn tables() -> String {
    let mut page = String::new();
    let mut section = "";
    for one in declared() {
        if one.section != section {
            section = one.section;
            write!(page, "\n### [{section}]\n\n| setting | default | values | meaning |\n|---|---|---|---|\n").unwrap();
        }
        let default = match &one.default {
            None => "none".to_owned(),
            Some(Value::Array(values)) if values.is_empty() => "none".to_owned(),
            Some(default) => format!("`{}`", in_toml(default).trim_matches('"')),
        };
        writeln!(page, "| `{}` | {default} | {} | {} |", one.key(), one.form, one.meaning).unwrap();
    }
    page.push('\n');
    page
}

/// `config/default.toml`: every setting with its default.
fn defaults() -> String {
    let mut file = wrapped(
        "Every setting with its default, written from the declarations in crates/gateway/src/config/. This file is not read: put what \
         differs into a file of yours (`gateway --config FILE serve`) or into the environment, where `database.url` is \
         GATEWAY__DATABASE__URL; the environment wins. Lists in the environment are separated by commas. Unknown names and impossible \
         values stop the start, all of them listed at once.",
    );
    let mut section = "";
    for one in declared() {
        if one.section != section {
            section = one.section;
            write!(file, "\n[{section}]\n").unwrap();
        }
        file.push_str(&wrapped(&format!("{} ({})", without_links(one.meaning), one.form.replace('`', ""))));
        match &one.default {
            Some(default) => writeln!(file, "{} = {}", one.name, in_toml(default)).unwrap(),
            None => writeln!(file, "# {} = {:?}", one.name, one.example).unwrap(),
        }
    }
    file
}

/// The TOML of a default; JSON of these kinds is TOML.
fn in_toml(value: &Value) -> String {
    value.to_string()
}

/// `[text](page.md)` as `text (docs/page.md)`, and a link within the page as its text.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some([before, label, target, after]) = next_link(rest) {
        let page = match target.strip_prefix("../") {
            Some(page) => page.to_owned(),
            None => format!("docs/{}", target.split('#').next().unwrap_or_default()),
        };
        plain.push_str(before);
        match label {
            "why" | "how" if target.starts_with('#') => plain.push_str("docs/configuration.md"),
            _ if target.starts_with('#') => plain.push_str(label),
            "why" | "how" => plain.push_str(&page),
            _ if page == label => plain.push_str(label),
            _ => write!(plain, "{label} ({page})").unwrap(),
        }
        rest = after;
    }
    plain + rest
}

/// What is before a link, its text, its target, and what is after it.
fn next_link(text: &str) -> Option<[&str; 4]> {
    let (before, rest) = text.split_once('[')?;
    let (label, rest) = rest.split_once("](")?;
    let (target, after) = rest.split_once(')')?;
    Some([before, label, target, after])
}

/// Comment lines of TOML.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

#[test]
fn the_page_about_settings_says_what_the_declarations_say() {
    says("docs/configuration.md", |page| {
        let (before, rest) = page.split_once(BEGIN).expect("the mark where the tables begin");
        let (_, after) = rest.split_once(END).expect("the mark where the tables end");
        format!("{before}{BEGIN}{}{END}{after}", tables())
    });
}

#[test]
fn the_file_of_defaults_says_what_the_declarations_say() {
    says("config/default.toml", |_| defaults());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("default.toml");
    std::fs::write(&file, defaults()).unwrap();
    let read = super::Config::load(Some(&file)).expect("it is a whole configuration");
    let without = super::Config::from_variables(&[]).unwrap();
    let settings = |config: super::Config| format!("{:?}", super::Config { warnings: Vec::new(), ..config });
    assert_eq!(settings(read), settings(without), "and the same");
}

#[test]
fn each_setting_is_declared_once_with_a_meaning_and_the_unit_at_the_end_of_its_name() {
    let declared = declared();
    let mut keys: Vec<String> = declared.iter().map(Declared::key).collect();
    assert!(keys.len() > 50, "{keys:?}");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), declared.len());
    let units = [Unit::Percent, Unit::Seconds, Unit::Minutes, Unit::Hours, Unit::Days, Unit::Kib, Unit::Mib];
    for one in declared {
        let key = one.key();
        let of_form = units.iter().map(|unit| unit.as_str()).find(|unit| one.form.ends_with(&format!(" {unit}")));
        let of_name = units.iter().map(|unit| unit.as_str()).find(|unit| one.name.ends_with(&unit.to_lowercase()));
        assert_eq!(of_form, of_name, "{key}");
        assert!(one.meaning.ends_with('.') && one.meaning.starts_with(char::is_uppercase), "{key}: {}", one.meaning);
        assert!(one.default.is_none() || one.example.is_empty(), "{key}: an example beside a default");
    }
}

#[test]
fn links_are_written_out_for_a_file_without_them() {
    let text = "Keys are [replaced](keys.md#how) ([why](decisions/1.md)); [config/a.toml](../config/a.toml); [here](#below), [how](#below).";
    assert_eq!(
        without_links(text),
        "Keys are replaced (docs/keys.md) (docs/decisions/1.md); config/a.toml; here, docs/configuration.md."
    );
}
