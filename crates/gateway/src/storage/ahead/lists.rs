//! A page of a list, in two statements on PostgreSQL: the token with what is saved of the walk and how many resources there are, and the page
//! itself with the groups of who is on it (`search/page.rs`).
//!
//! They are two snapshots, and nothing tells them from one. The page and its groups are one statement. The token counted a moment before, as it
//! would have for a page that was answered a moment earlier. A place in a walk stays one as others come and go; and the total
//! is told beside a page of its own moment anyway: it is never less than what a client has seen, and exact on the last page.

use diesel::sql_types::{BigInt, Binary, Nullable};
use oauth::bearer::{FoundToken, LookUp};
use scim::schema::ResourceTypeId;
use scim::store::ListKey;

use super::super::along::{Ahead, Listed, Wanted};
use super::super::backend::AnyConn;
use super::super::error::DbError;
use super::super::grants::StatusColumns;
use super::super::rows::{StatusRow, TokenRow, Upward};
use super::super::statement::{Bind, Statement};
use super::super::static_tokens::TokenColumns;
use super::super::tx::Tx;
use super::Found;
use super::texts::LIST;
use crate::domain::actor::{Actor, Named};
use crate::domain::ids::{AccountKey, ResourceKey};

type Columns = (Nullable<Binary>, BigInt);
type Values = (Option<Vec<u8>>, i64);

impl Tx<'_> {
    pub(super) fn find_token_and_list(&mut self, token: &LookUp, wanted: Wanted) -> Result<Option<Found>, DbError> {
        if matches!(&*self.conn, AnyConn::Sqlite(_)) {
            return Ok(None);
        }
        let (found, list) = match token {
            LookUp::Grant(grant, token, response) => {
                let revoked = [token, response].map(|id| Bind::Bytes(id.0.to_vec())).to_vec();
                let binds = [revoked, wanted.binds()?, vec![Bind::number(grant.number)]].concat();
                let account = self.place_of(*grant)?;
                let rows: Vec<(StatusRow, Values)> =
                    Statement::<(StatusColumns, Columns)>::of_account(LIST.grant, account, binds)
                        .load_as_it_is(self.conn)?;
                let Some((status, list)) = rows.into_iter().next() else { return Ok(None) };
                let (status, context) = self.status_of(status)?;
                ((FoundToken::Status(status), context), list)
            }
            LookUp::StaticToken(fingerprint) => {
                let binds = [wanted.binds()?, vec![Bind::Bytes(fingerprint.as_bytes().to_vec())]].concat();
                let rows: Vec<((StatusRow, TokenRow), Values)> =
                    Statement::<((StatusColumns, TokenColumns), Columns)>::new(LIST.static_token, binds)
                        .load_as_it_is(self.conn)?;
                let Some((token, list)) = rows.into_iter().next() else { return Ok(None) };
                let (token, context) = self.static_token_of(token)?;
                ((FoundToken::StaticToken(token), context), list)
            }
        };
        let client = match &found.0 {
            FoundToken::Status(status) => Some(&status.grant.client),
            FoundToken::StaticToken(token) => Some(&token.status.grant.client),
            FoundToken::Nothing(_) => None,
        };
        if let (Some(account), Some(client), Some(asked)) = (&found.1.account, client, self.asked()) {
            let actor = Actor::Client(Named::new(client.as_str(), "")).code();
            let (note, total) = (list.0, u64::try_from(list.1).unwrap_or_default());
            let listed = Some(Listed { actor, note, total, page: None });
            let (account, named, upwards) = (account.seq, None, None);
            let (row, about, is_free, reserved, names_alone) = (None, (false, false), false, None, false);
            let page =
                Ahead { account, wanted, row, about, is_free, reserved, names_alone, named, listed, upwards, asked };
            self.ahead = Some(page);
        }
        Ok(Some((found.0, Some(found.1))))
    }

    /// What came along for a page of the list of this type.
    pub(in super::super) fn ahead_listed(&mut self, account: AccountKey, kind: ResourceTypeId) -> Option<&mut Listed> {
        let asked = self.asked();
        let is_alone = matches!(&*self.conn, AnyConn::Postgres(session) if session.owes());
        let ahead =
            self.ahead.as_mut().filter(|ahead| is_alone && ahead.account == account && Some(ahead.asked) == asked)?;
        let is_wanted = matches!(&ahead.wanted, Wanted::List(wanted, _) if *wanted == kind);
        ahead.listed.as_mut().filter(|_| is_wanted)
    }

    /// What is saved of this actor's walk through a list, if it is known.
    pub(in super::super) fn ahead_note(&self, account: AccountKey, list: &ListKey) -> Option<Option<Vec<u8>>> {
        let ahead = self.at_hand(account)?;
        let listed = ahead.listed.as_ref().filter(|listed| listed.actor == self.origin.actor.code())?;
        matches!(&ahead.wanted, Wanted::List(_, wanted) if wanted == list).then(|| listed.note.clone())
    }

    /// Keeps the ways up from those who are on the page that was read as it came along.
    pub(in super::super) fn keep_page(
        &mut self,
        (account, kind): (AccountKey, ResourceTypeId),
        mut page: Vec<ResourceKey>,
        upwards: Vec<Upward>,
    ) {
        page.sort_unstable();
        if let Some(listed) = self.ahead_listed(account, kind) {
            listed.page = Some((page, upwards));
        }
    }
}
