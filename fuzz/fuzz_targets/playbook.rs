//! A playbook is read, or every problem in it can be shown at its place.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolhost_diagnostic::{Diagnostic, Document};
use toolhost_cli::playbook::{Override, Playbook, merge_payload};
use toolhost::template::Renderer;

fuzz_target!(|text: &str| {
    let document = match Document::parse("playbook.yaml", text) {
        Ok(document) => document,
        Err(problem) => return show(&[problem]),
    };
    // What follows is as large as the document, or some constant times larger.
    let _value = document.to_value();
    let payload = document.clone();
    match Playbook::parse(document) {
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            show(&problems);
        }
        Ok(playbook) => {
            show(playbook.warnings());
            let renderer = Renderer::new();
            for step in playbook.steps_in_order() {
                assert!(playbook.step(&step.name).is_some());
                if let Some(tool) = &step.tool {
                    let _errors = renderer.syntax_errors(&tool.config);
                }
            }
            let mut workload = playbook.workload().clone();
            if let Err(problem) = merge_payload(&mut workload, &payload) {
                show(&[problem]);
            }
            for line in text.lines().take(8) {
                if let Ok(change) = line.parse::<Override>() {
                    let _changed = change.apply(&mut workload);
                }
            }
        }
    }
});

fn show(problems: &[Diagnostic]) {
    for problem in problems {
        assert!(!problem.render(false).is_empty());
        assert!(!problem.message().is_empty());
        let _place = problem.location();
    }
}
