//! The vendor's side: the Customer Success Manager's tool, which speaks the admin API.

use reqwest::Method;
use serde_json::{Value, json};

use super::transcript::CHAPTERS;
use super::transcript::Transcript;
use super::wire::{Answer, Caller, Failure, http_client};
use crate::platform::system;

/// An operator with a token.
#[derive(Debug)]
pub(crate) struct Operator<'t> {
    caller: Caller<'t>,
}

/// A user who can log in.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// Their SCIM id.
    pub(crate) id: String,
    pub(crate) user_name: String,
    pub(crate) password: String,
}

/// The account and who is in it before Okta comes.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The account's id.
    pub(crate) account: String,
    /// The one to set everything up with.
    pub(crate) service_account: Login,
    /// A person with the same rights.
    pub(crate) mira: Login,
    /// A user of the console, without a password here.
    pub(crate) tom: String,
}

/// A client and what has to be pasted into the identity provider.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) authorization_url: String,
    pub(crate) token_url: String,
}

impl Issued {
    /// The authorization request that Okta's button makes, for a browser.
    pub(crate) fn opened_by_hand(&self, state: &str) -> String {
        let redirect_uri = self.redirect_uris.first().map(String::as_str).unwrap_or_default();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state)
            .finish();
        format!("{}&{query}", self.authorization_url.replace(' ', "%20"))
    }
}

/// The customer.
pub(crate) const ACCOUNT: &str = "acme";
pub(crate) const TOM: &str = "tom@acme.example";
const SERVICE_ACCOUNT: &str = "okta-provisioning@acme.example";
pub(crate) const MIRA: &str = "mira@acme.example";

