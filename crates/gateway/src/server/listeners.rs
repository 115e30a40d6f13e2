//! Listeners, and what is answered at them: in the clear, or [over TLS](super::door).

use std::net::{SocketAddr, TcpListener};

use actix_web::http::header;
use actix_web::middleware::{Condition, DefaultHeaders, from_fn};
use actix_web::{HttpServer, web};

use super::StartError;
use super::connections::{Connections, KEEP_ALIVE, SHUTDOWN_SECONDS};
use super::door::{self, Door};
use crate::app::App;
use crate::http;

/// Answers at a listener, with so many threads and connections for each.
pub(super) fn serve(
    state: &web::Data<App>,
    connections: &Connections,
    listener: TcpListener,
    routes: fn(&mut web::ServiceConfig),
    (workers, most): (usize, usize),
) -> Result<actix_web::dev::Server, StartError> {
    let (app, state) = (state.get_ref().clone(), state.clone());
    let is_https = app.public_url.starts_with("https://");
    let hsts = strict_transport(app.path.is_empty());
    let application = move || {
        actix_web::App::new()
            .wrap(from_fn(http::head_as_get))
            .wrap(from_fn(http::told))
            .wrap(from_fn(http::below))
            .wrap(Condition::new(is_https, DefaultHeaders::new().add((header::STRICT_TRANSPORT_SECURITY, hsts))))
            .wrap(from_fn(http::close_when_stopping))
            .wrap(from_fn(http::identify))
            .app_data(state.clone())
            .configure(routes)
    };
    let patience = app.config.server.header_timeout;
    if let Some(certificate) = &app.certificate {
        let door = Door::new(certificate.clone(), connections.clone(), patience)?;
        return Ok(door::serve(door, application, listener, (workers, most))?);
    }
    let taken_in = connections.clone();
    let server = HttpServer::new(application)
        .workers(workers)
        .max_connections(most)
        .on_connect(move |stream, data| taken_in.admit(stream, data))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(patience)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals();
    Ok(server.listen(listener)?.run())
}

/// Answers `/metrics` on a listener of its own, until the process ends: while the server stops, too. Always in the clear: it is for a closed
/// network.
pub(super) fn listen_for_metrics(bind: SocketAddr, state: &web::Data<App>) -> Result<SocketAddr, StartError> {
    let listener = TcpListener::bind(bind).map_err(|e| StartError::Listen("metrics.bind", bind, e))?;
    let (address, state) = (listener.local_addr()?, state.clone());
    let server = HttpServer::new(move || actix_web::App::new().app_data(state.clone()).configure(http::metrics::alone));
    actix_web::rt::spawn(server.workers(1).max_connections(16).disable_signals().listen(listener)?.run());
    Ok(address)
}

/// A browser that came by https once does not use http again (RFC 6797), for two years. Subdomains are included only
/// where the whole host is ours.
fn strict_transport(whole_host: bool) -> &'static str {
    if whole_host { "max-age=63072000; includeSubDomains" } else { "max-age=63072000" }
}
