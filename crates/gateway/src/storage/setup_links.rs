//! Setup links, kept as fingerprints. The look-up by fingerprint crosses accounts: the link says which account it is for.

use diesel::prelude::*;
use oauth::Fingerprint;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::setup_links;
use super::tx::Tx;
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::setup_link::{Done, Progress, Provider, SetupLink};
use crate::each;
use crate::platform::timestamp::Timestamp;

type When = (Option<Timestamp>, Option<String>);

#[derive(Queryable)]
struct Row {
    seq: i64,
    id: String,
    account: AccountKey,
    client: ClientKey,
    provider: String,
    service_account: Option<String>,
    contact: Option<String>,
    created: Timestamp,
    created_by: String,
    created_by_name: Option<String>,
    expires: Timestamp,
    revoked: Option<Timestamp>,
    opened: When,
    revealed: When,
    credential: Option<String>,
    refused_reveals: i64,
    refused: When,
    finished: Option<Timestamp>,
    progress: String,
}

/// The columns of a [`Row`], in its order.
macro_rules! row_columns {
    () => {
        (
            setup_links::seq,
            setup_links::id,
            setup_links::account,
            setup_links::client,
            setup_links::provider,
            setup_links::service_account,
            setup_links::contact,
            setup_links::created,
            setup_links::created_by,
            setup_links::created_by_name,
            setup_links::expires,
            setup_links::revoked,
            (setup_links::opened, setup_links::opened_from),
            (setup_links::revealed, setup_links::revealed_from),
            setup_links::credential,
            setup_links::refused_reveals,
            (setup_links::refused, setup_links::refused_from),
            setup_links::finished,
            setup_links::progress,
        )
    };
}

impl Row {
    fn link(self) -> Result<SetupLink, DbError> {
        let corrupt = |what: &str| DbError::Corrupt(format!("{what} of setup link {}", self.id));
        let done = |(at, from): When| at.map(|at| Done { at, from });
        Ok(SetupLink {
            provider: Provider::parse(&self.provider).ok_or_else(|| corrupt("provider"))?,
            progress: serde_json::from_str(&self.progress).map_err(|_| corrupt("progress"))?,
            seq: self.seq,
            account: self.account,
            client: self.client,
            service_account: self.service_account,
            contact: self.contact,
            created: self.created,
            created_by: self.created_by,
            created_by_name: self.created_by_name,
            expires: self.expires,
            revoked: self.revoked,
            opened: done(self.opened),
            revealed: done(self.revealed),
            credential: self.credential,
            refused_reveals: self.refused_reveals,
            refused: done(self.refused),
            finished: self.finished,
            id: self.id,
        })
    }
}

fn links(rows: Vec<Row>) -> Result<Vec<SetupLink>, DbError> {
    rows.into_iter().map(Row::link).collect()
}

fn text(progress: &Progress) -> Result<String, DbError> {
    serde_json::to_string(progress).map_err(|e| DbError::Corrupt(format!("progress of a setup link: {e}")))
}

