use std::collections::HashMap;

use super::model::Step;

/// The step at which every playbook begins, if there is one of this name.
const START: &str = "start";

/// The index of the step at which the walk begins.
pub(super) fn start(steps: &[Step]) -> Option<usize> {
    let named = steps.iter().position(|step| step.name == START);
    named.or_else(|| (!steps.is_empty()).then_some(0))
}

/// The steps that can be reached from the first one, each after all that lead to it.
///
/// # Errors
///
/// The names along a circle, and the indices of the step and its arc that close it.
pub(super) fn order(steps: &[Step]) -> Result<Vec<usize>, Circle> {
    let Some(start) = start(steps) else {
        return Ok(Vec::new());
    };
    let mut order = Vec::new();
    Graph::new(steps).visit(start, &mut vec![Mark::New; steps.len()], &mut order)?;
    order.reverse();
    Ok(order)
}

/// The first circle among all steps, also those that cannot be reached.
pub(super) fn find_circle(steps: &[Step]) -> Option<Circle> {
    let graph = Graph::new(steps);
    let mut marks = vec![Mark::New; steps.len()];
    let mut finished = Vec::new();
    (0..steps.len()).find_map(|index| graph.visit(index, &mut marks, &mut finished).err())
}

/// A way that leads back to where it began.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    /// The names of the steps along it; the first is also the last.
    pub(super) names: Vec<String>,
    /// The step whose arc closes it.
    pub(super) step: usize,
    /// That arc.
    pub(super) arc: usize,
}

struct Graph<'steps> {
    steps: &'steps [Step],
    indices: HashMap<&'steps str, usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

impl<'steps> Graph<'steps> {
    fn new(steps: &'steps [Step]) -> Self {
        // Of two steps with one name, which is an error of its own, the first counts.
        let mut indices = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            indices.entry(step.name.as_str()).or_insert(index);
        }
        Self { steps, indices }
    }

    fn target(&self, step: usize, arc: usize) -> Option<usize> {
        let arc = self.steps.get(step)?.arcs.get(arc)?;
        self.indices.get(arc.step.as_str()).copied()
    }

    fn arcs(&self, step: usize) -> usize {
        self.steps.get(step).map_or(0, |step| step.arcs.len())
    }

    fn name(&self, step: usize) -> String {
        self.steps
            .get(step)
            .map_or_else(String::new, |step| step.name.clone())
    }

    /// Adds the steps that can be reached from `start` and were not visited before to `finished`, each
    /// before all that lead to it. It keeps its own stack, since a playbook may have any number of steps
    /// in a row.
    fn visit(
        &self,
        start: usize,
        marks: &mut [Mark],
        finished: &mut Vec<usize>,
    ) -> Result<(), Circle> {
        if marks.get(start) != Some(&Mark::New) {
            return Ok(());
        }
        // Each step on the way with the number of its arcs that are still to be followed. The last arc
        // goes first, so that in the reversed result the first one leads.
        let mut way = vec![(start, self.arcs(start))];
        if let Some(mark) = marks.get_mut(start) {
            *mark = Mark::Open;
        }
        while let Some((step, left)) = way.last_mut() {
            let step = *step;
            let Some(arc) = left.checked_sub(1) else {
                finished.push(step);
                if let Some(mark) = marks.get_mut(step) {
                    *mark = Mark::Done;
                }
                way.pop();
                continue;
            };
            *left = arc;
            let Some(target) = self.target(step, arc) else {
                continue;
            };
            match marks.get_mut(target) {
                Some(mark @ Mark::New) => {
                    *mark = Mark::Open;
                    way.push((target, self.arcs(target)));
                }
                Some(Mark::Open) => {
                    let circle = way.iter().skip_while(|(on_way, _)| *on_way != target);
                    let mut names: Vec<_> = circle.map(|(on_way, _)| self.name(*on_way)).collect();
                    names.push(self.name(target));
                    return Err(Circle { names, step, arc });
                }
                Some(Mark::Done) | None => {}
            }
        }
        Ok(())
    }
}
