//! The machine: the one place that asks for randomness, and how a time is written.

use crate::platform::timestamp::Timestamp;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Fills a buffer with random bytes from the operating system's generator.
pub fn fill(buffer: &mut [u8]) {
    rand::fill(buffer);
}

/// A number that no other has, here or in any other process, for names that are no secrets. It asks the operating system once.
pub fn unique() -> u64 {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    KEY.get_or_init(RandomState::new).hash_one(COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Bytes for what is sealed once and never again ([`oauth::Keyring::seal`]).
pub fn nonce() -> [u8; 24] {
    let mut nonce = [0; 24];
    fill(&mut nonce);
    nonce
}

/// A new resource id: version 7, so that ids made together lie together in indexes.
pub fn new_id() -> scim::Id {
    scim::Id::new(uuid::Uuid::now_v7().to_string()).expect("a UUID is an id")
}

/// Whether a text has the form of [such an id](new_id).
pub fn is_id(text: &str) -> bool {
    let parsed = uuid::Uuid::try_parse(text);
    parsed.is_ok_and(|id| id.get_version_num() == 7 && id.to_string() == text)
}

/// A new public id of anything that is not a resource.
pub fn new_uuid() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The public id that these bytes say (a UUID of version 8, RFC 9562 §5.8).
pub fn uuid_of(bytes: &[u8; 32]) -> String {
    let mut first = [0; 16];
    first.copy_from_slice(&bytes[..16]);
    uuid::Builder::from_custom_bytes(first).into_uuid().to_string()
}

/// RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(time: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(time.millis())
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A new client id: 128 random bits in hexadecimal, so that it survives any form it is pasted into.
pub fn new_client_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// From here on, this thread gets what others leave of the processors. Linux has a priority for each thread; where it belongs to the
/// process, nothing is done.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, GIVES_WAY) {
        tracing::debug!(%error, "a thread for long work cannot give way to others");
    }
}

/// From here on, this process gets memory in pages of the usual size. The allocator asks Linux for pages of 2 MiB and gives back no less at once, so a
/// server held two to three times what it used.
pub fn use_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "memory may come in huge pages");
    }
}

/// As by `nice`: at 10, a thread has a tenth of what one with the usual 0 has where both want to run.
#[cfg(target_os = "linux")]
const GIVES_WAY: i32 = 10;
