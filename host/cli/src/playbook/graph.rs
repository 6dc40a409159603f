//! The steps as a graph: their order, cycles, and unreachable steps.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::model::Step;

/// The steps that can be reached from the first one, each after all its predecessors. If two could be next,
/// the one that was written first is.
pub(super) fn order(steps: &[Step]) -> Vec<usize> {
    let graph = Graph::new(steps);
    let reachable = graph.reachable(entry(steps));
    let (mut order, _) = graph.sort();
    order.retain(|index| reachable.get(*index).copied().unwrap_or_default());
    order
}

/// The step that a playbook begins with: `start`, or else the first.
pub(super) fn entry(steps: &[Step]) -> usize {
    let start = steps.iter().position(|step| step.name == "start");
    start.unwrap_or_default()
}

/// The steps that cannot be reached from the first one.
pub(super) fn unreachable(steps: &[Step]) -> Vec<usize> {
    let reachable = Graph::new(steps).reachable(entry(steps));
    let indices = reachable.iter().enumerate();
    let missing = indices.filter(|(_, is_reachable)| !**is_reachable);
    missing.map(|(index, _)| index).collect()
}

/// The steps of a cycle in order, if there is one.
pub(super) fn circle(steps: &[Step]) -> Option<Vec<usize>> {
    let graph = Graph::new(steps);
    let (_, waiting) = graph.sort();
    // Every step that was not sorted has a predecessor that was not sorted either: following these must reach
    // a step twice.
    let is_waiting = |index: &usize| waiting.get(*index).is_some_and(|count| *count > 0);
    let mut predecessors: HashMap<usize, usize> = HashMap::new();
    for (from, targets) in graph.targets.iter().enumerate().rev() {
        for target in targets.iter().filter(|_| is_waiting(&from)) {
            predecessors.insert(*target, from);
        }
    }
    let mut path = vec![(0..steps.len()).find(is_waiting)?];
    loop {
        let before = *predecessors.get(path.last()?)?;
        if let Some(position) = path.iter().position(|index| *index == before) {
            let mut circle = path.split_off(position);
            circle.reverse();
            let first = circle.iter().enumerate().min_by_key(|(_, index)| **index);
            let first = first.map_or(0, |(position, _)| position);
            circle.rotate_left(first);
            return Some(circle);
        }
        path.push(before);
    }
}

struct Graph {
    /// The successors of each step.
    targets: Vec<Vec<usize>>,
}

impl Graph {
    /// Arcs to steps that do not exist are ignored.
    fn new(steps: &[Step]) -> Self {
        let mut indices = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            indices.entry(step.name.as_str()).or_insert(index);
        }
        let targets = steps.iter().map(|step| {
            let targets = step.next.arcs.iter();
            let known = targets.filter_map(|arc| indices.get(arc.step.as_str()).copied());
            known.collect()
        });
        Self {
            targets: targets.collect(),
        }
    }

    /// The steps in order, and for each step the number of arcs to it from steps that are not among them.
    fn sort(&self) -> (Vec<usize>, Vec<usize>) {
        let mut waiting = vec![0_usize; self.targets.len()];
        for target in self.targets.iter().flatten() {
            if let Some(count) = waiting.get_mut(*target) {
                *count += 1;
            }
        }
        let free = waiting.iter().enumerate().filter(|(_, count)| **count == 0);
        let mut ready: BinaryHeap<_> = free.map(|(index, _)| Reverse(index)).collect();
        let mut order = Vec::new();
        while let Some(Reverse(index)) = ready.pop() {
            order.push(index);
            for target in self.targets.get(index).into_iter().flatten() {
                if let Some(count) = waiting.get_mut(*target) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(Reverse(*target));
                    }
                }
            }
        }
        (order, waiting)
    }

    fn reachable(&self, entry: usize) -> Vec<bool> {
        let mut reachable = vec![false; self.targets.len()];
        let mut pending = vec![entry];
        while let Some(index) = pending.pop() {
            match reachable.get_mut(index) {
                Some(known) if !*known => *known = true,
                _ => continue,
            }
            pending.extend(self.targets.get(index).into_iter().flatten());
        }
        reachable
    }
}
