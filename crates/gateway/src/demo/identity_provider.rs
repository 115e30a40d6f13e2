//! Acme's Okta as a SAML identity provider: it listens at an address of its own, asks who is there, and sends the browser back with a signed
//! response. Its directory is a list of names and it asks for no password; what it says of SAML is what Okta says.

use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpServer, web};

use super::vendor::{MIRA, TOM};
use super::wire::Failure;
use crate::domain::saml::metadata::escaped;
use crate::platform::clock::Clock;
use crate::services::sign_in::request_key::RequestKey;

mod documents;

use documents::Asked;

/// Who is in its directory: what a button says, and the user name.
const PEOPLE: [(&str, &str); 3] =
    [("Tom Ek", TOM), ("Mira Sol", MIRA), ("Eve, who works elsewhere", "eve@other.example")];

/// The provider.
pub(crate) struct IdentityProvider {
    key: RequestKey,
    /// Where it is, without a slash at the end.
    base: String,
    /// Where the server is that it knows.
    server: String,
    clock: Clock,
}

/// A provider that listens.
pub(crate) struct Listening {
    /// Who.
    pub(crate) provider: web::Data<IdentityProvider>,
    /// Stops it.
    pub(crate) handle: ServerHandle,
}

impl IdentityProvider {
    /// Begins to listen. It knows the server at this address.
    pub(crate) fn start(server: &str) -> Result<Listening, Failure> {
        let failed = |e: std::io::Error| Failure(format!("the identity provider cannot listen: {e}"));
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let base = format!("http://{}", listener.local_addr().map_err(failed)?);
        let clock = Clock::of_the_machine();
        let made = RequestKey::generate("acme.okta.example", clock.now());
        let (key, _) = made.map_err(|e| Failure(format!("the identity provider has no key: {e}")))?;
        let provider = web::Data::new(IdentityProvider { key, base, server: server.to_owned(), clock });
        let of = provider.clone();
        let running = HttpServer::new(move || {
            actix_web::App::new()
                .app_data(of.clone())
                .route("/sso", web::get().to(ask))
                .route("/sso", web::post().to(answer))
                .default_service(web::to(home))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
        let handle = running.handle();
        actix_web::rt::spawn(running);
        Ok(Listening { provider, handle })
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Where it takes requests to log in.
    fn sso_url(&self) -> String {
        format!("{}/sso", self.base)
    }
}

fn page(status: StatusCode, title: &str, body: &str) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem;color:#1d1d21;background:#f4f4f4}}\
         button{{display:block;width:100%;padding:.7rem;margin:.6rem 0;font:inherit;border:1px solid #8c8c96;border-radius:.3rem;background:#fff;cursor:pointer}}\
         button:hover{{background:#eef}}</style></head><body><h1>{title}</h1>{body}</body></html>"
    ))
}

fn wrong(why: &str) -> HttpResponse {
    page(StatusCode::BAD_REQUEST, "Acme’s Okta", &format!("<p>{}</p>", escaped(why)))
}

fn one<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
}

/// `GET /sso`: who is there?
async fn ask(provider: web::Data<IdentityProvider>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let request = one(&query, "SAMLRequest");
    if let Err(why) = provider.read(request) {
        return wrong(&why);
    }
    let buttons: String = PEOPLE
        .iter()
        .map(|(name, user)| format!("<button name=\"person\" value=\"{}\">{}</button>", escaped(user), escaped(name)))
        .collect();
    let form = format!(
        "<p>Who are you? A real one would ask for a password and a second factor.</p><form method=\"post\" action=\"/sso\">\
         <input type=\"hidden\" name=\"SAMLRequest\" value=\"{}\">{buttons}</form>",
        escaped(request)
    );
    page(StatusCode::OK, "Acme’s Okta", &form)
}

/// `POST /sso`: back to where the request came from, with who it is. A browser sends the form by itself.
async fn answer(provider: web::Data<IdentityProvider>, form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let Asked { id, consumer, audience } = match provider.read(one(&form, "SAMLRequest")) {
        Ok(asked) => asked,
        Err(why) => return wrong(&why),
    };
    let Some((_, person)) = PEOPLE.iter().find(|(_, user)| *user == one(&form, "person")) else {
        return wrong("There is no such person here.");
    };
    let asked = Asked { id, consumer, audience };
    let Some(response) = provider.response(&asked, person) else { return wrong("The response could not be signed.") };
    let form = format!(
        "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"SAMLResponse\" value=\"{response}\">\
         <button>Continue</button></form><script>document.forms[0].submit()</script>",
        escaped(&asked.consumer)
    );
    page(StatusCode::OK, "Acme’s Okta", &form)
}

/// Everything else: where one begins.
async fn home(provider: web::Data<IdentityProvider>) -> HttpResponse {
    let told = format!("<p>People are sent here by <a href=\"{0}/\">{0}</a>.</p>", escaped(&provider.server));
    page(StatusCode::OK, "Acme’s Okta", &told)
}
