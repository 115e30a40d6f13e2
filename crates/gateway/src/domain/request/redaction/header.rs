//! Headers: those that say how a message is to be read are kept, of the others the name.

use super::{REPLACED, Replaced, is_suspicious};

/// Kept where they have the form that they should have.
const READABLE: [&str; 3] = ["content-type", "accept", "content-encoding"];

/// A header of a request as it is kept; `None`: nothing of it is.
pub fn request_header(name: &str, value: &str, replaced: &mut Replaced) -> Option<(String, String)> {
    let name = name.to_ascii_lowercase();
    let is_media = |c: char| c.is_ascii_alphanumeric() || "/+.;=*, -_\"".contains(c);
    let kept = match name.as_str() {
        name if READABLE.contains(&name)
            && value.len() <= 100
            && value.chars().all(is_media)
            && !is_suspicious(value) =>
        {
            media(value, replaced)
        }
        "content-length" if value.len() <= 20 && value.bytes().all(|b| b.is_ascii_digit()) => value.to_owned(),
        "user-agent" => agent(value, replaced),
        "if-match" | "if-none-match" => tags(value, replaced),
        // A repetition is answered from what was kept under it.
        "idempotency-key" => replaced.decisive(),
        _ => replaced.harmless(),
    };
    let named = super::LONGEST_NAME >= name.len() && !is_suspicious(&name);
    named.then_some((name, kept))
}

/// A header of an answer as it is kept; `None`: nothing of it is.
pub fn answer_header(name: &str, value: &str, replaced: &mut Replaced) -> Option<(String, String)> {
    let name = name.to_ascii_lowercase();
    let kept = match name.as_str() {
        "etag" | "content-type" | "retry-after" | "allow" => replaced.remark(value),
        "www-authenticate" => replaced.remark(value),
        "location" => super::address(value, replaced),
        "set-cookie" => replaced.harmless(),
        _ => return None,
    };
    Some((name, kept))
}

/// Media types and what is known to stand behind them.
fn media(value: &str, replaced: &mut Replaced) -> String {
    const TYPES: [&str; 12] = [
        "*/*",
        "application/scim+json",
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/html",
        "text/*",
        "application/*",
        "application/xml",
        "text/xml",
        "multipart/form-data",
        "application/problem+json",
    ];
    const MORE: [&str; 14] = [
        "charset=utf-8",
        "charset=\"utf-8\"",
        "charset=us-ascii",
        "charset=iso-8859-1",
        "q=0.1",
        "q=0.2",
        "q=0.3",
        "q=0.5",
        "q=0.7",
        "q=0.8",
        "q=0.9",
        "gzip",
        "identity",
        "deflate",
    ];
    let mut kept = String::new();
    for (n, part) in value.split([',', ';']).map(str::trim).enumerate() {
        let lower = part.to_ascii_lowercase();
        let known = TYPES.contains(&lower.as_str()) || MORE.contains(&lower.as_str());
        if n > 0 {
            kept.push_str("; ");
        }
        match known {
            true => kept.push_str(part),
            // By which type a body is read decides about it; nothing else does.
            false if n == 0 => kept.push_str(&replaced.decisive()),
            false => kept.push_str(&replaced.harmless()),
        }
    }
    kept
}

/// Who sends: words and versions.
fn agent(value: &str, replaced: &mut Replaced) -> String {
    let letters =
        |word: &str| (1..=24).contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    let version = |word: &str| word.len() <= 12 && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let known = |word: &str| match word.split_once('/') {
        Some((product, number)) => letters(product) && version(number),
        None => letters(word) || version(word),
    };
    let words: Vec<&str> = value.split_whitespace().collect();
    if words.len() <= 12
        && words.iter().all(|word| known(word.trim_matches(|c| "();,".contains(c))))
        && !is_suspicious(value)
    {
        return value.to_owned();
    }
    replaced.harmless()
}

/// Entity tags of ours. No other one fits anything, whichever it is.
fn tags(value: &str, replaced: &mut Replaced) -> String {
    let ours = |tag: &str| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        tag == "*"
            || number
                .is_some_and(|number| (1..=19).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut kept: Vec<String> = Vec::new();
    for tag in value.split(',').map(str::trim) {
        match ours(tag) {
            true => kept.push(tag.to_owned()),
            false => {
                replaced.decisive();
                kept.push(format!("\"{REPLACED}\""));
            }
        }
    }
    kept.join(", ")
}
