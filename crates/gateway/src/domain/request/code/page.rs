//! The tables of `docs/why-did-it-fail.md` are written from the codes.

use std::fmt::Write as _;

use super::{Place, RefusalCode};
use crate::domain::written::says;

const BEGIN: &str = "<!-- The tables are written by a test of crates/gateway/src/domain/request/code/page.rs: REWRITE=1 cargo test -p gateway --lib request::code -->\n";
const END: &str = "<!-- The end of the tables. -->\n";

fn tables() -> String {
    let mut page = String::new();
    for place in Place::ALL {
        write!(page, "\n### {}\n\n| code | what it means | what to do |\n|---|---|---|\n", place.heading()).unwrap();
        for code in RefusalCode::all().iter().filter(|code| code.place() == place) {
            writeln!(page, "| `{code}` | {} | {} |", code.meaning(), code.remedy()).unwrap();
        }
    }
    page.push('\n');
    page
}

#[test]
fn the_page_for_people_lists_every_code_with_what_it_means_and_what_to_do() {
    says("docs/why-did-it-fail.md", |page| {
        let (before, rest) = page.split_once(BEGIN).expect("the mark where the tables begin");
        let (_, after) = rest.split_once(END).expect("the mark where the tables end");
        format!("{before}{BEGIN}{}{END}{after}", tables())
    });
}
