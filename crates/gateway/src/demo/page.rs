//! As much of HTML as plain forms need: tags, attributes, entities, text.

use url::Url;

/// A page that was shown.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its address.
    pub(crate) url: Url,
    /// The status it came with.
    pub(crate) status: u16,
    /// Its source.
    pub(crate) html: String,
}

/// A form on a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Where it is sent; empty for the page's own address.
    pub(crate) action: String,
    /// Whether it is sent with POST.
    pub(crate) is_post: bool,
    /// Its inputs with the values they begin with.
    pub(crate) fields: Vec<(String, String)>,
    /// Its buttons.
    pub(crate) buttons: Vec<Button>,
}

/// A button that submits its form.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Button {
    /// What is written on it.
    pub(crate) text: String,
    /// What is sent when it is the one pressed.
    pub(crate) name: Option<String>,
    /// The value beside the name.
    pub(crate) value: String,
    /// Where it sends the form, if elsewhere.
    pub(crate) action: Option<String>,
}

impl Page {
    /// The form that has a button with this text (case ignored), and that button.
    pub(crate) fn form_with_button(&self, text: &str) -> Option<(Form, Button)> {
        let text = text.to_lowercase();
        for mut form in forms(&self.html) {
            if let Some(at) = form.buttons.iter().position(|button| button.text.to_lowercase() == text) {
                let button = form.buttons.swap_remove(at);
                return Some((form, button));
            }
        }
        None
    }

    /// What a person reads on it: the text of its body without its buttons, a line for each block.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let mut hidden: Option<String> = None;
        for piece in pieces(&self.html) {
            match piece {
                Piece::Tag(tag) if hidden.is_some() && hidden.as_deref() == tag.name.strip_prefix('/') => hidden = None,
                _ if hidden.is_some() => {}
                Piece::Tag(tag) => {
                    match tag.name {
                        "head" | "script" | "style" | "button" => hidden = Some(tag.name.to_owned()),
                        "/dt" => out.push_str(": "),
                        "br" => out.push_str(", "),
                        // A sentence that stands as a heading.
                        "/strong" if out.ends_with('.') => out.push(' '),
                        name if BLOCKS.contains(&name.trim_start_matches('/')) => out.push('\n'),
                        _ => {}
                    }
                }
                Piece::Text(text) => out.extend(decoded(text).chars().map(|c| if c.is_whitespace() { ' ' } else { c })),
            }
        }
        let lines = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

const BLOCKS: [&str; 14] =
    ["p", "div", "h1", "h2", "h3", "li", "ul", "ol", "dl", "dt", "main", "header", "footer", "section"];

struct Tag<'a> {
    /// In the letters it came in, with its slash if it ends an element.
    name: &'a str,
    attributes: &'a str,
}

enum Piece<'a> {
    Tag(Tag<'a>),
    Text(&'a str),
}

/// Splits HTML at its tags. A comment is a tag without a name.
fn pieces(html: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.split_once("-->").map_or("", |(_, after)| after);
            return Some(Piece::Tag(Tag { name: "", attributes: "" }));
        }
        if let Some(after) = rest.strip_prefix('<') {
            let end = end_of_tag(after);
            let inside = after.get(..end).unwrap_or_default();
            rest = after.get(end..).and_then(|r| r.strip_prefix('>')).unwrap_or_default();
            let name_end = inside.find(|c: char| c.is_whitespace()).unwrap_or(inside.len());
            let (name, attributes) = inside.split_at(name_end);
            return Some(Piece::Tag(Tag { name, attributes }));
        }
        let end = rest.find('<').unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(text))
    })
}

/// Where the `>` of a tag is: not one inside quotes.
fn end_of_tag(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            _ => {}
        }
    }
    text.len()
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (found, after) = rest.split_at(end);
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('=').map(str::trim_start) {
            None => ("", after),
            Some(text) => match text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
                Some(quote) => text.get(1..).and_then(|t| t.split_once(quote)).unwrap_or_default(),
                None => text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())),
            },
        };
        if found.eq_ignore_ascii_case(name) {
            return Some(decoded(value));
        }
        rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=' || c == '/');
    }
    None
}

fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut inside = false;
    let mut button: Option<Button> = None;
    for piece in pieces(html) {
        match (piece, forms.last_mut()) {
            (Piece::Tag(Tag { name: "form", attributes }), _) => {
                inside = true;
                forms.push(Form {
                    action: attribute(attributes, "action").unwrap_or_default(),
                    is_post: attribute(attributes, "method").is_some_and(|m| m.eq_ignore_ascii_case("post")),
                    ..Form::default()
                });
            }
            (Piece::Tag(Tag { name: "/form", .. }), _) => inside = false,
            (Piece::Tag(Tag { name: "input", attributes }), Some(form)) if inside => {
                let value = attribute(attributes, "value").unwrap_or_default();
                let name = attribute(attributes, "name");
                match (attribute(attributes, "type").unwrap_or_default().as_str(), name) {
                    ("submit", name) => {
                        let action = attribute(attributes, "formaction");
                        form.buttons.push(Button { text: value.clone(), name, value, action });
                    }
                    ("checkbox" | "radio", Some(name)) if attribute(attributes, "checked").is_some() => {
                        form.fields.push((name, value));
                    }
                    ("checkbox" | "radio", _) | (_, None) => {}
                    (_, Some(name)) => form.fields.push((name, value)),
                }
            }
            (Piece::Tag(Tag { name: "button", attributes }), Some(_)) if inside => {
                button = Some(Button {
                    text: String::new(),
                    name: attribute(attributes, "name"),
                    value: attribute(attributes, "value").unwrap_or_default(),
                    action: attribute(attributes, "formaction"),
                });
            }
            (Piece::Tag(Tag { name: "/button", .. }), Some(form)) => {
                if let Some(mut button) = button.take() {
                    button.text = button.text.split_whitespace().collect::<Vec<_>>().join(" ");
                    form.buttons.push(button);
                }
            }
            (Piece::Text(text), _) => {
                if let Some(button) = &mut button {
                    button.text.push_str(&decoded(text));
                }
            }
            _ => {}
        }
    }
    forms
}

/// Character references: the named ones that escaping makes, and numeric ones.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let reference = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let found = reference.and_then(|(name, after)| Some((character(name)?, after)));
        rest = match found {
            Some((c, after)) => {
                out.push(c);
                after
            }
            None => {
                out.push('&');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSENT: &str = r#"<!doctype html><html><head><title>Consent</title><style>p > a { color: red }</style></head>
        <body><main><h1>Allow <b>Okta</b> to provision?</h1><!-- <p>no</p> --><p class="note"><strong>Oh.</strong>Ana &amp; Bo &#39;s</p><dl><dt>By</dt><dd>acme<br>Inc</dd></dl>
        <form method="post" action="/oauth2/consent?a=1&amp;b=2"><input type="hidden" name="request" value="x&#x3D;&gt;">
        <input name=remember type=checkbox value=1><input type='text' name='note' value='a > b'/>
        <button name="decision" value="accept" class="big">Accept
           access</button> <button name="decision" value="deny">Deny</button></form></main></body></html>"#;

    fn page() -> Page {
        Page { url: Url::parse("http://127.0.0.1/").unwrap(), status: 200, html: CONSENT.to_owned() }
    }

    #[test]
    fn a_form_is_found_by_its_button() {
        let (form, button) = page().form_with_button("accept ACCESS").unwrap();
        assert_eq!(form.action, "/oauth2/consent?a=1&b=2");
        assert!(form.is_post);
        let fields: Vec<(&str, &str)> = form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(fields, [("request", "x=>"), ("note", "a > b")]);
        assert_eq!((button.name.as_deref(), button.value.as_str()), (Some("decision"), "accept"));
        assert!(page().form_with_button("Cancel").is_none());
    }

    #[test]
    fn a_page_reads_as_a_person_reads_it() {
        assert_eq!(page().text(), "Allow Okta to provision?\nOh. Ana & Bo 's\nBy: acme, Inc");
    }

    #[test]
    fn broken_html_ends_in_an_answer() {
        for html in [
            "<",
            "<form",
            "<form action='",
            "<button",
            "<form><button>x",
            "&",
            "&#x110000;",
            "<!--",
            "</form></button>",
        ] {
            let page = Page { html: html.to_owned(), ..page() };
            assert!(page.form_with_button("x").is_none(), "{html}");
            let _ = page.text();
        }
        assert_eq!(decoded("&#x110000;&bogus;&amp"), "&#x110000;&bogus;&amp");
    }
}
