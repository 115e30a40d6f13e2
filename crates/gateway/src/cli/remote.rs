//! Commands that ask a running server, by the admin API: one for each of its operations, made from their [description](described).
//!
//! `gateway client secret add ID --server https://gateway.example`, with the operator's token in `GATEWAY_TOKEN`. The exit code says what came
//! of it: [`Failed`].

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::Command;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

mod arguments;
mod described;
pub(super) mod server;
mod shown;

pub(super) use arguments::added_to;
use arguments::{Asked, Wanted};
use server::{Failed, Server, json_of};

/// Runs what is no command of this machine alone: asks a server, prints help, or says what is wrong with what was typed.
pub(super) fn run(commands: Command) -> ExitCode {
    let matches = commands.get_matches();
    let Some((operation, leaf)) = arguments::operation_of(&matches) else {
        eprintln!("gateway: this is no command; `gateway --help` lists them");
        return ExitCode::from(2);
    };
    let outcome = Asked::of(operation, leaf)
        .map_err(Failed::Usage)
        .and_then(|asked| actix_web::rt::System::new().block_on(carry_out(asked)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            if let Some(words) = failed.words() {
                eprintln!("gateway: {words}");
            }
            ExitCode::from(failed.code())
        }
    }
}

async fn carry_out(mut asked: Asked) -> Result<(), Failed> {
    let server = Server::of(&asked)?;
    for (_, value) in asked.places.iter_mut().chain(&mut asked.query).filter(|(name, _)| *name == "account") {
        *value = server.account(std::mem::take(value)).await?;
    }
    if asked.operation.ends_something() && !asked.wanted.is_confirmed {
        confirm(&asked)?;
    }
    let answer = server.ask(&asked).await?;
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next() == Some("application/json");
    if answer.status() == reqwest::StatusCode::NO_CONTENT {
        if !asked.wanted.json && asked.wanted.field.is_none() {
            print("Done.\n")?;
        }
        return Ok(());
    }
    if !is_json {
        return pass_on(answer).await;
    }
    let value = json_of(answer).await?;
    match shown::list(&value, asked.operation.answer) {
        Some(_) if asked.wanted.all => every_page(&server, asked, value).await,
        Some((items, schema)) if !asked.wanted.json && asked.wanted.field.is_none() => {
            say(&shown::table(items, schema), items.is_empty())?;
            if let Some(next) = value["next"].as_str() {
                eprintln!("There is more: --after {next} shows the next page, and --all every page.");
            }
            Ok(())
        }
        _ => show(&value, asked.operation.answer, &asked.wanted),
    }
}

/// Takes nothing away before the operator said so once more.
fn confirm(asked: &Asked) -> Result<(), Failed> {
    let (what, path) = (asked.operation.summary, asked.path());
    if !std::io::stdin().is_terminal() {
        return Err(Failed::Usage(format!("{what} ({path}): say --yes, for there is no terminal to ask at")));
    }
    eprint!("{what}: {path}\nType yes to go on: ");
    let mut typed = String::new();
    let read = std::io::stdin().read_line(&mut typed);
    match read.is_ok() && typed.trim() == "yes" {
        true => Ok(()),
        false => Err(Failed::Usage("nothing was done".to_owned())),
    }
}

/// A file goes out as it comes in.
async fn pass_on(mut answer: reqwest::Response) -> Result<(), Failed> {
    let broken =
        |error: reqwest::Error| Failed::Server(format!("the file ends before its end: {}", server::cause(&error)));
    let mut out = std::io::stdout().lock();
    while let Some(piece) = answer.chunk().await.map_err(broken)? {
        out.write_all(&piece).map_err(unwritten)?;
    }
    out.flush().map_err(unwritten)
}

/// Every page of a list: in JSON one document, which is written as the pages come.
async fn every_page(server: &Server, mut asked: Asked, first: Value) -> Result<(), Failed> {
    let schema = asked.operation.answer;
    let (mut page, mut all, mut is_first) = (first, Vec::new(), true);
    if asked.wanted.json {
        print("{\"items\": [")?;
    }
    loop {
        let next = page["next"].as_str().map(str::to_owned);
        let Value::Array(items) = page["items"].take() else { break };
        match &asked.wanted {
            Wanted { json: true, .. } => {
                for item in items {
                    print(&format!("{}\n{item}", if is_first { "" } else { "," }))?;
                    is_first = false;
                }
            }
            Wanted { field: Some(field), .. } => {
                for line in items.iter().filter_map(|item| shown::field(item, field)) {
                    print(&format!("{line}\n"))?;
                }
            }
            _ => all.extend(items),
        }
        let Some(next) = next else { break };
        asked.query.retain(|(name, _)| *name != "after");
        asked.query.push(("after", next));
        page = json_of(server.ask(&asked).await?).await?;
    }
    match &asked.wanted {
        Wanted { json: true, .. } => print("\n]}\n"),
        Wanted { field: Some(_), .. } => Ok(()),
        _ => {
            let of = schema.map(|schema| &described::resolved(schema)["properties"]["items"]["items"]);
            say(&shown::table(&all, of), all.is_empty())
        }
    }
}

/// One answer, as it is wanted.
fn show(value: &Value, schema: Option<&'static Value>, wanted: &Wanted) -> Result<(), Failed> {
    if let Some(field) = &wanted.field {
        if let Some(items) = value["items"].as_array() {
            let lines = items.iter().filter_map(|item| shown::field(item, field));
            return print(&lines.map(|line| line + "\n").collect::<String>());
        }
        let found = shown::field(value, field).ok_or_else(|| {
            let fields = value.as_object().map(|fields| fields.keys().map(String::as_str).collect::<Vec<_>>());
            Failed::Usage(format!(
                "--print {field}: the answer has no such field; it has {}",
                fields.unwrap_or_default().join(", ")
            ))
        })?;
        return print(&format!("{found}\n"));
    }
    if wanted.json {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        return print(&format!("{text}\n"));
    }
    say(&shown::one(value), false)?;
    for field in shown::shown_once(value, schema) {
        eprintln!("`{field}` is shown this once: keep it now.");
    }
    Ok(())
}

fn say(text: &str, is_empty: bool) -> Result<(), Failed> {
    if is_empty {
        eprintln!("There are none.");
        return Ok(());
    }
    print(&format!("{text}\n"))
}

/// To the standard output.
fn print(text: &str) -> Result<(), Failed> {
    std::io::stdout().write_all(text.as_bytes()).map_err(unwritten)
}

fn unwritten(error: std::io::Error) -> Failed {
    match error.kind() {
        ErrorKind::BrokenPipe => Failed::ReadEnough,
        _ => Failed::Server(format!("the answer cannot be written: {error}")),
    }
}
