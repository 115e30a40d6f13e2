//! The sheet of a client: what an administrator pastes into the form of the identity provider, but for the secret.

use oauth::{Client, GrantType, ScopeDefinition};

use super::Installation;
use crate::domain::bodies::clients::sheet::SetupSheet;
use crate::domain::described::Sometimes;
use crate::domain::profiles::Profile;
use crate::domain::scopes::PROVISION;

/// What a form asks for beside addresses and credentials.
#[derive(Default)]
struct Asks {
    unique_identifier: bool,
    resources: bool,
    headers: bool,
}

impl Asks {
    fn of(profile: Profile) -> Asks {
        match profile {
            Profile::Okta | Profile::Generic | Profile::Strict => Asks { unique_identifier: true, ..Asks::default() },
            Profile::Ping => Asks { unique_identifier: true, resources: true, headers: false },
            Profile::OneLogin => Asks { headers: true, ..Asks::default() },
            Profile::Entra | Profile::JumpCloud => Asks::default(),
        }
    }
}

/// What the client's provider needs. What a client may not use is not on its sheet in any profile.
pub(in crate::services) fn of(at: &Installation<'_>, client: &Client) -> SetupSheet {
    let asks = Asks::of(Profile::of(client));
    let may = |grant: GrantType| client.grant_types.contains(&grant);
    let base = at.public_url;
    let wanted = [ScopeDefinition::OPENID.name, ScopeDefinition::OFFLINE.name, PROVISION];
    let scope: Vec<&str> = wanted.into_iter().filter(|scope| client.scopes.contains(scope)).collect();
    // Static tokens open the SCIM endpoint, and are for clients without a way to fetch others.
    let provisions = client.scopes.contains(PROVISION);
    let fetches_tokens = !client.grant_types.is_empty();
    let accepts = may(GrantType::AuthorizationCode);
    let own = provisions && may(GrantType::ClientCredentials) && !accepts;
    SetupSheet {
        scim_base_url: when(provisions, || at.scim.base.to_string()),
        unique_identifier_field: when(provisions && asks.unique_identifier, || "userName"),
        users_resource: when(provisions && asks.resources, || "/Users"),
        groups_resource: when(provisions && asks.resources, || "/Groups"),
        custom_headers: when(provisions && asks.headers, || "Content-Type: application/scim+json"),
        token_url: when(fetches_tokens, || format!("{base}/oauth2/token")),
        authorization_url: when(accepts, || format!("{base}/oauth2/auth?scope={}", scope.join(" "))),
        authorization_url_encoded: when(accepts, || {
            format!("{base}/oauth2/auth?scope={}", scope.join("%20").replace(':', "%3A"))
        }),
        scope: when(own, || PROVISION),
        client_id: when(fetches_tokens, || client.id.as_str().to_owned()),
    }
}

fn when<T>(asked: bool, value: impl FnOnce() -> T) -> Sometimes<T> {
    Sometimes(asked.then(value))
}
