//! What a request of the admin API says: its body and its query, read by their definitions, every mistake at once.
//!
//! Without a token that counts every request is a 401, however wrong it is besides: a mistake is told to operators only.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde_json::{Map, Value};

use super::operator::Operator;
use super::target::pairs;
use crate::app::App;
use crate::domain::described::query::Query;
use crate::domain::described::{self, Components, FieldError, Mistakes};
use crate::http::edge::body::{BodyError, Incoming, Patience, within};
use crate::http::edge::operation::{Media, Part, Signature};
use crate::http::edge::problem::Problem;
use crate::storage::DbError;

/// The most a body of the admin API may have.
const LIMIT: usize = 1 << 20;
/// A body that has more is read only for an operator whose token counts. The handler asks that too, but not before it has the body.
const SMALL: usize = 64 << 10;

/// A body, as far as it could be read, and the mistakes found in it so far.
#[derive(Debug)]
pub(super) struct Body<T> {
    /// Where there is a mistake, there is nothing, or a default.
    pub(super) draft: T,
    pub(super) mistakes: Mistakes,
}

impl<T> Body<T> {
    /// The body, or all its mistakes.
    pub(super) fn finish(self) -> Result<T, Problem> {
        self.mistakes.finish().map_err(Problem::invalid)?;
        Ok(self.draft)
    }

    /// What a service read of it, if neither found a mistake; all mistakes at once.
    pub(super) fn and<C>(mut self, read: Result<C, Vec<FieldError>>) -> Result<C, Problem> {
        match read {
            Ok(read) => self.finish().map(|_| read),
            Err(found) => {
                self.mistakes.besides(found);
                Err(Problem::invalid(self.mistakes.finish().err().unwrap_or_default()))
            }
        }
    }

    /// The body, if a service finds nothing wrong with it either; all mistakes at once.
    pub(super) fn checked<M>(mut self, wrong: impl FnOnce(&T) -> M) -> Result<T, Problem>
    where
        M: IntoIterator<Item = FieldError>,
    {
        self.mistakes.besides(wrong(&self.draft));
        self.finish()
    }
}

impl<T: described::Body> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Body<T>, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload).into_inner();
        let request = request.clone();
        Box::pin(async move {
            let mut mistakes = Mistakes::default();
            match read(&request, payload).await {
                Ok(fields) => Ok(Body { draft: T::read_whole(fields, &mut mistakes), mistakes }),
                Err(problem) => Err(told_to_operators(&request, problem).await),
            }
        })
    }
}

impl<T: described::Body> Part for Body<T> {
    fn describe(signature: &mut Signature, components: &mut Components) {
        signature.body = Some(Media::of::<T>(components));
    }
}

/// The parameters of a query.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T: Query + 'static> FromRequest for Params<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Params<T>, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let mut mistakes = Mistakes::default();
            let read = pairs(&request).map(|pairs| T::read(&pairs, &mut mistakes));
            match read.and_then(|read| mistakes.finish().map(|()| read).map_err(Problem::invalid)) {
                Ok(read) => Ok(Params(read)),
                Err(problem) => Err(told_to_operators(&request, problem).await),
            }
        })
    }
}

impl<T: Query> Part for Params<T> {
    fn describe(signature: &mut Signature, components: &mut Components) {
        signature.query = T::describe(components);
    }

    fn query_names() -> &'static [&'static str] {
        T::NAMES
    }
}

/// The problem; for callers who are no operators, that they are none.
async fn told_to_operators(request: &HttpRequest, problem: Problem) -> Problem {
    match Operator::from_request(request, &mut Payload::None).await {
        Ok(_) => problem,
        Err(refused) => refused,
    }
}

/// The JSON object that a body is; an empty body is an empty object.
async fn read(
    request: &HttpRequest,
    payload: Result<web::Payload, actix_web::Error>,
) -> Result<Map<String, Value>, Problem> {
    let app = request.app_data::<web::Data<App>>().expect("registered at the start");
    let mut incoming = Incoming::new(payload.map_err(|e| Problem::bad_request(e.to_string()))?, LIMIT);
    let reading = async {
        let mut counts = false;
        while incoming.more().await? {
            if incoming.len() > SMALL && !counts {
                Operator::from_request(request, &mut Payload::None).await?;
                counts = true;
            }
        }
        Ok::<_, Problem>(())
    };
    within(&Patience::of(app, LIMIT), reading).await?;
    let bytes = incoming.into_bytes();
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match scim::json::parse(&bytes).map_err(|e| Problem::bad_request(e.to_string()))? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Problem::bad_request("the body must be a JSON object")),
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        match error {
            BodyError::TooLarge => Problem::too_large(LIMIT),
            BodyError::TooSlow(patience) => {
                Problem::bad_request(format!("the body was not here after {} seconds", patience.as_secs()))
            }
            BodyError::Stopping => Problem::from(DbError::Interrupted),
            BodyError::Broken(why) => Problem::bad_request(format!("the body could not be read: {why}")),
        }
    }
}
