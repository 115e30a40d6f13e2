//! An operator: as it is made and answered.

use crate::domain::described::{Required, Text, Time, answer, body};

body! {
    /// A new operator.
    pub struct NewOperator {
        /// What the operator is called in the audit trail. No two have one name at a time.
        name: Required<Text>,
        /// The id of the account that the operator is limited to; all accounts if nothing is said.
        account: Option<Text>,
        /// When the token stops counting; never if nothing is said.
        expires: Option<Time>,
    }
    example {"name": "provisioning dashboard", "expires": "2199-01-31T00:00:00Z"}
}

answer! {
    /// A user of the admin API.
    pub struct Operator {
        /// Its id.
        id: String,
        /// What the operator is called.
        name: String,
        /// The id of the account that the operator is limited to; `null` for all.
        account: Option<String>,
        /// Whether that account was deleted.
        account_deleted: bool,
        /// When it was made.
        created: Time,
        /// When its token stops counting.
        expires: Option<Time>,
        /// When its token was last used, to the hour.
        last_used: Option<Time>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "name": "provisioning dashboard", "account": null, "account_deleted": false,
        "created": "2026-11-23T20:00:00.000Z", "expires": null, "last_used": null
    }
}

answer! {
    /// What is shown once.
    pub struct OperatorToken {
        /// The operator's token. It is shown this once.
        token: String,
    }
    example {"token": "gwo_…"}
}
