//! `gateway config`: what a start would make of the configuration, and where each value comes from. Nothing is opened but the files that
//! settings name.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use crate::config::{Config, ConfigErrors, Inspection, Origin, Setting};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read the configuration as a start would, with the files that it names. Says every mistake; then the exit status is 1.
    Check {
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Print every setting with its value and where it comes from. Secrets are left out.
    Show {
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(file: Option<&Path>, command: &ConfigCommand) -> ExitCode {
    let found = Config::inspect(file);
    let (text, is_json) = match command {
        ConfigCommand::Check { json: true } => (lines(&checked(&found)), true),
        ConfigCommand::Check { json: false } => (summary(&found), false),
        ConfigCommand::Show { json: true } => (lines(&shown(&found)), true),
        ConfigCommand::Show { json: false } => (table(&found.settings), false),
    };
    // A reader such as `head` that has enough is no failure.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    if !is_json {
        found.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    }
    if found.mistakes.is_empty() {
        return ExitCode::SUCCESS;
    }
    if !is_json {
        eprintln!("gateway: {}", ConfigErrors(found.mistakes).to_string().trim_end());
    }
    ExitCode::FAILURE
}

fn checked(found: &Inspection) -> serde_json::Value {
    json!({"ok": found.mistakes.is_empty(), "mistakes": found.mistakes, "warnings": found.warnings})
}

fn shown(found: &Inspection) -> serde_json::Value {
    json!({"settings": found.settings, "mistakes": found.mistakes, "warnings": found.warnings})
}

fn lines(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn summary(found: &Inspection) -> String {
    if !found.mistakes.is_empty() {
        return String::new();
    }
    let count = |of: fn(&Origin) -> bool| found.settings.iter().filter(|setting| of(&setting.from)).count();
    let in_file = count(|from| matches!(from, Origin::File { .. }));
    let in_environment = count(|from| matches!(from, Origin::Environment { .. }));
    format!(
        "The configuration can be used: {in_file} settings from the file, {in_environment} from the environment, the others by default.\n"
    )
}

/// How wide a column gets.
const WIDEST: usize = 48;

fn table(settings: &[Setting]) -> String {
    let rows: Vec<[String; 3]> =
        settings.iter().map(|setting| [setting.name.clone(), setting.text(), setting.from.to_string()]).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(WIDEST);
    let (names, values) = (width(0), width(1));
    rows.iter().fold(String::new(), |mut text, [name, value, from]| {
        let _ = writeln!(text, "{name:names$}  {value:values$}  {from}");
        text
    })
}
