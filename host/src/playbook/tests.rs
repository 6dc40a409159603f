mod parsing;
mod running;

use super::*;
use crate::diagnostic::{Diagnostic, Document};

fn document(text: &str) -> Document {
    Document::parse("book.yaml", text).unwrap_or_else(|problem| panic!("{}", problem.render(false)))
}

fn parse(text: &str) -> Playbook {
    Playbook::parse(&document(text)).unwrap_or_else(|problems| panic!("{}", rendered(&problems)))
}

fn problems(text: &str) -> Vec<Diagnostic> {
    Playbook::parse(&document(text)).unwrap_err()
}

fn rendered(problems: &[Diagnostic]) -> String {
    problems
        .iter()
        .map(|problem| problem.render(false))
        .collect()
}
