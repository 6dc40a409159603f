mod checker;
mod keychain;
mod next;
mod step;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use self::checker::{Checker, Refused};
use super::graph;
use super::model::{Playbook, Step};
use crate::diagnostic::{Diagnostic, Document, Entry, Node, did_you_mean};
use crate::template::Renderer;

const KIND: &str = "Playbook";
const API_VERSIONS: [&str; 2] = ["noetl.io/v2", "noetl.io/v1"];
const ROOT_KEYS: [&str; 6] = [
    "apiVersion",
    "kind",
    "metadata",
    "workload",
    "keychain",
    "workflow",
];
const REFUSED_ROOT_KEYS: [Refused; 2] = [
    Refused {
        key: "vars",
        what: "variables of a playbook",
        instead: "put the values under `workload`",
    },
    Refused {
        key: "workbook",
        what: "a workbook of named tasks",
        instead: "write each task as the `tool` of a step",
    },
];
/// The most steps of a playbook: far beyond what a person writes, and what a cluster would like.
const MAX_STEPS: usize = 10_000;

/// Checks the whole document.
pub(super) fn parse(document: &Document) -> Result<Playbook, Vec<Diagnostic>> {
    let mut checker = Checker::new(document.source());
    let mut playbook = Playbook {
        name: None,
        path: None,
        workload: Value::Object(Map::new()),
        keychain: Vec::new(),
        steps: Vec::new(),
        warnings: Vec::new(),
        order: Vec::new(),
    };
    let root = document.root();
    let mut has_workflow = false;
    for entry in checker.mapping(root, "a playbook") {
        match entry.key.text.as_str() {
            "apiVersion" => api_version(&mut checker, &entry.value),
            "kind" => kind(&mut checker, &entry.value),
            "metadata" => metadata(&mut checker, &entry.value, &mut playbook),
            "workload" => {
                checker.mapping(&entry.value, "`workload`");
                if entry.value.entries().is_some() {
                    playbook.workload = entry.value.to_value();
                }
            }
            "keychain" => playbook.keychain = keychain::parse(&mut checker, &entry.value),
            "workflow" => {
                has_workflow = true;
                playbook.steps = workflow(&mut checker, entry);
            }
            "executor" => checker.warn(
                Diagnostic::warning("`executor` is ignored")
                    .at(checker.source, entry.key.span)
                    .help("`--engine` chooses where tools run"),
            ),
            _ => checker.unknown_key(entry, "a playbook", &ROOT_KEYS, &REFUSED_ROOT_KEYS),
        }
    }
    if root.entries().is_some() && !has_workflow {
        checker.problem(
            Diagnostic::error("the playbook has no `workflow`")
                .at(checker.source, root.span)
                .help("`workflow` is the list of its steps"),
        );
    }
    check_arcs(&mut checker, &playbook.steps);
    check_templates(&mut checker, document, &playbook.steps);
    if checker.has_problems() {
        return Err(checker.into_problems());
    }
    finish(&mut checker, &mut playbook);
    playbook.warnings = checker.into_warnings();
    Ok(playbook)
}

fn api_version(checker: &mut Checker<'_>, node: &Node) {
    let Some(version) = checker.text(node, "`apiVersion`") else {
        return;
    };
    if !API_VERSIONS.contains(&version) {
        checker.unknown_value(node, "`apiVersion`", version, &API_VERSIONS);
    }
}

fn kind(checker: &mut Checker<'_>, node: &Node) {
    if let Some(kind) = checker.text(node, "`kind`")
        && kind != KIND
    {
        checker.unknown_value(node, "`kind`", kind, &[KIND]);
    }
}

fn metadata(checker: &mut Checker<'_>, node: &Node, playbook: &mut Playbook) {
    // Anything may be noted about a playbook; only these two mean something here.
    for entry in checker.mapping(node, "`metadata`") {
        let target = match entry.key.text.as_str() {
            "name" => &mut playbook.name,
            "path" => &mut playbook.path,
            _ => continue,
        };
        let owner = format!("`metadata.{}`", entry.key.text);
        *target = checker.text(&entry.value, &owner).map(str::to_owned);
    }
}

