mod fixtures;
mod parse;
mod rendered;
mod run;

use toolhost_diagnostic::{Diagnostic, Document};

use super::Playbook;

/// What every playbook begins with; three lines.
const HEAD: &str = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: x}\n";

fn read(text: &str) -> Result<Playbook, Vec<Diagnostic>> {
    Playbook::parse(Document::parse("book.yaml", text).unwrap())
}

/// Reads what follows the head of a playbook.
fn playbook(body: &str) -> Playbook {
    match read(&format!("{HEAD}{body}")) {
        Ok(playbook) => playbook,
        Err(problems) => panic!("{}", render(&problems)),
    }
}

fn problems(body: &str) -> Vec<Diagnostic> {
    read(&format!("{HEAD}{body}")).unwrap_err()
}

/// The problems as one line each: place, message, help.
fn lines(problems: &[Diagnostic]) -> Vec<String> {
    let line = |problem: &Diagnostic| {
        let span = problem.span().unwrap_or_default();
        let help = problem.help_text().unwrap_or("no help");
        format!(
            "{}:{}: {}; {help}",
            span.line,
            span.column,
            problem.message()
        )
    };
    problems.iter().map(line).collect()
}

fn render(problems: &[Diagnostic]) -> String {
    problems
        .iter()
        .map(|problem| problem.render(false))
        .collect()
}
