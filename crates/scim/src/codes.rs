//! The code of each refusal: by codes refusals are counted, found again in a log, and explained to people who do not read the protocol.
//! They are finer than `scimType` (RFC 7644 §3.12), which most statuses do not have. Codes are stable.

/// Defines the codes: each with its name, what it means, and what to do about it.
macro_rules! codes {
    ($($code:ident $name:literal $meaning:literal $remedy:literal;)+) => {
        /// The code of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RefusalCode {
            $(#[doc = $meaning] $code,)+
        }

        impl RefusalCode {
            /// Every code.
            pub const ALL: &'static [RefusalCode] = &[$(RefusalCode::$code,)+];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $(RefusalCode::$code => $name,)+ }
            }

            /// What it means, for people who look after a connection.
            pub const fn meaning(self) -> &'static str {
                match self { $(RefusalCode::$code => $meaning,)+ }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(RefusalCode::$code => $remedy,)+ }
            }
        }
    };
}

codes! {
    Uniqueness "uniqueness"
        "Another user or group already has the value that must be unique, usually the user name."
        "Look for the user or group that has it: link the two in the identity provider, or change one of the names.";
    InvalidValue "invalid_value"
        "A value is missing, is of the wrong type, or is none of the allowed ones, such as a role or an environment that does not exist."
        "The text names the attribute, and where the values are a list, the nearest ones. Correct the mapping in the identity provider, or add the value here.";
    InvalidSyntax "invalid_syntax"
        "The request does not have the structure that SCIM prescribes."
        "The identity provider builds the request: compare its SCIM settings with the setup guide, and report it with the request id.";
    InvalidFilter "invalid_filter"
        "A filter cannot be read, or uses an attribute or an operator that cannot be filtered by."
        "Correct the filter or the matching attribute in the identity provider; the text says which attributes there are.";
    InvalidPath "invalid_path"
        "A change names an attribute path that cannot be read or does not exist."
        "Correct the attribute mapping in the identity provider; the text names the path.";
    NoTarget "no_target"
        "A change is about a value that the user or group does not have."
        "The identity provider and this server know different values: let the provider write the user or group as a whole (import, or push again).";
    Mutability "mutability"
        "A change is about an attribute that clients may not change."
        "Remove the attribute from the mapping in the identity provider.";
    NotFound "not_found"
        "There is no user, group or endpoint at this address; usually it was deleted here."
        "If it was deleted here, unassign and assign it again in the identity provider, so that it is created anew. If no request finds anything, compare the base URL.";
    Conflict "conflict"
        "The request does not go with what is there now; the text says what is in the way."
        "Do what the text says, then push again.";
    VersionMismatch "version_mismatch"
        "The user or group was changed since the client read it."
        "Nothing, if it happens once: the client reads it again and repeats the change.";
    Forbidden "forbidden"
        "The account does not let this connection do that: change a service account, deactivate its own owner, or take the last administrator away."
        "The text says which rule it is. Give another user the role, name a co-owner, or change the account's options.";
    TooLarge "too_large"
        "A user, a group or a bulk request would have more than may be stored or done at once."
        "Send less: fewer values, fewer members, or several bulk requests.";
    TooMany "too_many"
        "The answer would take more work than one request may."
        "Use a narrower filter, or a smaller page.";
    InvalidCursor "invalid_cursor"
        "A page of a list was asked for by a cursor that was not issued for this query."
        "The client has to begin the list again.";
    ExpiredCursor "expired_cursor"
        "A page of a list was asked for by a cursor that is too old."
        "The client has to begin the list again.";
    InvalidCount "invalid_count"
        "A page of a list was asked for with another size than the page before, or a larger one than there is."
        "The client has to keep one page size for a list.";
    Sensitive "sensitive"
        "A filter in the URL has a value that is personal or secret, where logs would keep it."
        "The client has to send the query as a POST to .search.";
    NotImplemented "not_implemented"
        "The request asks for a part of SCIM that this server does not have."
        "Switch the feature off in the identity provider.";
}

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
