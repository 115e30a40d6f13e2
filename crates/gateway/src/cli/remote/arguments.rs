//! What is typed: the commands with their options, and the request that they are.

use std::collections::BTreeSet;
use std::io::Read;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::described::{Kind, OPERATIONS, Operation, Parameter, Word, is_secret};

/// What stands in a path as it is (RFC 3986 §2.3).
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A body that is read from a file is smaller.
const LARGEST: u64 = 2 << 20;

const SERVER: &str = "server";
const TOKEN_FILE: &str = "token-file";
const JSON: &str = "json";
const PRINT: &str = "print";
const ALL: &str = "all";
const YES: &str = "yes";
const SET: &str = "set";
const BODY: &str = "body";

/// A request, as it was asked for on the command line.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) operation: &'static Operation,
    /// What the path names, in its order.
    pub(super) places: Vec<(&'static str, String)>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Map<String, Value>>,
    /// The server's address, as it was typed.
    pub(super) server: String,
    pub(super) token_file: Option<String>,
    pub(super) wanted: Wanted,
}

/// In which form the answer is wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// As the server sends it.
    pub(super) json: bool,
    /// One field of it alone.
    pub(super) field: Option<String>,
    /// Every page of a list.
    pub(super) all: bool,
    /// It needs no confirmation.
    pub(super) is_confirmed: bool,
}

/// The commands of this machine, and those that ask a server.
pub(in crate::cli) fn added_to(local: Command) -> Command {
    OPERATIONS.iter().fold(local, |command, operation| with(command, &operation.words, operation))
}

fn with(command: Command, words: &'static [Word], operation: &'static Operation) -> Command {
    match words {
        [] => with_options(command, operation),
        [word, rest @ ..] => match command.find_subcommand(&word.name).is_some() {
            true => command.mut_subcommand(&word.name, |found| with(found, rest, operation)),
            false => command.subcommand(with(fresh(word, rest.is_empty()), rest, operation)),
        },
    }
}

/// A command that has no options so far.
fn fresh(word: &'static Word, is_leaf: bool) -> Command {
    let command = Command::new(word.name.as_str());
    if is_leaf {
        return command;
    }
    let about = format!("On a running server: {}", word.plural.as_ref().unwrap_or(&word.name).replace('-', " "));
    let command = command.about(about).subcommand_required(true).arg_required_else_help(true);
    match &word.plural {
        Some(plural) => command.visible_alias(plural.as_str()),
        None => command,
    }
}

/// A command that is there on this machine keeps its own options, and gets those that it has not.
fn with_options(command: Command, operation: &'static Operation) -> Command {
    let known: BTreeSet<String> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let is_local = command.get_about().is_some();
    let command = match is_local {
        true => command,
        false => command.about(operation.summary).long_about(operation.about),
    };
    let places = operation
        .places
        .iter()
        .map(|place| Arg::new(place.name).value_name(place.typed.as_str()).help(place.about).required(true));
    let options = operation.options.iter().map(|option| option_of(option, is_local));
    let all = places.chain(options).chain(common(operation));
    command.args(all.filter(|arg| !known.contains(arg.get_id().as_str())))
}

fn option_of(option: &'static Parameter, is_local: bool) -> Arg {
    let arg = Arg::new(option.name).long(option.flag.as_str()).help(option.about);
    let arg = match &option.kind {
        Kind::Text(words) if words.is_empty() => arg.value_name("TEXT"),
        Kind::Text(words) => arg.value_parser(PossibleValuesParser::new(words)),
        Kind::Number => arg.value_name("NUMBER").value_parser(value_parser!(i64)).allow_negative_numbers(true),
        Kind::Flag => arg
            .value_name("true|false")
            .value_parser(value_parser!(bool))
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::Texts => arg.value_name("TEXT").action(ArgAction::Append),
        Kind::Json => arg.value_name("JSON"),
    };
    match option.is_required && !is_local {
        true => arg.required_unless_present_any([SET, BODY]),
        false => arg,
    }
}

