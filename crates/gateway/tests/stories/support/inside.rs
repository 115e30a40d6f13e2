//! A gateway in the process of the stories, so that a story can let time pass. The binary has no way to do that.

use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use gateway::config::Config;
use gateway::platform::clock::Clock;
use gateway::server;

/// A running server on a thread of its own.
pub struct Inside {
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Inside {
    /// Starts one with these settings, by this clock; it answers when this returns.
    pub async fn start(environment: &[(&str, String)], clock: &Clock) -> Result<Inside, String> {
        drop(crate::support::http::builder()); // chooses who does TLS
        let settings: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let (clock, (tell, told)) = (clock.clone(), tokio::sync::oneshot::channel());
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let settings: Vec<(&str, &str)> =
                    settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let config = match Config::from_variables(&settings) {
                    Ok(config) => config,
                    Err(mistakes) => return drop(tell.send(Err(mistakes.to_string()))),
                };
                match server::start(config, clock).await {
                    Ok(running) => {
                        let _ = tell.send(Ok(running.handle.clone()));
                        let _ = running.server.await;
                    }
                    Err(why) => drop(tell.send(Err(why.to_string()))),
                }
            });
        });
        let handle = told.await.map_err(|_| "the server's thread ended".to_owned())??;
        Ok(Inside { handle, thread: Some(thread) })
    }

    /// Stops it at once, or after the requests that run.
    pub fn stop(&mut self, graceful: bool) {
        drop(self.handle.stop(graceful)); // it is told before it is waited for
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
