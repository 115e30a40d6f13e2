//! The marked-up text of guides, as pieces that a page shows.

use super::Values;

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Words(String),
    /// What stands on the provider's screen.
    Bold(String),
    /// A value.
    Code(String),
    /// A link to a step: its words, and the step.
    Link(String, String),
}

/// Text with what its placeholders stand for.
pub fn filled(text: &str, values: &Values) -> String {
    text.replace("{vendor}", &values.vendor)
        .replace("{provider}", values.provider)
        .replace("{app}", &format!("{} SCIM", values.vendor))
        .replace("{separator}", &values.separator.unwrap_or(';').to_string())
        .replace("{service_account}", &values.service_account)
}

/// The pieces of a text. The markup is read before names are put in, so no name is markup.
pub fn pieces(text: &str, values: &Values) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let next = rest.find(['*', '`', '[']).unwrap_or(rest.len());
        if next > 0 {
            pieces.push(Piece::Words(filled(&rest[..next], values)));
            rest = &rest[next..];
            continue;
        }
        let (piece, after) = marked(rest, values).unwrap_or_else(|| {
            let end = rest.chars().next().map_or(rest.len(), char::len_utf8);
            (Piece::Words(rest[..end].to_owned()), &rest[end..])
        });
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// The marked piece at the beginning of a text, and what follows it.
fn marked<'t>(text: &'t str, values: &Values) -> Option<(Piece, &'t str)> {
    if let Some((bold, after)) = text.strip_prefix("**").and_then(|rest| rest.split_once("**")) {
        return Some((Piece::Bold(filled(bold, values)), after));
    }
    if let Some((code, after)) = text.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        return Some((Piece::Code(filled(code, values)), after));
    }
    let (words, rest) = text.strip_prefix('[')?.split_once("](#")?;
    let (target, after) = rest.split_once(')')?;
    Some((Piece::Link(words.to_owned(), target.to_owned()), after))
}

/// What a value is called for people: `Master admin` for `master_admin`.
pub fn display_name(value: &str) -> String {
    let words = value.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::markdown::sample;
    use super::*;

    #[test]
    fn a_text_is_split_at_its_marks_and_names_are_no_marks() {
        let values = Values { vendor: "Ex**am**pla".to_owned(), ..sample() };
        let of = |text| pieces(text, &values);
        assert_eq!(
            of("Press **Save** in `{app}`, see [step](#check)."),
            [
                Piece::Words("Press ".to_owned()),
                Piece::Bold("Save".to_owned()),
                Piece::Words(" in ".to_owned()),
                Piece::Code("Ex**am**pla SCIM".to_owned()),
                Piece::Words(", see ".to_owned()),
                Piece::Link("step".to_owned(), "check".to_owned()),
                Piece::Words(".".to_owned()),
            ]
        );
        assert_eq!(
            of("+ [Add] *"),
            [
                Piece::Words("+ ".to_owned()),
                Piece::Words("[".to_owned()),
                Piece::Words("Add] ".to_owned()),
                Piece::Words("*".to_owned())
            ]
        );
        assert_eq!(display_name("media_library_admin"), "Media library admin");
    }
}
