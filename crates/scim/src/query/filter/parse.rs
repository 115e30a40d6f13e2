//! The grammar (RFC 7644 §3.4.2.2 figure 1, §3.5.2 figure 7): one method per level, loosest binding first.
//!
//! More generous than the figure: operators and literals in any letter case, spaces where they do no harm, a value path
//! followed by a sub-attribute and a comparison (`emails[type eq "work"].value eq "x"`).

use std::str::FromStr;

use serde_json::Value;

use super::{Filter, MAX_DEPTH, MAX_LENGTH, MAX_NODES, Operator};
use crate::error::Error;
use crate::query::path::AttributePath;
use crate::schema::is_name;

impl FromStr for AttributePath {
    type Err = Error;
    /// Parses a path; [`Error::InvalidPath`] says where and why.
    fn from_str(text: &str) -> Result<Self, Error> {
        path(text)
    }
}

/// Parses a whole filter.
pub(crate) fn filter(text: &str) -> Result<Filter, Error> {
    let mut parser = Parser::new(text);
    let parsed = check_length(text).and_then(|()| {
        let filter = parser.or()?;
        parser.end()?;
        Ok(filter)
    });
    parsed.map_err(|mistake| Error::InvalidFilter(mistake.sentence("filter", text)))
}

/// Parses a whole path. An error between the brackets is reported as one of the filter.
pub(crate) fn path(text: &str) -> Result<AttributePath, Error> {
    let mut parser = Parser::new(text);
    let parsed = check_length(text).and_then(|()| {
        parser.spaces();
        let path = parser.path()?;
        parser.end()?;
        Ok(path)
    });
    parsed.map_err(|mistake| match parser.in_brackets {
        true => Error::InvalidFilter(mistake.sentence("path", text)),
        false => Error::InvalidPath(mistake.sentence("path", text)),
    })
}

/// An error, and the byte offset where it is.
struct Mistake {
    at: usize,
    what: String,
}

impl Mistake {
    fn sentence(&self, kind: &str, text: &str) -> String {
        let Mistake { at, what } = self;
        let column = text.get(..*at).map_or(*at, |before| before.chars().count()) + 1;
        format!("The {kind} is malformed at character {column}: {what}")
    }
}

type Parsed<T> = Result<T, Mistake>;

