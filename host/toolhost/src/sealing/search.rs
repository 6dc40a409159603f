use std::ops::Range;

use super::gaps::{GapState, Joined, Reading};
use super::matcher::Matcher;

/// What a secret must have before a line break for that to be redacted. With less, the end of every other
/// line would be the beginning of a secret, and had to be held back until another line comes.
const MIN_BEFORE_BREAK_BYTES: usize = 4;

/// The search of a stream in one reading, which remembers what the text before said about what follows.
#[derive(Debug, Default)]
pub(super) struct Search {
    reading: Reading,
    state: State,
    /// What was found, and the text that it was found in; kept to be used again.
    ranges: Vec<Range<usize>>,
    joined: Joined,
}

/// Where a search stands.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct State {
    /// From where on the text is still needed, since a secret may begin there.
    start: usize,
    /// How many bytes from there on are decided: the end of a line that may belong to what follows it.
    decided: usize,
    /// What belongs to secrets that begin before `start`, where one ends there or later. It begins later than `start`
    /// where the beginning of the secret is left. Positions in the joined text, from `start` on.
    covered: Option<Range<usize>>,
    /// The gap before `start`.
    gap: GapState,
}

impl Search {
    /// A search of what is written that goes on where this one stands.
    pub(super) fn of_what_is_written(&self) -> Self {
        Self {
            reading: Reading::Written,
            state: self.state.clone(),
            ..Self::default()
        }
    }

    /// Whether both find the same from here on, if what is still needed and what follows reads alike.
    pub(super) fn stands_where(&self, other: &Self) -> bool {
        self.state == other.state
    }

    /// From where on the text is still needed.
    pub(super) fn start(&self) -> usize {
        self.state.start
    }

    /// Takes so many bytes of the text, which are not needed, as gone.
    pub(super) fn forget(&mut self, bytes: usize) {
        self.state.start = self.state.start.saturating_sub(bytes);
    }

    /// Adds the parts of secrets in a text, which is all that is still needed and what follows it, and returns up to
    /// where it is decided what belongs to a secret.
    pub(super) fn advance(
        &mut self,
        matcher: &Matcher,
        text: &[u8],
        is_last: bool,
        found: &mut Vec<Range<usize>>,
    ) -> usize {
        let origin = self.state.start;
        let text = text.get(origin..).unwrap_or_default();
        let was_covered = self.state.covered.take();
        let covered_from = was_covered.as_ref().map(|range| range.start);
        self.joined
            .join(self.reading, text, self.state.gap, is_last);
        let joined = &self.joined;
        let bytes = joined.bytes(text);
        let ranges = &mut self.ranges;
        matcher.find(bytes, ranges);
        ranges.extend(was_covered);
        merge(ranges);
        let keep = if is_last {
            bytes.len()
        } else {
            matcher.possible_start(bytes)
        };
        let last_before = last_before(ranges, keep, covered_from);
        leave_short_beginnings(joined, ranges, covered_from);
        let covered = last_before
            .and_then(|number| ranges.get(number))
            .filter(|range| range.end >= keep)
            .map(|range| range.start.saturating_sub(keep)..range.end - keep);
        let follows_secret = covered.as_ref().is_some_and(|range| range.start == 0);
        let pending = Pending::new(joined, text, keep, follows_secret);

        let begun = ranges.iter().take_while(|range| range.start < pending.hold);
        for range in begun {
            let parts = joined.in_text(range.clone());
            for part in parts.take_while(|part| part.start < pending.hold_in_text) {
                let start = part.start.max(self.state.decided);
                let end = part.end.min(pending.hold_in_text);
                if start < end {
                    found.push(origin + start..origin + end);
                }
            }
        }
        self.state = State {
            start: origin + pending.keep_in_text,
            decided: pending.hold_in_text - pending.keep_in_text,
            covered,
            gap: pending.gap,
        };
        origin + pending.hold_in_text
    }
}

/// What of a text is not decided yet.
struct Pending {
    /// From where on it is kept, since a secret may begin there.
    keep_in_text: usize,
    /// From where on it must not be passed on. This is later where a secret would begin with so little of a line
    /// that this is left.
    hold: usize,
    hold_in_text: usize,
    /// The gap before what is kept.
    gap: GapState,
}

impl Pending {
    /// What is kept from `keep` on. `follows_secret` says whether a secret ends there or later.
    fn new(joined: &Joined, text: &[u8], keep: usize, follows_secret: bool) -> Self {
        let undecided = joined.undecided();
        let end = undecided.map_or(text.len(), |(position, _)| position);
        let hold = match joined.line_break_after(keep) {
            Some(next) if next - keep < MIN_BEFORE_BREAK_BYTES && !follows_secret => next,
            _ => keep,
        };
        let gap = if keep < joined.length() {
            GapState::default()
        } else {
            undecided.map_or(joined.end(), |(_, gap)| gap)
        };
        Self {
            keep_in_text: joined.text_position(keep).unwrap_or(end),
            hold,
            hold_in_text: joined.text_position(hold).unwrap_or(end),
            gap,
        }
    }
}

/// The last range that begins before `keep`, or in an earlier text: with or before what that covered from
/// `covered_from` on.
fn last_before(ranges: &[Range<usize>], keep: usize, covered_from: Option<usize>) -> Option<usize> {
    let is_before = |range: &&Range<usize>| {
        range.start < keep || covered_from.is_some_and(|from| range.start <= from)
    };
    ranges.iter().take_while(is_before).count().checked_sub(1)
}

/// Leaves the beginnings of secrets that are too short for the line that they end, where no other secret ends. The
/// beginning of what is covered from `covered_from` on was in an earlier text.
fn leave_short_beginnings(
    joined: &Joined,
    ranges: &mut [Range<usize>],
    covered_from: Option<usize>,
) {
    for range in ranges {
        if covered_from == Some(range.start) {
            continue;
        }
        if let Some(next) = joined.line_break_after(range.start)
            && next < range.end
            && next - range.start < MIN_BEFORE_BREAK_BYTES
        {
            range.start = next;
        }
    }
}

/// Sorts ranges, and joins those that overlap or adjoin.
pub(super) fn merge(ranges: &mut Vec<Range<usize>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let joins = next.start <= last.end;
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
}
