//! How an account stands: the health of all its connections in one word, the worst first.

use super::health::HealthState;

/// How an account stands. The order is that of the list of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A connection does not work.
    Broken,
    /// A connection needs attention.
    Attention,
    /// Nothing has connected yet.
    SettingUp,
    /// Its connections work; others may never have been used.
    Working,
    /// An operator has suspended it.
    Suspended,
}

impl Standing {
    /// All of them, the worst first.
    pub const ALL: [Standing; 5] =
        [Standing::Broken, Standing::Attention, Standing::SettingUp, Standing::Working, Standing::Suspended];

    /// What follows from the states of an account's connections.
    pub fn of(is_suspended: bool, states: impl IntoIterator<Item = HealthState>) -> Standing {
        if is_suspended {
            return Standing::Suspended;
        }
        let each = states.into_iter().map(|state| match state {
            HealthState::Broken => Standing::Broken,
            HealthState::Attention => Standing::Attention,
            HealthState::Ok => Standing::Working,
            HealthState::NeverUsed => Standing::SettingUp,
        });
        // A connection that works says more than one that was never used.
        each.min_by_key(|standing| (*standing == Standing::SettingUp, *standing)).unwrap_or(Standing::SettingUp)
    }

    /// As it is stored.
    pub const fn rank(self) -> i16 {
        match self {
            Standing::Broken => 0,
            Standing::Attention => 1,
            Standing::SettingUp => 2,
            Standing::Working => 3,
            Standing::Suspended => 4,
        }
    }

    /// The standing that is stored so.
    pub fn of_rank(rank: i16) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.rank() == rank)
    }

    /// As an address writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Broken => "broken",
            Standing::Attention => "attention",
            Standing::SettingUp => "setting_up",
            Standing::Working => "working",
            Standing::Suspended => "suspended",
        }
    }

    /// The standing that an address calls so.
    pub fn parse(text: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.as_str() == text)
    }

    /// In people's words.
    pub const fn words(self) -> &'static str {
        match self {
            Standing::Broken => "Not working",
            Standing::Attention => "Needs attention",
            Standing::SettingUp => "Setting up",
            Standing::Working => "Working",
            Standing::Suspended => "Suspended",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_connection_decides_and_one_that_was_never_used_does_not_hide_one_that_works() {
        use HealthState::{Attention, Broken, NeverUsed, Ok};
        for (states, standing) in [
            (&[][..], Standing::SettingUp),
            (&[NeverUsed], Standing::SettingUp),
            (&[NeverUsed, Ok], Standing::Working),
            (&[Ok, Attention, NeverUsed], Standing::Attention),
            (&[Attention, Broken, Ok], Standing::Broken),
        ] {
            assert_eq!(Standing::of(false, states.iter().copied()), standing, "{states:?}");
            assert_eq!(Standing::of(true, states.iter().copied()), Standing::Suspended);
        }
    }

    #[test]
    fn each_standing_is_read_back() {
        for (rank, standing) in (0..).zip(Standing::ALL) {
            assert_eq!(standing.rank(), rank, "the order of the list");
            assert_eq!(Standing::of_rank(rank), Some(standing));
            assert_eq!(Standing::parse(standing.as_str()), Some(standing));
        }
        assert_eq!((Standing::of_rank(5), Standing::parse("")), (None, None));
    }
}
