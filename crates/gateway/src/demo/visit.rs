//! The end of the demo that its reader plays: their browser accepts access for a client that is this process. It listens at an address
//! of its own, as an identity provider does, exchanges the code, and says that it is connected and what to try next.

use actix_web::http::header;
use actix_web::{HttpResponse, HttpServer, web};
use reqwest::Client;
use serde_json::{Value, json};

use super::story::Ending;
use super::vendor::{Issued, Operator};
use super::wire::{Failure, http_client};
use crate::app::App;
use crate::http::pages::connected::{self, ConnectedPage};
use crate::platform::system;

const CALLBACK: &str = "/oauth/callback";
const NAME: &str = "Okta";

/// A client that waits for the reader's browser.
pub(crate) struct Visit {
    /// What the reader opens.
    pub(crate) url: String,
    /// Stops it.
    pub(crate) handle: actix_web::dev::ServerHandle,
}

/// What the callback knows.
#[derive(Clone)]
struct Waiting {
    app: App,
    client: Issued,
    state: String,
    account: String,
    http: Client,
}

/// Registers the client, and waits.
pub(crate) async fn prepare(app: &App, operator: &Operator<'_>, ending: &Ending) -> Result<Visit, Failure> {
    let failed = |e: std::io::Error| Failure(format!("cannot listen for the browser: {e}"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let client = operator.issue_a_visitor(&ending.account, NAME, &format!("http://{address}{CALLBACK}")).await?;
    let state = system::new_uuid();
    let url = client.opened_by_hand(&state);
    let waiting =
        Waiting { app: app.clone(), client, state, account: ending.account_name.to_owned(), http: http_client(&[])? };
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(web::Data::new(waiting.app.clone()))
            .app_data(web::Data::new(waiting.clone()))
            .configure(connected::files)
            .route(CALLBACK, web::get().to(callback))
            .default_service(web::to(home))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .map_err(failed)?
    .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(Visit { url, handle })
}

async fn callback(waiting: web::Data<Waiting>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let parameter = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    if parameter("state") != Some(&waiting.state) {
        return connected::not_connected(&waiting.app, "This answer is not one to the request of this demo.");
    }
    match parameter("code") {
        Some(code) => match waiting.connect(code).await {
            Ok(page) => page.answer(&waiting.app),
            Err(Failure(why)) => connected::not_connected(&waiting.app, &why),
        },
        None => connected::not_connected(&waiting.app, parameter("error_description").unwrap_or("Access was denied.")),
    }
}

/// Everything else is the demo's own server.
async fn home(waiting: web::Data<Waiting>) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, format!("{}/", waiting.app.public_url))).finish()
}

impl Waiting {
    /// Exchanges the code (RFC 6749 §4.1.3), and looks who the access is under and what it finds.
    async fn connect(&self, code: &str) -> Result<ConnectedPage, Failure> {
        let redirect_uri = self.client.redirect_uris.first().map(String::as_str).unwrap_or_default();
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
        let (id, secret) = (&self.client.id, &self.client.secret);
        let request = self.http.post(&self.client.token_url).basic_auth(id, Some(secret)).form(&form);
        let tokens = json_of(request).await?;
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let token = text(&tokens, "access_token");
        let scim = &self.app.scim_base;
        let found = json_of(self.http.get(format!("{scim}/Users?count=1")).bearer_auth(&token)).await?;
        let me = json_of(self.http.get(format!("{scim}/Me")).bearer_auth(&token)).await.unwrap_or_default();
        let bearer = format!("curl -H 'Authorization: Bearer {token}'");
        let grace = json!({"schemas": [super::okta::USER], "userName": "grace@acme.example", "role": "media_library_user",
            "name": {"givenName": "Grace", "familyName": "Ode"}, "emails": [{"value": "grace@acme.example", "primary": true}]});
        Ok(ConnectedPage {
            client: NAME.to_owned(),
            account: self.account.clone(),
            owner: text(&me, "userName"),
            users: found["totalResults"].to_string(),
            account_page: format!("{}/account", self.app.public_url),
            commands: vec![
                (
                    "Create a user",
                    format!("{bearer} -H 'Content-Type: application/scim+json' -d '{grace}' '{scim}/Users'"),
                ),
                ("Find the user", format!("{bearer} '{scim}/Users?filter=userName%20eq%20%22grace@acme.example%22'")),
            ],
        })
    }
}

