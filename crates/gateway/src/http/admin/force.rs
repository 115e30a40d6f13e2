//! Acts that have a consequence which has to be confirmed: by `force`, in the body or in the query.

use crate::domain::described::FieldError;
use crate::domain::described::query::query;
use crate::http::edge::problem::Problem;
use crate::services::error::Consequence;

query! {
    /// What may also be said in the query.
    pub(super) struct Confirmed {
        /// The same as `force` in the body, which counts where both are there.
        force: bool,
    }
}

impl Confirmed {
    /// Whether a request says it, in its body or in its query.
    pub(super) fn or(&self, in_body: Option<bool>) -> bool {
        in_body.or(self.force).unwrap_or(false)
    }
}

/// The refusal that says how to confirm.
pub(super) fn unconfirmed(consequence: Consequence, errors: Vec<FieldError>) -> Problem {
    let detail = match consequence {
        Consequence::ValuesInUse => {
            let told: Vec<&str> = errors.iter().map(|error| error.detail.as_str()).collect();
            let or_else = match errors.iter().any(|error| error.field == "product_environments") {
                true => {
                    "; or say what they get instead, as in \"force\": {\"environments\": {\"acme-old\": \"acme-new\"}}, where [] takes it \
                     away and null leaves it"
                }
                false => "",
            };
            format!(
                "{}. They keep it until it is changed, deactivated ones included, and no other user can be given it. To take it off the \
                 list all the same, repeat this with \"force\": true{or_else}",
                told.join("; ")
            )
        }
        Consequence::SharedNames { count, at_least } => {
            let at_least = if at_least { "at least " } else { "" };
            format!(
                "{at_least}{count} names are those of several groups. Rename or delete these groups first; or repeat this with \"force\": \
                 true, and they keep their names while no other group gets one of them"
            )
        }
    };
    Problem::conflict(detail).with_errors(errors)
}
