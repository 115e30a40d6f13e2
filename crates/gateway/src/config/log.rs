//! `[log]`: what is logged, and in which form.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

use super::reader::Reader;
use crate::platform::traces::SPANS;

/// What is logged, and in which form.
#[derive(Debug, Clone)]
pub struct Log {
    /// One JSON object on each line; otherwise text.
    pub json: bool,
    /// What is logged.
    pub filter: LogFilter,
}

/// What is logged: a level for all, and levels for parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(Vec<Directive>);

pub(super) fn read(r: &mut Reader) -> Option<Log> {
    let mut s = r.section("log");
    let json = s.text("format", "text", "`text` or `json`", "The form of a line on standard error.", |text| match text
        .as_str()
    {
        "json" => Ok(true),
        "text" => Ok(false),
        _ => Err(format!("`{text}` is neither \"text\" nor \"json\"")),
    });
    let about = "What is logged: a level for all (error, warn, info, debug, trace or off), and levels for parts of the program.";
    let filter =
        s.text("filter", "info", "levels, such as `info,gateway=debug`", about, |text| LogFilter::parse(&text));
    Some(Log { json: json?, filter: filter? })
}

impl LogFilter {
    fn parse(text: &str) -> Result<LogFilter, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let directives: Vec<Directive> = parts.map(directive).collect::<Result<_, _>>()?;
        match directives.is_empty() {
            true => Err("is empty; write off to log nothing".to_owned()),
            false => Ok(LogFilter(directives)),
        }
    }

    /// For the subscriber. What no directive is about is not logged, and spans that are meant for a collector of traces only where one says so.
    pub fn to_env_filter(&self) -> EnvFilter {
        let nothing = EnvFilter::builder().with_default_directive(LevelFilter::OFF.into());
        let nothing = nothing.parse_lossy(format!("{SPANS}=off"));
        self.0.iter().cloned().fold(nothing, EnvFilter::add_directive)
    }
}

/// A level, or a part of the program with its level. What the library reads is checked before: it takes a level that is misspelt for a
/// part of that name, and `gateway=` for everything that part can log.
fn directive(text: &str) -> Result<Directive, String> {
    const RIGHT: &str =
        "a level (error, warn, info, debug, trace, off), or a part of the program and its level, as in gateway=debug";
    let part = text.split(['=', '[']).next().unwrap_or_default();
    let is_plain = part.chars().all(|c| c.is_ascii_alphanumeric() || "_:-.".contains(c));
    let says_a_level = text.parse::<LevelFilter>().is_ok() || (text.len() > part.len() && !text.ends_with('='));
    match text.parse() {
        Ok(directive) if is_plain && says_a_level => Ok(directive),
        _ => Err(format!("`{text}` is not {RIGHT}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_levels_and_parts_with_levels() {
        for (right, shown) in [
            ("info", "info"),
            ("INFO", "info"),
            ("off", "off"),
            ("info,gateway=debug", "gateway=debug,info"),
            (" info , gateway::http=trace ,", "gateway::http=trace,info"),
            ("gateway=debug", "gateway=debug,off"),
            ("warn,[request]=debug", "warn"),
        ] {
            let filter = LogFilter::parse(right).unwrap_or_else(|why| panic!("{right}: {why}"));
            let told = filter.to_env_filter().to_string();
            assert!(shown.split(',').all(|part| told.contains(part)), "{right}: {told}");
        }
    }

    #[test]
    fn what_is_no_directive_is_refused_with_what_would_be_right() {
        for wrong in [
            "inof",
            "verbose",
            "",
            " ",
            ",",
            "info,gateway=debgu",
            "gateway=",
            "=info",
            "info gateway=debug",
            "info;gateway=debug",
            "[request",
            "gateway",
        ] {
            let why = LogFilter::parse(wrong).expect_err(wrong);
            assert!(why.contains("off"), "{wrong}: {why}");
        }
    }
}
