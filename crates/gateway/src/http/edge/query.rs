//! Query strings and forms as pairs: `+` and `%20` are spaces, order and duplicates are kept.

/// The pairs of `a=1&b=2`. An empty part (`&&`, a trailing `&`) is no pair.
pub(crate) fn pairs(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// The same of what is read pair by pair: nothing makes the whole unreadable. What is not UTF-8 becomes U+FFFD, and an escape that is none
/// stays as it is (WHATWG URL, "application/x-www-form-urlencoded parsing").
pub(crate) fn lenient(bytes: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || rest.next().and_then(|b| (b as char).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
                    _ => return Err("a percent sign must be followed by two hexadecimal digits"),
                }
            }
            byte => bytes.push(byte),
        }
    }
    // No value anywhere may have one, and PostgreSQL could not keep it.
    if bytes.contains(&0) {
        return Err("it contains a NUL character");
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(pairs(text), Ok(expected), "{text}");
    }

    #[test]
    fn pairs_are_read_as_identity_providers_write_them() {
        check("", &[]);
        check("filter=userName+eq+%22a%40b%22&", &[("filter", "userName eq \"a@b\"")]);
        check("aadOptscim062020&a=b=c", &[("aadOptscim062020", ""), ("a", "b=c")]);
        check("a=1&a=2", &[("a", "1"), ("a", "2")]);
    }

    #[test]
    fn report_15_one_pair_that_cannot_be_read_leaves_the_others() {
        let read = lenient(b"state=a%20b&x=%ff&y=%zz&&z=%00&scope=openid+email");
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let rest = [("x", "\u{fffd}"), ("y", "%zz"), ("z", "\0"), ("scope", "openid email")];
        assert_eq!(read, [&[("state", "a b")][..], &rest].concat());
    }

    #[test]
    fn broken_escapes_and_bytes_are_refused() {
        assert!(pairs("a=%").is_err());
        assert!(pairs("a=%zz").is_err());
        assert!(pairs("a=%ff").is_err());
        assert!(pairs("a=%00").is_err());
    }
}
