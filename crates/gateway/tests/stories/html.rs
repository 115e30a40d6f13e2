//! Just enough HTML to fill in a form as a script would: forms, their inputs and buttons, and what a page says in words.

/// `<form>`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    pub action: String,
    pub method: String,
    pub inputs: Vec<Input>,
    pub buttons: Vec<Button>,
}

/// `<input>`, apart from buttons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub name: String,
    pub value: String,
    pub kind: String,
}

/// `<button>`, `<input type="submit">`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub name: Option<String>,
    pub value: String,
    pub text: String,
}

impl Form {
    pub fn has_input(&self, name: &str) -> bool {
        self.inputs.iter().any(|input| input.name == name)
    }

    /// The button a person would press: its words, in any letter case.
    pub fn button(&self, text: &str) -> Option<&Button> {
        self.buttons.iter().find(|button| button.text.eq_ignore_ascii_case(text))
    }

    /// What the browser would send when `button` is pressed.
    pub fn pairs(&self, button: Option<&Button>) -> Vec<(String, String)> {
        let inputs = self.inputs.iter().map(|input| (input.name.clone(), input.value.clone()));
        let button = button.and_then(|button| Some((button.name.clone()?, button.value.clone())));
        inputs.chain(button).collect()
    }
}

/// A tag with its attributes, or text between tags.
enum Token {
    Open(String, Vec<(String, String)>),
    Close(String),
    Text(String),
}

/// Every form of a page.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    let mut button: Option<Button> = None;
    for token in tokens(html) {
        match token {
            Token::Open(name, attributes) => {
                let attribute = |wanted: &str| attributes.iter().find(|(n, _)| n == wanted).map(|(_, v)| v.clone());
                match (name.as_str(), forms.last_mut().filter(|_| open)) {
                    ("form", _) => {
                        let method = attribute("method").unwrap_or_else(|| "get".to_owned()).to_ascii_lowercase();
                        forms.push(Form { action: attribute("action").unwrap_or_default(), method, ..Form::default() });
                        open = true;
                    }
                    ("input", Some(form)) => {
                        let kind = attribute("type").unwrap_or_else(|| "text".to_owned()).to_ascii_lowercase();
                        let value = attribute("value").unwrap_or_default();
                        match (kind.as_str(), attribute("name")) {
                            ("submit", name) => form.buttons.push(Button { name, text: value.clone(), value }),
                            ("checkbox" | "radio", Some(_)) if attribute("checked").is_none() => {}
                            (_, Some(name)) => form.inputs.push(Input { name, value, kind }),
                            (_, None) => {}
                        }
                    }
                    ("button", Some(_)) if attribute("type").is_none_or(|kind| kind == "submit") => {
                        let value = attribute("value").unwrap_or_default();
                        button = Some(Button { name: attribute("name"), value, text: String::new() });
                    }
                    _ => {}
                }
            }
            Token::Close(name) if name == "form" => open = false,
            Token::Close(name) if name == "button" => {
                if let (Some(mut button), Some(form)) = (button.take(), forms.last_mut()) {
                    button.text = squeezed(&button.text);
                    form.buttons.push(button);
                }
            }
            Token::Text(text) => {
                if let Some(button) = &mut button {
                    button.text.push_str(&text);
                }
            }
            Token::Close(_) => {}
        }
    }
    forms
}

/// What the page says, without markup, style and script.
pub fn words(html: &str) -> String {
    let mut said = String::new();
    let mut silent = false;
    for token in tokens(html) {
        match token {
            Token::Open(name, _) if name == "style" || name == "script" => silent = true,
            Token::Close(name) if name == "style" || name == "script" => silent = false,
            Token::Text(text) if !silent => said.push_str(&text),
            _ => said.push(' '),
        }
    }
    squeezed(&said)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tokens(html: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = html;
    while let Some((text, after)) = rest.split_once('<') {
        tokens.push(Token::Text(unescaped(text)));
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let end = end_of_tag(after);
        let (tag, after) = after.split_at(end);
        tokens.push(match tag.strip_prefix('/') {
            Some(name) => Token::Close(name.trim().to_ascii_lowercase()),
            None => open(tag),
        });
        rest = after.strip_prefix('>').unwrap_or(after);
    }
    tokens.push(Token::Text(unescaped(rest)));
    tokens
}

fn end_of_tag(tag: &str) -> usize {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    tag.len()
}

fn open(tag: &str) -> Token {
    let (name, mut rest) = tag.split_once(|c: char| c.is_whitespace() || c == '/').unwrap_or((tag, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return Token::Open(name.to_ascii_lowercase(), attributes);
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(end.max(1).min(rest.len()));
        let value = match after.trim_start().strip_prefix('=').map(str::trim_start) {
            None => {
                rest = after;
                ""
            }
            Some(after) => {
                let quoted = after.chars().next().filter(|c| matches!(c, '"' | '\''));
                let (value, after) = match quoted {
                    Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                    None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
                };
                rest = after;
                value
            }
        };
        attributes.push((attribute.to_ascii_lowercase(), unescaped(value)));
    }
}

/// As the server's templates write text.
pub fn escaped(text: &str) -> String {
    let escape = |c| match c {
        '&' | '<' | '>' | '"' | '\'' => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = after.split_once(';').and_then(|(entity, after)| Some((character(entity)?, after)));
        rest = match known {
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
    out + rest
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[test]
fn a_form_is_read_as_a_browser_reads_it() {
    let page = r#"<!doctype html><style>a > b {}</style><!-- <form> -->
        <form method=post action="/consent?a=1&amp;b=2"><input type="hidden" name="request" value="a&quot;b&#x2b;">
        <p>5 &lt; 6</p><input name='username'/><input type=checkbox name=no><button name="decision" value="accept">
          Accept <b>access</b></button><input type="submit" value="Deny"></form>"#;
    let found = forms(page);
    assert_eq!(found.len(), 1);
    let form = &found[0];
    assert_eq!((form.method.as_str(), form.action.as_str()), ("post", "/consent?a=1&b=2"));
    let pairs = form.pairs(form.button("ACCEPT ACCESS"));
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(pairs, [("request", "a\"b+"), ("username", ""), ("decision", "accept")]);
    assert!(form.button("Deny").is_some());
    assert_eq!(words(page), "5 < 6 Accept access");
}
