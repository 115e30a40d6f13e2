//! An operator: as it is made and answered.

use crate::domain::described::{Patch, Required, Text, Texts, Time, answer, body};
use crate::domain::operator::Role;

body! {
    /// A new operator.
    pub struct NewOperator {
        /// What the operator is called in the audit trail. No two have one name at a time.
        name: Required<Text>,
        /// The e-mail address by which the operator logs in to the console: such an operator has no token, and is answered with a link to a
        /// password. An operator without an address is automation, and is answered with a token.
        address: Option<Text>,
        /// What the operator may do: `platform` everything, `csm` what can be taken back and no secret, `support` read and diagnose, `auditor`
        /// read the audit trail.
        role: Required<Role>,
        /// The ids of the accounts that the operator is limited to; all accounts if nothing is said.
        accounts: Option<Texts>,
        /// When the token stops counting; never if nothing is said.
        expires: Option<Time>,
    }
    example {"name": "provisioning dashboard", "role": "csm", "expires": "2199-01-31T00:00:00Z"}
}

body! {
    /// What changes of an operator: what is not said stays as it is.
    pub struct OperatorChange {
        /// What the operator is called in the audit trail. No two have one name at a time.
        name: Option<Text>,
        /// What the operator may do. No operator changes their own.
        role: Option<Role>,
        /// The ids of the accounts that the operator is limited to; `null` for all accounts. No operator changes their own.
        accounts: Patch<Texts>,
    }
    example {"role": "support", "accounts": null}
}

answer! {
    /// A user of the admin API.
    pub struct Operator {
        /// Its id.
        id: String,
        /// What the operator is called.
        name: String,
        /// The e-mail address by which the operator logs in to the console; `null` for automation.
        address: Option<String>,
        /// What the operator may do.
        role: Role,
        /// The ids of the accounts that the operator is limited to, without deleted ones; `null` for all.
        accounts: Option<Vec<String>>,
        /// When it was made.
        created: Time,
        /// When its token stops counting.
        expires: Option<Time>,
        /// When its token was last used, to the hour.
        last_used: Option<Time>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "name": "provisioning dashboard", "address": null, "role": "csm", "accounts": null,
        "created": "2026-11-23T20:00:00.000Z", "expires": null, "last_used": null
    }
}

answer! {
    /// What is shown once.
    pub struct OperatorToken {
        /// The operator's token, unless they log in by an address. It is shown this once.
        token: Option<String>,
        /// Where an operator with an address chooses a password, once and within three days. It is shown this once.
        password_link: Option<String>,
    }
    example {"token": "gwo_…", "password_link": null}
}

answer! {
    /// A link with which an operator chooses a password.
    pub struct OperatorLink {
        /// The link. It is shown this once, and counts once.
        password_link: String,
        /// Until when it counts: three days for a first password, an hour for another one.
        expires: Time,
    }
    example {"password_link": "https://gateway.example/console/welcome/gwp_…", "expires": "2026-11-23T21:00:00.000Z"}
}
