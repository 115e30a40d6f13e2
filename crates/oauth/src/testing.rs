//! A small world for tests: three clients, one resource owner, a clock and an entropy source that tests hold in their hands.
#![cfg_attr(fuzzing, allow(dead_code))] // the fuzzers need a part of it

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::authentication::{Authentication, Login};
use crate::authorize::consent::{self, Acceptance};
use crate::authorize::{AuthorizationRequest, Refusal, authorize};
use crate::client::{Client, ClientId, ClientProfile, ClientSecret, GrantType, RedirectUri};
use crate::context::{Context, Settings};
use crate::error::TokenError;
use crate::grant::Subject;
use crate::jose::Jwk;
use crate::protected_resource::ProtectedResource;
use crate::scope::{ScopeDefinition, Scopes};
use crate::secret::{Keyring, Prefix, generated};
use crate::static_token::StaticToken;
use crate::store::AccessTokens;
use crate::store::memory::MemoryStore;
use crate::token::bearer::{self, Access, BearerError, BearerRequest, Use};
use crate::token::delivery;
use crate::token::{self, TokenRequest, TokenResponse, own_grant};
use crate::token_id::TokenId;
use crate::tolerance::{Needs, Tolerances};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const CALLBACK: &str = "https://idp.example/cb?x=%7e";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The scope of the protected resource [`records`].
const RECORDS_WRITE: ScopeDefinition = ScopeDefinition {
    name: "records:write",
    is_personal: false,
    remembers_consent: false,
    is_usual: true,
    is_default: true,
    is_for_keys: false,
};

/// A scope for keys.
pub(crate) const RECORDS_READ: ScopeDefinition =
    ScopeDefinition { name: "records:read", is_usual: false, is_for_keys: true, ..RECORDS_WRITE };

/// The protected resource of these tests.
pub(crate) fn records() -> ProtectedResource {
    ProtectedResource { uri: format!("{ISSUER}/records").into(), scopes: &[RECORDS_WRITE.name, RECORDS_READ.name] }
}

pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(crate) fn owned(pairs: Pairs<'_>) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// `pairs` with some replaced, added, or (where the value is empty) taken out.
pub(crate) fn changed<'a>(pairs: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all: Vec<_> = pairs.iter().filter(|(name, _)| !changes.iter().any(|(n, _)| n == name)).copied().collect();
    all.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    all
}

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) keys: Keyring,
    pub(crate) settings: Settings,
    /// The time, in milliseconds since the epoch.
    pub(crate) now: i64,
    drawn: u64,
}

impl World {
    /// `acme` (one redirect URI) and `other` have the secrets `acme-secret` and `other-secret`; `phone` is public.
    pub(crate) fn new() -> World {
        let keys = Keyring::new(&[1; 32]);
        let mut store = MemoryStore::default();
        for (id, public) in [("acme", false), ("other", false), ("phone", true)] {
            let secret = ClientSecret {
                id: format!("{id}-1"),
                fingerprint: keys.fingerprint(&format!("{id}-secret")),
                expires: None,
                last_used: None,
            };
            store.clients.push(Client {
                id: ClientId::new(id).unwrap(),
                name: format!("The client {id}"),
                public,
                secrets: if public { Vec::new() } else { vec![secret] },
                redirect_uris: vec![RedirectUri::register(CALLBACK).unwrap()],
                grant_types: GrantType::ALL.to_vec(),
                scopes: Scopes::parse("openid offline_access records:write").unwrap(),
                default_scope: Scopes::parse("offline records:write").unwrap(),
                profile: &ClientProfile::GENERIC,
                require_pkce: false,
                disabled: false,
                suspended: false,
                has_account: true,
                options: crate::client::Options::default(),
                tolerances: Tolerances::EVERY,
            });
        }
        let mut scopes = ScopeDefinition::STANDARD.to_vec();
        scopes.insert(3, RECORDS_WRITE);
        let settings =
            Settings { issuer: ISSUER.to_owned(), resources: vec![records()], scopes, ..Settings::default() };
        World { store, keys, settings, now: 1_800_000_000_000, drawn: 0 }
    }

    pub(crate) fn client(&mut self, id: &str) -> &mut Client {
        self.store.clients.iter_mut().find(|client| client.id.as_str() == id).unwrap()
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now += seconds as i64 * 1000;
    }

