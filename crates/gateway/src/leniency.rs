//! Which deviations from the SCIM RFCs which client is forgiven: its profile says what its vendor needs, an operator may
//! switch each of them for this client, and both count from the next request on.
//!
//! [`scim::Tolerance`] defines the switches; `docs/tolerances.md` lists them with this table.

use std::collections::BTreeMap;

use oauth::Profile;
use scim::{Tolerance, Tolerances};
use serde::{Deserialize, Serialize};

mod tally;
#[cfg(test)]
mod tests;

pub use tally::{Count, Counts, Need, Tally};

/// What a profile leaves off; everything else is forgiven. A vendor's profile leaves off what belongs to another protocol
/// version or another vendor; only Microsoft's sends a user's one role as the primary value of `roles`; `strict` is the
/// RFCs to the letter.
fn off(profile: Profile) -> &'static [Tolerance] {
    use Tolerance::{ManagerId, PrimaryRole, Scim1Urns};
    match profile {
        Profile::Okta | Profile::Ping => &[Scim1Urns, ManagerId, PrimaryRole],
        Profile::Entra => &[Scim1Urns, ManagerId],
        Profile::JumpCloud => &[ManagerId, PrimaryRole],
        Profile::OneLogin | Profile::Generic => &[PrimaryRole],
        Profile::Strict => Tolerance::ALL,
    }
}

/// What a profile forgives.
pub fn of_profile(profile: Profile) -> Tolerances {
    off(profile).iter().fold(Tolerances::EVERY, |on, tolerance| on.without(*tolerance))
}

/// What a client is forgiven.
pub fn of_client(profile: Profile, overrides: &Overrides) -> Tolerances {
    let apply = |on: Tolerances, (tolerance, forgiven): (&Tolerance, &bool)| match forgiven {
        true => on.with(*tolerance),
        false => on.without(*tolerance),
    };
    overrides.0.iter().fold(of_profile(profile), apply)
}

/// The switches that an operator set for one client, whatever its profile says.
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
