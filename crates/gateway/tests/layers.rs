//! The architecture as a test: which layer of the gateway and which room of a protocol crate may name which, and that no files of any
//! crate import each other in a circle.
//!
//! It reads the source, so it needs nothing but the standard library. A parent and its children may name each other: they are one
//! thing in several files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The layers of `crates/gateway/src`, from the top. A file names only what stands below its own line; layers of one line do not
/// name each other.
const LAYERS: [&[&str]; 11] = [
    &["main", "lib"],
    &["cli"],
    &["demo"],
    &["server"],
    &["http", "jobs"],
    &["app"],
    &["services"],
    &["config"],
    &["storage"],
    &["domain"],
    &["platform", "simulate"],
];

/// Clients of a server that speak HTTP only: they name no other layer, and only the tour and the commands name them.
const OUTSIDE: &str = "simulate";

/// The rooms of the protocol crates, from the bottom: a file names only rooms of lines above its own here.
const SCIM: [&[&str]; 12] = [
    &["codes", "tolerance", "urn"],
    &["error", "security_event"],
    &["json"],
    &["schema"],
    &["observations"],
    &["resource"],
    &["context", "event", "examples", "precondition", "size"],
    &["query"],
    &["patch"],
    &["store"],
    &["message"],
    &["service"],
];
const OAUTH: [&[&str]; 11] = [
    &["authentication", "client_id", "codes", "jose", "pkce", "protected_resource", "scope", "secret"],
    &["grant", "provider_token", "signing", "tolerance"],
    &["error", "security_event"],
    &["context", "event", "static_token", "token_id"],
    &["constraints"],
    &["client"],
    &["store"],
    &["client_auth"],
    &["token"],
    &["authorize"],
    &["metadata"],
];

/// Handlers of operators call services, which ask the mandate, and never the database; but for the one that finds out who the operator is.
const OF_OPERATORS: &str = "http/admin/";
const WHO_IS_IT: [&str; 3] = ["http/admin/operator.rs", "http/admin/product_key.rs", "http/admin/target.rs"];

/// What only tests are made of, so that it stands in no room.
const OF_TESTS: [&str; 6] = ["tests", "lib", "testing", "testing", "contract", "fuzz"];

/// Files that may import each other, because a grammar is recursive: a filter has paths, and a path has filters.
const RECURSIVE: [(&str, &str); 1] = [("filter", "path")];

/// A file of a crate.
struct File {
    /// `["http", "pages", "login"]`
    module: Vec<String>,
    /// What it names, as paths from the root of the crate, with the line.
    names: Vec<(usize, Vec<String>)>,
    /// The line where its tests begin.
    tests: usize,
}

fn source(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src")
}

fn files(of: &str) -> Vec<File> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
                false => {}
            }
        }
    }
    let root = source(of);
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "{}: there is no source", root.display());
    let file = |path: &PathBuf| {
        let module = path.strip_prefix(&root).unwrap().with_extension("");
        let module: Vec<String> = module.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let text = std::fs::read_to_string(path).unwrap();
        File { names: names(&text, &module), module, tests: tests_begin(&text) }
    };
    paths.iter().map(file).collect()
}

/// The paths in this text that begin with `crate` or `super`, made absolute. Comments are passed over.
fn names(text: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let is_root = matches!(module, [one] if one == "lib" || one == "main");
    let here: &[String] = if is_root { &[] } else { module };
    let mut found = Vec::new();
    // `mod tests { use super::*; }` is a module of its own, so `super` there is this file.
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let inner = tests_begin(text);
    let mut open = String::new();
    let mut began = 0;
    for (at, line) in code.iter().enumerate() {
        if open.is_empty() {
            began = at;
        }
        let is_use = !open.is_empty() || line.trim_start().split("use ").nth(1).is_some_and(|_| line.contains("::"));
        if is_use {
            open.push_str(line.trim());
            if !line.contains(';') {
                continue;
            }
        } else {
            open.push_str(line);
        }
        for start in ["crate::", "super::"] {
            for (index, _) in open.match_indices(start) {
                let before = open[..index].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let mut base: Vec<String> = Vec::new();
                let mut rest = &open[index..];
                if let Some(after) = rest.strip_prefix("crate::") {
                    rest = after;
                } else {
                    base = here.to_vec();
                    if at >= inner {
                        base.push("tests".to_owned());
                    }
                    while let Some(after) = rest.strip_prefix("super::") {
                        base.pop();
                        rest = after;
                    }
                }
                for path in tree(rest) {
                    found.push((began + 1, [base.as_slice(), path.as_slice()].concat()));
                }
            }
        }
        open.clear();
    }
    found
}

