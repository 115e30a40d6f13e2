//! Questions of several units of work, asked as one.
//!
//! Of a look-up, most is spent on asking: two processes change places, and each makes a statement ready and ends it, for what PostgreSQL
//! finds in a fifth of that time. So those that wait at one moment are asked in one statement: what each asks for is an element of an array, and each
//! row of the answer begins with the number of its question. Of each kind there is one statement, however many are asked; the arrays come
//! out of subqueries, so that none is planned for their length.
//!
//! It begins after all of them came, so each sees at least what it would have seen by itself: a token that was revoked before a request
//! came does not count.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Text};
use oauth::bearer::LookUp;
use oauth::{ClientId, Fingerprint, GrantId, TokenId};
use scim::{AttributeKey, Id, SearchKey};

use super::ahead::texts::{owners, texts_together};
use super::ahead::{ResourceColumns, as_json};
use super::along::{Next, Question, Reply, Wanted};
use super::backend::AnyConn;
use super::clients::found::{Columns, client_columns};
use super::error::DbError;
use super::grants::{GrantColumns, StatusColumns, stands, status_columns};
use super::rows::{AlongRow, ClientValues, GrantRow, StatusRow, TokenRow};
use super::static_tokens::TokenColumns;
use super::tx::Tx;

/// Questions of one kind become one statement. What is locked comes first, and in the order in which it is to be changed: a group may be
/// changed along with who leaves or joins it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Token(About, Credential),
    OwnGrant,
    ClientAndToken,
}

/// What a token is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    LockedGroup,
    Locked,
    Leaving,
    NewUser,
    Id,
    UserName,
}

/// What kind of token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Credential {
    Grant,
    StaticToken,
}

impl Kind {
    /// That of a question; `None`: it is asked alone.
    pub(super) fn of(question: &Question) -> Option<Kind> {
        match question {
            Question::Token(_, Wanted::List(..)) => None,
            Question::Token(token, wanted) => {
                let about = match wanted {
                    Wanted::Id(_) | Wanted::List(..) => About::Id,
                    Wanted::UserName(_) => About::UserName,
                    Wanted::Locked(_) => About::Locked,
                    Wanted::Leaving(_) => About::Leaving,
                    Wanted::LockedGroup(..) => About::LockedGroup,
                    Wanted::NewUser(..) => About::NewUser,
                };
                let credential = match token {
                    LookUp::Grant(..) => Credential::Grant,
                    LookUp::StaticToken(_) => Credential::StaticToken,
                };
                Some(Kind::Token(about, credential))
            }
            Question::Client(_, Next::OwnGrant) => Some(Kind::OwnGrant),
            Question::Client(_, Next::Token(LookUp::Grant(..))) => Some(Kind::ClientAndToken),
            Question::Client(_, Next::Token(LookUp::StaticToken(_)) | Next::Refresh(_)) => None,
        }
    }

    /// Whether something is locked for it.
    pub(super) fn locks(self) -> bool {
        matches!(self, Kind::Token(About::LockedGroup | About::Locked | About::Leaving | About::NewUser, _))
    }
}

/// What is asked, as arrays. Those that a kind has no use for stay empty.
#[derive(Debug, Default)]
struct Asked {
    grants: Vec<i64>,
    tokens: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    /// Ids, names or clients.
    texts: Vec<String>,
    /// As JSON for each group the ids of those who are named with it, or for each user the keys of their names.
    named: Vec<String>,
}

impl Asked {
    fn of(questions: &[Question]) -> Asked {
        let mut asked = Asked::default();
        for question in questions {
            let (token, text) = match question {
                Question::Token(token, Wanted::UserName(key)) => (Some(token), key.clone()),
                Question::Token(token, Wanted::Id(id) | Wanted::Locked(id) | Wanted::Leaving(id)) => {
                    (Some(token), id.to_string())
                }
                Question::Token(token, Wanted::LockedGroup(id, named)) => {
                    let named: Vec<&str> = named.iter().map(Id::as_str).collect();
                    asked.named.push(serde_json::Value::from(named).to_string());
                    (Some(token), id.to_string())
                }
                Question::Token(token, Wanted::List(..)) => (Some(token), String::new()),
                Question::Token(token, Wanted::NewUser(names, awaited)) => {
                    asked.named.push(as_json(names, awaited));
                    (Some(token), String::new())
                }
                Question::Client(client, Next::Token(token)) => (Some(token), client.as_str().to_owned()),
                Question::Client(client, Next::OwnGrant | Next::Refresh(_)) => (None, client.as_str().to_owned()),
            };
            asked.texts.push(text);
            match token {
                Some(LookUp::Grant(grant, token, response)) => {
                    asked.grants.push(grant.number);
                    asked.tokens.push(token.0.to_vec());
                    asked.responses.push(response.0.to_vec());
                }
                Some(LookUp::StaticToken(fingerprint)) => asked.tokens.push(fingerprint.as_bytes().to_vec()),
                None => {}
            }
        }
        asked
    }

