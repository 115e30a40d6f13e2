//! The switches of both protocols as one list.

/// One deviation from the RFCs that can be forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tolerance {
    /// Of a SCIM request.
    Scim(scim::Tolerance),
    /// Of a request to the authorization server.
    OAuth(oauth::Tolerance),
}

impl Tolerance {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Tolerance> {
        let scim = scim::Tolerance::ALL.iter().copied().map(Tolerance::Scim);
        scim.chain(oauth::Tolerance::ALL.iter().copied().map(Tolerance::OAuth))
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Tolerance> {
        Tolerance::all().find(|tolerance| tolerance.name() == name)
    }

    /// Its name in settings and reports.
    pub fn name(self) -> &'static str {
        match self {
            Tolerance::Scim(tolerance) => tolerance.name(),
            Tolerance::OAuth(tolerance) => tolerance.name(),
        }
    }

    /// What is forgiven, for people.
    pub fn forgives(self) -> &'static str {
        match self {
            Tolerance::Scim(tolerance) => tolerance.forgives(),
            Tolerance::OAuth(tolerance) => tolerance.forgives(),
        }
    }

    /// What a client has to do, or gets, where it is not forgiven.
    pub fn strict_behaviour(self) -> &'static str {
        match self {
            Tolerance::Scim(tolerance) => tolerance.strict_behaviour(),
            Tolerance::OAuth(tolerance) => tolerance.strict_behaviour(),
        }
    }

    /// Where the RFC says so.
    pub fn rfc(self) -> &'static str {
        match self {
            Tolerance::Scim(tolerance) => tolerance.rfc(),
            Tolerance::OAuth(tolerance) => tolerance.rfc(),
        }
    }
}

/// The switches that are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tolerances {
    /// For the SCIM engine.
    pub scim: scim::Tolerances,
    /// For the authorization server.
    pub oauth: oauth::Tolerances,
}

impl Tolerances {
    /// Whether it is on.
    pub fn contains(self, tolerance: Tolerance) -> bool {
        match tolerance {
            Tolerance::Scim(tolerance) => self.scim.contains(tolerance),
            Tolerance::OAuth(tolerance) => self.oauth.contains(tolerance),
        }
    }

    /// With one on or off.
    #[must_use]
    pub fn set(self, tolerance: Tolerance, on: bool) -> Tolerances {
        let Tolerances { scim, oauth } = self;
        match (tolerance, on) {
            (Tolerance::Scim(tolerance), true) => Tolerances { scim: scim.with(tolerance), oauth },
            (Tolerance::Scim(tolerance), false) => Tolerances { scim: scim.without(tolerance), oauth },
            (Tolerance::OAuth(tolerance), true) => Tolerances { scim, oauth: oauth.with(tolerance) },
            (Tolerance::OAuth(tolerance), false) => Tolerances { scim, oauth: oauth.without(tolerance) },
        }
    }

    /// Those that are on.
    pub fn iter(self) -> impl Iterator<Item = Tolerance> {
        Tolerance::all().filter(move |tolerance| self.contains(*tolerance))
    }

    /// Whether none is on.
    pub fn is_empty(self) -> bool {
        self.scim.is_empty() && self.oauth.is_empty()
    }
}

impl FromIterator<Tolerance> for Tolerances {
    fn from_iter<I: IntoIterator<Item = Tolerance>>(tolerances: I) -> Tolerances {
        tolerances.into_iter().fold(Tolerances::default(), |on, tolerance| on.set(tolerance, true))
    }
}
