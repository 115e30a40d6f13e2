//! Finding a request from the text that an identity provider shows: our own text is somewhere in it, wrapped in the provider's words, cut
//! off, escaped, or with other quotation marks. So words are compared, and nothing between them.

use std::collections::HashMap;

/// So many words of a text are looked at.
const MOST: usize = 2000;
/// Fewer words in a row say nothing, unless they are all there are.
const LEAST: usize = 3;

/// A text that was pasted.
#[derive(Debug, Clone)]
pub struct Pasted {
    /// Where each word stands.
    places: HashMap<String, Vec<usize>>,
    count: usize,
}

impl Pasted {
    /// Reads it; `None` if it has no words.
    pub fn read(text: &str) -> Option<Pasted> {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        let mut count = 0;
        for word in words(&unescaped(text)).take(MOST) {
            places.entry(word).or_default().push(count);
            count += 1;
        }
        (count > 0).then_some(Pasted { places, count })
    }

    /// How well a text of ours fits: how many letters of it stand there word after word; `None` if too few do.
    pub fn fits(&self, ours: &str) -> Option<usize> {
        let mut runs: HashMap<usize, (usize, usize)> = HashMap::new();
        let (mut best, mut all) = ((0, 0), 0);
        for word in words(ours).take(MOST) {
            all += 1;
            let mut next = HashMap::new();
            for place in self.places.get(&word).into_iter().flatten() {
                let before = place.checked_sub(1).and_then(|before| runs.get(&before)).copied().unwrap_or_default();
                let run = (before.0 + 1, before.1 + word.len());
                best = best.max(run);
                next.insert(*place, run);
            }
            runs = next;
        }
        let (run, letters) = best;
        let enough = all.min(self.count).min(LEAST);
        // A few words in the middle of many are no sign.
        (run > 0 && run >= enough && run * 3 >= all.min(self.count)).then_some(letters)
    }
}

/// Its words, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Without the escapes of HTML and JSON.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (character, taken) = match c {
            '&' => entity(rest),
            '\\' => escape(rest),
            _ => None,
        }
        .unwrap_or((c, c.len_utf8()));
        plain.push(character);
        rest = &rest[taken..];
    }
    plain
}

/// `&quot;`, `&#39;`, `&#x27;`
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.char_indices().take(10).find(|(_, c)| *c == ';')?.0;
    let name = &text[1..end];
    let character = match name {
        "quot" => '"',
        "apos" => '\'',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((character, end + 1))
}

/// `\"`, `\n`, `\u0022`
fn escape(text: &str) -> Option<(char, usize)> {
    let kind = text[1..].chars().next()?;
    Some(match kind {
        'n' | 'r' | 't' => (' ', 2),
        '"' | '\'' | '\\' | '/' => (kind, 2),
        'u' => (char::from_u32(u32::from_str_radix(text.get(2..6)?, 16).ok()?)?, 6),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "The userName \"ana@acme.test\" is already taken by another user, 0198a6b2; choose another one.";

    fn fits(pasted: &str, ours: &str) -> Option<usize> {
        Pasted::read(pasted).and_then(|pasted| pasted.fits(ours))
    }

    #[test]
    fn a_text_is_found_however_a_provider_wraps_it() {
        for pasted in [
            OURS.to_owned(),
            format!("Error while creating user ana: Conflict. Errors reported by remote server: {OURS}"),
            OURS.replace('"', "&quot;"),
            OURS.replace('"', "&#39;"),
            OURS.replace('"', "\\\""),
            OURS.replace('"', "\\u0022"),
            OURS.replace('"', "\u{201c}").to_uppercase(),
            OURS.replace(' ', "\\n"),
            format!("{{\"detail\": \"{}\", \"status\": \"409\"}}", OURS.replace('"', "\\\"")),
            OURS[..60].to_owned() + "…",
            OURS[20..].to_owned(),
        ] {
            assert!(fits(&pasted, OURS).is_some(), "{pasted}");
        }
    }

    #[test]
    fn what_fits_better_has_more_letters_and_what_has_nothing_in_common_does_not_fit() {
        let pasted = format!("Automatic provisioning of user failed: {OURS}");
        let other = OURS.replace("ana", "ben");
        assert!(fits(&pasted, OURS) > fits(&pasted, &other));
        assert_eq!(fits(&pasted, "The access token has expired"), None);
        assert_eq!(fits(&pasted, "There is no User with the id 7."), None);
        assert!(fits("\u{2014}!?", OURS).is_none());
        assert!(fits("& &; &# \\ \\u \\uD800 %", OURS).is_none());
    }
}