fn check_length(text: &str) -> Parsed<()> {
    if text.len() > MAX_LENGTH {
        let what = format!("it is {} bytes long, at most {MAX_LENGTH} are allowed", text.len());
        return Err(Mistake { at: 0, what });
    }
    Ok(())
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    nodes: usize,
    in_brackets: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Parser<'t> {
        Parser { text, at: 0, depth: 0, nodes: 0, in_brackets: false }
    }

    fn or(&mut self) -> Parsed<Filter> {
        let first = self.and()?;
        self.more(first, "or", Self::and, Filter::Or)
    }

    fn and(&mut self) -> Parsed<Filter> {
        let first = self.atom()?;
        self.more(first, "and", Self::atom, Filter::And)
    }

    fn more(
        &mut self,
        first: Filter,
        word: &str,
        part: fn(&mut Self) -> Parsed<Filter>,
        join: fn(Vec<Filter>) -> Filter,
    ) -> Parsed<Filter> {
        if !self.keyword(word) {
            return Ok(first);
        }
        let mut parts = vec![first, part(self)?];
        while self.keyword(word) {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    fn atom(&mut self) -> Parsed<Filter> {
        self.spaces();
        if self.rest().starts_with('(') {
            return self.nested('(', ')');
        }
        if self.keyword("not") {
            self.spaces();
            if !self.rest().starts_with('(') {
                return self.fail("`not` is followed by a filter in parentheses: not (active eq true)");
            }
            return Ok(Filter::Not(Box::new(self.nested('(', ')')?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<Filter> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return self.fail(format!("more than {MAX_NODES} comparisons"));
        }
        let path = Box::new(self.path()?);
        let before = self.at;
        self.spaces();
        let at = self.at;
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        if let Some(operator) = Operator::parse(word) {
            self.spaces();
            return Ok(Filter::Compare(path, operator, self.literal()?));
        }
        if path.filter.is_some() && path.sub.is_none() && is_connective(word) {
            self.at = before;
            return Ok(Filter::Some(path));
        }
        let what = match word {
            "" => format!("an operator is missing after {}", path.name),
            word => format!("{} is not an operator", quoted(word)),
        };
        Err(Mistake { at, what: format!("{what}; there are eq, ne, co, sw, ew, gt, ge, lt, le and pr") })
    }

    /// The only recursion of the parser, so the only place that counts depth.
    fn nested(&mut self, open: char, close: char) -> Parsed<Filter> {
        self.expect(open)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail(format!("parentheses and brackets nest deeper than {MAX_DEPTH}"));
        }
        let inner = self.or()?;
        self.spaces();
        self.expect(close)?;
        self.depth -= 1;
        Ok(inner)
    }

    /// `[URN ":"] name ["[" filter "]"] ["." sub]`. A URN has dots of its own: what follows its last colon is the name.
    fn path(&mut self) -> Parsed<AttributePath> {
        let at = self.at;
        let word = self.word();
        let (urn, dotted) = match word.rsplit_once(':') {
            Some((urn, dotted)) => (Some(urn), dotted),
            None => (None, word),
        };
        let (mut name, mut sub) = match dotted.split_once('.') {
            // an extension as a whole may end like a version: urn:acme:people:1.0
            Some((name, sub)) if urn.is_none() || is_name(name) && is_name(sub) => (name, Some(sub)),
            _ => (dotted, None),
        };
        let suits = is_name(name) || urn.is_some() && !name.is_empty();
        if !suits || !sub.is_none_or(is_name) || urn == Some("") {
            let what = match word {
                "" => "an attribute name is missing".to_owned(),
                word => format!("{} is not an attribute name, such as userName or name.familyName", quoted(word)),
            };
            return Err(Mistake { at, what });
        }
        if urn.is_some() && sub.is_some() && self.rest().starts_with('[') {
            (name, sub) = (dotted, None); // a dot after the URN: urn:…:User.manager[value eq "x"]
        }
        let mut filter = None;
        if sub.is_none() && self.rest().starts_with('[') {
            let within = std::mem::replace(&mut self.in_brackets, true);
            filter = Some(self.nested('[', ']')?);
            self.in_brackets = within;
            if self.rest().starts_with('.') {
                self.at += 1;
                let part = self.word();
                if !is_name(part) {
                    return self.fail("the name of a sub-attribute is missing after the dot");
                }
                sub = Some(part);
            }
        }
        Ok(AttributePath { urn: urn.map(str::to_owned), name: name.to_owned(), filter, sub: sub.map(str::to_owned) })
    }

    /// A JSON string, number or literal; `true`, `false` and `null` in any letter case.
    fn literal(&mut self) -> Parsed<Value> {
        let at = self.at;
        if self.rest().starts_with('"') {
            return self.string();
        }
        let word = self.word();
        let named = [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)];
        if let Some((_, value)) = named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
            return Ok(value);
        }
        match serde_json::from_str(word) {
            Ok(Value::Number(number)) => Ok(Value::Number(number)),
            _ if word.is_empty() => {
                Err(Mistake { at, what: "a value is missing after the operator: userName eq \"bjensen\"".to_owned() })
            }
            _ => Err(Mistake { at, what: format!("{} is not a value; text stands in double quotes", quoted(word)) }),
        }
    }

    fn string(&mut self) -> Parsed<Value> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.bytes().enumerate().skip(1).find_map(|(index, byte)| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends.then_some(index + 1)
        });
        let Some(json) = end.and_then(|end| rest.get(..end)) else {
            return self.fail("a double quote is missing at the end of the text");
        };
        match serde_json::from_str::<String>(json) {
            Ok(text) if text.contains('\0') => self.fail("no value contains the character U+0000"),
            Ok(text) => {
                self.at += json.len();
                Ok(Value::String(text))
            }
            Err(error) => self.fail(format!("the text is not a JSON string ({error})")),
        }
    }

    /// Consumes a keyword if it comes next, with the spaces before it.
    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.at;
        self.spaces();
        if self.word().eq_ignore_ascii_case(keyword) {
            return true;
        }
        self.at = before;
        false
    }

    /// Consumes everything up to a space, a quote, a parenthesis or a bracket.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_ascii_whitespace() || "()[]\"".contains(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn spaces(&mut self) {
        self.at += self.rest().bytes().take_while(u8::is_ascii_whitespace).count();
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expect(&mut self, character: char) -> Parsed<()> {
        if !self.rest().starts_with(character) {
            return match self.rest().chars().next() {
                Some(found) => self.fail(format!("`{character}` should be here, not `{found}`")),
                None => self.fail(format!("`{character}` is missing at the end")),
            };
        }
        self.at += character.len_utf8();
        Ok(())
    }

    fn end(&mut self) -> Parsed<()> {
        self.spaces();
        match self.rest() {
            "" => Ok(()),
            rest => self.fail(format!("{} should not be here; `and` or `or` may be missing", quoted(rest))),
        }
    }

    fn fail<T>(&self, what: impl Into<String>) -> Parsed<T> {
        Err(Mistake { at: self.at, what: what.into() })
    }
}

/// Whether the word after `emails[…]` shows that no comparison follows.
fn is_connective(word: &str) -> bool {
    word.is_empty() || word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or")
}

/// A client's text, shortened for an error message.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests;