    /// Runs something with a context. Entropy is a counter: never the same twice, always the same in the next run.
    pub(crate) fn run<T>(&mut self, work: impl FnOnce(&mut MemoryStore, &mut Context<'_>) -> T) -> T {
        let drawn = &mut self.drawn;
        let mut entropy = |bytes: &mut [u8]| {
            *drawn += 1;
            bytes.fill(0);
            bytes.iter_mut().zip(drawn.to_be_bytes()).for_each(|(to, from)| *to = from);
        };
        let published = [signing_key().1];
        let mut cx = Context {
            now: self.now,
            entropy: &mut entropy,
            keys: &self.keys,
            settings: &self.settings,
            published: &published,
            needs: Needs::default(),
        };
        work(&mut self.store, &mut cx)
    }

    pub(crate) fn authorize(&mut self, pairs: Pairs<'_>) -> Result<AuthorizationRequest, Refusal> {
        self.run(|store, cx| authorize(store, cx, &owned(pairs))).unwrap()
    }

    pub(crate) fn accept(&mut self, request: &AuthorizationRequest) -> Acceptance {
        let login = Login { at: self.now, how: Authentication::by_password().and_app() };
        self.run(|store, cx| consent::accept(store, cx, request, &Subject::new("ada"), &login)).unwrap()
    }

    /// A code for `acme`, accepted by Ada.
    pub(crate) fn code(&mut self, changes: Pairs<'_>) -> String {
        let request = self.authorize(&changed(REQUEST, changes)).unwrap();
        let Acceptance::Redirect(url) = self.accept(&request) else { panic!("not accepted") };
        parameter(&url, "code").unwrap()
    }

    pub(crate) fn token(&mut self, form: Pairs<'_>) -> Result<TokenResponse, TokenError> {
        let request = TokenRequest::parse(None, &[], &owned(form))?;
        self.run(|store, cx| token::exchange(store, cx, &request)).unwrap()
    }

    /// The tokens of a fresh grant of `acme`.
    pub(crate) fn tokens(&mut self) -> TokenResponse {
        let code = self.code(&[]);
        self.token(&changed(EXCHANGE, &[("code", &code)])).ok().unwrap()
    }

    pub(crate) fn refresh(&mut self, refresh_token: &str) -> Result<TokenResponse, TokenError> {
        self.token(&changed(REFRESH, &[("refresh_token", refresh_token)]))
    }

    /// A static token of `acme` that is good for a day.
    pub(crate) fn static_token(&mut self, id: &str) -> String {
        let client = self.client("acme").clone();
        let token = self.run(|_, cx| generated(Prefix::StaticToken, cx.entropy));
        let now = self.now;
        let grant = self.run(|store, cx| own_grant(store, cx, &client)).unwrap();
        let status =
            self.run(|store, _| store.token_status(grant.id, &TokenId::NONE, &TokenId::NONE)).unwrap().unwrap();
        let scope = Scopes::parse("records:write").unwrap();
        let kept =
            StaticToken { id: id.to_owned(), scope, created: now, expires: now + 86_400_000, last_used: None, status };
        self.store.static_tokens.push((self.keys.fingerprint(&token), kept));
        token
    }

    /// Whether this access token opens the protected resource; only a look.
    pub(crate) fn opens(&mut self, access_token: &str) -> bool {
        self.knock(access_token).is_ok()
    }

    fn knock(&mut self, access_token: &str) -> Result<Access, BearerError> {
        let header = format!("Bearer {access_token}");
        let presented = BearerRequest { authorization: Some(&header), proof: None };
        self.run(|store, cx| bearer::check(store, cx, &presented, &records())).unwrap()
    }

    /// A request to the protected resource with this access token, as the gateway does it; whether the token was good.
    pub(crate) fn uses(&mut self, access_token: &str) -> bool {
        let Ok(access) = self.knock(access_token) else { return false };
        if let Some(Use::Tokens(grant, generation)) = access.unwritten_use {
            self.run(|store, cx| delivery::note(store, cx, grant, generation)).unwrap();
        }
        true
    }
}

/// The key that signs in these tests, and its public half, which is named `k-1`.
fn signing_key() -> (Ed25519KeyPair, Jwk) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let public = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k-1", "alg": "EdDSA"});
    (pair, Jwk::parse(&public).unwrap())
}

/// A JWT signed by that key, with any header.
pub(crate) fn signed(header: &Value, claims: &Value) -> String {
    let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = signing_key().0.sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Its public half as a JWK.
pub(crate) fn public_key() -> Value {
    signing_key().1.to_value()
}

pub(crate) const REQUEST: Pairs<'static> = &[
    ("client_id", "acme"),
    ("redirect_uri", CALLBACK),
    ("response_type", "code"),
    ("scope", "openid offline records:write"),
    ("state", "s-1"),
];

pub(crate) const EXCHANGE: Pairs<'static> = &[
    ("grant_type", "authorization_code"),
    ("client_id", "acme"),
    ("client_secret", "acme-secret"),
    ("redirect_uri", CALLBACK),
];

pub(crate) const REFRESH: Pairs<'static> =
    &[("grant_type", "refresh_token"), ("client_id", "acme"), ("client_secret", "acme-secret")];

/// A parameter of a URL's query, if it stands there once.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    let mut values = url.query_pairs().filter(|(n, _)| n == name).map(|(_, value)| value.into_owned());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} stands twice in {url}");
    value
}

/// The wire code of a refusal, and that its description can travel in a header (RFC 6749 §5.2).
pub(crate) fn code_of<T>(answer: Result<T, TokenError>) -> &'static str {
    let Err(error) = answer else { return "no error" };
    let fits = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    assert!(error.text().chars().all(fits), "{}", error.text());
    error.error().wire().1
}
