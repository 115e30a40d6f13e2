//! `gateway demo`: a server on a fresh SQLite database, and an identity provider's whole story played against it.
//!
//! Nothing here is privileged: the operator, the browser and Okta of this story speak HTTP to the server's own port, as
//! their real counterparts would, and an answer that is not the expected one ends the demo with both.
//!
//! [`story`] is the order of events; [`vendor`], [`single_sign_on`], [`connection`], [`users`], [`groups`] and [`ending`] are its parts; [`visit`] is the end that its reader plays;
//! the actors are [`simulate`](crate::simulate)'s, [`okta`] and [`wire`] write down what they do, and [`identity_provider`] is where people sign in; [`transcript`] is what you read.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::platform::clock::Clock;
use crate::platform::system;
use crate::server;

mod connection;
mod ending;
mod groups;
mod identity_provider;
mod okta;
mod sheet;
mod single_sign_on;
mod story;
mod transcript;
mod users;
mod vendor;
mod visit;
mod wire;

use identity_provider::IdentityProvider;
use transcript::Transcript;

/// The port of the demo, if it is free and no other was asked for.
const PREFERRED_PORT: u16 = 8080;

/// What `gateway demo` can be told.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The port to listen on; 0 takes 8080 if that is free, else any.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Play the story and end, with exit status 0 if every answer was the expected one.
    #[arg(long)]
    pub once: bool,
    /// An empty or new directory for the database and the master key; without it a fresh temporary one.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Plays the demo. To be called inside an actix system.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let directory = directory(arguments.dir.as_deref())?;
    let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
    let config = Config::from_variables(&[
        ("GATEWAY__DATA__DIR", &directory.to_string_lossy()),
        ("GATEWAY__SERVER__BIND", &format!("127.0.0.1:{}", port(arguments.port))),
        ("GATEWAY__ADMIN__TOKEN", &token),
        ("GATEWAY__LOG__FILTER", "warn"),
    ])?;
    server::logging::start_logging(&config, None)?;

    let ours_to_remove = arguments.dir.is_none().then(|| directory.clone());
    let server::Running { app, handle, server, .. } =
        server::start(config, Clock::of_the_machine()).await.inspect_err(|_| remove(&ours_to_remove))?;
    let server = actix_web::rt::spawn(server);
    let transcript = Transcript::to_standard_output();
    let okta = IdentityProvider::start(&app.public_url)?;
    let played = story::play(&transcript, &app.public_url, &token, &okta.provider).await;
    let outcome = match played {
        Ok(ending) => {
            match arguments.once {
                true => sheet::print(&transcript, &app.public_url, &token, &directory, &ending, None),
                false => {
                    let operator = vendor::Operator::new(&transcript, &app.public_url, &token)?;
                    let visit = visit::prepare(&app, &operator, &ending).await?;
                    sheet::print(&transcript, &app.public_url, &token, &directory, &ending, Some(&visit.url));
                    server::signals::shutdown_signal().await;
                    visit.handle.stop(true).await;
                }
            }
            Ok(())
        }
        Err(failure) => {
            Err(format!("the demo stopped.\n{failure}\nIts database is kept in {}", directory.display()).into())
        }
    };
    okta.handle.stop(true).await;
    handle.stop(true).await;
    server.await??;
    if outcome.is_ok() && arguments.once {
        remove(&ours_to_remove);
    }
    outcome
}

/// Removes a temporary directory in which nothing is left to be looked at.
fn remove(directory: &Option<PathBuf>) {
    if let Some(directory) = directory {
        let _ = std::fs::remove_dir_all(directory);
    }
}

/// The directory to work in: made if need be, and never one in which something lies already.
fn directory(asked: Option<&Path>) -> Result<PathBuf, String> {
    let directory = match asked {
        Some(directory) => directory.to_owned(),
        None => std::env::temp_dir().join(format!("gateway-demo-{}", system::new_uuid())),
    };
    let failed = |e: std::io::Error| format!("cannot use the directory {}: {e}", directory.display());
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(&directory).map_err(failed)?;
    match std::fs::read_dir(&directory).map_err(failed)?.next() {
        None => Ok(directory),
        Some(_) => Err(format!("{} is not empty; the demo wants a directory of its own", directory.display())),
    }
}

fn port(asked: u16) -> u16 {
    match asked {
        0 if std::net::TcpListener::bind(("127.0.0.1", PREFERRED_PORT)).is_ok() => PREFERRED_PORT,
        port => port,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_something_in_it_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let fresh = parent.path().join("fresh");
        assert_eq!(directory(Some(&fresh)), Ok(fresh.clone()));
        std::fs::write(fresh.join("gateway.db"), "").unwrap();
        assert!(directory(Some(&fresh)).unwrap_err().contains("is not empty"));
    }

    #[test]
    fn a_port_that_was_asked_for_is_not_replaced() {
        assert_eq!(port(4711), 4711);
    }

    #[test]
    fn the_whole_story_plays_as_told() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let parent = tempfile::tempdir().unwrap();
        let arguments = Arguments { port: 0, once: true, dir: Some(parent.path().join("demo")) };
        actix_web::rt::System::new().block_on(run(arguments)).unwrap();
    }
}
