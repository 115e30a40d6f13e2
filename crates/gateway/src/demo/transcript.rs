//! What the demo prints: chapters, one line for each request, and what it means.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How many chapters the story has.
pub(super) const CHAPTERS: u32 = 16;

/// How wide a line of prose may become.
const WIDTH: usize = 108;
/// How far prose stands from the left edge.
const INDENT: &str = "     ";
/// How much of a long URL is shown.
const LONGEST_URL: usize = 140;
/// How much of one value in it is shown.
const LONGEST_VALUE: usize = 28;

/// The printed record of the demo.
#[derive(Debug)]
pub(crate) struct Transcript {
    colours: bool,
    chapters: Cell<u32>,
    requests: Cell<u32>,
    began: Instant,
}

/// How a piece of text looks on a terminal that knows colours.
#[derive(Debug, Clone, Copy)]
enum Paint {
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
    Cyan,
}

impl Transcript {
    /// With colours if standard output is a terminal and `NO_COLOR` (<https://no-color.org>) does not forbid them.
    pub(crate) fn to_standard_output() -> Transcript {
        #[expect(
            clippy::disallowed_methods,
            reason = "a convention between terminals and programs, no setting of ours"
        )]
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Transcript {
            colours: std::io::stdout().is_terminal() && !forbidden,
            chapters: Cell::new(0),
            requests: Cell::new(0),
            began: Instant::now(),
        }
    }

    /// A line as it is. A reader who has gone away (`gateway demo | head`) does not end the story.
    pub(crate) fn line(&self, text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Begins the next chapter of so many.
    pub(crate) fn chapter(&self, of: u32, title: &str) {
        let number = self.chapters.get() + 1;
        self.chapters.set(number);
        self.line(&format!("\n{}", self.paint(Paint::Bold, &format!("[{number}/{of}] {title}"))));
    }

    /// How many chapters have begun.
    pub(crate) fn chapters(&self) -> u32 {
        self.chapters.get()
    }

    /// How many requests were answered, and how long everything took until now.
    pub(crate) fn so_far(&self) -> (u32, Duration) {
        (self.requests.get(), self.began.elapsed())
    }

    /// Prose.
    pub(crate) fn say(&self, text: &str) {
        for line in wrapped(text, WIDTH - INDENT.len()) {
            self.line(&format!("{INDENT}{line}"));
        }
    }

    /// Words that another person, `whose`, reads on their own screen.
    pub(crate) fn quote(&self, whose: &str, text: &str) {
        self.line(&format!("{INDENT}{}", self.paint(Paint::Dim, &format!("{whose}:"))));
        for line in wrapped(text, WIDTH - INDENT.len() - 2) {
            self.line(&format!("{INDENT}{} {line}", self.paint(Paint::Yellow, "│")));
        }
    }

    /// A value to be copied, under its label.
    pub(crate) fn value(&self, label: &str, value: &str) {
        self.line(&format!("{INDENT}{} {value}", self.paint(Paint::Dim, &format!("{label:<24}"))));
    }

    /// A request and the status of its answer.
    pub(crate) fn request(&self, who: &str, method: &str, url: &str, status: u16, took: Duration) {
        self.requests.set(self.requests.get() + 1);
        let paint = match status {
            100..400 => Paint::Green,
            400..500 => Paint::Yellow,
            _ => Paint::Red,
        };
        self.line(&format!(
            "\n  {} {method} {} → {}  {}",
            self.paint(Paint::Cyan, &format!("{who:<9}")),
            readable(url),
            self.paint(paint, &status.to_string()),
            self.paint(Paint::Dim, &format!("{:.1} ms", took.as_secs_f64() * 1000.0)),
        ));
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Green => "32",
            Paint::Yellow => "33",
            Paint::Red => "31",
            Paint::Cyan => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// A URL for the eye: its query decoded, and not too much of it.
fn readable(url: &str) -> String {
    let text = match url.split_once('?') {
        None => url.to_owned(),
        Some((path, query)) => {
            let pairs: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
                .map(|(name, value)| format!("{name}={}", shortened(&value)))
                .collect();
            format!("{path}?{}", pairs.join("&"))
        }
    };
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match clean.char_indices().nth(LONGEST_URL) {
        None => clean,
        Some((cut, _)) => format!("{}…", clean.get(..cut).unwrap_or_default()),
    }
}

/// What is one long word is for machines: its beginning will do.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(8) {
        Some((cut, _)) if value.len() > LONGEST_VALUE && !value.contains(char::is_whitespace) => {
            format!("{}…", value.get(..cut).unwrap_or_default())
        }
        _ => value.to_owned(),
    }
}

/// Breaks prose into lines; a line break in it stays one.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_broken_between_words() {
        assert_eq!(wrapped("the index narrows, matches decides", 18), ["the index narrows,", "matches decides"]);
        assert_eq!(wrapped("one\ntwo", 80), ["one", "two"]);
        assert_eq!(wrapped("averylongwordthatfitsnowhere", 5), ["averylongwordthatfitsnowhere"]);
    }

    #[test]
    fn a_query_is_shown_as_its_author_thought_of_it() {
        let url = "/scim/v2/Users?filter=userName+eq+%22ana%40acme.example%22&count=100";
        assert_eq!(readable(url), r#"/scim/v2/Users?filter=userName eq "ana@acme.example"&count=100"#);
        assert_eq!(readable("/scim/v2/Users"), "/scim/v2/Users");
        assert_eq!(readable(&format!("/consent?request={}&a=b", "x".repeat(400))), "/consent?request=xxxxxxxx…&a=b");
        assert_eq!(readable(&format!("/{}", "ä".repeat(300))).chars().count(), LONGEST_URL + 1);
    }
}
