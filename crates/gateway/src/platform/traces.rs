//! Traces: spans of requests, of units of work and of calls to other servers, sent to a collector by OTLP over HTTP where one is configured.
//!
//! A span is made by `tracing` with the target [`SPANS`]. Without a collector no subscriber wants these, and one costs a look at a flag.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions. No attribute is made of what a caller sent, but for the ids
//! of a trace that it goes on with.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SamplingResult, SdkTracerProvider, ShouldSample};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The target of all spans that are sent.
pub const SPANS: &str = "traces";

/// How long a collector may take for a batch of spans.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where traces are sent, and how many.
#[derive(Clone)]
pub struct Collector {
    /// The address that takes them (OTLP over HTTP, protobuf).
    pub endpoint: String,
    /// Headers that it wants, such as a key.
    pub headers: Vec<(String, String)>,
    /// Of so many traces that begin here, from 0 to 1, all spans are sent.
    pub share: f64,
    /// What this service is called there.
    pub service: String,
}

impl std::fmt::Debug for Collector {
    /// Without its headers, which hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Collector({}, {})", self.endpoint, self.share)
    }
}

/// Spans on their way to a collector.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send, from a thread of its own; what does not fit into its queue is left out.
    pub fn start(collector: &Collector) -> Result<Traces, String> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(&collector.endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_headers(collector.headers.iter().cloned().collect::<HashMap<_, _>>())
            .with_timeout(PATIENCE)
            .build()
            .map_err(|why| why.to_string())?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name(collector.service.clone()).with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Kept { share: Sampler::TraceIdRatioBased(collector.share) })
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        Ok(Traces(provider))
    }

    /// Takes the spans that are meant for a collector.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("gateway"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|of| of.is_span() && of.target() == SPANS))
    }

    /// Sends what is left, for a few seconds at most.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Lets a span go on with the trace of a caller who sent this `traceparent` (W3C Trace Context). Of a trusted caller it is believed whether
/// the trace is kept. What cannot be read begins a trace of its own.
pub fn go_on(span: &Span, traceparent: &str, is_trusted: bool) {
    if let Some(parent) = parent(traceparent) {
        let context = Context::new().with_remote_span_context(parent);
        let context = if is_trusted { context.with_value(Trusted) } else { context };
        // There is no layer that could take it where traces are off.
        let _ = span.set_parent(context);
    }
}

/// Gives a span its name, though it has begun.
pub fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// The id of the trace that a span is part of, if it is kept.
pub fn id_of(span: &Span) -> Option<String> {
    let context = span.context();
    let of = context.span();
    let of = of.span_context();
    (of.is_valid() && of.is_sampled()).then(|| of.trace_id().to_string())
}

/// `traceparent`, of version 00 or one that begins like it (W3C Trace Context §3.2, §3.3).
fn parent(text: &str) -> Option<SpanContext> {
    let mut parts = text.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, digits| {
        part.len() == digits && part.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
    };
    let is_known = match version {
        "ff" => false,
        "00" => parts.next().is_none(),
        _ => true,
    };
    if !is_known || !is_hex(version, 2) || !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::default())).filter(SpanContext::is_valid)
}

/// The caller is believed.
struct Trusted;

/// Which traces are kept: as their parent says, if that is here or a trusted caller; else a share of them, by their ids.
#[derive(Debug, Clone)]
struct Kept {
    share: Sampler,
}

impl ShouldSample for Kept {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let believed = parent.filter(|context| {
            context.has_active_span()
                && (!context.span().span_context().is_remote() || context.get::<Trusted>().is_some())
        });
        let sampler = match believed.map(|context| context.span().span_context().is_sampled()) {
            Some(true) => &Sampler::AlwaysOn,
            Some(false) => &Sampler::AlwaysOff,
            None => &self.share,
        };
        sampler.should_sample(parent, trace, name, kind, attributes, links)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::trace::SamplingDecision;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_traceparent_is_read_as_its_specification_says() {
        for (text, is_sampled) in [
            (format!("00-{TRACE}-00f067aa0ba902b7-01"), true),
            (format!("00-{TRACE}-00f067aa0ba902b7-00"), false),
            (format!("00-{TRACE}-00f067aa0ba902b7-03"), true),
            (format!(" 00-{TRACE}-00f067aa0ba902b7-01 "), true),
            (format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later"), true),
        ] {
            let parent = parent(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((parent.trace_id().to_string().as_str(), parent.is_sampled()), (TRACE, is_sampled), "{text}");
            assert_eq!(parent.span_id().to_string(), "00f067aa0ba902b7");
            assert!(parent.is_remote());
        }
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-00f067aa0ba902b7-0x"),
            format!("00-+{}-00f067aa0ba902b7-01", &TRACE[1..]),
        ] {
            assert_eq!(parent(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_a_trusted_caller_decides_what_is_kept() {
        let decided = |share: f64, flags: &str, is_trusted: bool| {
            let remote = parent(&format!("00-{TRACE}-00f067aa0ba902b7-{flags}")).expect("it is one");
            let context = Context::new().with_remote_span_context(remote.clone());
            let context = if is_trusted { context.with_value(Trusted) } else { context };
            let kept = Kept { share: Sampler::TraceIdRatioBased(share) };
            kept.should_sample(Some(&context), remote.trace_id(), "", &SpanKind::Server, &[], &[]).decision
        };
        assert_eq!(decided(0.0, "01", true), SamplingDecision::RecordAndSample);
        assert_eq!(decided(1.0, "00", true), SamplingDecision::Drop);
        assert_eq!(decided(0.0, "01", false), SamplingDecision::Drop);
        assert_eq!(decided(1.0, "00", false), SamplingDecision::RecordAndSample);
    }
}
