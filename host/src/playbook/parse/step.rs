use serde_json::{Map, Value};

use super::checker::{Checker, Refused};
use super::next;
use crate::diagnostic::{Diagnostic, Entry, Node, NodeKind, did_you_mean};
use crate::playbook::model::{NextMode, Step, ToolCall};

const STEP_KEYS: [&str; 6] = ["step", "desc", "tool", "next", "args", "input"];
const REFUSED_STEP_KEYS: [Refused; 10] = [
    Refused {
        key: "loop",
        what: "a step that repeats",
        instead: "write a step for each item, or let the script go through them",
    },
    Refused {
        key: "when",
        what: "a condition of a step",
        instead: "put `when` on the arc that leads to the step",
    },
    Refused {
        key: "case",
        what: "cases of a step",
        instead: "use `next: {arcs: [{step: NAME, when: CONDITION}]}`",
    },
    Refused {
        key: "retry",
        what: "retries of a step",
        instead: "use `job.backoffLimit` of the tool",
    },
    values("vars"),
    values("set"),
    values("eval"),
    Refused {
        key: "sink",
        what: "a sink of a step",
        instead: "write the result from the script, or in a step of its own",
    },
    Refused {
        key: "spec",
        what: "a policy of a step",
        instead: "leave it out",
    },
    Refused {
        key: "pipeline",
        what: "a list of tasks",
        instead: "write a step for each of them",
    },
];
/// Kinds of NoETL that are not tools.
const REFUSED_KINDS: [Refused; 2] = [
    Refused {
        key: "playbook",
        what: "a playbook in a playbook",
        instead: "put its steps into this playbook, or run it on its own",
    },
    Refused {
        key: "workbook",
        what: "a task of a workbook",
        instead: "write the task as the `tool` of this step",
    },
];
const KIND: &str = "kind";
/// The keys under which a step or tool has its arguments.
const ARGUMENT_KEYS: [&str; 2] = ["args", "input"];

const fn values(key: &'static str) -> Refused {
    Refused {
        key,
        what: "values that a step sets",
        instead: "put them under `workload`, or take them from a step's result",
    }
}

/// One step, the item at `index` of `workflow`; none where even its name is missing.
pub(super) fn parse(checker: &mut Checker<'_>, node: &Node, index: usize) -> Option<Step> {
    let owner = "a step of `workflow`";
    let Some(entries) = node.entries() else {
        checker.wrong_type(node, owner, "a mapping");
        return None;
    };
    let path = vec!["workflow".to_owned(), index.to_string()];
    let mut step = Step {
        name: String::new(),
        description: None,
        tool: None,
        arcs: Vec::new(),
        mode: NextMode::Exclusive,
        span: node.span,
    };
    // A tool that is given by its kind alone has its configuration beside it.
    let kind_alone = node.get("tool").and_then(Node::as_str).is_some();
    let mut beside = Map::new();
    for entry in entries {
        let value = &entry.value;
        match entry.key.text.as_str() {
            "step" => {
                if let Some(name) = checker.text(value, "`step`") {
                    name.clone_into(&mut step.name);
                    step.span = value.span;
                }
            }
            "desc" => {
                step.description = checker.text(value, "`desc`").map(str::to_owned);
            }
            "tool" => step.tool = tool(checker, value, &path),
            "next" => {
                let path = below(&path, "next");
                (step.arcs, step.mode) = next::parse(checker, value, &path);
            }
            "args" | "input" => {}
            key if kind_alone && is_configuration(key) => {
                beside.insert(key.to_owned(), value.to_value());
            }
            _ => checker.unknown_key(entry, owner, &STEP_KEYS, &REFUSED_STEP_KEYS),
        }
    }
    if node.get("step").is_none() {
        checker.problem(
            Diagnostic::error(format!("{owner} has no name"))
                .at(checker.source, node.span)
                .help("begin it with `step: NAME`"),
        );
    }
    if let Some(tool) = &mut step.tool {
        if kind_alone {
            tool.config = Value::Object(beside);
            tool.path.clone_from(&path);
        }
        give_arguments(checker, tool, entries, &path);
    }
    (!step.name.is_empty()).then_some(step)
}

