//! `[traces]`: where spans are sent.

use url::Url;

use super::reader::{Reader, Unit};
use crate::platform::traces::Collector;

/// Where a collector takes traces, by OTLP's specification.
const PATH: &str = "/v1/traces";

/// `None` if none are sent, or if something is wrong, which the reader then knows.
pub(super) fn read(r: &mut Reader) -> Option<Collector> {
    let mut s = r.section("traces");
    let endpoint = s.optional(
        "endpoint",
        "http://127.0.0.1:4318/v1/traces",
        "URL",
        "The collector that takes [traces](metrics.md#traces): OpenTelemetry's protocol (OTLP) over HTTP. Where the URL has no path, /v1/traces is \
         meant. Without it no traces are made.",
        |text| endpoint(&text),
    );
    let headers = s.secret_file(
        "headers_file",
        "/run/secrets/gateway-traces-headers",
        "A file of headers that the collector wants, a `Name: value` on each line, such as a key.",
        headers,
    );
    let share: Option<u32> = s.number(
        "sample_percent",
        100,
        0..=100,
        Unit::Percent,
        "Of so many of a hundred traces, all spans are sent. A trusted proxy that sends `traceparent` decides for its own.",
    );
    let service = s.text(
        "service",
        "gateway",
        "name",
        "What this service is called in traces (service.name).",
        |text| match text.trim() {
            "" => Err("is empty".to_owned()),
            name => Ok(name.to_owned()),
        },
    );
    if endpoint.is_none() && headers.is_some() {
        s.mistake("headers_file", "is of no use without traces.endpoint");
    }
    Some(Collector {
        endpoint: endpoint?,
        headers: headers.unwrap_or_default(),
        share: f64::from(share?) / 100.0,
        service: service?,
    })
}

fn endpoint(text: &str) -> Result<String, String> {
    let mut url = Url::parse(text.trim())
        .map_err(|why| format!("`{text}` is no URL ({why}): write http://127.0.0.1:4318{PATH}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("`{text}` is neither an http:// nor an https:// URL: write http://127.0.0.1:4318{PATH}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or password; put what the collector wants into traces.headers_file".to_owned());
    }
    if url.path() == "/" {
        url.set_path(PATH);
    }
    Ok(url.into())
}

fn headers(text: &str) -> Result<Vec<(String, String)>, String> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(n, line)| {
            let wrong = || format!("line {} is no header; write `Name: value`", n + 1);
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            let (name, value) = (name.trim(), value.trim());
            let is_name = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c));
            let is_value = !value.is_empty() && value.bytes().all(|c| (b' '..=b'~').contains(&c));
            if is_name && is_value { Ok((name.to_owned(), value.to_owned())) } else { Err(wrong()) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_a_path_gets_the_one_of_the_protocol() {
        assert_eq!(endpoint("http://127.0.0.1:4318").as_deref(), Ok("http://127.0.0.1:4318/v1/traces"));
        assert_eq!(endpoint(" https://otel.example.com/ ").as_deref(), Ok("https://otel.example.com/v1/traces"));
        assert_eq!(endpoint("https://otel.example.com/otlp/v1").as_deref(), Ok("https://otel.example.com/otlp/v1"));
        for wrong in ["", "127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://me:secret@127.0.0.1:4318"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_are_lines_and_a_wrong_one_is_named_without_what_it_holds() {
        let key = ("Authorization".to_owned(), "Bearer a: b".to_owned());
        assert_eq!(headers("Authorization: Bearer a: b\n\nx-team:me\n").map(|found| found[0].clone()), Ok(key));
        for wrong in ["x-key: a\nsecret", ": secret", "x key: secret", "x-key:"] {
            let why = headers(wrong).expect_err(wrong);
            assert!(why.contains("line ") && !why.contains("secret"), "{why}");
        }
    }
}
