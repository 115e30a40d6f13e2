//! The audit trail as a file: CSV (RFC 4180) for spreadsheets, JSON Lines for programs.

use crate::domain::bodies::audit::AuditRow;
use crate::platform::system;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A line with the names of the columns, then a line for each row.
    Csv,
    /// A JSON object for each row, as the admin API answers it.
    JsonLines,
}

const COLUMNS: &str =
    "at,account,account_name,actor,actor_name,action,target,target_name,address,request_id,detail,changes\r\n";

impl ExportFormat {
    /// As `Content-Type` has it.
    pub const fn media_type(self) -> &'static str {
        match self {
            ExportFormat::Csv => "text/csv; charset=utf-8; header=present",
            ExportFormat::JsonLines => "application/jsonl",
        }
    }

    /// As files have it.
    pub const fn extension(self) -> &'static str {
        match self {
            ExportFormat::Csv => "csv",
            ExportFormat::JsonLines => "jsonl",
        }
    }

    /// The format of this name.
    pub fn named(name: &str) -> Option<ExportFormat> {
        [ExportFormat::Csv, ExportFormat::JsonLines].into_iter().find(|format| format.extension() == name)
    }

    /// What a file begins with.
    pub const fn beginning(self) -> &'static str {
        match self {
            ExportFormat::Csv => COLUMNS,
            ExportFormat::JsonLines => "",
        }
    }

    /// Adds a row.
    pub fn write(self, row: &AuditRow, file: &mut String) {
        match self {
            ExportFormat::JsonLines => {
                file.push_str(&serde_json::to_string(row).unwrap_or_default());
                file.push('\n');
            }
            ExportFormat::Csv => {
                let changes = row.changes.as_ref().map(|changes| serde_json::to_string(changes).unwrap_or_default());
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let cells = [
                    system::rfc3339(row.at.0),
                    text(&row.account),
                    text(&row.account_name),
                    row.actor.clone(),
                    text(&row.actor_name),
                    row.action.clone(),
                    text(&row.target),
                    text(&row.target_name),
                    text(&row.address),
                    text(&row.request_id),
                    text(&row.detail),
                    changes.unwrap_or_default(),
                ];
                let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
                file.push_str(&cells.join(","));
                file.push_str("\r\n");
            }
        }
    }
}

/// A cell. Names come from customers: what a spreadsheet would take for a formula gets an apostrophe before it, which it shows as text.
fn quoted(cell: &str) -> String {
    let apostrophe = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    match cell.contains(['"', ',', '\r', '\n']) || !apostrophe.is_empty() {
        true => format!("\"{apostrophe}{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_as_it_was_and_computes_nothing() {
        for (cell, written) in [
            ("acme", "acme"),
            ("", ""),
            ("Acme, Inc.", "\"Acme, Inc.\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=HYPERLINK(\"https://evil.example\")", "\"'=HYPERLINK(\"\"https://evil.example\"\")\""),
            ("+1", "\"'+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2+3", "\"'-2+3\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }

    #[test]
    fn a_line_has_as_many_cells_as_the_first_one_has_names() {
        use crate::domain::described::Described;
        let row = AuditRow {
            at: crate::domain::described::Time(crate::platform::timestamp::ms(0)),
            account: None,
            account_name: Some("acme".to_owned()),
            actor_name: None,
            actor: "server".to_owned(),
            action: "user.created".to_owned(),
            target: None,
            target_name: None,
            address: None,
            request_id: None,
            detail: None,
            changes: None,
        };
        let mut file = ExportFormat::Csv.beginning().to_owned();
        ExportFormat::Csv.write(&row, &mut file);
        let lines: Vec<&str> = file.lines().collect();
        assert_eq!(lines[1], "1970-01-01T00:00:00.000Z,,acme,server,,user.created,,,,,,");
        assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
        let mut line = String::new();
        ExportFormat::JsonLines.write(&row, &mut line);
        let read: serde_json::Value = serde_json::from_str(line.trim_end()).unwrap();
        let names: Vec<String> = AuditRow::example().as_object().unwrap().keys().cloned().collect();
        assert!(names.iter().all(|name| read.get(name).is_some()), "{read}");
    }
}
