use std::collections::{HashMap, HashSet};

use toolhost_diagnostic::{Diagnostic, Node, Span, did_you_mean};

use super::checker::{Checker, MAX_PROBLEMS};
use super::step::{self, RawStep};
use crate::playbook::graph;
use crate::playbook::model::{Next, NextArc, NextMode, Step};

/// The maximum number of steps of a playbook. Playbooks are written by hand, and checks of the graph take
/// quadratic time.
const MAX_STEPS: usize = 10_000;

/// The maximum number of steps of a cycle in a message.
const MAX_LISTED_STEPS: usize = 8;

/// The steps of `workflow:`, each with its successors.
pub(super) fn parse(checker: &mut Checker<'_>, node: &Node) -> Vec<Step> {
    let Some(items) = checker.list(node, "`workflow`") else {
        return Vec::new();
    };
    if items.is_empty() {
        let help = "write at least one step: `- step: NAME` with a `tool`";
        checker.problem(node.span, "`workflow` has no steps", help);
    }
    if items.len() > MAX_STEPS {
        let message = format!("`workflow` has {} steps", items.len());
        let help = format!("at most {MAX_STEPS} are allowed: split the playbook");
        checker.problem(node.span, message, help);
        return Vec::new();
    }
    let parsed = items.iter().enumerate();
    let parsed = parsed.filter_map(|(index, item)| step::parse(checker, index, item));
    let mut raw: Vec<RawStep> = parsed.collect();
    // A step whose name could not be read may be the target of an arc, and of two with the same name it is
    // not known which one is meant.
    if !check_names(checker, &raw) || raw.len() < items.len() {
        return Vec::new();
    }
    check_targets(checker, &raw);
    if raw.iter().all(|step| !step.has_next) {
        follow_each_other(&mut raw);
    }
    let (steps, places): (Vec<_>, Vec<_>) = raw
        .into_iter()
        .map(|raw| (raw.step, (raw.name_span, raw.arc_spans)))
        .unzip();
    check_circle(checker, &steps, &places);
    warn_of_unreachable(checker, &steps, &places);
    steps
}

/// The positions of a step's name and arcs.
type Places = (Span, Vec<Span>);

/// Whether each name is unique.
fn check_names(checker: &mut Checker<'_>, steps: &[RawStep]) -> bool {
    let mut are_unique = true;
    let mut names: HashMap<&str, Span> = HashMap::new();
    for raw in steps {
        let name = raw.step.name.as_str();
        let Some(first) = names.insert(name, raw.name_span) else {
            continue;
        };
        are_unique = false;
        let problem = Diagnostic::error(format!("two steps have the name `{name}`"))
            .label(checker.source(), first, "first here")
            .label(checker.source(), raw.name_span, "and again here")
            .help("give one of them another name");
        checker.report(problem);
    }
    are_unique
}

fn check_targets(checker: &mut Checker<'_>, steps: &[RawStep]) {
    let names: HashSet<_> = steps.iter().map(|raw| raw.step.name.as_str()).collect();
    // Finding a suggestion costs a walk over all names, and the number of problems shown is limited.
    let mut suggestions = 0;
    for raw in steps {
        for (arc, span) in raw.step.next.arcs.iter().zip(&raw.arc_spans) {
            let target = arc.step.as_str();
            if names.contains(&target) {
                continue;
            }
            let message = format!(
                "`next` of step `{}` names the unknown step `{target}`",
                raw.step.name
            );
            suggestions += 1;
            let known = steps.iter().map(|raw| raw.step.name.as_str());
            let meant = did_you_mean(target, known.take_while(|_| suggestions <= MAX_PROBLEMS));
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if target == "end" => "add `- step: end`, or remove `next`".to_owned(),
                None => "add the step, or name an existing one".to_owned(),
            };
            checker.problem(*span, message, help);
        }
    }
}

/// Makes each step lead to the one that is written below it.
fn follow_each_other(steps: &mut [RawStep]) {
    let names: Vec<_> = steps.iter().map(|raw| raw.step.name.clone()).collect();
    for (raw, following) in steps.iter_mut().zip(names.into_iter().skip(1)) {
        raw.arc_spans = vec![raw.name_span];
        raw.step.next = Next {
            mode: NextMode::Exclusive,
            arcs: vec![NextArc {
                step: following,
                when: None,
            }],
        };
    }
}

fn check_circle(checker: &mut Checker<'_>, steps: &[Step], places: &[Places]) {
    let Some(circle) = graph::circle(steps) else {
        return;
    };
    let name = |index: usize| steps.get(index).map_or("", |step| step.name.as_str());
    let mut names: Vec<_> = circle
        .iter()
        .map(|index| format!("`{}`", name(*index)))
        .collect();
    names.truncate(MAX_LISTED_STEPS);
    if circle.len() > MAX_LISTED_STEPS {
        names.push("…".to_owned());
    }
    names.extend(names.first().cloned());
    let mut problem = Diagnostic::error(format!("the steps form a cycle: {}", names.join(" → ")));
    let targets = circle.iter().cycle().skip(1);
    for (from, to) in circle.iter().zip(targets).take(MAX_LISTED_STEPS) {
        let arcs = steps.get(*from).map_or(&[][..], |step| &step.next.arcs);
        let spans = places.get(*from).map_or(&[][..], |(_, spans)| spans);
        let arc = arcs
            .iter()
            .zip(spans)
            .find(|(arc, _)| arc.step == name(*to));
        if let Some((_, span)) = arc {
            let text = format!("from `{}`", name(*from));
            problem = problem.label(checker.source(), *span, text);
        }
    }
    let help = "each step runs at most once: let `next` only name later steps, or repeat the work \
                in the script";
    checker.report(problem.help(help));
}

fn warn_of_unreachable(checker: &mut Checker<'_>, steps: &[Step], places: &[Places]) {
    let entry = steps.get(graph::entry(steps)).map_or("", |step| &step.name);
    for index in graph::unreachable(steps) {
        let (Some(step), Some((span, _))) = (steps.get(index), places.get(index)) else {
            continue;
        };
        let message = format!("the step `{}` never runs", step.name);
        let help = format!("it cannot be reached from `{entry}`, where the playbook starts");
        let warning = Diagnostic::warning(message);
        checker.warn(warning.at(checker.source(), *span).help(help));
    }
}
