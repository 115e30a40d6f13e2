//! The OpenID AuthZEN Authorization API 1.0: requests and responses. Members that are not known are ignored, as it asks.

use serde_json::{Map, Value, json};

use crate::domain::described::{
    Components, Described, Mistakes, Read, Required, Sometimes, Text, Whole, answer, body, part,
};

/// So many evaluations are answered in one request.
pub const MOST_EVALUATIONS: usize = 1_000;

body! {
    /// A subject or a resource (§5.1, §5.2).
    pub struct Entity {
        /// `user` for a subject; `environment` or `role` for a resource.
        kind as "type": Required<Text>,
        /// Its id. Of a user, the id or the `userName`.
        id: Option<Text>,
        ..rest
    }
    example {"type": "environment", "id": "acme-prod"}
}
part!(Entity);

body! {
    /// An action (§5.3).
    pub struct NamedAction {
        /// `enter` an environment, or `have` a role.
        name: Required<Text>,
        ..rest
    }
    example {"name": "enter"}
}
part!(NamedAction);

body! {
    /// The context (§5.4).
    pub struct Context {
        /// The account that is asked about, by its id or its name. An operator who is limited to one account may leave it out.
        account: Option<Text>,
        ..rest
    }
    example {"account": "acme"}
}
part!(Context);

body! {
    /// A question (§6.1), as far as it is said: in a batch, the rest stands at the top.
    pub struct Evaluation {
        /// Who.
        subject: Option<Entity>,
        /// Does what.
        action: Option<NamedAction>,
        /// To what.
        resource: Option<Entity>,
        /// In which account.
        context: Option<Context>,
        ..rest
    }
    example {
        "subject": {"type": "user", "id": "ana@acme.test"}, "action": {"name": "enter"},
        "resource": {"type": "environment", "id": "acme-prod"}, "context": {"account": "acme"}
    }
}
part!(Evaluation);

/// The questions of a batch.
#[derive(Debug, Clone)]
pub struct Batch(pub Vec<Evaluation>);

impl Described for Batch {
    fn schema(components: &mut Components) -> Value {
        json!({"type": "array", "items": Evaluation::schema(components), "maxItems": MOST_EVALUATIONS})
    }
}

impl Read for Batch {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Batch> {
        let Value::Array(values) = value else {
            mistakes.note(at, "must be a list of evaluations");
            return None;
        };
        if values.len() > MOST_EVALUATIONS {
            mistakes.note(at, format!("has {} evaluations; send at most {MOST_EVALUATIONS}", values.len()));
            return None;
        }
        let read = |(i, value)| Evaluation::read(value, &format!("{at}[{i}]"), mistakes);
        Some(Batch(values.into_iter().enumerate().filter_map(read).collect()))
    }
}

body! {
    /// Whether a batch ends early (§7.1.2).
    pub struct Options {
        /// `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`.
        evaluations_semantic: Option<Text>,
        ..rest
    }
    example {"evaluations_semantic": "execute_all"}
}
part!(Options);

body! {
    /// Several questions (§7.1).
    pub struct Evaluations {
        /// What stands here counts for each that does not say it.
        subject: Option<Entity>,
        /// The same.
        action: Option<NamedAction>,
        /// The same.
        resource: Option<Entity>,
        /// The same.
        context: Option<Context>,
        /// The questions; without them, what stands beside is one.
        evaluations: Option<Batch>,
        /// Whether it ends early.
        options: Option<Options>,
        ..rest
    }
    example {
        "subject": {"type": "user", "id": "ana@acme.test"}, "action": {"name": "enter"}, "context": {"account": "acme"},
        "evaluations": [{"resource": {"type": "environment", "id": "acme-prod"}}]
    }
}

body! {
    /// Which page (§8).
    pub struct PageOf {
        /// The `next_token` of the page before; none or an empty one for the first page.
        token: Option<Text>,
        /// How many results there are at most; 100 if nothing is said.
        limit: Option<Whole<1, 1000>>,
        ..rest
    }
    example {"limit": 100}
}
part!(PageOf);

body! {
    /// Who may do something (§8.4).
    pub struct SubjectSearch {
        /// Of which type.
        subject: Option<Entity>,
        /// Do what.
        action: Option<NamedAction>,
        /// To what.
        resource: Option<Entity>,
        /// In which account.
        context: Option<Context>,
        /// Which page.
        page: Option<PageOf>,
        ..rest
    }
    example {
        "subject": {"type": "user"}, "action": {"name": "enter"}, "resource": {"type": "environment", "id": "acme-prod"},
        "context": {"account": "acme"}
    }
}

answer! {
    /// Why.
    pub struct DecisionContext {
        /// In words, for people.
        reason: String,
    }
    example {"reason": "the user's own product_environments"}
}

answer! {
    /// A decision (§6.2).
    pub struct Decision {
        /// Whether they may.
        decision: bool,
        /// Why.
        context: DecisionContext,
    }
    example {"decision": true, "context": {"reason": "the user's own product_environments"}}
}

answer! {
    /// The decisions of a batch, in its order (§7.2); of one question, the decision.
    pub struct Decisions {
        /// Of one question: whether they may.
        decision: Sometimes<bool>,
        /// Of one question: why.
        context: Sometimes<DecisionContext>,
        /// Of a batch.
        evaluations: Sometimes<Vec<Decision>>,
    }
    example {"evaluations": [{"decision": true, "context": {"reason": "the user's own product_environments"}}]}
}

answer! {
    /// A user who may.
    pub struct FoundSubject {
        /// `user`
        kind as "type": &'static str,
        /// The id.
        id: String,
        /// The `userName`.
        properties: SubjectProperties,
    }
    example {"type": "user", "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1d", "properties": {"userName": "ana@acme.test"}}
}

answer! {
    /// What is said of a user.
    pub struct SubjectProperties {
        /// The name the user logs in by.
        user_name as "userName": String,
    }
    example {"userName": "ana@acme.test"}
}

answer! {
    /// Where the list goes on.
    pub struct NextPage {
        /// What to send as `page.token` for the next page; empty at the end.
        next_token: String,
        /// How many results this page has.
        count: usize,
    }
    example {"next_token": "", "count": 1}
}

answer! {
    /// Those who may. A page may have few results, or none, and a `next_token`.
    pub struct FoundSubjects {
        /// They.
        results: Vec<FoundSubject>,
        /// Where the list goes on.
        page: NextPage,
    }
    example {"results": [], "page": {"next_token": "", "count": 0}}
}

impl Evaluation {
    /// With what it does not say itself taken from another.
    #[must_use]
    pub fn or(self, top: &Evaluation) -> Evaluation {
        Evaluation {
            subject: self.subject.or_else(|| top.subject.clone()),
            action: self.action.or_else(|| top.action.clone()),
            resource: self.resource.or_else(|| top.resource.clone()),
            context: self.context.or_else(|| top.context.clone()),
            rest: Map::new(),
        }
    }
}