fn common(operation: &'static Operation) -> Vec<Arg> {
    let mut args = vec![
        Arg::new(SERVER)
            .long(SERVER)
            .value_name("URL")
            .env("GATEWAY_SERVER")
            .help("The server's address. The operator's token is GATEWAY_TOKEN, or in --token-file")
            .help_heading("Server"),
        Arg::new(TOKEN_FILE)
            .long(TOKEN_FILE)
            .value_name("FILE")
            .help("A file with the operator's token; `-` is the standard input")
            .help_heading("Server"),
        Arg::new(JSON)
            .long(JSON)
            .action(ArgAction::SetTrue)
            .help("Print the answer in JSON, for scripts")
            .help_heading("Server"),
        Arg::new(PRINT)
            .long(PRINT)
            .value_name("FIELD")
            .conflicts_with(JSON)
            .help("Print one field of the answer and nothing else, as in --print client_secret")
            .help_heading("Server"),
    ];
    if operation.is_list() {
        let help = "Every page of the list, not the first alone";
        args.push(Arg::new(ALL).long(ALL).action(ArgAction::SetTrue).help(help).conflicts_with("after"));
    }
    if operation.ends_something() {
        let help = "Do it without asking once more";
        args.push(Arg::new(YES).long(YES).short('y').action(ArgAction::SetTrue).help(help));
    }
    if operation.has_body {
        let help = "A field that has no option of its own, or that is to be null: --set 'co_owner=null'";
        args.push(Arg::new(SET).long(SET).value_name("FIELD=JSON").action(ArgAction::Append).help(help));
        let help = "A file with the whole body in JSON; `-` is the standard input. Passwords and other secrets go there: arguments can be \
                    read by others on this machine";
        args.push(Arg::new(BODY).long(BODY).value_name("FILE").help(help));
    }
    args
}

/// The operation that was asked for, if it is one of a server's.
pub(super) fn operation_of(matches: &ArgMatches) -> Option<(&'static Operation, &ArgMatches)> {
    let (mut words, mut leaf) = (Vec::new(), matches);
    while let Some((word, below)) = leaf.subcommand() {
        words.push(word);
        leaf = below;
    }
    let typed = words.join(" ");
    OPERATIONS.iter().find(|operation| operation.command() == typed).map(|operation| (operation, leaf))
}

impl Asked {
    /// Reads what was typed; the error says what would be right.
    pub(super) fn of(operation: &'static Operation, typed: &ArgMatches) -> Result<Asked, String> {
        let text = |name: &str| typed.try_get_one::<String>(name).ok().flatten().cloned();
        let flag = |name: &str| typed.try_get_one::<bool>(name).ok().flatten().copied().unwrap_or_default();
        let server = text(SERVER).ok_or("which server is meant? Say --server URL, or set GATEWAY_SERVER")?;
        let mut places = Vec::new();
        for place in &operation.places {
            match text(place.name).filter(|value| !value.trim().is_empty()) {
                Some(value) => places.push((place.name, value.trim().to_owned())),
                None => return Err(format!("{} is empty", place.typed)),
            }
        }
        let mut query = Vec::new();
        let mut body = if operation.has_body { Some(Asked::body_of(typed)?) } else { None };
        for option in &operation.options {
            let Some(value) = value_of(option, typed)? else { continue };
            match (&mut body, option.is_in_body) {
                (Some(body), true) => drop(body.insert(option.name.to_owned(), value)),
                _ => query.push((option.name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))),
            }
        }
        let wanted = Wanted { json: flag(JSON), field: text(PRINT), all: flag(ALL), is_confirmed: flag(YES) };
        Ok(Asked { operation, places, query, body, server, token_file: text(TOKEN_FILE), wanted })
    }

    /// The body of a file, and over it what was set.
    fn body_of(typed: &ArgMatches) -> Result<Map<String, Value>, String> {
        let mut body = match typed.get_one::<String>(BODY) {
            Some(file) => match serde_json::from_str(&read(file, BODY)?) {
                Ok(Value::Object(body)) => body,
                Ok(_) => return Err(format!("--body {file}: must be a JSON object, as in {{\"name\": \"Acme\"}}")),
                Err(error) => return Err(format!("--body {file} is not JSON: {error}")),
            },
            None => Map::new(),
        };
        for set in typed.get_many::<String>(SET).into_iter().flatten() {
            let (name, json) = set.split_once('=').ok_or_else(|| format!("--set {set}: must be FIELD=JSON"))?;
            let value = serde_json::from_str(json).map_err(|error| {
                format!("--set {name}: the value is not JSON ({error}); text stands in quotes, as in --set '{name}=\"text\"'")
            })?;
            if is_secret(name) || has_secret(&value) {
                return Err(no_secret(name));
            }
            body.insert(name.trim().to_owned(), value);
        }
        Ok(body)
    }

    /// The path with what it names.
    pub(super) fn path(&self) -> String {
        self.places.iter().fold(self.operation.path.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), &utf8_percent_encode(value, IN_A_PATH).to_string())
        })
    }
}

