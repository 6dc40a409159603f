use serde_json::Value;

use super::checker::{Checker, Refused};
use crate::diagnostic::{Diagnostic, Node, NodeKind};
use crate::playbook::model::{NextArc, NextMode};

const NEXT_KEYS: [&str; 2] = ["arcs", "spec"];
const SPEC_KEYS: [&str; 1] = ["mode"];
const MODES: [&str; 2] = ["exclusive", "inclusive"];
const ARC_KEYS: [&str; 2] = ["step", "when"];
const REFUSED_ARC_KEYS: [Refused; 4] = [
    refused("set"),
    refused("args"),
    refused("input"),
    refused("vars"),
];

const fn refused(key: &'static str) -> Refused {
    Refused {
        key,
        what: "values that an arc carries",
        instead: "take them from the results of earlier steps, as in `{{ STEP.output }}`",
    }
}

/// Where a step leads, and how many of the ways are followed.
pub(super) fn parse(
    checker: &mut Checker<'_>,
    node: &Node,
    path: &[String],
) -> (Vec<NextArc>, NextMode) {
    match &node.kind {
        NodeKind::Scalar(Value::Null) => (Vec::new(), NextMode::Exclusive),
        NodeKind::Mapping(_) if node.get("step").is_some() => {
            let arc = arc(checker, node, path);
            (arc.into_iter().collect(), NextMode::Exclusive)
        }
        NodeKind::Mapping(_) => arcs_and_spec(checker, node, path),
        NodeKind::Sequence(items) => (list(checker, items, path), NextMode::Inclusive),
        NodeKind::Scalar(_) => {
            let arc = arc(checker, node, path);
            (arc.into_iter().collect(), NextMode::Exclusive)
        }
    }
}

fn arcs_and_spec(
    checker: &mut Checker<'_>,
    node: &Node,
    path: &[String],
) -> (Vec<NextArc>, NextMode) {
    let mut arcs = Vec::new();
    let mut mode = NextMode::Exclusive;
    for entry in node.entries().unwrap_or_default() {
        match entry.key.text.as_str() {
            "arcs" => {
                let items = checker.list(&entry.value, "`arcs`");
                arcs = list(checker, items, &below(path, "arcs"));
            }
            "spec" => {
                for entry in checker.mapping(&entry.value, "`spec` of `next`") {
                    match entry.key.text.as_str() {
                        "mode" => mode = parse_mode(checker, &entry.value).unwrap_or(mode),
                        _ => checker.unknown_key(entry, "`spec` of `next`", &SPEC_KEYS, &[]),
                    }
                }
            }
            _ => checker.unknown_key(entry, "`next`", &NEXT_KEYS, &[]),
        }
    }
    if mode == NextMode::Exclusive {
        warn_of_hidden_arcs(checker, &arcs);
    }
    (arcs, mode)
}

fn parse_mode(checker: &mut Checker<'_>, node: &Node) -> Option<NextMode> {
    match checker.text(node, "`mode`")? {
        "exclusive" => Some(NextMode::Exclusive),
        "inclusive" => Some(NextMode::Inclusive),
        other => {
            checker.unknown_value(node, "`mode`", other, &MODES);
            None
        }
    }
}

fn list(checker: &mut Checker<'_>, items: &[Node], path: &[String]) -> Vec<NextArc> {
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| arc(checker, item, &below(path, &index.to_string())))
        .collect()
}

/// One way: the name of a step, or a mapping of it and a condition.
fn arc(checker: &mut Checker<'_>, node: &Node, path: &[String]) -> Option<NextArc> {
    let Some(entries) = node.entries() else {
        let step = checker.text(node, "`next`")?;
        return Some(NextArc {
            step: step.to_owned(),
            condition: None,
            span: node.span,
            condition_path: Vec::new(),
        });
    };
    let (mut step, mut condition) = (None, None);
    for entry in entries {
        let value = &entry.value;
        match entry.key.text.as_str() {
            "step" => {
                step = checker
                    .text(value, "`step` of an arc")
                    .map(|step| (step, value));
            }
            "when" => condition = parse_condition(checker, value),
            _ => checker.unknown_key(entry, "an arc of `next`", &ARC_KEYS, &REFUSED_ARC_KEYS),
        }
    }
    if node.get("step").is_none() {
        checker.problem(
            Diagnostic::error("an arc of `next` has no `step`").at(checker.source, node.span),
        );
    }
    let (step, place) = step?;
    Some(NextArc {
        step: step.to_owned(),
        condition,
        span: place.span,
        condition_path: below(path, "when"),
    })
}

fn parse_condition(checker: &mut Checker<'_>, node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Scalar(Value::Bool(truth)) => Some(truth.to_string()),
        NodeKind::Scalar(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
        _ => {
            checker.wrong_type(
                node,
                "`when`",
                "a condition such as `{{ STEP.status == 'completed' }}`",
            );
            None
        }
    }
}

fn warn_of_hidden_arcs(checker: &mut Checker<'_>, arcs: &[NextArc]) {
    let always = arcs.iter().position(|arc| arc.condition.is_none());
    let hidden = always.and_then(|index| Some((arcs.get(index)?, arcs.get(index + 1)?)));
    if let Some((always, hidden)) = hidden {
        checker.warn(
            Diagnostic::warning(format!("the way to `{}` is never taken", hidden.step))
                .label(
                    checker.source,
                    always.span,
                    "this is always taken before it",
                )
                .label(checker.source, hidden.span, "never taken")
                .help("add `when` to the first, or `spec: {mode: inclusive}` to take both"),
        );
    }
}

fn below(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}
