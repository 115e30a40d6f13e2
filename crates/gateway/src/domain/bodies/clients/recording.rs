//! The full recording of a client: as it is switched on and answered.

use crate::domain::described::{Time, Whole, answer, body};

/// For so many hours a client may be recorded.
pub type Hours = Whole<1, 24>;

body! {
    /// For how long a client is recorded in full: `hours` or `until`.
    pub struct NewRecording {
        /// For so many hours.
        hours: Option<Hours>,
        /// Until then: at most 24 hours ahead.
        until: Option<Time>,
    }
    example {"hours": 1}
}

answer! {
    /// That a client's requests are recorded in full.
    pub struct ClientRecording {
        /// Until then. It ends by itself.
        until: Time,
        /// Who switched it on.
        by: String,
    }
    example {"until": "2026-11-23T21:00:00.000Z", "by": "cs"}
}

answer! {
    /// Whether a client's requests are recorded in full.
    pub struct RecordingState {
        /// The recording; `null` for none.
        recording: Option<ClientRecording>,
    }
    example {"recording": {"until": "2026-11-23T21:00:00.000Z", "by": "cs"}}
}