fn tool(checker: &mut Checker<'_>, node: &Node, path: &[String]) -> Option<ToolCall> {
    let (kind, config) = match &node.kind {
        NodeKind::Scalar(Value::Null) => return None,
        NodeKind::Scalar(Value::String(_)) => (node, Map::new()),
        NodeKind::Sequence(_) => {
            checker.problem(
                Diagnostic::error("a list of tasks as `tool` is not supported yet")
                    .at(checker.source, node.span)
                    .help("write a step for each of them"),
            );
            return None;
        }
        NodeKind::Scalar(_) => {
            checker.wrong_type(node, "`tool`", "a mapping");
            return None;
        }
        NodeKind::Mapping(entries) => {
            let Some(kind) = node.get(KIND) else {
                missing_kind(checker, node, entries);
                return None;
            };
            let config = entries
                .iter()
                .filter(|entry| entry.key.text != KIND)
                .map(|entry| (entry.key.text.clone(), entry.value.to_value()))
                .collect();
            (kind, config)
        }
    };
    let (name, version) = parse_kind(checker, kind)?;
    Some(ToolCall {
        kind: name.to_owned(),
        version: version.map(str::to_owned),
        config: Value::Object(config),
        span: kind.span,
        path: below(path, "tool"),
        step_arguments: None,
    })
}

fn missing_kind(checker: &mut Checker<'_>, node: &Node, entries: &[Entry]) {
    let misspelt = entries
        .iter()
        .find(|entry| did_you_mean(&entry.key.text, [KIND]).is_some());
    let diagnostic = Diagnostic::error("`tool` has no `kind`");
    checker.problem(match misspelt {
        Some(entry) => diagnostic
            .at(checker.source, entry.key.span)
            .help("did you mean `kind`?"),
        None => diagnostic
            .at(checker.source, node.span)
            .help("`kind` names the tool, such as `kind: script`"),
    });
}

/// The tool's name and version of `script@0.1`.
fn parse_kind<'node>(
    checker: &mut Checker<'_>,
    node: &'node Node,
) -> Option<(&'node str, Option<&'node str>)> {
    let text = checker.text(node, "`kind` of a tool")?;
    let (kind, version) = match text.split_once('@') {
        Some((kind, version)) => (kind, Some(version)),
        None => (text, None),
    };
    if kind.is_empty() || version.is_some_and(str::is_empty) {
        checker.problem(
            Diagnostic::error(format!("`{text}` does not name a tool"))
                .at(checker.source, node.span)
                .help("write `kind: NAME` or `kind: NAME@VERSION`"),
        );
        return None;
    }
    if let Some(refused) = REFUSED_KINDS.iter().find(|refused| refused.key == kind) {
        let message = format!(
            "tools of kind `{kind}` are not supported yet: {}",
            refused.what
        );
        checker.problem(
            Diagnostic::error(message)
                .at(checker.source, node.span)
                .help(refused.instead),
        );
        return None;
    }
    Some((kind, version))
}

/// Gives the step's own arguments to a tool that has none, as NoETL does.
fn give_arguments(
    checker: &mut Checker<'_>,
    tool: &mut ToolCall,
    entries: &[Entry],
    path: &[String],
) {
    let arguments: Vec<_> = entries
        .iter()
        .filter(|entry| ARGUMENT_KEYS.contains(&entry.key.text.as_str()))
        .collect();
    let (Some(entry), Value::Object(config)) = (arguments.first(), &mut tool.config) else {
        return;
    };
    if let [first, second, ..] = arguments.as_slice() {
        checker.problem(
            Diagnostic::error("`args` and `input` are two names of the same thing")
                .label(checker.source, first.key.span, "one")
                .label(checker.source, second.key.span, "and the other")
                .help("keep one of them"),
        );
    } else if ARGUMENT_KEYS.iter().any(|key| config.contains_key(*key)) {
        let key = &entry.key.text;
        checker.warn(
            Diagnostic::warning(format!("`{key}` of the step is not used"))
                .label(checker.source, entry.key.span, "the tool has its own")
                .help("keep one of them"),
        );
    } else {
        config.insert("args".to_owned(), entry.value.to_value());
        tool.step_arguments = Some(below(path, &entry.key.text));
    }
}

/// Whether a key beside `tool: KIND` belongs to the tool, and is no slip in a key of the step.
fn is_configuration(key: &str) -> bool {
    !REFUSED_STEP_KEYS.iter().any(|refused| refused.key == key)
        && did_you_mean(key, STEP_KEYS).is_none()
}

fn below(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}
