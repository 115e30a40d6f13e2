//! The end of `gateway demo` in its reader's browser: the page that says that the client is connected, and the one that says it is not.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::Tour;
use crate::support::{directories, process};

impl Tour {
    pub(super) async fn demo(&self) {
        let chromium = &self.chromium;
        let folder = directories::subdirectory("demo");
        let (port, place) = (process::free_port().to_string(), folder.join("fresh").display().to_string());
        let mut child = process::command(&["demo", "--port", &port, "--dir", &place], &folder, &[])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the demo starts");
        directories::ends_with_us(child.id(), "KILL");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        // The last word of the line that begins so.
        let mut told = |beginning: &str| {
            let line = lines.find(|line| line.trim_start().starts_with(beginning));
            let line = line.unwrap_or_else(|| panic!("the demo says no {beginning}"));
            line.split_whitespace().last().unwrap_or_default().to_owned()
        };
        let (name, password, visit) = (told("Log in as"), told("Password"), told("http"));
        chromium.open(&visit).await;
        chromium.log_in(&name, &password).await;
        chromium.press("Accept access").await;
        let words = chromium.words().await;
        assert!(words.contains("is connected"), "{words}");
        chromium.look("demo-connected").await;
        let again = chromium.url().await;
        chromium.open(&again).await;
        chromium.look("demo-not-connected").await;
        chromium.forget().await;
        let _ = child.kill();
        let _ = child.wait();
        directories::has_ended(child.id());
    }
}
