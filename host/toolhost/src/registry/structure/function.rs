use wasmparser::{FunctionBody, Operator};

use super::bounds::{Census, Measure};
use super::error::StructureError;

/// A function of fewer bytes cannot have an expensive structure, unless it has many locals.
const SMALL_BYTES: u64 = 512;
/// A function of fewer values has few of them.
const FEW_VALUES: u64 = 512;

/// How branches of a function are counted.
#[derive(Default)]
struct Branches {
    depth: u64,
    deepest: u64,
    /// Where control flow starts, ends or merges.
    edges: u64,
    calls: u64,
}

/// Counts what the cost of compiling a function depends on.
///
/// The compiler converts values to static single assignment: a value that is assigned in several blocks is
/// carried along each branch between them. So its work and its memory grow with the number of branches times
/// the number of values.
pub(super) fn count(
    body: &FunctionBody<'_>,
    longest_signature: u64,
    census: &mut Census,
) -> Result<(), StructureError> {
    let range = body.range();
    let bytes = u64::try_from(range.len()).unwrap_or(u64::MAX);
    census.reach(Measure::FunctionBytes, bytes)?;
    let mut locals: u64 = 0;
    for group in body.get_locals_reader()? {
        let (count, _) = group?;
        locals = locals.saturating_add(count.into());
    }
    census.add(Measure::Locals, locals.saturating_add(longest_signature))?;
    let values = locals.saturating_add(longest_signature);
    if bytes <= SMALL_BYTES && values <= FEW_VALUES {
        return Ok(());
    }
    let branches = Branches::of(body, census)?;
    let carried = branches.edges.saturating_mul(values);
    let carried = carried.saturating_add(branches.calls.saturating_mul(longest_signature));
    census.reach(Measure::Carried, carried)?;
    census.add(Measure::AllCarried, carried)?;
    Ok(())
}

impl Branches {
    fn of(body: &FunctionBody<'_>, census: &mut Census) -> Result<Self, StructureError> {
        let mut branches = Self::default();
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            branches.count(&operators.read()?);
            census.reach(Measure::BlockDepth, branches.deepest)?;
        }
        Ok(branches)
    }

    fn count(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
                self.edges += 1;
            }
            Operator::End => self.depth = self.depth.saturating_sub(1),
            Operator::BrTable { targets } => self.edges += u64::from(targets.len()) + 1,
            Operator::Else
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrOnNull { .. }
            | Operator::BrOnNonNull { .. }
            | Operator::BrOnCast { .. }
            | Operator::BrOnCastFail { .. } => self.edges += 1,
            Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. } => self.calls += 1,
            _ => {}
        }
    }
}
