//! What the tokens of a request may be limited to: the resources it asks for, as far as its client may and its resource owner
//! accepted (RFC 8707 §2).

use crate::client::Client;
use crate::constraints::Resource;
use crate::context::Settings;
use crate::error::TokenRefusal;

/// More than any client has a use for; they travel in every token.
const MAX_RESOURCES: usize = 8;

/// The resources that a request asks for (§2). Each must be one of ours or of the client's own.
pub(crate) fn requested<'a>(
    settings: &Settings,
    client: &Client,
    texts: impl Iterator<Item = &'a str>,
) -> Result<Vec<Resource>, TokenRefusal> {
    let mut resources = Vec::new();
    for text in texts {
        let resource = Resource::parse(text).map_err(|why| TokenRefusal::ResourceMalformed { why })?;
        let own = &client.options.tokens.resources;
        if !settings.is_own_resource(resource.as_str()) && !own.contains(&resource) {
            let ours = settings.own_resources().map(|(uri, _)| uri);
            let known: Vec<&str> = ours.chain(own.iter().map(Resource::as_str)).collect();
            return Err(TokenRefusal::ResourceNotAllowed { allowed: known.join(" ") });
        }
        if !resources.contains(&resource) {
            resources.push(resource);
        }
    }
    if resources.len() > MAX_RESOURCES {
        return Err(TokenRefusal::TooManyResources { limit: MAX_RESOURCES });
    }
    Ok(resources)
}

/// The resources of one access token: those asked for, if they are among those that were accepted (§2.2); all of these if
/// none are asked for.
pub(crate) fn narrowed(
    settings: &Settings,
    accepted: &[Resource],
    asked: Vec<Resource>,
) -> Result<Vec<Resource>, TokenRefusal> {
    let is_accepted = |resource: &Resource| match accepted {
        [] => settings.is_own_resource(resource.as_str()),
        accepted => accepted.contains(resource),
    };
    match asked.iter().all(is_accepted) {
        true if asked.is_empty() => Ok(accepted.to_vec()),
        true => Ok(asked),
        false => Err(TokenRefusal::ResourceNotAccepted),
    }
}
