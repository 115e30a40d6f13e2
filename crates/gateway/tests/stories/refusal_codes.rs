//! Each refusal that the table of codes lists is provoked over real HTTP, and then found in the request log with its code and its very
//! text. A code that no story provokes fails, unless it stands in [`NOT_PROVOKED`] with the reason.

use std::collections::BTreeSet;

use gateway::domain::request::{Place, RefusalCode};
use gateway::simulate::{html, wire};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::support::account::{items, text};
use crate::support::browser::{Browser, Callback, Landing, Page};
use crate::support::http::Answer;
use crate::support::oauth_client::{OAuthClient, log_in_if_asked};
use crate::support::testing::World;

mod access_tokens;
mod authorization;
mod clients;
mod consent;
mod grants;
mod limits;
mod saml;
mod scim;
mod sign_in;
mod signals;

/// Lets a gateway call servers on this machine.
const REACH: (&str, &str) = ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true");

/// Codes that no story can provoke, and why.
const NOT_PROVOKED: &[(&str, &str)] = &[
    ("sensitive", "the engine refuses nothing for it: RFC 7644 has it for servers that forbid filters in URLs"),
    ("not_implemented", "the engine has no such part: RFC 7644 has it for servers that leave out bulk or PATCH"),
    ("nul_character", "the edge finds a NUL as it reads the form, and the body is malformed then"),
    ("too_many", "takes a search of seconds, or ten thousand resources; the protocol's own tests have it"),
    ("recovery_throttled", "takes a mail relay; the stories about links that set a password have it"),
    ("operator_role", "what operators do is in the audit trail, and not in the log of requests"),
    ("operator_act", "the same"),
    ("owner_gone", "a grant ends in the commit in which its owner goes, so its token says so first"),
    ("proof_key_invalid", "a key that can be read has a thumbprint"),
    ("assertion_only", "a client that signs has no secret to send"),
    (
        "provider_user_ambiguous",
        "the name and the address of two users have to be one, which the console does not allow by itself",
    ),
    ("saml_user_ambiguous", "the same"),
    ("provider_name_missing", "takes a provider that keeps the name to itself; the provider of the stories tells it"),
    ("provider_answer_invalid", "takes a provider that signs with a wrong key; the relying party's own tests have it"),
    ("provider_login_old", "takes a provider whose clock is behind; the stories about brokering have it"),
    ("operator_sign_in_off", "takes a restart with other settings while an operator is at the provider"),
    ("body_too_slow", "takes as long as the server is patient; the stories about large bodies have it"),
    ("account_out_of_room", "takes requests that are held open by the dozen; the stories about memory have it"),
    ("server_out_of_room", "the same, for the whole server"),
    ("too_much_at_once", "takes more long requests at once than an account may wait with"),
    ("log_in_busy", "takes a minute of passwords"),
    (
        "outcome_unknown",
        "takes a connection that is lost during COMMIT; the stories about faults have it, and then there is no log to write to",
    ),
    ("server_unavailable", "the same: the log is in the database that is not there"),
    ("server_overloaded", "takes hundreds of requests that are held up; the story about overload has it"),
    ("server_failed", "a failure that is not expected"),
];

/// Each place has a story.
const STORIES: [&[Place]; 9] = [
    scim::PLACES,
    access_tokens::PLACES,
    clients::PLACES,
    grants::PLACES,
    authorization::PLACES,
    sign_in::PLACES,
    consent::PLACES,
    signals::PLACES,
    limits::PLACES,
];

/// A refusal that was answered.
struct Told {
    code: &'static str,
    asked: String,
    id: String,
    said: Said,
}

/// What an answer said.
enum Said {
    /// These very words.
    Words(String),
    /// They stand on this page.
    Page(String),
}

/// What a story provoked.
struct Provoked {
    world: World,
    told: Vec<Told>,
    found: BTreeSet<&'static str>,
}

impl Provoked {
    fn of(world: &World) -> Provoked {
        Provoked { world: world.clone(), told: Vec::new(), found: BTreeSet::new() }
    }

    /// An answer has to be this refusal.
    #[track_caller]
    fn by(&mut self, code: &'static str, answer: &wire::Answer) {
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{code}: no id: {}", answer.asked)).to_owned();
        let words = |json: Value| json.get("detail").or(json.get("error_description")).cloned();
        let location = answer.header("location").and_then(|location| Url::parse(location).ok());
        let said = match (location, serde_json::from_slice(&answer.body).ok().and_then(words)) {
            (Some(url), _) => Said::Words(Callback(url).parameter("error_description").unwrap_or_default()),
            (None, Some(words)) => Said::Words(text(&words)),
            (None, None) => Said::Page(answer.text()),
        };
        self.told.push(Told { code, asked: format!("{}: {}", answer.asked, answer.status), id, said });
    }

    /// Sends a request that has to be refused so.
    async fn ask(&mut self, code: &'static str, call: impl IntoFuture<Output = Answer>) {
        let answer = call.await;
        self.by(code, &answer);
    }

