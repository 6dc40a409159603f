use serde_json::{Map, Value};
use toolhost::template::Renderer;
use toolhost_diagnostic::{Diagnostic, Entry, Node, Span};

use super::checker::Checker;
use super::{next, refusal};
use crate::playbook::model::{ARGUMENTS_KEY, Step, StepTool};

/// The maximum length of the name of a step. It becomes part of a job's name, where it is shortened anyway.
const MAX_STEP_NAME_BYTES: usize = 128;
const STEP_KEYS: &[&str] = &["step", "desc", "tool", "next", "args", "input"];
/// The keys of a step's own arguments.
const ARGUMENT_KEYS: [&str; 2] = [ARGUMENTS_KEY, "input"];
/// Keys that are next to `tool` only if the tool is a string.
const TOOL_KEYS: &[&str] = &[
    "auth", "code", "command", "env", "image", "job", "kind", "query", "script", "uri", "url",
];
/// Kinds with which a step would run another playbook, or a part of this one.
const NESTED_KINDS: [&str; 2] = ["playbook", "workbook"];
/// Names of steps that need no tool.
const MARKERS: [&str; 2] = ["start", "end"];

/// A step, before its successors are resolved.
pub(super) struct RawStep {
    pub(super) step: Step,
    pub(super) name_span: Span,
    /// The position of each arc's target.
    pub(super) arc_spans: Vec<Span>,
    /// Whether the step defines its successors, even if there are none.
    pub(super) has_next: bool,
}

/// A step's tool in either form.
struct Written<'item> {
    /// The node that names the kind, if any.
    kind: Option<&'item Node>,
    config: Vec<&'item Entry>,
    /// The path of the kind.
    kind_path: Vec<String>,
    /// The path of the configuration.
    path: Vec<String>,
}

/// One item of `workflow:`; `None` if it has no name.
pub(super) fn parse(checker: &mut Checker<'_>, index: usize, item: &Node) -> Option<RawStep> {
    let Some(entries) = item.entries() else {
        let help = "write `- step: NAME` with a `tool`";
        checker.wrong_type(item, "a step", "a mapping", help);
        return None;
    };
    let name = item.get("step").and_then(Node::as_str);
    let owner = match name {
        Some(name) => format!("step `{name}`"),
        None => "a step".to_owned(),
    };
    let has_old_form = is_old_form(item);
    for entry in entries {
        let key = entry.key.text.as_str();
        // A step with `name` instead of `step` gets one message, about the name.
        if STEP_KEYS.contains(&key) || key == "name" && item.get("step").is_none() {
            continue;
        }
        if has_old_form && !is_refused(key) {
            // The tool's schema validates it.
            continue;
        }
        if has_old_form || !TOOL_KEYS.contains(&key) {
            checker.unknown_key(entry, &owner, STEP_KEYS, refusal::STEP);
        } else {
            let message = format!("`{key}` of {owner} is next to `tool`, not under it");
            checker.problem(entry.key.span, message, "indent it under `tool:`");
        }
    }
    let path = vec!["workflow".to_owned(), index.to_string()];
    let description = optional_text(checker, item.get("desc"), &format!("`desc` of {owner}"));
    let tool = parse_tool(checker, item, &owner, &path);
    let written = item.entry("next").filter(|next| !next.value.is_null());
    let parsed = written.map(|entry| next::parse(checker, &entry.value, &owner, &path));
    let (name, name_span) = parse_name(checker, item)?;
    let has_next = parsed.is_some();
    let (next, arc_spans) = parsed.unwrap_or_default();
    if item.get("tool").is_none_or(Node::is_null) && !has_next && !MARKERS.contains(&name.as_str())
    {
        let warning = Diagnostic::warning(format!("the step `{name}` does nothing"))
            .at(checker.source(), name_span)
            .help("give it a `tool` or a `next`");
        checker.warn(warning);
    }
    Some(RawStep {
        step: Step {
            name,
            description,
            tool,
            next,
        },
        name_span,
        arc_spans,
        has_next,
    })
}

fn parse_name(checker: &mut Checker<'_>, item: &Node) -> Option<(String, Span)> {
    let Some(node) = item.get("step") else {
        let (span, help) = match item.entry("name") {
            Some(name) => (name.key.span, "write `step: NAME` instead of `name: NAME`"),
            None => (item.span, "write `step: NAME`"),
        };
        checker.missing(span, "step", "a step", help);
        return None;
    };
    let name = checker.text(node, "`step`")?;
    let problem = if name.len() > MAX_STEP_NAME_BYTES {
        format!("the name of a step has {} bytes", name.len())
    } else if name.chars().any(char::is_control) || name.trim() != name {
        format!("the name of a step contains line breaks or starts or ends with spaces: {name:?}")
    } else if Renderer::has_template(&Value::String(name.clone())) {
        format!("the name of a step is a template: `{name}`")
    } else {
        return Some((name, node.span));
    };
    let help = format!("use at most {MAX_STEP_NAME_BYTES} letters, digits, `_` and `-`");
    checker.problem(node.span, problem, help);
    None
}

fn optional_text(checker: &mut Checker<'_>, node: Option<&Node>, owner: &str) -> Option<String> {
    let node = node.filter(|node| !node.is_null())?;
    checker.text(node, owner)
}