fn workflow(checker: &mut Checker<'_>, entry: &Entry) -> Vec<Step> {
    let items = checker.list(&entry.value, "`workflow`");
    if items.is_empty() && (entry.value.items().is_some() || entry.value.is_null()) {
        checker.problem(
            Diagnostic::error("`workflow` has no steps").at(checker.source, entry.key.span),
        );
    }
    if items.len() > MAX_STEPS {
        let message = format!("`workflow` has more than {MAX_STEPS} steps");
        checker.problem(Diagnostic::error(message).at(checker.source, entry.key.span));
        return Vec::new();
    }
    let steps: Vec<_> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| step::parse(checker, item, index))
        .collect();
    let mut first = HashMap::new();
    for step in &steps {
        if let Some(span) = first.insert(step.name.as_str(), step.span) {
            checker.problem(
                Diagnostic::error(format!("two steps are called `{}`", step.name))
                    .label(checker.source, span, "first here")
                    .label(checker.source, step.span, "and again here")
                    .help("later steps could not tell their results apart"),
            );
        }
    }
    steps
}

/// Whether every arc leads to a step, and none leads back.
fn check_arcs(checker: &mut Checker<'_>, steps: &[Step]) {
    let names: Vec<_> = steps.iter().map(|step| step.name.as_str()).collect();
    let known: HashSet<_> = names.iter().copied().collect();
    let arcs = steps.iter().flat_map(|step| &step.arcs);
    for arc in arcs.filter(|arc| !known.contains(arc.step.as_str())) {
        let diagnostic = Diagnostic::error(format!("there is no step `{}`", arc.step))
            .at(checker.source, arc.span);
        checker.problem(match did_you_mean(&arc.step, names.iter().copied()) {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
            None => diagnostic.help("`next` names a step of this workflow"),
        });
    }
    if let Some(circle) = graph::find_circle(steps)
        && let Some(arc) = steps
            .get(circle.step)
            .and_then(|step| step.arcs.get(circle.arc))
    {
        checker.problem(
            Diagnostic::error(format!(
                "the steps lead in a circle: {}",
                circle.names.join(" → ")
            ))
            .label(checker.source, arc.span, "this closes it")
            .help("a step runs once; loops are not supported yet"),
        );
    }
}

/// Whether everything that looks like a template is one.
fn check_templates(checker: &mut Checker<'_>, document: &Document, steps: &[Step]) {
    let renderer = Renderer::new();
    for step in steps {
        if let Some(tool) = &step.tool {
            for error in renderer.syntax_errors(&tool.config) {
                let path = tool.document_path(&error.path);
                checker.problem(error.diagnostic_at(document, &path));
            }
        }
        for arc in &step.arcs {
            let condition = arc.condition.as_deref();
            if let Some(error) = condition.and_then(|text| renderer.condition_error(text)) {
                checker.problem(error.diagnostic_at(document, &arc.condition_path));
            }
        }
    }
}

/// Puts the steps of a valid playbook in order, and warns of those that never run.
fn finish(checker: &mut Checker<'_>, playbook: &mut Playbook) {
    let steps = &mut playbook.steps;
    if steps.len() > 1
        && steps.iter().all(|step| step.arcs.is_empty())
        && let Some(first) = steps.first()
    {
        checker.warn(
            Diagnostic::warning("no step has a `next`: all run in the order they are written")
                .at(checker.source, first.span)
                .help("NoETL would run the first step alone; say `next` where it matters"),
        );
        playbook.order = (0..steps.len()).collect();
        return;
    }
    // There is no circle any more.
    playbook.order = graph::order(steps).unwrap_or_default();
    let reached: HashSet<_> = playbook.order.iter().copied().collect();
    for (index, step) in steps.iter().enumerate() {
        if !reached.contains(&index) {
            checker.warn(
                Diagnostic::warning(format!("the step `{}` never runs", step.name))
                    .label(checker.source, step.span, "no `next` leads here")
                    .help("name it in the `next` of an earlier step"),
            );
        }
    }
}
