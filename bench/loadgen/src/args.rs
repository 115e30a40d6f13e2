//! `--key value` arguments, with defaults.

use std::collections::HashMap;
use std::str::FromStr;

/// The arguments of this process.
pub struct Args(HashMap<String, String>);

impl Args {
    /// Reads them; a stray word ends the process with a message.
    pub fn parse() -> Self {
        let mut found = HashMap::new();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let key = word.strip_prefix("--").unwrap_or_else(|| panic!("unexpected argument {word}")).to_string();
            let value = words.next().unwrap_or_else(|| panic!("--{key} needs a value"));
            found.insert(key, value);
        }
        Args(found)
    }

    pub fn opt(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub fn text(&self, key: &str, default: &str) -> String {
        self.opt(key).unwrap_or(default).to_string()
    }

    pub fn required(&self, key: &str) -> &str {
        self.opt(key).unwrap_or_else(|| panic!("--{key} is missing"))
    }

    pub fn num<T: FromStr>(&self, key: &str, default: T) -> T {
        match self.opt(key) {
            Some(text) => text.parse().unwrap_or_else(|_| panic!("--{key}: `{text}` is not a number")),
            None => default,
        }
    }

    /// Numbers separated by commas.
    pub fn list(&self, key: &str, default: &str) -> Vec<usize> {
        let text = self.text(key, default);
        text.split(',').map(|n| n.parse().unwrap_or_else(|_| panic!("--{key}: `{n}` is not a number"))).collect()
    }

    /// `--pid`: the processes whose time and memory are counted, with their descendants.
    pub fn pids(&self) -> Vec<i32> {
        self.opt("pid").map(|text| text.split(',').filter_map(|pid| pid.parse().ok()).collect()).unwrap_or_default()
    }
}