    fn with_grants(self, text: &'static str) -> Vec<Part> {
        let tokens = vec![Many::Numbers(self.grants), Many::Bytes(self.tokens), Many::Bytes(self.responses)];
        parts(text, tokens.into_iter().chain([Many::Texts(self.texts), Many::Texts(self.named)]))
    }

    fn with_fingerprints(self, text: &'static str) -> Vec<Part> {
        parts(text, [Many::Bytes(self.tokens), Many::Texts(self.texts), Many::Texts(self.named)].into_iter())
    }
}

const OWN_GRANTS: &str = concat!(
    "SELECT i.n, g.seq, g.account, q.id, g.owner_id, g.scope, g.nonce, g.auth_time, g.authentication, g.created, g.ended, g.rebound, g.delivered, g.delivered_at, ",
    client_columns!("json_agg(json_build_array(s.id, encode(s.fingerprint, 'hex'), s.expires, s.last_used))::text"),
    " FROM unnest((SELECT ?::text[])) WITH ORDINALITY AS i (client, n) \
     CROSS JOIN LATERAL (SELECT * FROM clients WHERE id = i.client OFFSET 0) AS q \
     CROSS JOIN LATERAL (SELECT * FROM grants WHERE client = q.seq AND owner IS NULL AND ended IS NULL OFFSET 0) AS g \
     LEFT JOIN LATERAL (SELECT * FROM accounts WHERE seq = q.account AND deleted IS NULL OFFSET 0) AS qa ON TRUE"
);

const CLIENTS_AND_TOKENS: &str = concat!(
    "SELECT i.n, ",
    status_columns!(
        "(SELECT t.expires FROM revoked_tokens AS t WHERE t.id = i.token), (SELECT t.expires FROM revoked_tokens AS t WHERE t.id = i.response)"
    ),
    ", ",
    client_columns!("json_agg(json_build_array(s.id, encode(s.fingerprint, 'hex'), s.expires, s.last_used))::text"),
    " FROM unnest((SELECT ?::bigint[]), (SELECT ?::bytea[]), (SELECT ?::bytea[]), (SELECT ?::text[])) \
     WITH ORDINALITY AS i (grant_seq, token, response, client, n) \
     CROSS JOIN LATERAL (SELECT * FROM grants WHERE seq = i.grant_seq OFFSET 0) AS g ",
    owners!(),
    " CROSS JOIN LATERAL (SELECT * FROM clients WHERE id = i.client OFFSET 0) AS q \
     LEFT JOIN LATERAL (SELECT * FROM accounts WHERE seq = q.account AND deleted IS NULL OFFSET 0) AS qa ON TRUE \
     WHERE ",
    stands!()
);

/// Asks questions of one kind; says for each what it asked.
pub(super) fn ask(conn: &mut AnyConn, kind: Kind, questions: &[Question]) -> Result<Vec<Reply>, DbError> {
    let AnyConn::Postgres(session) = conn else { return Err(DbError::Interrupted) };
    let (many, asked) = (questions.len(), Asked::of(questions));
    let texts = questions.first().and_then(|question| match question {
        Question::Token(_, wanted) => Some(texts_together(wanted)),
        Question::Client(..) => None,
    });
    let attribute = matches!(kind, Kind::Token(About::UserName, _));
    let attribute = attribute.then(|| Many::Number(AttributeKey::user_name().0.into()));
    match (kind, texts) {
        (Kind::Token(_, Credential::Grant), Some(texts)) => {
            let parts = asked.with_grants(texts.grant);
            let rows: Vec<(i64, StatusRow, AlongRow)> =
                of_columns::<(BigInt, StatusColumns, ResourceColumns)>(parts, attribute).load(session.as_it_is())?;
            let rows = rows.into_iter().map(|(n, status, along)| (n, (status, along)));
            Ok(by_question(rows, many).map(Reply::Grant).collect())
        }
        (Kind::Token(_, Credential::StaticToken), Some(texts)) => {
            let parts = asked.with_fingerprints(texts.static_token);
            let rows: Vec<(i64, (StatusRow, TokenRow), AlongRow)> =
                of_columns::<(BigInt, (StatusColumns, TokenColumns), ResourceColumns)>(parts, attribute)
                    .load(session.as_it_is())?;
            let rows = rows.into_iter().map(|(n, status, along)| (n, (status, along)));
            Ok(by_question(rows, many).map(Reply::StaticToken).collect())
        }
        (Kind::OwnGrant, _) => {
            let parts = parts(OWN_GRANTS, [Many::Texts(asked.texts)].into_iter());
            let rows: Vec<(i64, GrantRow, ClientValues)> =
                of_columns::<(BigInt, GrantColumns, Columns)>(parts, None).load(session.as_it_is())?;
            let rows = rows.into_iter().map(|(n, grant, client)| (n, (grant, client)));
            Ok(by_question(rows, many).map(|rows| Reply::OwnGrant(rows.into_iter().next().map(Box::new))).collect())
        }
        (Kind::ClientAndToken, _) => {
            let parts = asked.with_grants(CLIENTS_AND_TOKENS);
            let rows: Vec<(i64, StatusRow, ClientValues)> =
                of_columns::<(BigInt, StatusColumns, Columns)>(parts, None).load(session.as_it_is())?;
            let rows = rows.into_iter().map(|(n, status, client)| (n, (status, client)));
            Ok(by_question(rows, many).map(|rows| Reply::Token(rows.into_iter().next().map(Box::new))).collect())
        }
        (Kind::Token(..), None) => Err(DbError::Interrupted),
    }
}

