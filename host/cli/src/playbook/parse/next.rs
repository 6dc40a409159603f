use serde_json::Value;
use toolhost_diagnostic::{Diagnostic, Entry, Node, NodeKind, Span};

use super::checker::{Checker, suggest};
use super::refusal;
use crate::playbook::model::{Condition, Next, NextArc, NextMode};

const NEXT_KEYS: &[&str] = &["arcs", "spec", "step"];
const SPEC_KEYS: &[&str] = &["mode"];
const MODES: &[&str] = &["exclusive", "inclusive"];
const ARC_KEYS: &[&str] = &["step", "when"];

/// The successors of a step, and the position of each arc's target.
///
/// It is a step's name, a list of names or of `{step, when}`, one `{step, when}`, or `{spec, arcs}`.
pub(super) fn parse(
    checker: &mut Checker<'_>,
    node: &Node,
    owner: &str,
    step_path: &[String],
) -> (Next, Vec<Span>) {
    let mut path = step_path.to_vec();
    path.push("next".to_owned());
    let mut next = Next::default();
    let arcs = match &node.kind {
        NodeKind::Mapping(_) if node.get("arcs").is_some() || node.get("spec").is_some() => {
            let owner = format!("`next` of {owner}");
            next.mode = check_router(checker, node, &owner);
            path.push("arcs".to_owned());
            if let Some(arcs) = node.get("arcs") {
                arc_list(checker, arcs, &format!("`arcs` in {owner}"), &path)
            } else {
                let help = "write `arcs: [{step: NAME}]`";
                checker.missing(node.span, "arcs", &owner, help);
                Vec::new()
            }
        }
        NodeKind::Sequence(_) => arc_list(checker, node, &format!("`next` of {owner}"), &path),
        NodeKind::Scalar(Value::String(_)) | NodeKind::Mapping(_) => {
            arc(checker, node, &format!("`next` of {owner}"), path)
                .into_iter()
                .collect()
        }
        NodeKind::Scalar(_) => {
            let expected = "the name of a step, a list of names, or `{arcs: [{step: NAME}]}`";
            checker.wrong_type(node, &format!("`next` of {owner}"), expected, "");
            Vec::new()
        }
    };
    if next.mode == NextMode::Exclusive {
        warn_of_untaken(checker, &arcs);
    }
    let (arcs, spans) = arcs.into_iter().unzip();
    next.arcs = arcs;
    (next, spans)
}

fn check_router(checker: &mut Checker<'_>, node: &Node, owner: &str) -> NextMode {
    for entry in node.entries().unwrap_or_default() {
        match entry.key.text.as_str() {
            "arcs" | "spec" => {}
            "step" => {
                let message = format!("{owner} has both `step` and `arcs`");
                let help = "make it an item of `arcs`";
                checker.problem(entry.key.span, message, help);
            }
            _ => checker.unknown_key(entry, owner, NEXT_KEYS, refusal::NEXT),
        }
    }
    let Some(spec) = node.get("spec").filter(|spec| !spec.is_null()) else {
        return NextMode::Exclusive;
    };
    let owner = format!("`spec` in {owner}");
    for entry in checker.mapping(spec, &owner).unwrap_or_default() {
        if !SPEC_KEYS.contains(&entry.key.text.as_str()) {
            checker.unknown_key(entry, &owner, SPEC_KEYS, &[]);
        }
    }
    let Some(node) = spec.get("mode") else {
        return NextMode::Exclusive;
    };
    match checker.text(node, "`mode`").as_deref() {
        Some("inclusive") => NextMode::Inclusive,
        Some("exclusive") | None => NextMode::Exclusive,
        Some(other) => {
            let message = format!("unknown mode `{other}` in {owner}");
            checker.problem(node.span, message, suggest(other, MODES));
            NextMode::Exclusive
        }
    }
}

fn arc_list(
    checker: &mut Checker<'_>,
    node: &Node,
    owner: &str,
    path: &[String],
) -> Vec<(NextArc, Span)> {
    let items = checker.list(node, owner).unwrap_or_default();
    let item_owner = format!("an item of {owner}");
    let arcs = items.iter().enumerate().filter_map(|(index, item)| {
        let mut path = path.to_vec();
        path.push(index.to_string());
        arc(checker, item, &item_owner, path)
    });
    arcs.collect()
}

/// One arc: a step's name, or `{step, when}`.
fn arc(
    checker: &mut Checker<'_>,
    node: &Node,
    owner: &str,
    path: Vec<String>,
) -> Option<(NextArc, Span)> {
    let Some(entries) = node.entries() else {
        let step = checker.text(node, owner)?;
        return Some((NextArc { step, when: None }, node.span));
    };
    for entry in entries {
        if !ARC_KEYS.contains(&entry.key.text.as_str()) {
            checker.unknown_key(entry, owner, ARC_KEYS, refusal::ARC);
        }
    }
    let when = node.entry("when").filter(|when| !when.value.is_null());
    let when = when.and_then(|entry| condition(checker, entry, owner, path));
    let Some(target) = node.get("step") else {
        // `then` and `else` were rejected, and contain the name of the step.
        if node.get("then").is_none() && node.get("else").is_none() {
            checker.missing(node.span, "step", owner, "write `step: NAME`");
        }
        return None;
    };
    let step = checker.text(target, &format!("`step` in {owner}"))?;
    Some((NextArc { step, when }, target.span))
}

fn condition(
    checker: &mut Checker<'_>,
    entry: &Entry,
    owner: &str,
    mut path: Vec<String>,
) -> Option<Condition> {
    path.push("when".to_owned());
    let owner = format!("`when` in {owner}");
    let text = match &entry.value.kind {
        NodeKind::Scalar(Value::Bool(holds)) => holds.to_string(),
        _ => checker.text(&entry.value, &owner)?,
    };
    Some(Condition { text, path })
}

/// Of several arcs, the first possible one is followed; an arc below one without a condition never is.
fn warn_of_untaken(checker: &mut Checker<'_>, arcs: &[(NextArc, Span)]) {
    let Some(always) = arcs.iter().position(|(arc, _)| arc.when.is_none()) else {
        return;
    };
    let mut untaken = arcs.iter().skip(always + 1);
    let (Some((taken, taken_span)), Some((arc, span))) = (arcs.get(always), untaken.next()) else {
        return;
    };
    let warning = Diagnostic::warning(format!(
        "`next` never reaches `{}`, because `{}` is always taken",
        arc.step, taken.step
    ))
    .label(checker.source(), *taken_span, "always taken")
    .label(checker.source(), *span, "never taken")
    .help(
        "the first arc whose `when` holds is taken; `next: {spec: {mode: inclusive}, arcs: […]}` takes \
         each one that holds",
    );
    checker.warn(warning);
}
