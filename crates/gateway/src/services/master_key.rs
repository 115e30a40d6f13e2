//! Master keys: 32 bytes each, outside the database; and the root inside it, sealed under them.
//!
//! Of a list of master keys the first seals and all open, so that one can be put in another's place while servers run
//! (`docs/keys.md`). What rows are found by (fingerprints) must never change, and is derived from the root; which key the root is
//! sealed under may. Databases of before there were roots have their founding master key as root.

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oauth::Keyring;
use zeroize::Zeroizing;

use crate::config::keys::parse;
use crate::domain::sealing;
use crate::platform::system;
use crate::storage::{DbError, Tx};

/// Makes the first key of an installation.
pub fn make(path: &Path) -> Result<[u8; 32], String> {
    write_new(path).map_err(|e| format!("cannot make the master key {}: {e}", path.display()))
}

/// Writes a new key beside its place and links it there: of two processes that start together, both get the same one.
fn write_new(path: &Path) -> std::io::Result<[u8; 32]> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut key = [0; 32];
    system::fill(&mut key);
    let draft = folder.join(format!(".master.key.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(format!("{}\n", STANDARD.encode(key)).as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => {
            std::fs::File::open(folder)?.sync_all()?;
            tracing::info!(path = %path.display(), "made a master key: back it up, the database is worth nothing without it");
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            parse(&std::fs::read_to_string(path)?).map_err(std::io::Error::other)
        }
        Err(error) => Err(error),
    }
}

/// What the root was sealed for before the head of the audit trail was noted: such a root is sealed again, and the head noted, at the first start.
const ROOT_WITHOUT_HEAD: &str = "root key";
/// Under which name it is kept.
pub(crate) const ROOT: &str = "root_key";
/// What installations without a root have instead: a tag that only their founding master key makes.
const CHECK: &str = "master_key_check";

/// A root and a nonce, drawn for the case that there is none yet.
#[allow(missing_debug_implementations)]
pub struct RootKey {
    key: Zeroizing<[u8; 32]>,
    nonce: [u8; 24],
}

impl RootKey {
    /// A new one.
    pub fn generate() -> RootKey {
        let mut root = RootKey { key: Zeroizing::new([0; 32]), nonce: [0; 24] };
        system::fill(&mut *root.key);
        system::fill(&mut root.nonce);
        root
    }
}

/// The keyring of this database; `None` if none of the master keys is one of its own. A new database gets `draft` as its root.
pub fn open(tx: &mut Tx<'_>, masters: &[[u8; 32]], draft: &RootKey) -> Result<Option<Keyring>, DbError> {
    let sealing = Keyring::with_root(&[0; 32], masters);
    let (sealed, is_ours) = match (tx.installation_value(ROOT)?, tx.installation_value(CHECK)?) {
        (Some(sealed), _) => (sealed, false),
        (None, check) => {
            let root = match check {
                Some(check) => match masters.iter().find(|master| check == tag_of(master)) {
                    Some(founding) => founding,
                    None => return Ok(None),
                },
                None => &*draft.key,
            };
            // Of two replicas that start together, both get the same one.
            let ours = sealing.seal(sealing::ROOT_KEY, draft.nonce, root);
            let kept = tx.establish_fact(ROOT, &ours)?;
            let is_ours = kept == ours;
            (kept, is_ours)
        }
    };
    let Some(opened) = unseal(&sealing, masters, &sealed) else { return Ok(None) };
    if is_ours || opened.is_without_head {
        tx.begin_audit_chain(&opened.keys)?;
    }
    if opened.is_without_head {
        tx.set_installation_value(ROOT, &sealing.seal(sealing::ROOT_KEY, draft.nonce, &*opened.root))?;
    }
    Ok(Some(opened.keys))
}

/// The same for a database that is only read: `None` also if it never had keys.
pub fn open_existing(tx: &mut Tx<'_>, masters: &[[u8; 32]]) -> Result<Option<Keyring>, DbError> {
    let sealing = Keyring::with_root(&[0; 32], masters);
    Ok(tx.installation_value(ROOT)?.and_then(|sealed| unseal(&sealing, masters, &sealed)).map(|opened| opened.keys))
}

struct Opened {
    root: Zeroizing<[u8; 32]>,
    keys: Keyring,
    /// The root is from before the head of the audit trail was noted.
    is_without_head: bool,
}