    /// A page has to be this refusal.
    #[track_caller]
    fn page(&mut self, code: &'static str, page: &Page) {
        self.by(code, &page.answer);
    }

    /// The newest request of a client that was refused so carried this to its browser's callback.
    async fn carried(&mut self, code: &'static str, client: &OAuthClient, callback: &Callback) {
        let words = callback.parameter("error_description").unwrap_or_else(|| panic!("{code}: {}", callback.0));
        let path = format!("/clients/{}/requests?code={code}&limit=1", client.id);
        let row = until(async || items(&self.world.admin_get(&path).await).pop()).await;
        let row = row.unwrap_or_else(|| panic!("{code} is not in the log: {}", callback.0));
        assert_eq!(row["detail"], words.as_str(), "{row}");
        self.found.insert(code);
    }

    /// Finds all of it in the log.
    async fn finish(mut self, places: &[Place]) {
        let mut wrong = Vec::new();
        for told in &self.told {
            let path = format!("/requests/{}", told.id);
            let rows = until(async || {
                let answer = self.world.admin(Method::GET, &path).await;
                (answer.status == 200).then(|| items(&answer.json()))
            });
            let Some(rows) = rows.await else {
                wrong.push(format!("{}: not in the log: {}", told.code, told.asked));
                continue;
            };
            let Some(row) = rows.iter().find(|row| row["code"] == told.code) else {
                let codes: Vec<_> = rows.iter().map(|row| format!("{} {}", row["code"], row["detail"])).collect();
                wrong.push(format!("{}: is {codes:?}: {}", told.code, told.asked));
                continue;
            };
            let detail = row["detail"].as_str().unwrap_or_default();
            let is_told = match &told.said {
                Said::Words(words) => words == detail,
                Said::Page(page) => letters(&html::text(page)).contains(&letters(detail)),
            };
            if !is_told || detail.is_empty() {
                wrong.push(format!("{}: the log says {detail:?}: {}", told.code, told.asked));
            }
            self.found.insert(told.code);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let missing: Vec<&str> = RefusalCode::all()
            .iter()
            .filter(|code| places.contains(&code.place()))
            .map(|code| code.name())
            .filter(|name| !self.found.contains(name) && !NOT_PROVOKED.iter().any(|(code, _)| code == name))
            .collect();
        assert!(missing.is_empty(), "no request of this story is refused so: {missing:?}");
    }
}

/// What is left of a text without its markup.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Asks until there is an answer: what is recorded is written once a second.
pub async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    for _ in 0..400 {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    None
}

/// A request of this browser's that is not followed to where it leads.
async fn not_followed(world: &World, browser: &Browser, url: &str) -> Answer {
    let cookies = browser.cookies(&Url::parse(url).expect("a URL"));
    let call = world.get(url);
    match cookies.as_ref().and_then(|cookies| cookies.to_str().ok()) {
        Some(cookies) => call.header("cookie", cookies).await,
        None => call.await,
    }
}

/// A code for this client, with these parameters beside those of every request.
async fn code_with(client: &OAuthClient, user: &crate::support::account::User, more: &[(&str, &str)]) -> String {
    let uri = client.redirect_uri();
    let own = [
        ("response_type", "code"),
        ("client_id", client.id.as_str()),
        ("redirect_uri", uri.as_str()),
        ("scope", "openid offline provision:scim"),
    ];
    let kept = own.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let url = client.authorization_url_with(&kept.chain(more.iter().copied()).collect::<Vec<_>>());
    let browser = client.world.browser();
    match log_in_if_asked(&browser, browser.open(&url).await, user).await {
        Landing::Left(url) => Callback(url).code(),
        Landing::Page(page) => {
            let landing = browser.press(&page, "Accept access").await;
            crate::support::browser::Landed::callback(landing).code()
        }
    }
}

#[test]
fn each_place_of_the_table_has_a_story_and_each_exception_is_one() {
    let told: BTreeSet<Place> = STORIES.iter().copied().flatten().copied().collect();
    assert_eq!(told, Place::ALL.into_iter().collect());
    for (code, why) in NOT_PROVOKED {
        assert!(RefusalCode::named(code).is_some() && !why.is_empty(), "{code}");
    }
}

story!(an_unknown_code_is_told_the_nearest, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    for path in [format!("/accounts/{}/requests", acme.id), format!("/clients/{}/requests", client.id)] {
        let problem = world.admin(Method::GET, &format!("{path}?code=uniquenes")).await.expect_problem(400);
        let told = text(&problem["errors"][0]["detail"]);
        assert!(told.contains("uniquenes") && told.contains("uniqueness"), "{told}");
        for code in RefusalCode::all() {
            world.admin(Method::GET, &format!("{path}?code={code}&limit=1")).await.expect(200);
        }
    }
    let described = world.get("/openapi.json").await.expect(200).json();
    assert!(described.to_string().contains(&json!(RefusalCode::names()).to_string()), "the values are described");
});