fn parse_tool(
    checker: &mut Checker<'_>,
    item: &Node,
    owner: &str,
    path: &[String],
) -> Option<StepTool> {
    let arguments = parse_arguments(checker, item, owner);
    let Some(node) = item.get("tool").filter(|node| !node.is_null()) else {
        if let Some(arguments) = arguments {
            let message = format!("{owner} has `{}` but no `tool`", arguments.key.text);
            let help = "add the `tool` that uses them, or remove them";
            checker.problem(arguments.key.span, message, help);
        }
        return None;
    };
    if node.items().is_some() {
        let message = format!("`tool` of {owner} is a list of tasks, which is not supported");
        let help = "make each task a separate step, and write `tool:` as a mapping with `kind:`";
        checker.problem(place_of(item, "tool"), message, help);
        return None;
    }
    let written = if is_old_form(item) {
        Written::next_to(item, node, path)
    } else {
        let entries = checker.mapping(node, &format!("`tool` of {owner}"))?;
        Written::inside(entries, node, path)
    };
    let reference = parse_kind(checker, item, &written, owner);
    let mut config: Map<String, Value> = written
        .config
        .iter()
        .map(|entry| (entry.key.text.clone(), entry.value.to_value()))
        .collect();
    let mut arguments_path = None;
    if let Some(arguments) = arguments {
        let key = arguments.key.text.as_str();
        let own = written.arguments();
        if let Some(own) = own {
            let warning = Diagnostic::warning(format!(
                "`{key}` of {owner} has no effect, because its `tool` has `{}`",
                own.key.text
            ));
            let warning = warning
                .label(checker.source(), arguments.key.span, "not used")
                .label(checker.source(), own.key.span, "used");
            checker.warn(warning.help("remove one of them"));
        } else {
            config.insert(ARGUMENTS_KEY.to_owned(), arguments.value.to_value());
            arguments_path = Some(subpath(path, key));
        }
    }
    Some(StepTool {
        reference: reference?,
        config: Value::Object(config),
        path: written.path,
        kind_path: written.kind_path,
        arguments_path,
    })
}

/// The step's own `args` or `input`.
fn parse_arguments<'item>(
    checker: &mut Checker<'_>,
    item: &'item Node,
    owner: &str,
) -> Option<&'item Entry> {
    let entries = ARGUMENT_KEYS.map(|key| item.entry(key));
    if let [Some(args), Some(input)] = entries {
        let problem = Diagnostic::error(format!("{owner} has both `args` and `input`"))
            .label(checker.source(), args.key.span, "this")
            .label(checker.source(), input.key.span, "has the same meaning")
            .help("remove one of them");
        checker.report(problem);
    }
    let entry = entries.into_iter().flatten().next()?;
    (!entry.value.is_null()).then_some(entry)
}

fn parse_kind(
    checker: &mut Checker<'_>,
    item: &Node,
    written: &Written<'_>,
    owner: &str,
) -> Option<String> {
    let tool_owner = format!("`tool` of {owner}");
    let Some(node) = written.kind else {
        let help = "write `kind: KIND`, such as `kind: script`";
        checker.missing(place_of(item, "tool"), "kind", &tool_owner, help);
        return None;
    };
    let kind = checker.text(node, &format!("`kind` of {tool_owner}"))?;
    if Renderer::has_template(&Value::String(kind.clone())) {
        let message = format!("`kind` of {tool_owner} is a template");
        let help = "write the kind itself: the tools of a playbook must be known before it runs";
        checker.problem(node.span, message, help);
        return None;
    }
    if NESTED_KINDS.contains(&kind.as_str()) {
        let message = format!("`kind: {kind}` is not supported: a step runs a tool");
        let help = "write the steps of the other playbook here, or run it separately";
        checker.problem(node.span, message, help);
        return None;
    }
    Some(kind)
}

/// Whether the tool is a string, as in the older form of playbooks: its configuration is then next to it.
fn is_old_form(item: &Node) -> bool {
    item.get("tool").is_some_and(|tool| tool.as_str().is_some())
}

fn is_refused(key: &str) -> bool {
    refusal::STEP.iter().any(|refusal| refusal.key == key)
}

impl<'item> Written<'item> {
    /// `tool: {kind: KIND, …}`.
    fn inside(entries: &'item [Entry], tool: &'item Node, step_path: &[String]) -> Self {
        let path = subpath(step_path, "tool");
        Self {
            kind: tool.get("kind"),
            config: entries
                .iter()
                .filter(|entry| entry.key.text != "kind")
                .collect(),
            kind_path: subpath(&path, "kind"),
            path,
        }
    }

    /// `tool: KIND`, and next to it all keys that are not the step's own.
    fn next_to(item: &'item Node, kind: &'item Node, step_path: &[String]) -> Self {
        let is_of_tool = |entry: &&Entry| {
            let key = entry.key.text.as_str();
            !STEP_KEYS.contains(&key) && !is_refused(key)
        };
        let entries = item.entries().unwrap_or_default();
        Self {
            kind: Some(kind),
            config: entries.iter().filter(is_of_tool).collect(),
            kind_path: subpath(step_path, "tool"),
            path: step_path.to_vec(),
        }
    }

    /// The arguments in the configuration itself.
    fn arguments(&self) -> Option<&'item Entry> {
        ARGUMENT_KEYS.iter().find_map(|known| {
            let mut entries = self.config.iter();
            entries.find(|entry| entry.key.text == *known).copied()
        })
    }
}

/// The path of a key of a mapping.
fn place_of(node: &Node, key: &str) -> Span {
    node.entry(key).map_or(node.span, |entry| entry.key.span)
}

fn subpath(path: &[String], key: &str) -> Vec<String> {
    path.iter().cloned().chain([key.to_owned()]).collect()
}
