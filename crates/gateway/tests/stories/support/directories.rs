//! A directory for this run of the tests, and what becomes of it.
//!
//! Tests are stopped in every way: they pass, panic, are interrupted, are killed. In every case, a shell in a process group
//! of its own waits for this process to vanish, then ends what is written down in `processes/` and removes the directory.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const WATCHDOG: &str = r#"
while kill -0 "$1" 2>/dev/null; do sleep 0.5; done
for note in "$2"/processes/*; do
    [ -e "$note" ] && kill -s "$(cat "$note")" "$(basename "$note")" 2>/dev/null
done
sleep 1
rm -rf "$2"
"#;

/// The directory, made at the first call.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| make().expect("a directory for this run can be made"))
}

fn make() -> io::Result<PathBuf> {
    let path = tempfile::Builder::new().prefix("gateway-stories-").tempdir()?.keep();
    fs::create_dir(path.join("processes"))?;
    // PostgreSQL's own user passes through on the way to its data.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o711))?;
    Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog", &std::process::id().to_string()])
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    Ok(path)
}

/// A new directory inside, named after what it is for.
pub fn subdirectory(purpose: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let path = path().join(format!("{purpose}-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&path).expect("a directory can be made");
    path
}

/// Writes down a process that has to end when we do, and by which signal.
pub fn ends_with_us(pid: u32, signal: &str) {
    fs::write(note(pid), signal).expect("a note can be written");
}

/// The process has ended.
pub fn has_ended(pid: u32) {
    let _ = fs::remove_file(note(pid));
}

fn note(pid: u32) -> PathBuf {
    path().join("processes").join(pid.to_string())
}
