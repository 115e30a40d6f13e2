//! Security event tokens that are fetched (RFC 8936), as the receiver does it: what it asks, and what it is answered.

use serde_json::{Map, Value, json};

use super::SetError;

/// What a receiver asks (§2.2): for the next tokens, and by the way it says which it has, and which it does not accept.
#[derive(Debug, Clone, Copy)]
pub struct Poll<'a> {
    /// So many tokens are wanted at most; 0 only tells what became of those before (§2.4.2).
    pub most: usize,
    /// The `jti` of tokens that were taken.
    pub taken: &'a [String],
    /// The `jti` of tokens that are not accepted, and why.
    pub refused: &'a [(String, SetError)],
}

impl Poll<'_> {
    /// The body of the request. It wants its answer at once: a transmitter that has nothing says so.
    pub fn body(&self) -> Value {
        let mut body = json!({"maxEvents": self.most, "returnImmediately": true});
        if !self.taken.is_empty() {
            body["ack"] = json!(self.taken);
        }
        if !self.refused.is_empty() {
            let errors = self.refused.iter().map(|(jti, SetError { err, description })| {
                let mut error = json!({ "err": err });
                if let Some(description) = description {
                    error["description"] = json!(description);
                }
                (jti.clone(), error)
            });
            body["setErrs"] = Value::Object(errors.collect());
        }
        body
    }
}

/// What a transmitter answers (§2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polled {
    /// Tokens by the `jti` under which it knows them; `None`: what stands there is no text.
    pub sets: Vec<(String, Option<String>)>,
    /// Whether it has more.
    pub more: bool,
}

impl Polled {
    /// Reads an answer. An error says what is wrong with it, and is for administrators.
    pub fn read(body: &[u8]) -> Result<Polled, &'static str> {
        let answer: Map<String, Value> = serde_json::from_slice(body).map_err(|_| "its answer is no JSON object")?;
        let more = match answer.get("moreAvailable") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(more)) => *more,
            Some(_) => return Err("moreAvailable of its answer is neither true nor false"),
        };
        let sets = match answer.get("sets") {
            // §2.3 requires it; to only acknowledge is answered by some without.
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(sets)) => {
                sets.iter().map(|(jti, set)| (jti.clone(), set.as_str().map(str::to_owned))).collect()
            }
            Some(_) => return Err("sets of its answer is no JSON object"),
        };
        Ok(Polled { sets, more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_says_what_became_of_the_tokens_before_and_nothing_else() {
        let empty = Poll { most: 15, taken: &[], refused: &[] };
        assert_eq!(empty.body(), json!({"maxEvents": 15, "returnImmediately": true}));
        let taken = ["a".to_owned(), "b".to_owned()];
        let refused = [
            ("c".to_owned(), SetError { err: "invalid_key".to_owned(), description: Some("no such key".to_owned()) }),
            ("d".to_owned(), SetError { err: "invalid_request".to_owned(), description: None }),
        ];
        let both = Poll { most: 0, taken: &taken, refused: &refused };
        let expected = json!({
            "maxEvents": 0, "returnImmediately": true, "ack": ["a", "b"],
            "setErrs": {"c": {"err": "invalid_key", "description": "no such key"}, "d": {"err": "invalid_request"}},
        });
        assert_eq!(both.body(), expected);
    }

    #[test]
    fn an_answer_is_read_as_the_rfc_has_it_and_what_is_not_one_is_told() {
        let read = |value: Value| Polled::read(value.to_string().as_bytes());
        let sets = vec![("a".to_owned(), Some("x.y.z".to_owned())), ("b".to_owned(), None)];
        assert_eq!(
            read(json!({"sets": {"a": "x.y.z", "b": 7}, "moreAvailable": true})),
            Ok(Polled { sets, more: true })
        );
        for nothing in [json!({}), json!({"sets": {}}), json!({"sets": null, "moreAvailable": null, "other": 1})] {
            assert_eq!(read(nothing), Ok(Polled { sets: Vec::new(), more: false }));
        }
        for wrong in [json!([]), json!("x"), json!({"sets": []}), json!({"sets": {}, "moreAvailable": "yes"})] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        for wrong in [&b""[..], b"{", b"\xff", &b"[".repeat(100_000)] {
            assert!(Polled::read(wrong).is_err());
        }
    }
}
