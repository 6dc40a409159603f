//! Circles in what the parts of a crate use of one another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::names::{Crate, File, ModuleId};
use super::uses::{Uses, uses};

/// The circles of a crate, each with the uses that it is made of.
///
/// In every module its own file and each of its children, with whatever is below that, are one part each. So two files
/// that use each other are a circle, and two modules as well in which different files do.
pub(super) fn circles(of: Crate) -> Vec<String> {
    let modules: Vec<_> = of
        .modules
        .iter()
        .map(|module| (module.parent, module.file.clone()))
        .collect();
    let uses = uses(of);
    let mut found = Vec::new();
    for parent in 0..modules.len() {
        let parts = parts(&modules, parent);
        let mut graph: BTreeMap<&File, BTreeSet<&File>> = BTreeMap::new();
        for (from, to) in uses.keys() {
            if let (Some(from), Some(to)) = (parts.get(from), parts.get(to))
                && from != to
            {
                graph.entry(from).or_default().insert(to);
            }
        }
        for circle in strongly_connected(&graph) {
            found.push(describe(&circle, &parts, &uses));
        }
    }
    found
}

/// The files of a module, each with the part that it belongs to, which is named like the file of its topmost module.
fn parts(modules: &[(Option<ModuleId>, File)], of: ModuleId) -> BTreeMap<File, File> {
    let (_, own) = &modules[of];
    let mut parts = BTreeMap::from([(own.clone(), own.clone())]);
    // Parents come before their children.
    let mut below: BTreeMap<ModuleId, &File> = BTreeMap::new();
    for (id, (parent, file)) in modules.iter().enumerate() {
        let Some(parent) = *parent else { continue };
        let part = if parent == of {
            Some(file)
        } else {
            below.get(&parent).copied()
        };
        if let Some(part) = part {
            below.insert(id, part);
            // An inline module is of the file that it is in.
            parts.entry(file.clone()).or_insert_with(|| part.clone());
        }
    }
    parts
}

/// Returns the groups of several files that all depend on each other.
fn strongly_connected<'name>(
    graph: &BTreeMap<&'name File, BTreeSet<&'name File>>,
) -> BTreeSet<BTreeSet<&'name File>> {
    let reach: BTreeMap<_, _> = graph
        .keys()
        .map(|from| (*from, reached(graph, from)))
        .collect();
    let mut groups = BTreeSet::new();
    for (from, there) in &reach {
        let is_back = |to: &&&File| reach.get(**to).is_some_and(|back| back.contains(from));
        let group: BTreeSet<_> = there.iter().filter(is_back).copied().collect();
        if !group.is_empty() {
            groups.insert(group);
        }
    }
    groups
}

fn reached<'name>(
    graph: &BTreeMap<&'name File, BTreeSet<&'name File>>,
    from: &File,
) -> BTreeSet<&'name File> {
    let mut reached = BTreeSet::new();
    let mut left = vec![from];
    while let Some(part) = left.pop() {
        for next in graph.get(part).into_iter().flatten() {
            if reached.insert(*next) {
                left.push(next);
            }
        }
    }
    reached
}

fn describe(circle: &BTreeSet<&File>, parts: &BTreeMap<File, File>, uses: &Uses) -> String {
    let names: Vec<_> = circle.iter().map(|part| part.as_str()).collect();
    let mut text = format!("circle of {}:\n", names.join(", "));
    for ((from, to), names) in uses {
        if let (Some(one), Some(other)) = (parts.get(from), parts.get(to))
            && one != other
            && circle.contains(one)
            && circle.contains(other)
        {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            writeln!(text, "    {from} uses {to}: {}", names.join(", ")).unwrap();
        }
    }
    text
}
