//! Signals that stop the process, and the one at which it reads files again.

/// A signal to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// SIGTERM: by what supervises the process.
    ToTerminate,
    /// SIGINT: by a person at a keyboard.
    ToInterrupt,
}

/// Ends at SIGINT or SIGTERM.
pub(crate) async fn shutdown_signal() -> Told {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => Told::ToInterrupt,
                _ = terminate.recv() => Told::ToTerminate,
            };
        }
    }
    let _ = tokio::signal::ctrl_c().await;
    Told::ToInterrupt
}

/// Ends at SIGHUP, of which none is missed in between.
pub(crate) struct Hangups(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Hangups {
    /// From now on SIGHUP does not end the process.
    pub(crate) fn new() -> Hangups {
        #[cfg(unix)]
        return Hangups(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok());
        #[cfg(not(unix))]
        Hangups()
    }

    /// The next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
