//! What stands around every page: whose it is, its stylesheets, its foot; and the filters that templates write addresses by.

use std::ops::Deref;
use std::sync::Arc;

use super::assets;
use crate::app::App;
use crate::domain::brand::Link;

/// What stands around every page.
#[derive(Debug, Clone)]
pub(in crate::http) struct Frame(Arc<FrameParts>);

/// The vendor's part of a page.
#[derive(Debug)]
pub(in crate::http) struct FrameParts {
    /// The path of the public URL.
    pub(in crate::http) path: Arc<str>,
    /// Whose page this is: the vendor's name, or the host.
    pub(in crate::http) name: String,
    pub(in crate::http) is_named: bool,
    pub(in crate::http) logo: String,
    pub(in crate::http) stylesheet: String,
    pub(in crate::http) support: Option<String>,
    pub(in crate::http) links: Vec<Link>,
}

impl Deref for Frame {
    type Target = FrameParts;

    fn deref(&self) -> &FrameParts {
        &self.0
    }
}

impl Frame {
    pub(super) fn of(app: &App) -> Frame {
        let brand = &app.config.brand;
        let path = app.path.clone();
        Frame(Arc::new(FrameParts {
            name: name(app),
            is_named: brand.name.is_some(),
            logo: format!("{path}{}", assets::address_of(&brand.logo)),
            stylesheet: format!("{path}{}", assets::address_of(&brand.stylesheet)),
            support: brand.support.clone(),
            links: brand.links.clone(),
            path,
        }))
    }
}

impl FrameParts {
    /// `ask Exampla (help@exampla.example)`
    pub(super) fn whom_to_ask(&self) -> String {
        match &self.support {
            Some(support) => format!("ask {} ({support})", self.name),
            None => format!("ask {}", self.name),
        }
    }
}

/// Whose pages these are: the vendor's name, or the host.
pub(super) fn name(app: &App) -> String {
    app.config.brand.name.clone().unwrap_or_else(|| host(&app.public_url).to_owned())
}

/// `gateway.example` of `https://gateway.example/identity`
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// What templates write by.
#[allow(unreachable_pub)] // what the macro makes of a filter
pub(in crate::http) mod filters {
    use askama::{Error, Result, Values, get_value};

    use super::{Frame, assets};
    use crate::http::pages::desk_frame::DeskFrame;

    /// The value that a page is rendered with.
    pub(in crate::http::pages) const FRAME: &str = "frame";
    /// The value that a page of the console is rendered with beside it.
    pub(in crate::http::pages) const DESK: &str = "desk";

    /// What stands around a page of the console; of nothing.
    #[askama::filter_fn]
    pub(in crate::http) fn desk(_: &str, values: &dyn Values) -> Result<DeskFrame> {
        Ok(get_value::<DeskFrame>(values, DESK)?.clone())
    }

    /// What stands around the page; of nothing.
    #[askama::filter_fn]
    pub(in crate::http) fn frame(_: &str, values: &dyn Values) -> Result<Frame> {
        Ok(get_value::<Frame>(values, FRAME)?.clone())
    }

    /// Whose page it is; of nothing.
    #[askama::filter_fn]
    pub(in crate::http) fn frame_name(_: &str, values: &dyn Values) -> Result<String> {
        Ok(get_value::<Frame>(values, FRAME)?.name.clone())
    }

    /// The address of something of ours, as the browser reaches it: below the path of the public URL.
    #[askama::filter_fn]
    pub(in crate::http) fn here(of_ours: &str, values: &dyn Values) -> Result<String> {
        Ok(format!("{}{of_ours}", get_value::<Frame>(values, FRAME)?.path))
    }

    /// The address of a file of ours, such as `design.css`.
    #[askama::filter_fn]
    pub(in crate::http) fn asset(name: &str, values: &dyn Values) -> Result<String> {
        let address = assets::address(name).ok_or(Error::ValueMissing)?;
        Ok(format!("{}{address}", get_value::<Frame>(values, FRAME)?.path))
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn a_page_without_a_vendor_is_that_of_its_host() {
        assert_eq!(host("https://gateway.example/identity"), "gateway.example");
        assert_eq!(host("http://localhost:8080"), "localhost:8080");
    }
}