impl Tx<'_> {
    /// Keeps a new setup link. Its `seq` is given here.
    pub fn insert_setup_link(&mut self, link: &mut SetupLink, fingerprint: &Fingerprint) -> Result<(), DbError> {
        let revealed = link.revealed.as_ref();
        let row = (
            setup_links::id.eq(&link.id),
            setup_links::account.eq(link.account),
            setup_links::client.eq(link.client),
            setup_links::fingerprint.eq(fingerprint.as_bytes()),
            setup_links::provider.eq(link.provider.as_str()),
            setup_links::service_account.eq(&link.service_account),
            setup_links::contact.eq(&link.contact),
            setup_links::created.eq(link.created),
            setup_links::created_by.eq(&link.created_by),
            setup_links::created_by_name.eq(&link.created_by_name),
            setup_links::expires.eq(link.expires),
            setup_links::revealed.eq(revealed.map(|done| done.at)),
            setup_links::revealed_from.eq(revealed.and_then(|done| done.from.as_deref())),
            setup_links::credential.eq(&link.credential),
            setup_links::progress.eq(text(&link.progress)?),
        );
        link.seq = each!(&mut *self.conn, c => diesel::insert_into(setup_links::table)
            .values(row)
            .returning(setup_links::seq)
            .get_result(c))?;
        Ok(())
    }

    /// The link with this fingerprint, open or not.
    pub fn setup_link(&mut self, fingerprint: &Fingerprint) -> Result<Option<SetupLink>, DbError> {
        let query =
            setup_links::table.filter(setup_links::fingerprint.eq(fingerprint.as_bytes())).select(row_columns!());
        let row: Option<Row> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(Row::link).transpose()
    }

    /// The link of an account with this id.
    pub fn setup_link_of(&mut self, account: AccountKey, id: &str) -> Result<Option<SetupLink>, DbError> {
        let query = setup_links::table
            .filter(setup_links::account.eq(account))
            .filter(setup_links::id.eq(id))
            .select(row_columns!());
        let row: Option<Row> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(Row::link).transpose()
    }

    /// The links of an account that follow a row, in the order they were made.
    pub fn setup_links_after(
        &mut self,
        account: AccountKey,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SetupLink>, DbError> {
        let query = setup_links::table
            .filter(setup_links::account.eq(account))
            .filter(setup_links::seq.gt(after))
            .order(setup_links::seq)
            .limit(limit)
            .select(row_columns!());
        links(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The newest links of an account, before a row where one is named.
    pub fn newest_setup_links(
        &mut self,
        account: AccountKey,
        before: Option<i64>,
        most: i64,
    ) -> Result<Vec<SetupLink>, DbError> {
        let query = setup_links::table
            .filter(setup_links::account.eq(account))
            .filter(setup_links::seq.lt(before.unwrap_or(i64::MAX)))
            .order(setup_links::seq.desc())
            .limit(most)
            .select(row_columns!());
        links(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The links of a client, the newest first.
    pub fn setup_links_of_client(&mut self, client: ClientKey) -> Result<Vec<SetupLink>, DbError> {
        let query = setup_links::table
            .filter(setup_links::client.eq(client))
            .order(setup_links::seq.desc())
            .limit(100)
            .select(row_columns!());
        links(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Revokes a link; `false` if it was revoked or finished before.
    pub fn revoke_setup_link(&mut self, seq: i64, now: Timestamp) -> Result<bool, DbError> {
        let row = setup_links::table
            .filter(setup_links::seq.eq(seq))
            .filter(setup_links::revoked.is_null())
            .filter(setup_links::finished.is_null());
        Ok(each!(&mut *self.conn, c => diesel::update(row).set(setup_links::revoked.eq(now)).execute(c))? > 0)
    }
}

impl Tx<'_> {
    /// The link with this fingerprint; no other transaction changes it until the unit of work ends.
    pub fn lock_setup_link(&mut self, fingerprint: &Fingerprint) -> Result<Option<SetupLink>, DbError> {
        let query =
            setup_links::table.filter(setup_links::fingerprint.eq(fingerprint.as_bytes())).select(row_columns!());
        let row: Option<Row> = match &mut *self.conn {
            AnyConn::Postgres(c) => query.for_update().get_result(c.begun()).optional()?,
            AnyConn::Sqlite(c) => query.get_result(c).optional()?,
        };
        row.map(Row::link).transpose()
    }

    /// Writes down what came of a link.
    pub fn update_setup_link(&mut self, link: &SetupLink) -> Result<(), DbError> {
        let at = |done: &Option<Done>| done.as_ref().map(|done| done.at);
        let from = |done: &Option<Done>| done.as_ref().and_then(|done| done.from.clone());
        let values = (
            setup_links::opened.eq(at(&link.opened)),
            setup_links::opened_from.eq(from(&link.opened)),
            setup_links::revealed.eq(at(&link.revealed)),
            setup_links::revealed_from.eq(from(&link.revealed)),
            setup_links::credential.eq(&link.credential),
            setup_links::refused_reveals.eq(link.refused_reveals),
            setup_links::refused.eq(at(&link.refused)),
            setup_links::refused_from.eq(from(&link.refused)),
            setup_links::finished.eq(link.finished),
            setup_links::progress.eq(text(&link.progress)?),
        );
        let row = setup_links::table.filter(setup_links::seq.eq(link.seq));
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }
}