fn unseal(sealing: &Keyring, masters: &[[u8; 32]], sealed: &str) -> Option<Opened> {
    let open = |purpose| sealing.open(purpose, sealed).map(Zeroizing::new);
    let (root, is_without_head) = match open(sealing::ROOT_KEY) {
        Some(root) => (root, false),
        None => (open(ROOT_WITHOUT_HEAD)?, true),
    };
    let root = Zeroizing::new(<[u8; 32]>::try_from(root.as_slice()).ok()?);
    Some(Opened { keys: Keyring::with_root(&root, masters), root, is_without_head })
}

/// Whether this database was written under a master key before.
pub fn is_needed(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    Ok(tx.installation_value(ROOT)?.is_some()
        || tx.installation_value(CHECK)?.is_some()
        || !tx.accounts_after(0, 1)?.is_empty())
}

fn tag_of(master: &[u8; 32]) -> String {
    let tag = Keyring::new(master).tag("installation", b"master key check");
    tag.iter().fold(String::with_capacity(64), |hex, byte| format!("{hex}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::reactions::unit_of_work;
    use crate::storage::{DatabaseUrl, migrations};

    #[test]
    fn attack_86_a_database_opens_under_any_of_its_master_keys_and_under_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = DatabaseUrl::Sqlite(folder.path().join("gateway.db")).connect().unwrap();
        migrations::run(&mut conn).unwrap();
        let (one, two, three) = ([1; 32], [2; 32], [3; 32]);
        let mut opened =
            |masters: &[[u8; 32]]| unit_of_work(&mut conn, |tx| open(tx, masters, &RootKey::generate())).unwrap();
        let first = opened(&[one]).unwrap();
        assert_ne!(first.fingerprint("x"), Keyring::new(&one).fingerprint("x"), "the root is not the master key");
        assert!(opened(&[two]).is_none() && opened(&[two, three]).is_none());
        let both = opened(&[two, one]).unwrap();
        assert_eq!(both.fingerprint("x"), first.fingerprint("x"), "rows are found as before");
        assert_eq!(both.open("a", &first.seal("a", [1; 24], b"old")).as_deref(), Some(&b"old"[..]));
        assert!(opened(&[one]).is_some(), "nothing was changed");
    }

    #[test]
    fn attack_86_the_founding_key_of_an_older_database_becomes_its_root() {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = DatabaseUrl::Sqlite(folder.path().join("gateway.db")).connect().unwrap();
        migrations::run(&mut conn).unwrap();
        let (one, two) = ([1; 32], [2; 32]);
        unit_of_work(&mut conn, |tx| tx.set_installation_value(CHECK, &tag_of(&one))).unwrap();
        let mut opened =
            |masters: &[[u8; 32]]| unit_of_work(&mut conn, |tx| open(tx, masters, &RootKey::generate())).unwrap();
        assert!(opened(&[two]).is_none());
        let keys = opened(&[two, one]).unwrap();
        assert_eq!(keys.fingerprint("x"), Keyring::new(&one).fingerprint("x"));
        assert!(opened(&[two]).is_some(), "from here on the newer one is enough: the root is sealed under it");
    }

    #[test]
    fn hardening_16_an_installation_notes_the_head_of_its_audit_trail_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = DatabaseUrl::Sqlite(folder.path().join("gateway.db")).connect().unwrap();
        migrations::run(&mut conn).unwrap();
        let master = [1; 32];
        let mut at_work = |work: &mut dyn FnMut(&mut Tx<'_>) -> Result<Option<String>, DbError>| {
            unit_of_work(&mut conn, |tx| work(tx)).unwrap()
        };
        let mut start = |tx: &mut Tx<'_>| {
            open(tx, &[master], &RootKey::generate())?.expect("its key");
            tx.installation_value("audit_head")
        };
        assert!(at_work(&mut start).is_some());
        at_work(&mut |tx| tx.set_installation_value("audit_head", "").map(|()| None));
        assert_eq!(at_work(&mut start).as_deref(), Some(""), "a later start mends nothing");

        // As it was before: a root that does not say that the head is noted.
        let root = [7; 32];
        let old = Keyring::with_root(&root, &[master]).seal(ROOT_WITHOUT_HEAD, [3; 24], &root);
        at_work(&mut |tx| tx.set_installation_value(ROOT, &old).map(|()| None));
        at_work(&mut start);
        let sealed = at_work(&mut |tx| tx.installation_value(ROOT)).expect("a root");
        let again = Keyring::with_root(&[0; 32], &[master]).open(sealing::ROOT_KEY, &sealed);
        assert_eq!(again.as_deref(), Some(&root[..]), "sealed again, as one that says so");
    }
}
