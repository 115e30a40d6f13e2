//! A client's own lifetimes, where it has any, and whether a newer connection ends its older ones.

use oauth::client::{ACCESS_TOKEN_SECONDS, Connections, Options, REFRESH_SECONDS};

use crate::http::admin::input::Input;

/// What a body says about them: nothing, `null` for the installation's, or seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetimes {
    access_token: Option<Option<u64>>,
    refresh_idle: Option<Option<u64>>,
    refresh_absolute: Option<Option<u64>>,
    connections: Option<Connections>,
}

impl Lifetimes {
    pub(super) fn read(input: &mut Input) -> Lifetimes {
        Lifetimes {
            access_token: input.number("access_token_seconds", ACCESS_TOKEN_SECONDS),
            refresh_idle: input.number("refresh_idle_seconds", REFRESH_SECONDS),
            refresh_absolute: input.number("refresh_absolute_seconds", REFRESH_SECONDS),
            connections: connections(input),
        }
    }

    pub(super) fn set(self, options: &mut Options) {
        let own = [
            (self.access_token, &mut options.access_token_seconds),
            (self.refresh_idle, &mut options.refresh_idle_seconds),
            (self.refresh_absolute, &mut options.refresh_absolute_seconds),
        ];
        for (said, kept) in own {
            if let Some(said) = said {
                *kept = said;
            }
        }
        if let Some(connections) = self.connections {
            options.connections = connections;
        }
    }
}

/// `null` is the default.
fn connections(input: &mut Input) -> Option<Connections> {
    let named = input.names("connections");
    match input.text("connections") {
        None => named.then(Connections::default),
        Some(text) => {
            let known = Connections::ALL.into_iter().find(|one| one.as_str() == text);
            if known.is_none() {
                input.mistake("connections", "must be replace or keep");
            }
            known
        }
    }
}
