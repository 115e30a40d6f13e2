//! How a server stops: first it says that it is not ready, then it takes no new work, then it gives up what does not end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// A client that has sent half of a body when the server stops gets so long for the rest.
const REST_OF_A_BODY: Duration = Duration::from_secs(2);

/// What a server that was told to stop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// It was not told to.
    Running,
    /// The server is no longer ready. It still serves requests, and closes each connection with its answer.
    Draining,
    /// It takes no new connections, and ends what is there.
    Closing,
}

/// Whether the server was told to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stopping(Arc<watch::Sender<Phase>>);

impl Default for Stopping {
    fn default() -> Stopping {
        Stopping(Arc::new(watch::Sender::new(Phase::Running)))
    }
}

impl Stopping {
    /// From now on the server is not ready, and answers close their connections: a load balancer goes elsewhere.
    pub fn drain(&self) {
        self.0.send_replace(Phase::Draining);
    }

    /// From now on bodies that are not here yet are given up.
    pub fn close(&self) {
        self.0.send_replace(Phase::Closing);
    }

    /// Whether the server was told to stop.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow() > Phase::Running
    }

    /// Ends when the server is told to stop.
    pub async fn begins(&self) {
        let _ = self.0.subscribe().wait_for(|phase| *phase > Phase::Running).await;
    }

    /// Ends when a body that is still being sent is to be given up; never while the server runs.
    pub async fn gives_up_bodies(&self) {
        let mut phase = self.0.subscribe();
        if phase.wait_for(|phase| *phase == Phase::Closing).await.is_ok() {
            tokio::time::sleep(REST_OF_A_BODY).await;
        }
    }
}
