//! More than can be answered soon: an account is told so at once, and no other account feels it.

use std::time::{Duration, Instant};

use gateway::storage::AnyConn;

use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::http::Answer;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

/// More than a line may have.
const MANY: usize = 300;

async fn create(idp: &IdentityProvider, name: &str) -> Answer {
    idp.post("/Users", &a_user(name)).await
}

story!(an_account_with_too_much_waiting_is_refused_at_once_and_no_other, async |world: World| {
    let loud = world.account("loud").await.connected_identity_provider().await;
    let quiet = world.account("quiet").await.connected_identity_provider().await;
    // Nothing is done while this is held.
    let mut behind = Behind::of(&world);
    let hold = match behind.kind() {
        AnyConn::Sqlite(_) => "BEGIN IMMEDIATE",
        AnyConn::Postgres(_) => "BEGIN; LOCK TABLE resources IN ACCESS EXCLUSIVE MODE",
    };
    behind.execute(hold);
    let names: Vec<String> = (0..MANY).map(|n| format!("user{n}")).collect();
    let waiting = all(names.iter().map(|name| create(&loud, name)).collect());
    let late = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let asked = Instant::now();
        let refused = create(&loud, "late").await;
        let took = asked.elapsed();
        behind.execute("ROLLBACK");
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
        assert!(refused.text().contains("was not begun"), "{}", refused.text());
        assert!(took < Duration::from_secs(1), "it waited {took:?}");
    };
    let (waiting, (), other) = tokio::join!(waiting, late, create(&quiet, "quiet"));
    other.expect(201);
    // Who had a place in the line was answered in the end, also where it took long; who had none was told within a moment.
    let (made, told): (Vec<Answer>, Vec<Answer>) = waiting.into_iter().partition(|answer| answer.status == 201);
    assert!(made.len() > MANY / 2, "{} were made", made.len());
    assert!(told.iter().all(|answer| answer.text().contains("was not begun")), "{}", told[0].text());
    create(&loud, "late").await.expect(201);
    assert_eq!(loud.list("/Users?count=0").await["totalResults"], made.len() + 2, "and the service account");
});
