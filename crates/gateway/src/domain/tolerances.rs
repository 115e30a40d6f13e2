//! Which deviations from the SCIM and OAuth RFCs which client is forgiven: its profile says what its vendor needs, an operator may
//! switch each of them for this client, and both count from the next request on.
//!
//! [`scim::Tolerance`] and [`oauth::Tolerance`] define the switches; `docs/tolerances.md` lists them with this table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::profiles::Profile;

mod switch;
mod tally;
#[cfg(test)]
mod tests;

pub use switch::{Tolerance, Tolerances};
pub use tally::{ToleranceCounter, ToleranceUse, UseCount, UseCounts};

/// What a profile leaves off; everything else is forgiven. A vendor's profile leaves off what belongs to another protocol
/// version or another vendor; only Microsoft's sends a user's one role as the primary value of `roles`, and only
/// Ping's divides scopes by commas; `strict` is the
/// RFCs to the letter.
fn off(profile: Profile) -> Tolerances {
    use oauth::Tolerance::ScopeSeparators;
    use scim::Tolerance::{ManagerId, PrimaryRole, Scim1Urns};
    let (of_scim, of_oauth): (&[_], &[_]) = match profile {
        Profile::Okta => (&[Scim1Urns, ManagerId, PrimaryRole], &[ScopeSeparators]),
        Profile::Ping => (&[Scim1Urns, ManagerId, PrimaryRole], &[]),
        Profile::Entra => (&[Scim1Urns, ManagerId], &[ScopeSeparators]),
        Profile::JumpCloud => (&[ManagerId, PrimaryRole], &[ScopeSeparators]),
        Profile::OneLogin => (&[PrimaryRole], &[ScopeSeparators]),
        Profile::Generic => (&[PrimaryRole], &[]),
        Profile::Strict => (scim::Tolerance::ALL, oauth::Tolerance::ALL),
    };
    let of_scim = of_scim.iter().map(|tolerance| Tolerance::Scim(*tolerance));
    of_scim.chain(of_oauth.iter().map(|tolerance| Tolerance::OAuth(*tolerance))).collect()
}

/// What a profile forgives.
pub fn of_profile(profile: Profile) -> Tolerances {
    let off = off(profile);
    Tolerance::all().filter(|tolerance| !off.contains(*tolerance)).collect()
}

/// What a client is forgiven.
pub fn of_client(profile: Profile, overrides: &Overrides) -> Tolerances {
    let apply = |on: Tolerances, (tolerance, forgiven): (&Tolerance, &bool)| on.set(*tolerance, *forgiven);
    overrides.0.iter().fold(of_profile(profile), apply)
}

/// The switches that an operator set for one client. They win over its profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, bool>", into = "BTreeMap<String, bool>")]
pub struct Overrides(BTreeMap<Tolerance, bool>);

impl Overrides {
    /// Sets a switch; `None` leaves it to the profile again.
    pub fn set(&mut self, tolerance: Tolerance, forgiven: Option<bool>) {
        match forgiven {
            Some(forgiven) => drop(self.0.insert(tolerance, forgiven)),
            None => drop(self.0.remove(&tolerance)),
        }
    }

    /// What was set.
    pub fn get(&self, tolerance: Tolerance) -> Option<bool> {
        self.0.get(&tolerance).copied()
    }

    /// All that was set.
    pub fn iter(&self) -> impl Iterator<Item = (Tolerance, bool)> {
        self.0.iter().map(|(tolerance, forgiven)| (*tolerance, *forgiven))
    }
}

impl From<BTreeMap<String, bool>> for Overrides {
    /// What another version wrote and this one does not know says nothing here.
    fn from(stored: BTreeMap<String, bool>) -> Overrides {
        Overrides(stored.into_iter().filter_map(|(name, on)| Some((Tolerance::named(&name)?, on))).collect())
    }
}

impl From<Overrides> for BTreeMap<String, bool> {
    fn from(overrides: Overrides) -> BTreeMap<String, bool> {
        overrides.iter().map(|(tolerance, forgiven)| (tolerance.name().to_owned(), forgiven)).collect()
    }
}
