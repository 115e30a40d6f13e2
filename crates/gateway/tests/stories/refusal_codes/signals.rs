//! Identity providers that have users logged out.

use gateway::domain::request::Place;
use reqwest::Method;
use serde_json::json;

use super::{Provoked, REACH};
use crate::support::signal_sender::{SignalSender, by_email};
use crate::support::testing::World;

pub const PLACES: &[Place] = &[Place::Signal];

story!(each_refusal_of_an_identity_provider_is_in_the_log, settings = [REACH], async |world: World| {
    let mut log = Provoked::of(&world);
    let acme = world.account("acme").await;
    let provider = SignalSender::of(&acme).await;
    acme.user("ada@acme.test").create().await;
    acme.user("ben@acme.test").create().await;
    let (ada, ben) = (by_email("ada@acme.test"), by_email("ben@acme.test"));
    let elsewhere = provider.endpoint.replace(&acme.id, "no-account");
    log.ask("signals_unexpected", world.post(&elsewhere).bearer(&provider.authorization()).json(&json!({}))).await;
    log.ask("signal_token_missing", world.post(&provider.endpoint).json(&json!({ "sub_id": ada }))).await;
    log.ask("signal_token_invalid", provider.asks_with("nonsense", &ada)).await;
    let once = provider.authorization();
    provider.asks_with(&once, &ada).await.expect(204);
    log.ask("signal_token_replayed", provider.asks_with(&once, &ada)).await;
    log.ask("signal_body_invalid", provider.asks(&json!({"format": "did"}))).await;
    let foreign = json!({"format": "iss_sub", "iss": "https://evil.test", "sub": "1"});
    log.ask("signal_subject_foreign", provider.asks(&foreign)).await;
    log.ask("signal_subject_unknown", provider.asks(&by_email("gone@acme.test"))).await;
    let both = json!({"format": "aliases", "identifiers": [ada, ben]});
    log.ask("signal_subject_unclear", provider.asks(&both)).await;
    let nowhere = json!({"signals": {"issuer": provider.issuer, "jwks_uri": provider.server.url("/nowhere")}});
    acme.admin(Method::PATCH, "/sign-in").json(&nowhere).await.expect(200);
    log.ask("signal_keys_unavailable", provider.asks(&ada)).await;
    log.finish(PLACES).await;
});
