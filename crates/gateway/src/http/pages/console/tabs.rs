//! The tabs of accounts: one list for every page that has them. Those of connections are
//! [`ConnectionHead::tabs`](crate::services::diagnosis::ConnectionHead::tabs).

use super::parts::{Badge, Crumb};
use crate::domain::standing::Standing;
use crate::domain::when::When;
use crate::domain::wording::{self, grouped};
use crate::services::console::account::Head;

/// A page of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccountTab {
    /// What is wrong, what is connected, who gets what.
    Overview,
    /// Who is in it.
    Users,
    /// Which groups they are in.
    Groups,
    /// By which rules they get access, and what made it grow.
    Access,
    /// What came of requests.
    Requests,
    /// To where its events are sent.
    Webhooks,
    /// Attributes that the account declares.
    Attributes,
    /// Who may log in how.
    SignIn,
    /// Name, environments, policies; suspending and deleting.
    Settings,
}

impl AccountTab {
    const ALL: [AccountTab; 9] = [
        AccountTab::Overview,
        AccountTab::Users,
        AccountTab::Groups,
        AccountTab::Access,
        AccountTab::Requests,
        AccountTab::Webhooks,
        AccountTab::Attributes,
        AccountTab::SignIn,
        AccountTab::Settings,
    ];

    /// What follows the account's address, and what it is called.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            AccountTab::Overview => ("", "Overview"),
            AccountTab::Users => ("/users", "Users"),
            AccountTab::Groups => ("/groups", "Groups"),
            AccountTab::Access => ("/access", "Access"),
            AccountTab::Requests => ("/requests", "Requests"),
            AccountTab::Webhooks => ("/webhooks", "Webhooks"),
            AccountTab::Attributes => ("/attributes", "Attributes"),
            AccountTab::SignIn => ("/sign-in", "Log-in"),
            AccountTab::Settings => ("/settings", "Settings"),
        }
    }

    /// The way to a page below this tab.
    pub(super) fn crumbs(self, head: &Head, label: &str) -> Vec<Crumb> {
        let (path, tab) = self.place();
        let account = of_account(&head.id);
        vec![
            Crumb::to("Accounts", "/console"),
            Crumb::to(&head.name, account.clone()),
            Crumb::to(tab, format!("{account}{path}")),
            Crumb::here(label),
        ]
    }
}

/// A tab as it is shown.
#[derive(Debug, Clone)]
pub(super) struct Tab {
    pub(super) label: &'static str,
    pub(super) path: String,
    pub(super) is_current: bool,
    /// How many there are of what it shows.
    pub(super) count: Option<String>,
}

/// The address of an account's page.
pub(super) fn of_account(id: &str) -> String {
    format!("/console/accounts/{id}")
}

/// The address of a connection's page.
pub(super) fn of_client(id: &str) -> String {
    format!("/console/clients/{id}")
}

/// What stands above each page of an account: the way there, its name, how it stands, its tabs.
#[derive(Debug)]
pub(super) struct AccountHead {
    pub(super) crumbs: Vec<Crumb>,
    pub(super) path: String,
    pub(super) name: String,
    pub(super) badge: Badge,
    pub(super) created: When,
    pub(super) suspended: Option<When>,
    pub(super) tabs: Vec<Tab>,
}

impl AccountHead {
    pub(super) fn of(head: &Head, standing: Standing, current: AccountTab) -> AccountHead {
        let path = of_account(&head.id);
        let name = wording::strip_invisible(&head.name);
        let tabs = AccountTab::ALL.into_iter().map(|tab| Tab {
            label: tab.place().1,
            path: format!("{path}{}", tab.place().0),
            is_current: tab == current,
            count: match tab {
                AccountTab::Users => Some(grouped(head.users)),
                AccountTab::Groups => Some(grouped(head.groups)),
                _ => None,
            },
        });
        let mut crumbs = vec![Crumb::to("Accounts", "/console")];
        match current {
            AccountTab::Overview => crumbs.push(Crumb::here(&name)),
            _ => crumbs.extend([Crumb::to(&name, path.clone()), Crumb::here(current.place().1)]),
        }
        AccountHead {
            crumbs,
            badge: standing.into(),
            created: When::day(head.created),
            suspended: head.suspended.map(When::day),
            tabs: tabs.collect(),
            path,
            name,
        }
    }
}

/// The way to a page below an account.
pub(super) fn crumbs_below(head: &Head, label: &str) -> Vec<Crumb> {
    vec![Crumb::to("Accounts", "/console"), Crumb::to(&head.name, of_account(&head.id)), Crumb::here(label)]
}

/// `1,204`, or `1,000+` where counting ended.
pub(super) fn counted(count: i64) -> String {
    match count {
        count if count > crate::storage::standings::MOST => {
            format!("{}+", grouped(crate::storage::standings::MOST))
        }
        count => grouped(count.max(0)),
    }
}