/// The rows of each question; the first has number one.
fn by_question<T>(rows: impl Iterator<Item = (i64, T)>, many: usize) -> impl Iterator<Item = Vec<T>> {
    let mut all: Vec<Vec<T>> = std::iter::repeat_with(Vec::new).take(many).collect();
    for (n, row) in rows {
        let of = usize::try_from(n).ok().and_then(|n| n.checked_sub(1)).and_then(|n| all.get_mut(n));
        if let Some(of) = of {
            of.push(row);
        }
    }
    all.into_iter()
}

/// Values of a statement for PostgreSQL.
#[derive(Debug)]
enum Many {
    Number(i64),
    Numbers(Vec<i64>),
    Bytes(Vec<Vec<u8>>),
    Texts(Vec<String>),
}

/// A piece of a text, and the value after it.
type Part = (&'static str, Option<Many>);

/// A text at whose `?` these stand, in their order; where it has one more, its value is added later.
fn parts(text: &'static str, mut values: impl Iterator<Item = Many>) -> Vec<Part> {
    let pieces: Vec<&'static str> = text.split('?').collect();
    let last = pieces.len() - 1;
    pieces.into_iter().enumerate().map(|(n, piece)| (piece, if n < last { values.next() } else { None })).collect()
}

/// A statement that is kept prepared, however much its arrays hold.
#[derive(Debug)]
struct Together<ST> {
    parts: Vec<Part>,
    columns: std::marker::PhantomData<ST>,
}

fn of_columns<ST>(mut parts: Vec<Part>, attribute: Option<Many>) -> Together<ST> {
    if let Some(attribute) = attribute
        && let Some(last) = parts.iter_mut().rev().nth(1)
    {
        last.1 = Some(attribute);
    }
    Together { parts, columns: std::marker::PhantomData }
}

impl<ST> QueryFragment<Pg> for Together<ST> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (text, value) in &self.parts {
            sql.push_sql(text);
            match value {
                Some(Many::Number(value)) => sql.push_bind_param::<BigInt, _>(value)?,
                Some(Many::Numbers(values)) => sql.push_bind_param::<Array<BigInt>, _>(values)?,
                Some(Many::Bytes(values)) => sql.push_bind_param::<Array<Binary>, _>(values)?,
                Some(Many::Texts(values)) => sql.push_bind_param::<Array<Text>, _>(values)?,
                None => {}
            }
        }
        Ok(())
    }
}

impl<ST: 'static> QueryId for Together<ST> {
    type QueryId = ();
    // Cached by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Together<ST> {
    type SqlType = ST;
}

impl<ST> RunQueryDsl<PgConnection> for Together<ST> {}

impl Tx<'_> {
    /// On PostgreSQL, asks a question of each kind that nothing answers: for who reads how such statements are answered.
    pub fn ask_together_of_each_kind(&mut self) -> Result<(), DbError> {
        let none = "none".to_owned();
        let token = LookUp::Grant(GrantId::new(-1), TokenId::NONE, TokenId::NONE);
        let static_tokens = Fingerprint::from_bytes(&[0; 32]).map(LookUp::StaticToken);
        let of_one = |id: Id| {
            let group = Wanted::LockedGroup(id.clone(), vec![id.clone()]);
            [Wanted::Id(id.clone()), Wanted::Locked(id.clone()), Wanted::Leaving(id), group]
        };
        let name = SearchKey { attribute: AttributeKey::user_name(), key: none.clone(), unique: true };
        let names = [Wanted::UserName(none.clone()), Wanted::NewUser(vec![name], Vec::new())];
        let wanted: Vec<Wanted> = Id::new(none.clone()).map(of_one).into_iter().flatten().chain(names).collect();
        let with = |token: &LookUp| {
            let ask = |wanted: &Wanted| Question::Token(token.clone(), wanted.clone());
            wanted.iter().map(ask).collect::<Vec<_>>()
        };
        let client = ClientId::new(none).into_iter();
        let nexts = [Next::OwnGrant, Next::Token(token.clone())];
        let of_clients = client.flat_map(|client| nexts.clone().map(|next| Question::Client(client.clone(), next)));
        for question in with(&token).into_iter().chain(static_tokens.iter().flat_map(with)).chain(of_clients) {
            if let (Some(kind), AnyConn::Postgres(_)) = (Kind::of(&question), &*self.conn) {
                ask(self.conn, kind, &[question.clone(), question])?;
            }
        }
        Ok(())
    }
}
