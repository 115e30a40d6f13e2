use std::time::Duration;

use super::*;
use crate::platform::timestamp::Timestamp;
use crate::services::reactions;
use crate::storage::{DatabaseUrl, Limits, migrations};

const HOUR: i64 = 3_600_000;

struct Replicas {
    db: Db,
    keyring: Arc<Keyring>,
    _folder: tempfile::TempDir,
}

impl Replicas {
    fn new() -> Replicas {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("gateway.db"));
        migrations::run(&mut url.connect().unwrap()).unwrap();
        Replicas {
            db: Db::within(url, Limits::of(4), Clock::movable(), reactions::run).unwrap(),
            keyring: Arc::new(Keyring::new(&[1; 32])),
            _folder: folder,
        }
    }

    async fn signer(&self) -> Signer {
        Signer::open(self.db.clone(), self.keyring.clone()).await.unwrap()
    }

    async fn stored(&self) -> Vec<SealedKey> {
        self.db.read(ReadCost::Scan, |tx| tx.signing_keys()).await.unwrap()
    }

    fn now(&self) -> Timestamp {
        self.db.clock().now()
    }

    /// So much time passes.
    fn wait(&self, ms: i64) {
        self.db.clock().advance(Duration::from_millis(ms.try_into().unwrap()));
    }
}

fn es256(sub: &str) -> UnsignedJwt {
    UnsignedJwt { algorithm: SigningAlgorithm::Es256, typ: "JWT", claims: json!({"sub": sub}) }
}

async fn kid_of(signer: &Signer) -> String {
    let text = signer.current().await.unwrap().sign(&es256("ada")).unwrap();
    Jws::parse(&text).unwrap().kid().unwrap().to_owned()
}

async fn published(signer: &Signer) -> Vec<String> {
    let jwks = signer.jwks().await.unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn replicas_make_one_key_of_each_kind_and_sign_with_the_same() {
    let replicas = Replicas::new();
    let (one, two) = (replicas.signer().await, replicas.signer().await);
    assert_eq!(kid_of(&one).await, kid_of(&two).await);
    let mut kids = published(&one).await;
    assert_eq!(kids, published(&two).await);
    kids.sort();
    kids.dedup();
    assert_eq!(kids.len(), 3);
}

#[tokio::test]
async fn attack_85_a_key_is_published_before_it_signs_and_until_its_last_token_has_expired() {
    let replicas = Replicas::new();
    let signer = replicas.signer().await;
    let old = kid_of(&signer).await;
    let before = signer.current().await.unwrap().sign(&es256("ada")).unwrap();
    let next = signer.rotate(SigningAlgorithm::Es256, Rotation::Scheduled, HOUR).await.unwrap().unwrap().kid;
    assert_eq!(kid_of(&signer).await, old, "the new key is published before it signs");
    assert!(published(&signer).await.contains(&next));

    replicas.wait(PUBLISHED_AHEAD_MS + 1);
    signer.reload().await.unwrap();
    assert_eq!(kid_of(&signer).await, next);
    assert!(published(&signer).await.contains(&old));
    let verifies =
        |signer: &Signer, text: &str| Jws::parse(text).unwrap().verified_by(signer.cached().public()).is_ok();
    assert!(verifies(&signer, &before), "what was signed before the rotation");

    replicas.wait(HOUR + SLACK_MS);
    signer.reload().await.unwrap();
    assert!(!published(&signer).await.contains(&old));
    assert!(!verifies(&signer, &before), "a removed key verifies nothing");
    replicas.db.write(|tx| tx.remove_expired_signing_keys(tx.now())).await.unwrap();
    assert_eq!(replicas.stored().await.len(), 3);
}

#[tokio::test]
async fn a_schedule_makes_the_successor_a_day_ahead_and_once_for_all_replicas() {
    let replicas = Replicas::new();
    let (one, two) = (replicas.signer().await, replicas.signer().await);
    let (days, year) = (90 * 24 * HOUR, 365 * 24 * HOUR);
    for signer in [&one, &two] {
        signer.rotate_due(Some(days), HOUR, replicas.now()).await.unwrap();
    }
    assert_eq!(replicas.stored().await.len(), 3, "nothing is due");
    replicas.wait(days - PUBLISHED_AHEAD_MS);
    for signer in [&one, &two] {
        signer.rotate_due(None, HOUR, replicas.now()).await.unwrap();
        signer.reload().await.unwrap();
    }
    assert_eq!(replicas.stored().await.len(), 3, "no schedule");
    let (first, second) = tokio::join!(
        one.rotate_due(Some(days), HOUR, replicas.now()),
        two.rotate_due(Some(days), HOUR, replicas.now())
    );
    first.and(second).unwrap();
    assert_eq!(replicas.stored().await.len(), 6);
    two.reload().await.unwrap();
    two.rotate_due(Some(year), HOUR, replicas.now()).await.unwrap();
    assert_eq!(replicas.stored().await.len(), 6);
}

#[tokio::test]
async fn a_compromised_key_is_gone_at_once_and_another_replica_learns_it_by_the_name_of_the_new() {
    let replicas = Replicas::new();
    let (one, two) = (replicas.signer().await, replicas.signer().await);
    let (old, before) = (kid_of(&one).await, one.current().await.unwrap().sign(&es256("ada")).unwrap());
    one.rotate(SigningAlgorithm::Es256, Rotation::Emergency, HOUR).await.unwrap().unwrap();
    assert_ne!(kid_of(&one).await, old);
    assert!(!published(&one).await.contains(&old));
    assert!(Jws::parse(&before).unwrap().verified_by(one.cached().public()).is_err());
    let after = one.current().await.unwrap().sign(&es256("ada")).unwrap();
    replicas.wait(IMPATIENT_MS);
    two.ensure_key_known(Some(&format!("Bearer {after}"))).await.unwrap();
    assert!(Jws::parse(&after).unwrap().verified_by(two.cached().public()).is_ok());
}