fn tests_begin(text: &str) -> usize {
    text.lines().position(|line| line.trim() == "mod tests {").map_or(usize::MAX, |at| at + 1)
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn tree(text: &str) -> Vec<Vec<String>> {
    if let Some(inside) = text.strip_prefix('{') {
        let (mut depth, mut parts, mut start) = (0, Vec::new(), 0);
        for (at, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    parts.push(&inside[start..at]);
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    parts.push(&inside[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return parts.into_iter().filter(|part| !part.trim().is_empty()).flat_map(|part| tree(part.trim())).collect();
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => {
            tree(rest).into_iter().map(|path| [vec![name.to_owned()], path].concat()).collect()
        }
        _ => vec![vec![name.to_owned()]],
    }
}

fn floor(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|layers| layers.contains(&layer))
}

/// The lines before a file's tests that name a room which does not stand below its own.
fn upward(files: &[File], rooms: &[&[&str]]) -> Vec<String> {
    let room = |name: &str| rooms.iter().position(|line| line.contains(&name));
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| !file.module.iter().any(|name| OF_TESTS.contains(&name.as_str()))) {
        let own = file.module[0].as_str();
        let from = room(own).unwrap_or_else(|| panic!("{own}: no room has this name"));
        for (line, path) in file.names.iter().filter(|(line, _)| *line <= file.tests) {
            let to = path.first().filter(|to| *to != own).and_then(|to| room(to)); // or an item of lib.rs
            if to.is_some_and(|to| to >= from) {
                wrong.push(format!("src/{}.rs:{line}: {own} names {}", file.module.join("/"), path.join("::")));
            }
        }
    }
    wrong
}

#[test]
fn a_file_of_the_gateway_names_only_layers_below_its_own() {
    let mut wrong = Vec::new();
    for file in files("gateway") {
        let own = &file.module[0];
        let from = floor(own).unwrap_or_else(|| panic!("{own}: no layer has this name"));
        for (line, path) in &file.names {
            let Some(to) = path.first().filter(|to| *to != own) else { continue };
            let Some(below) = floor(to) else { continue }; // an item of lib.rs
            let is_outside = to == OUTSIDE && Some(from) > floor("demo");
            if (below <= from || is_outside) && own != "main" && own != "lib" {
                wrong.push(format!("src/{}.rs:{line}: {own} names {}", file.module.join("/"), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "these lines name a layer that is not below their own:\n{}", wrong.join("\n"));
}

#[test]
fn handlers_of_operators_leave_reading_and_writing_to_services_which_ask_the_mandate() {
    let root = source("gateway");
    let mut seen = 0;
    for file in files("gateway") {
        let path = format!("{}.rs", file.module.join("/"));
        if !path.starts_with(OF_OPERATORS) {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(root.join(&path)).unwrap();
        for (at, line) in text.lines().enumerate() {
            let asks = line.contains("tx.") || line.contains("app.db.read") || line.contains("app.db.write");
            assert!(
                WHO_IS_IT.contains(&path.as_str()) || !asks,
                "{path}:{}: call a service with the mandate: {line}",
                at + 1
            );
        }
    }
    assert!(seen > 20, "the handlers are read");
}

#[test]
fn a_file_of_a_protocol_names_only_rooms_below_its_own() {
    for (of, rooms) in [("scim", SCIM.as_slice()), ("oauth", OAUTH.as_slice())] {
        let wrong = upward(&files(of), rooms);
        assert!(wrong.is_empty(), "{of}: these lines name a room that is not below their own:\n{}", wrong.join("\n"));
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut circles = Vec::new();
    for of in ["gateway", "scim", "oauth"] {
        let files = files(of);
        let known: BTreeSet<Vec<String>> = files.iter().map(|file| file.module.clone()).collect();
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut lines: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for file in &files {
            if file.module.last().is_some_and(|name| OF_TESTS.contains(&name.as_str())) {
                continue;
            }
            for (line, path) in &file.names {
                if *line > file.tests {
                    continue;
                }
                let Some(to) = (1..=path.len()).rev().map(|n| &path[..n]).find(|part| known.contains(*part)) else {
                    continue;
                };
                if to.starts_with(&file.module)
                    || file.module.starts_with(to)
                    || to.last().is_some_and(|n| n == "tests")
                {
                    continue;
                }
                let pair = (file.module.last().unwrap().as_str(), to.last().unwrap().as_str());
                if RECURSIVE.contains(&pair) || RECURSIVE.contains(&(pair.1, pair.0)) {
                    continue;
                }
                let (from, to) = (file.module.join("/"), to.join("/"));
                arrows.entry(from.clone()).or_default().insert(to.clone());
                lines.entry((from, to)).or_default().push(format!("{line} {}", path.join("::")));
            }
        }
        for circle in circles_of(&arrows) {
            circles.push(format!("{of}: {}", circle.join(" ↔ ")));
            let inside = |(from, to): &(&String, &String)| circle.contains(from) && circle.contains(to);
            for ((from, to), at) in lines.iter().filter(|((from, to), _)| inside(&(from, to))) {
                circles.push(format!("    src/{from}.rs → {to}: {}", at.join(", ")));
            }
        }
    }
    assert!(circles.is_empty(), "these files import each other in a circle:\n{}", circles.join("\n"));
}

/// What a library of OAuth 2.0 and OpenID Connect does not know: the vendors of identity providers, and this product's other protocol.
const NOT_OF_OAUTH: [&str; 9] =
    ["okta", "azure", "microsoft", "onelogin", "jumpcloud", "pingone", "pingfederate", "pingidentity", "scim"];
/// The same as words of their own, for they are part of others.
const NOT_OF_OAUTH_AS_WORDS: [&str; 2] = ["entra", "ping"];

/// What a line says that [`NOT_OF_OAUTH`] lists.
fn foreign(line: &str) -> Option<&'static str> {
    let line = line.to_ascii_lowercase();
    let is_word = |name: &&&str| line.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word == **name);
    let within = NOT_OF_OAUTH.iter().find(|name| line.contains(**name));
    within.or_else(|| NOT_OF_OAUTH_AS_WORDS.iter().find(is_word)).copied()
}

#[test]
fn the_oauth_crate_knows_no_vendor_and_no_scim() {
    let mut wrong = Vec::new();
    for file in files("oauth") {
        let path = source("oauth").join(file.module.join("/")).with_extension("rs");
        for (at, line) in std::fs::read_to_string(path).unwrap().lines().enumerate() {
            if let Some(name) = foreign(line) {
                wrong.push(format!("src/{}.rs:{}: {name}: {}", file.module.join("/"), at + 1, line.trim()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "what vendors need is data of crates/gateway/src/domain/profiles.rs:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_vendor_is_seen_in_code_and_prose_and_no_word_is_taken_for_one() {
    for line in
        ["fn okta_uris()", "// For Okta", "Profile::Entra =>", "\"provision:scim\"", "as PingOne sends it", "(Ping)"]
    {
        assert!(foreign(line).is_some(), "{line}");
    }
    for line in ["stopping, mapping and escaping", "a central place", "let entrance = 1;"] {
        assert_eq!(foreign(line), None, "{line}");
    }
}

/// The sets of files of which each reaches each other one.
fn circles_of(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![from]);
        while let Some(at) = todo.pop() {
            for next in arrows.get(at).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    todo.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = arrows.keys().map(|file| (file, reach(file))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, seen) in &reached {
        let circle: Vec<String> =
            seen.iter().filter(|other| reached.get(other).is_some_and(|back| back.contains(*file))).cloned().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[test]
fn an_arrow_that_runs_up_is_seen() {
    let module = ["storage".to_owned(), "db".to_owned()];
    let text = "use crate::{\n    each,\n    services::{reactions, signing::Signer},\n};\nuse super::tx::Tx;\nlet x = crate::app::App::new();\n";
    let found: Vec<String> =
        names(text, &module).into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect();
    assert_eq!(
        found,
        ["1 each", "1 services::reactions", "1 services::signing::Signer", "5 storage::tx::Tx", "6 app::App::new"]
    );
    assert!(floor("services") < floor("storage") && floor("http") == floor("jobs"));
    let file = |module: &str, text: &str| {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        File { names: names(text, &module), module, tests: tests_begin(text) }
    };
    let turned = file("query::sort", "use crate::store::PageKey;\nuse crate::resource::Resource;\nuse crate::Error;\n");
    assert_eq!(upward(&[turned], &SCIM), ["src/query/sort.rs:1: query names store::PageKey"]);
    let right = file("store", "use crate::query::sort::Sort;\nmod tests {\n    use crate::service::create;\n}\n");
    assert_eq!(upward(&[right], &SCIM), [""; 0]);
    let arrow = |from: &str, to: &str| (from.to_owned(), BTreeSet::from([to.to_owned()]));
    let arrows = BTreeMap::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "a"), arrow("d", "a")]);
    assert_eq!(circles_of(&arrows), [["a", "b", "c"]]);
}
