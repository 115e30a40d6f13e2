//! The code of each refusal, in one table: by codes refusals are counted, found again in a log, and explained to people who do not read
//! the protocol.
//!
//! A code has one meaning. Reasons that share a code mean the same, said at different endpoints. Codes are stable.

/// Defines the codes: where each belongs, its name, what it means, and what to do about it.
macro_rules! codes {
    ($($place:ident => { $($code:ident $name:literal $meaning:literal $remedy:literal;)+ })+) => {
        /// The code of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RefusalCode {
            $($(#[doc = $meaning] $code,)+)+
        }

        impl RefusalCode {
            /// Every code, place by place.
            pub const ALL: &'static [RefusalCode] = &[$($(RefusalCode::$code,)+)+];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $($(RefusalCode::$code => $name,)+)+ }
            }

            /// Where it belongs.
            pub const fn place(self) -> Place {
                match self { $($(RefusalCode::$code => Place::$place,)+)+ }
            }

            /// What it means, for people who look after a connection.
            pub const fn meaning(self) -> &'static str {
                match self { $($(RefusalCode::$code => $meaning,)+)+ }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $($(RefusalCode::$code => $remedy,)+)+ }
            }
        }
    };
}

/// Where a refusal belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The form of a request of a client.
    Request,
    /// The client: who it is, and what it may.
    Client,
    /// What a token request presents: a code or a refresh token.
    Grant,
    /// An access token, wherever it is presented.
    AccessToken,
    /// Access that has ended.
    Ended,
    /// Proofs of possession (RFC 9449).
    Proof,
    /// Authorization requests.
    Authorization,
}

mod table;

pub use table::RefusalCode;

impl std::fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_one_form_and_each_code_has_its_own_with_two_sentences() {
        let names: std::collections::BTreeSet<&str> = RefusalCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), RefusalCode::ALL.len());
        for code in RefusalCode::ALL {
            assert!(code.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            for sentence in [code.meaning(), code.remedy()] {
                assert!(sentence.ends_with('.') && !sentence.contains('|'), "{code}: {sentence}");
            }
        }
    }
}
