//! As much HTML as it takes to fill in a form as a script would: forms, their inputs and buttons, and what a page says in words.

/// `<form>`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent; empty for the page's own address.
    pub action: String,
    /// In small letters.
    pub method: String,
    /// With the values they begin with.
    pub inputs: Vec<Input>,
    /// What submits it.
    pub buttons: Vec<Button>,
}

/// `<input>`, apart from buttons; `<select>` and `<textarea>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// `name`
    pub name: String,
    /// `value`
    pub value: String,
    /// `type`
    pub kind: String,
}

/// `<button>`, `<input type="submit">`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What is sent when it is the one pressed,
    pub name: Option<String>,
    /// and its value.
    pub value: String,
    /// What is written on it.
    pub text: String,
    /// Where it sends the form, if elsewhere.
    pub action: Option<String>,
}

impl Form {
    /// Whether it is sent with POST.
    pub fn is_post(&self) -> bool {
        self.method == "post"
    }

    /// Types into the input of this name; `false` if there is none.
    pub fn fill_in(&mut self, name: &str, value: &str) -> bool {
        let input = self.inputs.iter_mut().find(|input| input.name == name);
        input.map(|input| value.clone_into(&mut input.value)).is_some()
    }

    /// Whether it has an input of this name.
    pub fn has_input(&self, name: &str) -> bool {
        self.inputs.iter().any(|input| input.name == name)
    }

    /// The button with these words, in any letter case.
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
    // A list that has no choice yet, and a text that goes on.
    let (mut choosing, mut writing) = (false, false);
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
                            ("submit", name) => {
                                let action = attribute("formaction");
                                form.buttons.push(Button { name, text: value.clone(), value, action });
                            }
                            ("checkbox" | "radio", Some(_)) if attribute("checked").is_none() => {}
                            (_, Some(name)) => form.inputs.push(Input { name, value, kind }),
                            (_, None) => {}
                        }
                    }
                    (kind @ ("select" | "textarea"), Some(form)) => {
                        (choosing, writing) = (kind == "select", kind == "textarea");
                        let name = attribute("name").unwrap_or_default();
                        form.inputs.push(Input { name, value: String::new(), kind: kind.to_owned() });
                    }
                    ("option", Some(form)) => {
                        if let Some(list) = form.inputs.last_mut().filter(|input| input.kind == "select")
                            && (choosing || attribute("selected").is_some())
                        {
                            list.value = attribute("value").unwrap_or_default();
                            choosing = false;
                        }
                    }
                    ("button", Some(_)) if attribute("type").is_none_or(|kind| kind == "submit") => {
                        let value = attribute("value").unwrap_or_default();
                        let (name, action) = (attribute("name"), attribute("formaction"));
                        button = Some(Button { name, value, text: String::new(), action });
                    }
                    _ => {}
                }
            }
            Token::Close(name) if name == "form" => open = false,
            Token::Close(name) if name == "textarea" => writing = false,
            Token::Close(name) if name == "button" => {
                if let (Some(mut button), Some(form)) = (button.take(), forms.last_mut()) {
                    button.text = squeezed(&button.text);
                    form.buttons.push(button);
                }
            }
            Token::Text(text) => {
                if let Some(input) = forms.last_mut().and_then(|form| form.inputs.last_mut()).filter(|_| writing) {
                    input.value.push_str(&text);
                }
                if let Some(button) = &mut button {
                    button.text.push_str(&text);
                }
            }
            Token::Close(_) => {}
        }
    }
    forms
}

/// What a page says in one line, without markup, style and script.
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

const BLOCKS: [&str; 14] =
    ["p", "div", "h1", "h2", "h3", "li", "ul", "ol", "dl", "dt", "main", "header", "footer", "section"];

/// What a user reads on a page: the text of its main part without its buttons, a line for each block.
pub fn text(html: &str) -> String {
    let main = html.split_once("<main").and_then(|(_, rest)| rest.split_once("</main>"));
    let html = main.map_or_else(|| html.to_owned(), |(main, _)| format!("<main{main}"));
    let html = html.as_str();
    let mut said = String::new();
    let mut hidden: Option<String> = None;
    for token in tokens(html) {
        match token {
            Token::Close(name) if hidden.as_ref() == Some(&name) => hidden = None,
            _ if hidden.is_some() => {}
            Token::Open(name, _) if ["head", "script", "style", "button"].contains(&name.as_str()) => {
                hidden = Some(name)
            }
            Token::Open(name, _) if name == "br" => said.push_str(", "),
            Token::Close(name) if name == "dt" => said.push_str(": "),
            // A sentence that stands as a heading.
            Token::Close(name) if name == "strong" && said.ends_with('.') => said.push(' '),
            Token::Open(name, _) | Token::Close(name) if BLOCKS.contains(&name.as_str()) => said.push('\n'),
            Token::Open(..) | Token::Close(_) => {}
            Token::Text(text) => said.extend(text.chars().map(|c| if c.is_whitespace() { ' ' } else { c })),
        }
    }
    let lines: Vec<String> = said.lines().map(squeezed).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_reads_it() {
        let page = r#"<!doctype html><style>a > b {}</style><!-- <form> -->
            <form method=post action="/consent?a=1&amp;b=2"><input type="hidden" name="request" value="a&quot;b&#x2b;">
            <p>5 &lt; 6</p><input name='username'/><input type=checkbox name=no><button name="decision" value="accept">
              Accept <b>access</b></button><input type="submit" value="Deny"></form>"#;
        let found = forms(page);
        assert_eq!(found.len(), 1);
        let mut form = found[0].clone();
        assert_eq!((form.is_post(), form.action.as_str()), (true, "/consent?a=1&b=2"));
        assert!(form.fill_in("username", "ada") && !form.fill_in("no", "x"));
        let pairs = form.pairs(form.button("ACCEPT ACCESS"));
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("request", "a\"b+"), ("username", "ada"), ("decision", "accept")]);
        assert!(form.button("Deny").is_some() && form.button("Cancel").is_none());
        assert_eq!(words(page), "5 < 6 Accept access");
    }

    #[test]
    fn a_page_reads_as_a_user_reads_it() {
        let page = r#"<!doctype html><html><head><title>Consent</title><style>p > a { color: red }</style></head>
            <body><main><h1>Allow <b>Okta</b> to provision?</h1><!-- <p>no</p> --><p class="note"><strong>Oh.</strong>Ana &amp; Bo &#39;s</p><dl><dt>By</dt><dd>acme<br>Inc</dd></dl>
            <form><input name="note" value='a > b'/><button>Accept
               access</button> <button>Deny</button></form></main></body></html>"#;
        assert_eq!(text(page), "Allow Okta to provision?\nOh. Ana & Bo 's\nBy: acme, Inc");
        assert_eq!(forms(page)[0].inputs[0].value, "a > b");
    }

    #[test]
    fn broken_html_ends_in_an_answer() {
        let broken = [
            "<",
            "<form",
            "<form action='",
            "<button",
            "<form><button>x",
            "&",
            "&#x110000;",
            "<!--",
            "</form></button>",
        ];
        for html in broken {
            assert!(forms(html).iter().all(|form| form.button("x").is_none()), "{html}");
            let _ = (text(html), words(html));
        }
        assert_eq!(unescaped("&#x110000;&bogus;&amp"), "&#x110000;&bogus;&amp");
    }
}
