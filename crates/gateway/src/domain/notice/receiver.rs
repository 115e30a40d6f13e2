//! That a receiver of the feed is in trouble: a webhook, or a stream of security event tokens that is pushed.

use serde::{Deserialize, Serialize};

use crate::domain::receiver::Form;
use crate::domain::wording::{Span, day};
use crate::platform::timestamp::Timestamp;

/// What is wrong with a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It does not take what it is sent, and what follows waits.
    Held,
    /// It has answered that it is gone, and gets nothing.
    Stopped,
    /// What it needs next is not kept any more.
    Lost,
}

/// A receiver of the feed that is in trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverTrouble {
    /// Its id.
    pub id: String,
    /// What it is called, or where it is.
    pub name: String,
    /// Whether it is a stream of security event tokens; otherwise it is a webhook.
    pub is_stream: bool,
    /// What is wrong.
    pub trouble: Trouble,
    /// What was seen last.
    pub problem: Option<String>,
}

impl ReceiverTrouble {
    /// Of a receiver with this id, description and address.
    pub fn of(
        (id, description, url): (&str, &str, &str),
        form: Form,
        trouble: Trouble,
        problem: Option<&str>,
    ) -> ReceiverTrouble {
        let name = if description.is_empty() { url } else { description };
        ReceiverTrouble {
            id: id.to_owned(),
            name: name.to_owned(),
            is_stream: form == Form::SecurityEvent,
            trouble,
            problem: problem.map(str::to_owned),
        }
    }

    pub(super) fn heading(&self) -> &'static str {
        match (self.is_stream, self.trouble) {
            (false, Trouble::Held) => "A webhook does not take events",
            (false, Trouble::Stopped) => "A webhook is gone",
            (false, Trouble::Lost) => "A webhook has missed events",
            (true, Trouble::Held) => "A stream of events is not taken",
            (true, Trouble::Stopped) => "The receiver of a stream of events is gone",
            (true, Trouble::Lost) => "A stream of events has missed some",
        }
    }

    pub(super) fn hint(&self) -> &'static str {
        match self.trouble {
            Trouble::Held => {
                "See to its receiver. What waits is sent as soon as it takes events again, in their order."
            }
            Trouble::Stopped => "If its receiver is back, let it go on in the console. Otherwise delete it.",
            Trouble::Lost => "Have its receiver take a snapshot, and let it go on after the cursor of that.",
        }
    }

    /// The sentences that tell it.
    pub(super) fn told(&self, made: Timestamp, account: &str) -> Vec<Span> {
        let what = if self.is_stream { "The stream of events " } else { "The webhook " };
        let since = match self.trouble {
            Trouble::Held => " did not take an event, though it was tried several times, the last time on ",
            Trouble::Stopped => " answered that it is gone, on ",
            Trouble::Lost => " has missed events that are not kept any more, as was found on ",
        };
        let mut spans = vec![
            Span::words(what),
            Span::name(&self.name),
            Span::words(" of "),
            Span::name(account),
            Span::words(format!("{since}{}. ", day(made))),
        ];
        if let Some(problem) = self.problem.as_deref().filter(|_| self.trouble == Trouble::Held) {
            spans.extend([Span::words("What was seen: "), Span::name(problem), Span::words(". ")]);
        }
        spans.push(Span::words(match self.trouble {
            Trouble::Held => "What happens meanwhile waits for it, for as long as events are kept.",
            Trouble::Stopped | Trouble::Lost => "It gets nothing until an operator lets it go on.",
        }));
        spans
    }
}
