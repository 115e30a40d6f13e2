//! What an endpoint takes and answers, read off its handler's types: a description that cannot say anything else than what is served.

use actix_web::{Handler, HttpRequest, web};
use serde_json::Value;

use crate::domain::described::{Components, Described};

/// What is said about an endpoint beyond its handler.
#[allow(missing_debug_implementations)] // a function has nothing to show
pub struct Operation {
    /// `accounts::list`
    pub handler: &'static str,
    /// The heading it stands under.
    pub tag: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The refusals of its own, each with when it is.
    pub refusals: &'static [(u16, &'static str)],
    /// The parameters of its query.
    pub query: fn() -> &'static [&'static str],
    pub(crate) describe: fn(&mut Components) -> Signature,
}

/// What a handler takes and answers.
#[derive(Debug, Default)]
pub(crate) struct Signature {
    /// OpenAPI's parameter objects.
    pub(crate) query: Vec<Value>,
    pub(crate) body: Option<Media>,
    /// By status; without a schema it is empty.
    pub(crate) answers: Vec<Success>,
    /// It takes an operator.
    pub(crate) is_protected: bool,
}

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) schema: Value,
    pub(crate) example: Value,
    pub(crate) is_required: bool,
}

impl Media {
    pub(crate) fn of<T: Described>(components: &mut Components) -> Media {
        let schema = T::schema(components);
        let named = |name: &str| components.schema(name).is_some_and(|s| s.get("required").is_some());
        let is_required = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()).is_some_and(named);
        Media { schema, example: T::example(), is_required }
    }
}

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Success {
    pub(crate) status: u16,
    pub(crate) about: &'static str,
    pub(crate) body: Option<Media>,
}

/// A parameter of a handler.
pub(crate) trait Part {
    fn describe(_: &mut Signature, _: &mut Components) {}

    fn query_names() -> &'static [&'static str] {
        &[]
    }
}

impl<T> Part for web::Data<T> {}
impl<T> Part for web::Path<T> {}
impl Part for HttpRequest {}

/// The parameters of a handler.
pub(crate) trait Parts {
    fn describe(signature: &mut Signature, components: &mut Components);

    fn query_names() -> &'static [&'static str];
}

macro_rules! parts {
    ($($part:ident),*) => {
        impl<$($part: Part),*> Parts for ($($part,)*) {
            fn describe(signature: &mut Signature, components: &mut Components) {
                $($part::describe(signature, components);)*
            }

            fn query_names() -> &'static [&'static str] {
                [$($part::query_names()),*].into_iter().find(|names| !names.is_empty()).unwrap_or(&[])
            }
        }
    };
}
parts!(A);
parts!(A, B);
parts!(A, B, C);
parts!(A, B, C, D);
parts!(A, B, C, D, E);

/// What a handler answers.
pub(crate) trait Answers {
    fn describe(components: &mut Components) -> Vec<Success>;
}

impl<T: Answers, E> Answers for Result<T, E> {
    fn describe(components: &mut Components) -> Vec<Success> {
        T::describe(components)
    }
}

/// The signature of a handler.
pub(crate) fn signature<F, Args>(_: F, components: &mut Components) -> Signature
where
    F: Handler<Args>,
    Args: Parts,
    F::Output: Answers,
{
    let mut signature = Signature::default();
    Args::describe(&mut signature, components);
    signature.answers = F::Output::describe(components);
    signature
}

/// The names of the parameters that a handler takes from the query.
pub(crate) fn query_names<F: Handler<Args>, Args: Parts>(_: F) -> &'static [&'static str] {
    Args::query_names()
}
