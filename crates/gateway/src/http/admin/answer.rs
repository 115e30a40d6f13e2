//! What the admin API answers: each kind of answer has its status and says what it is made of.

use actix_web::body::BoxBody;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use serde::Serialize;

use crate::domain::described::{Components, Described};
use crate::http::edge::operation::{Answers, Media, Success};

fn success<T: Described>(components: &mut Components, status: u16, about: &'static str) -> Success {
    Success { status, about, body: Some(Media::of::<T>(components)) }
}

/// 200
impl<T: Described> Answers for web::Json<T> {
    fn describe(components: &mut Components) -> Vec<Success> {
        vec![success::<T>(components, 200, "What was asked for.")]
    }
}

/// 201
#[derive(Debug)]
pub(super) struct Created<T> {
    pub(super) body: T,
    /// Where it is from now on, if it has an address.
    pub(super) location: Option<String>,
}

impl<T: Described> Answers for Created<T> {
    fn describe(components: &mut Components) -> Vec<Success> {
        vec![success::<T>(components, 201, "It was made.")]
    }
}

impl<T: Serialize> Responder for Created<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::Created();
        if let Some(location) = self.location {
            answer.insert_header((header::LOCATION, location));
        }
        answer.json(self.body)
    }
}

/// 201 for what was not there, 200 for what was changed.
#[derive(Debug)]
pub(super) struct Put<T> {
    pub(super) body: T,
    pub(super) is_new: bool,
}

impl<T: Described> Answers for Put<T> {
    fn describe(components: &mut Components) -> Vec<Success> {
        vec![success::<T>(components, 200, "It was changed."), success::<T>(components, 201, "It was made.")]
    }
}

impl<T: Serialize> Responder for Put<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut answer = if self.is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
        answer.json(self.body)
    }
}

/// 204
#[derive(Debug, Clone, Copy)]
pub(super) struct NoContent;

impl Answers for NoContent {
    fn describe(_: &mut Components) -> Vec<Success> {
        vec![Success { status: 204, about: "It was done.", body: None }]
    }
}

impl Responder for NoContent {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}
