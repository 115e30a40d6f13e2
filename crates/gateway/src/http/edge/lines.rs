//! JSON Lines that are read while they are sent: a piece at a time, so that neither side has to hold all of them.

use std::future::Future;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::stream;

/// What makes one line of JSON after another.
pub(crate) const JSON_LINES: &str = "application/jsonl";

/// An answer of lines. `next` gives the piece at a place and the place after it; the first piece is there already, so that a refusal is a
/// refusal. Where a later piece fails, the connection is broken off: what arrived is not taken for the whole.
pub(crate) fn answer<P, E, F>(
    name: &str,
    (first, place): (String, Option<P>),
    next: impl Fn(P) -> F + 'static,
) -> HttpResponse
where
    P: 'static,
    E: std::fmt::Display,
    F: Future<Output = Result<(String, Option<P>), E>> + 'static,
{
    let begin = (Some(first), place, next);
    let pieces = stream::unfold(begin, |(read, place, next)| async move {
        if let Some(piece) = read {
            return Some((Ok(Bytes::from(piece)), (None, place, next)));
        }
        match next(place?).await {
            Ok((piece, after)) => Some((Ok(Bytes::from(piece)), (None, after, next))),
            Err(error) => {
                tracing::error!(%error, "an export was broken off");
                Some((Err(std::io::Error::other("the export was broken off")), (None, None, next)))
            }
        }
    });
    HttpResponse::Ok()
        .content_type(JSON_LINES)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(pieces)
}
