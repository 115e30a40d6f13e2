//! Every path of the tables of pages was looked at on the tour, or stands here with why not.

use std::collections::BTreeSet;

use gateway::http::pages;
use gateway::http::pages::console;

/// A redirect or a file, and no page.
const NO_PAGES: [&str; 4] = [
    "/operator",
    "/console/audit/export",
    "/console/accounts/{account}/export",
    "/console/requests/{request}/conversation",
];

/// Forms that lead to a page of another path.
const LEAD_ON: [&str; 40] = [
    "/login/provider",
    "/login/saml",
    "/saml/consume",
    "/saml/{account}/login",
    "/saml/{account}/consume",
    "/oauth2/switch",
    "/account/connections/end",
    "/account/notices/seen",
    "/account/sessions/end",
    "/account/second-factor/remove",
    "/setup/{link}/step",
    "/setup/{link}/finish",
    "/setup/{link}/workload",
    "/console/login/provider",
    "/console/logout",
    "/console/letters",
    "/console/operators/{operator}/app",
    "/console/operators/{operator}/token",
    "/console/accounts/{account}/setup-links",
    "/console/accounts/{account}/setup-links/{link}/revoke",
    "/console/accounts/{account}/resume",
    "/console/accounts/{account}/webhooks/{webhook}/test",
    "/console/accounts/{account}/webhooks/{webhook}/pause",
    "/console/accounts/{account}/webhooks/{webhook}/resume",
    "/console/accounts/{account}/webhooks/{webhook}/resend",
    "/console/webhooks/{webhook}/test",
    "/console/webhooks/{webhook}/pause",
    "/console/webhooks/{webhook}/resume",
    "/console/webhooks/{webhook}/resend",
    "/console/accounts/{account}/streams/{stream}/status",
    "/console/accounts/{account}/streams/{stream}/resend",
    "/console/streams/{stream}/status",
    "/console/streams/{stream}/resend",
    "/console/accounts/{account}/users/{user}/reactivate",
    "/console/accounts/{account}/users/{user}/service-account",
    "/console/accounts/{account}/users/{user}/sessions/end",
    "/console/audit/verify",
    "/console/requests/{request}/replay",
    "/console/you/sessions/end",
    "/console/you/token/end",
];

/// The path of a table that a path is of: of several, the one with the fewest names.
fn template_of<'t>(path: &str, templates: &BTreeSet<&'t str>) -> Option<&'t str> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_of = |template: &&&str| {
        let named: Vec<&str> = template.split('/').collect();
        named.len() == parts.len() && named.iter().zip(&parts).all(|(name, part)| name.starts_with('{') || name == part)
    };
    templates.iter().filter(is_of).min_by_key(|template| template.matches('{').count()).copied()
}

/// Fails with the paths of pages that were not looked at.
pub fn is_whole(looked_at: &BTreeSet<String>) {
    let tables = [pages::ENDPOINTS, pages::setup::ENDPOINTS].into_iter().chain(console::TABLES.iter().copied());
    let templates: BTreeSet<&str> = tables.flatten().map(|page| page.path).collect();
    for listed in NO_PAGES.iter().chain(&LEAD_ON) {
        assert!(templates.contains(listed), "there is no path {listed} any more");
    }
    let looked_at: BTreeSet<&str> = looked_at.iter().filter_map(|path| template_of(path, &templates)).collect();
    let left_out: Vec<&&str> = templates
        .iter()
        .filter(|path| !looked_at.contains(**path) && !NO_PAGES.contains(path) && !LEAD_ON.contains(path))
        .collect();
    assert!(left_out.is_empty(), "the tour has to look at these too, or they stand in looks/table.rs: {left_out:#?}");
}
