//! Sends what a recording says, and holds the answers against it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::expected;
use super::memory::Memory;
use super::recording::{Recording, Step};
use crate::support::http::{Answer, SCIM_ERROR};
use crate::support::identity_provider::{IdentityProvider, LIST};

const MEDIA_TYPE: &str = "application/scim+json";
/// After which identity providers hang up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Replays a conversation until something is not as recorded.
pub async fn replay(idp: &IdentityProvider, recording: &Recording) -> Result<(), String> {
    let mut memory = Memory::default();
    for step in &recording.steps {
        for n in 1..=step.times {
            memory.keep("n", &json!(n));
            let request = format!("{} {}", step.request.method, memory.fill(&step.request.path));
            let taken = take(idp, recording, step, &mut memory).await;
            taken.map_err(|why| {
                format!("{} ({})\n  {}\n  {request}\n  {why}", recording.name, recording.about, step.name)
            })?;
        }
    }
    Ok(())
}

async fn take(idp: &IdentityProvider, recording: &Recording, step: &Step, memory: &mut Memory) -> Result<(), String> {
    let (answer, took) = send(idp, recording, step, memory).await?;
    check(step, memory, &answer, took)
        .and_then(|()| is_well_formed(&answer))
        .and_then(|()| keeps_secret(&answer, &recording.passwords()))
        .map_err(|why| format!("{why}\n  the answer: {} {}", answer.status, answer.text()))?;
    for (name, pointer) in &step.keep {
        let body = read(&answer)?;
        let value = body.pointer(pointer).ok_or_else(|| format!("nothing at {pointer} in {body}"))?;
        memory.keep(&memory.fill(name), value);
    }
    Ok(())
}

async fn send(
    idp: &IdentityProvider,
    recording: &Recording,
    step: &Step,
    memory: &Memory,
) -> Result<(Answer, Duration), String> {
    let request = &step.request;
    let method: Method = request.method.parse().map_err(|_| "that is no method".to_owned())?;
    let url = format!("{}{}", idp.client.sheet("scim_base_url"), memory.fill_all(&request.path)?);
    let mut call = idp.client.world.call(method, &url);
    if !request.headers.contains_key("authorization") {
        call = call.bearer(&idp.access_token);
    }
    if let Some(body) = &request.body {
        call = call.body("application/scim+json; charset=utf-8", memory.fill_all(&body.to_string())?);
    }
    let general = recording.headers.iter().filter(|(name, _)| !request.headers.contains_key(*name));
    let special = request.headers.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    for (name, value) in general.chain(special) {
        // What describes a body goes with a body.
        if name != "content-type" || request.body.is_some() {
            call = call.header(name, &memory.fill_all(value)?);
        }
    }
    let started = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, call.attempt()).await;
    let answer = answer.map_err(|_| "no answer".to_owned())?.map_err(|error| format!("{error:?}"))?;
    Ok((answer, started.elapsed()))
}

fn check(step: &Step, memory: &Memory, answer: &Answer, took: Duration) -> Result<(), String> {
    let expect = &step.expect;
    if !expect.status.allows(answer.status.as_u16()) {
        return Err(format!("the status was to be {:?}", expect.status));
    }
    for (name, value) in &expect.headers {
        expected::compare_header(name, &memory.fill(value), answer.header(name))?;
    }
    if let Some(body) = &expect.body {
        expected::compare(&memory.fill_value(body), &read(answer)?)?;
    }
    match expect.within_ms {
        Some(limit) if took.as_millis() > limit => Err(format!("took {took:?} instead of {limit} ms")),
        _ => Ok(()),
    }
}

/// What every client insists on, in each answer.
fn is_well_formed(answer: &Answer) -> Result<(), String> {
    if answer.body.is_empty() {
        return if answer.status == 204 || answer.status == 304 { Ok(()) } else { Err("an empty body".to_owned()) };
    }
    if answer.media_type() != MEDIA_TYPE {
        return Err(format!("the media type is {}", answer.media_type()));
    }
    let body = read(answer)?;
    if !answer.status.is_success() {
        let status = answer.status.as_u16().to_string();
        return expected::compare(&json!({"schemas": [SCIM_ERROR], "status": status, "detail": "{{a string}}"}), &body);
    }
    if body["schemas"] == json!([LIST]) {
        let shown = body["Resources"].as_array().map(Vec::len);
        let list = json!({"totalResults": "{{a number}}", "startIndex": "{{a number}}", "itemsPerPage": shown});
        return expected::compare(&list, &body);
    }
    expected::compare(&json!({"schemas": "{{anything}}"}), &body)
}

fn keeps_secret(answer: &Answer, passwords: &[&str]) -> Result<(), String> {
    let text = answer.text();
    match passwords.iter().find(|secret| text.contains(**secret)) {
        Some(secret) => Err(format!("the password {secret:?} came back")),
        None => Ok(()),
    }
}

fn read(answer: &Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.body).map_err(|error| format!("no JSON: {error}"))
}