impl<'t> Operator<'t> {
    /// An operator of the server at `base`.
    pub(crate) fn new(transcript: &'t Transcript, base: &str, token: &str) -> Result<Operator<'t>, Failure> {
        let authorization = format!("Bearer {token}");
        let http = http_client(&[("authorization", &authorization), ("content-type", "application/json")])?;
        Ok(Operator { caller: Caller::new(transcript, "operator", http, base) })
    }

    /// Where this is written down.
    pub(crate) fn transcript(&self) -> &'t Transcript {
        self.caller.transcript()
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Answer<'t>, Failure> {
        self.caller.ask(method, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Result<Answer<'t>, Failure> {
        self.caller.ask(Method::GET, path, None).await
    }

    /// The guide's section 1: an account, and a service account to do the setup with.
    pub(crate) async fn prepare_the_account(&self) -> Result<Prepared, Failure> {
        self.transcript().chapter(CHAPTERS, "Prerequisites: an account, its people, a service account");
        let body = json!({"name": ACCOUNT, "product_environments": ["acme-prod", "acme-stage"]});
        let account = self.send(Method::POST, "/admin/accounts", &body).await?.expect(
            201,
            "An account is one customer of the vendor, the wall between customers' data. Its product environments are \
             the values that users' `product_environments` may have.",
        )?;
        let account = account.text("/id")?;

        let service_account = self
            .console_user(&account, SERVICE_ACCOUNT, "master_admin", json!({"service_account": true}), Some(password()))
            .await?
            .explained("The designated service account: it authorizes the connection, so the connection does not end when an employee leaves.")?;
        let mira = self
            .console_user(&account, MIRA, "master_admin", json!({"displayName": "Mira Sol"}), Some(password()))
            .await?
            .explained("A person with the same role. She sets up a connection of her own later, against the advice.")?;
        let tom = self
            .console_user(&account, TOM, "media_library_user", json!({"displayName": "Tom Ek"}), None)
            .await?
            .explained("A user born in the vendor's console, not in Okta: to be imported, and linked.")?;
        Ok(Prepared { account, service_account, mira, tom: tom.id })
    }

    async fn console_user(
        &self,
        account: &str,
        user_name: &str,
        role: &str,
        extra: Value,
        password: Option<String>,
    ) -> Result<Made<'t>, Failure> {
        let name = user_name.split('@').next().unwrap_or(user_name);
        let mut body = json!({
            "schemas": [super::okta::USER],
            "userName": user_name,
            "name": {"givenName": name, "familyName": "of Acme"},
            "emails": [{"value": user_name, "type": "work", "primary": true}],
            "role": role,
        });
        if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
            body.extend(extra);
            if let Some(password) = &password {
                body.insert("password".to_owned(), password.as_str().into());
            }
        }
        let answer = self.send(Method::POST, &format!("/admin/accounts/{account}/users"), &body).await?;
        Ok(Made { answer, user_name: user_name.to_owned(), password: password.unwrap_or_default() })
    }

    /// What Okta's form for a new app asks for. Gives the address at which people begin.
    pub(crate) async fn tell_what_okta_asks_for(&self, prepared: &Prepared) -> Result<String, Failure> {
        let path = format!("/admin/accounts/{}/sign-in", prepared.account);
        let told = self.get(&path).await?.expect(
            200,
            "The customer's administrator creates the app. Okta's form asks for these, and the account's setup page shows them:",
        )?;
        for (label, member) in [
            ("Single sign-on URL", "single_sign_on_url"),
            ("Audience URI", "audience"),
            ("Name ID format", "name_id_format"),
            ("Other requestable SSO", "other_single_sign_on_url"),
        ] {
            self.transcript().value(label, &told.text(&format!("/saml_addresses/{member}"))?);
        }
        told.text("/saml_addresses/login_url")
    }

    /// What the administrator sends back: the metadata of the app.
    pub(crate) async fn set_up_saml(&self, prepared: &Prepared, metadata: &str) -> Result<(), Failure> {
        let body = json!({"passwords": "everybody", "saml": {"name": "Okta", "metadata": metadata}});
        let path = format!("/admin/accounts/{}/sign-in", prepared.account);
        let set = self.send(Method::PATCH, &path, &body).await?.expect(
            200,
            "The app's metadata: where Okta takes log-ins, and the certificate that its signatures are verified with. \
             Passwords go on beside it: people may use either.",
        )?;
        self.transcript().value("Okta is", &set.text("/saml/entity_id")?);
        Ok(())
    }

    /// The client for Okta, before the app's variable name is known.
    pub(crate) async fn issue_a_client(&self, prepared: &Prepared) -> Result<Issued, Failure> {
        self.transcript().chapter(CHAPTERS, "Client ID and Client Secret, from the Customer Success Manager");
        let path = format!("/admin/accounts/{}/clients", prepared.account);
        let client = self.send(Method::POST, &path, &json!({"name": "Okta", "profile": "okta"})).await?.expect(
            201,
            "The secret is shown this once and kept only as a keyed hash. With it comes the sheet of values for Okta's \
             `Integration` tab:",
        )?;
        let client = client.has("/redirect_uris", json!([]))?;
        for (label, member) in [
            ("SCIM connector base URL", "scim_base_url"),
            ("Unique identifier field", "unique_identifier_field"),
            ("Access token endpoint", "token_url"),
            ("Authorization endpoint", "authorization_url"),
        ] {
            self.transcript().value(label, &client.text(&format!("/sheet/{member}"))?);
        }
        self.transcript().value("Client ID", &client.text("/client_id")?);
        self.transcript().value("Client Secret", "(on the sheet at the end)");
        Ok(Issued {
            id: client.text("/client_id")?,
            secret: client.text("/client_secret")?,
            redirect_uris: Vec::new(),
            authorization_url: client.text("/sheet/authorization_url")?,
            token_url: client.text("/sheet/token_url")?,
        })
    }

    /// "Copy the Variable name and send it to your Customer Support Manager."
    pub(crate) async fn register_the_variable_name(&self, client: Issued) -> Result<Issued, Failure> {
        self.transcript().chapter(CHAPTERS, "Register your variable name");
        let path = format!("/admin/clients/{}", client.id);
        let body = json!({"okta_app_name": "acme_mediascim_1"});
        let changed = self.send(Method::PATCH, &path, &body).await?.expect(
            200,
            "The variable name from Okta's Profile Editor. The redirect URIs of Okta's cells follow from it:",
        )?;
        let redirect_uris = changed.texts("/redirect_uris")?;
        for uri in &redirect_uris {
            self.transcript().say(&format!("· {uri}"));
        }
        Ok(Issued { redirect_uris, ..client })
    }

    /// A second client, complete from the start.
    pub(crate) async fn issue_another_client(&self, prepared: &Prepared) -> Result<Issued, Failure> {
        let path = format!("/admin/accounts/{}/clients", prepared.account);
        let body = json!({"name": "Okta, set up by Mira", "profile": "okta", "okta_app_name": "acme_mediascim_2"});
        let client = self.send(Method::POST, &path, &body).await?.expect(
            201,
            "A second Okta app, for comparison. If the variable name is known already, one request is enough.",
        )?;
        Ok(Issued {
            id: client.text("/client_id")?,
            secret: client.text("/client_secret")?,
            redirect_uris: client.texts("/redirect_uris")?,
            authorization_url: client.text("/sheet/authorization_url")?,
            token_url: client.text("/sheet/token_url")?,
        })
    }

    /// A client that waits at this redirect URI for the reader's own browser.
    pub(crate) async fn issue_a_visitor(
        &self,
        account: &str,
        name: &str,
        redirect_uri: &str,
    ) -> Result<Issued, Failure> {
        let body = json!({"name": name, "profile": "generic", "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "offline_access", "provision:scim"]});
        let path = format!("/admin/accounts/{account}/clients");
        let client =
            self.send(Method::POST, &path, &body).await?.expect(201, "One more client, for your own browser.")?;
        Ok(Issued {
            id: client.text("/client_id")?,
            secret: client.text("/client_secret")?,
            redirect_uris: client.texts("/redirect_uris")?,
            authorization_url: client.text("/sheet/authorization_url")?,
            token_url: client.text("/sheet/token_url")?,
        })
    }

    /// The guide's section 5, seen from the vendor's side.
    pub(crate) async fn verify(&self, prepared: &Prepared) -> Result<(), Failure> {
        self.transcript().chapter(CHAPTERS, "Testing and finalization, as the vendor sees it");
        let path = format!("/admin/accounts/{}", prepared.account);
        let account = self.get(&path).await?.expect(200, "The account in numbers.")?;
        for member in ["users", "groups"] {
            let number = account.value.pointer(&format!("/{member}")).cloned().unwrap_or_default();
            self.transcript().value(member, &number.to_string());
        }
        let path = format!("/admin/audit?account={}&limit=8", prepared.account);
        let audit =
            self.get(&path).await?.expect(200, "Who did what, when and from where. The newest eight entries:")?;
        let items = audit.value.pointer("/items").and_then(Value::as_array).cloned().unwrap_or_default();
        for item in &items {
            let text = |member: &str| item.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            self.transcript().value(&text("action"), &format!("by {} from {}", text("actor"), text("address")));
        }
        if items.is_empty() {
            Err(Failure("the audit trail\n  expected: entries\n  came:     none".to_owned()))
        } else {
            Ok(())
        }
    }
}

/// A console-born user whose answer has not been looked at.
#[must_use]
struct Made<'t> {
    answer: Answer<'t>,
    user_name: String,
    password: String,
}

impl Made<'_> {
    fn explained(self, meaning: &str) -> Result<Login, Failure> {
        let user = self.answer.expect(201, meaning)?.has("/password", Value::Null)?;
        Ok(Login { id: user.text("/id")?, user_name: self.user_name, password: self.password })
    }
}

fn password() -> String {
    let mut bytes = [0; 12];
    system::fill(&mut bytes);
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}
