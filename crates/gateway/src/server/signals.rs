//! Signals that stop the process.

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