/// What was said of an option, as it is sent.
fn value_of(option: &Parameter, typed: &ArgMatches) -> Result<Option<Value>, String> {
    // A command of this machine may have an option of this name and of another kind.
    let texts = || -> Vec<String> {
        let found = typed.try_get_many::<String>(option.name).ok().flatten();
        found.map(|values| values.cloned().collect()).unwrap_or_default()
    };
    Ok(match &option.kind {
        Kind::Text(_) => texts().into_iter().next().map(Value::from),
        Kind::Number => typed.get_one::<i64>(option.name).map(|number| Value::from(*number)),
        Kind::Flag => typed.get_one::<bool>(option.name).map(|flag| Value::from(*flag)),
        Kind::Texts => Some(texts()).filter(|texts| !texts.is_empty()).map(Value::from),
        Kind::Json => match texts().into_iter().next() {
            Some(json) => {
                let value =
                    serde_json::from_str(&json).map_err(|error| format!("--{} is not JSON: {error}", option.flag))?;
                if has_secret(&value) {
                    return Err(no_secret(&option.flag));
                }
                Some(value)
            }
            None => None,
        },
    })
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| is_secret(name) || has_secret(value)),
        Value::Array(values) => values.iter().any(has_secret),
        _ => false,
    }
}

fn no_secret(name: &str) -> String {
    format!(
        "{name}: a secret among the arguments can be read by others on this machine. Put the body into a file that only you can read, and \
         say --body FILE, or pipe it in and say --body -"
    )
}

/// The text of a file, or of the standard input.
pub(super) fn read(file: &str, option: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("--{option} {file}: {error}");
    let mut text = String::new();
    match file {
        "-" => std::io::stdin().lock().take(LARGEST).read_to_string(&mut text).map_err(failed)?,
        _ => std::fs::File::open(file).map_err(failed)?.take(LARGEST).read_to_string(&mut text).map_err(failed)?,
    };
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked, String> {
        let command = added_to(Command::new("gateway").subcommand(Command::new("operator").about("Local.")));
        let words = ["gateway"].into_iter().chain(line.split_whitespace());
        let matches = command.try_get_matches_from(words).map_err(|error| error.to_string())?;
        let (operation, leaf) = operation_of(&matches).expect("one of a server's");
        Asked::of(operation, leaf)
    }

    #[test]
    fn commands_have_no_two_options_of_one_name() {
        added_to(Command::new("gateway")).debug_assert();
    }

    #[test]
    fn what_is_typed_is_the_request() {
        let made = asked(
            "account create --server http://localhost:8080 --name Acme --product-environments a --product-environments b \
             --unique-group-names --set default_role=null",
        );
        let made = made.unwrap();
        assert_eq!((made.operation.method, made.path().as_str()), ("POST", "/admin/accounts"));
        let body = serde_json::json!({"default_role": null, "name": "Acme", "product_environments": ["a", "b"], "unique_group_names": true});
        assert_eq!(Value::Object(made.body.unwrap()), body);
        let listed = asked("requests account a/b --status 4xx --limit 5 --all --json --server https://x").unwrap();
        assert_eq!(listed.path(), "/admin/accounts/a%2Fb/requests");
        assert_eq!(listed.query, [("status", "4xx".to_owned()), ("limit", "5".to_owned())]);
        assert!(listed.wanted.all && listed.wanted.json && listed.body.is_none());
        let ended = asked("client secrets end c s --server https://x --yes").unwrap();
        assert_eq!((ended.operation.method, ended.path().as_str()), ("DELETE", "/admin/clients/c/secrets/s"));
        assert!(ended.wanted.is_confirmed);
    }

    #[test]
    fn what_is_missing_or_is_a_secret_is_said() {
        assert!(asked("account create --server https://x").unwrap_err().contains("--name"));
        let secret = asked("user change a u --server https://x --set password=\"x\"").unwrap_err();
        assert!(secret.contains("--body FILE"), "{secret}");
        let nested = asked("sign-in change a --server https://x --provider {\"client_secret\":\"x\"}").unwrap_err();
        assert!(nested.contains("--body FILE"), "{nested}");
        assert!(asked("account show  --server https://x").unwrap_err().contains("ACCOUNT"));
        assert!(asked("account change a --server https://x --set name=Acme").unwrap_err().contains("in quotes"));
        assert!(asked("operator create --server https://x --role boss --name n").unwrap_err().contains("platform"));
    }
}