/// The JSON of an answer that has to be good.
async fn json_of(request: reqwest::RequestBuilder) -> Result<Value, Failure> {
    let failed = |e: reqwest::Error| Failure(format!("The server did not answer as expected: {e}"));
    let answer = request.send().await.map_err(failed)?;
    let status = answer.status();
    let told: Value = answer.json().await.map_err(failed)?;
    match status.is_success() {
        true => Ok(told),
        false => Err(Failure(format!("The server answered {status}: {told}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    use crate::config::Config;
    use crate::demo::transcript::Transcript;
    use crate::demo::vendor::ACCOUNT;
    use crate::platform::clock::Clock;
    use crate::server;
    use crate::simulate::browser::{Browser, Landing};
    use crate::simulate::html;
    use crate::simulate::wire::{Answer, Wire};

    struct Way(Client);

    impl Wire for Way {
        async fn send(&self, request: reqwest::Request) -> Result<Answer, Failure> {
            let asked = format!("{} {}", request.method(), request.url());
            let failed = |e: reqwest::Error| Failure(format!("{asked}: {e}"));
            Answer::read(asked.clone(), self.0.execute(request).await.map_err(failed)?).await.map_err(failed)
        }
    }

    async fn accepting_in_a_browser() {
        let folder = tempfile::tempdir().unwrap();
        let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
        let config = Config::from_variables(&[
            ("GATEWAY__DATA__DIR", folder.path().to_str().unwrap()),
            ("GATEWAY__SERVER__BIND", "127.0.0.1:0"),
            ("GATEWAY__ADMIN__TOKEN", &token),
        ]);
        let server::Running { app, handle, server, .. } =
            server::start(config.unwrap(), Clock::of_the_machine()).await.unwrap();
        actix_web::rt::spawn(server);
        let transcript = Transcript::to_standard_output();
        let operator = Operator::new(&transcript, &app.public_url, &token).unwrap();
        let prepared = operator.prepare_the_account().await.unwrap();
        let client = operator.issue_another_client(&prepared).await.unwrap();
        let login = prepared.service_account.clone();
        let (sign_in, access_token) = (String::new(), String::new());
        let (account, account_name) = (prepared.account, ACCOUNT);
        let ending = Ending { client, login, account, account_name, sign_in, access_token };
        let visit = prepare(&app, &operator, &ending).await.unwrap();

        let http = http_client(&[]).unwrap();
        let browser = Browser::new(Way(http.clone()), &app.public_url);
        let page = browser.open(visit.url.parse().unwrap()).await.unwrap().into_page().unwrap();
        let typed = [("username", &*ending.login.user_name), ("password", &*ending.login.password)];
        let page = browser.press(&page, "Log in", &typed).await.unwrap().into_page().unwrap();
        let Landing::Left(callback) = browser.press(&page, "Accept access", &[]).await.unwrap() else {
            panic!("the browser goes back to the client");
        };
        let get = async |url: Url| {
            let answer = http.get(url).send().await.unwrap();
            (answer.status().as_u16(), html::words(&answer.text().await.unwrap()))
        };
        let mut forged = callback.clone();
        forged.set_query(Some("code=x&state=y"));
        assert_eq!(get(forged).await.0, 400);
        let (status, words) = get(callback.clone()).await;
        assert!(status == 200 && words.contains("Okta is connected"), "{words}");
        assert!(words.contains("manage the users of acme") && words.contains(&ending.login.user_name), "{words}");
        assert!(words.contains("curl -H 'Authorization: Bearer "), "{words}");
        assert_eq!(get(callback).await.0, 400, "a code is good once");
        visit.handle.stop(true).await;
        handle.stop(true).await;
    }

    #[test]
    fn accepting_in_a_browser_ends_on_a_page_that_says_it_is_connected() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        actix_web::rt::System::new().block_on(accepting_in_a_browser());
    }
}
