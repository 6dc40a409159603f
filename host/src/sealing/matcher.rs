//! Finding any of thousands of patterns at the speed of memory.
//!
//! Every pattern has at least [`MIN_SECRET_BYTES`] bytes, so wherever it stands in a text, one of its
//! blocks of [`BLOCK_BYTES`] bytes begins at a multiple of [`STRIDE`]. So it suffices to look at the text's
//! blocks at those places: each is looked up in a bitmap of the blocks of all patterns, and only where
//! that says yes are patterns compared. This is the filter of Wu and Manber ("A fast algorithm for
//! multi-pattern searching", 1994) with a fixed step, which lets the processor do several look-ups at a
//! time. `docs/performance.md` compares it with an automaton.
//!
//! All occurrences are found, overlapping ones too.

use std::fmt;
use std::ops::Range;

use super::forms::{MAX_PATTERN_BYTES, MIN_SECRET_BYTES, Patterns};

/// The bytes that are looked up together.
const BLOCK_BYTES: usize = size_of::<u32>();
/// How far the looked-up blocks are apart.
const STRIDE: usize = MIN_SECRET_BYTES - BLOCK_BYTES + 1;
/// How many blocks are looked up before the results are looked at.
const BLOCKS_AT_ONCE: usize = 5;
/// The bytes that hold so many blocks.
const WINDOW_BYTES: usize = size_of::<u128>();
const _: () = assert!((BLOCKS_AT_ONCE - 1) * STRIDE + BLOCK_BYTES <= WINDOW_BYTES);

/// The bitmap has so many bits for each block, so that about one in so many others seems to be one.
const BITS_PER_BLOCK: usize = 32;
/// The smallest bitmap, as a power of two: 8 KiB, which costs nothing.
const MIN_BITMAP_POWER: u32 = 16;
/// The largest bitmap, as a power of two: 512 KiB, which stays in a second-level cache.
const MAX_BITMAP_POWER: u32 = 22;
/// Fibonacci hashing: the odd number next to 2³² divided by the golden ratio.
const HASH_FACTOR: u32 = 0x9E37_79B9;
/// Of so many places in a pattern the best is chosen for its blocks.
const MAX_CANDIDATES: usize = MAX_PATTERN_BYTES;

/// Patterns, ready to be searched for.
pub(super) struct Matcher {
    /// In order.
    patterns: Vec<Box<[u8]>>,
    /// A bit for each hash of a block.
    bitmap: Vec<u64>,
    /// What of a hash is not used for the bitmap.
    bitmap_shift: u32,
    /// The blocks, in the order of their buckets.
    blocks: Vec<Block>,
    /// Where each bucket begins in `blocks`, and at last where the last one ends.
    buckets: Vec<u32>,
    /// What of a hash is not used for the bucket.
    bucket_shift: u32,
    /// A bit for each hash of a block that a pattern begins with.
    beginnings: Vec<u64>,
    /// The bytes that patterns begin with.
    first_bytes: [bool; 256],
}

/// A block of a pattern.
#[derive(Clone, Copy)]
struct Block {
    bytes: u32,
    pattern: u32,
    /// Where in the pattern it begins.
    offset: u8,
}

impl Matcher {
    /// A matcher of these patterns; none where there are none.
    pub(super) fn new(patterns: Patterns) -> Option<Self> {
        if patterns.is_empty() {
            return None;
        }
        let patterns: Vec<_> = patterns.into_iter().collect();
        let count = patterns.len() * STRIDE;
        let bucket_power = power_of_two(count, MIN_BITMAP_POWER / 2, MAX_BITMAP_POWER);
        let bucket_shift = u32::BITS - bucket_power;
        let blocks = choose_blocks(&patterns, bucket_power);
        let bitmap_power = power_of_two(
            count.saturating_mul(BITS_PER_BLOCK),
            MIN_BITMAP_POWER,
            MAX_BITMAP_POWER,
        );
        let bitmap_shift = u32::BITS - bitmap_power;
        let mut bitmap = vec![0; (1 << bitmap_power) / 64];
        for block in &blocks {
            set_bit(&mut bitmap, hash(block.bytes) >> bitmap_shift);
        }
        let (blocks, buckets) = into_buckets(blocks, bucket_power);
        let mut beginnings = vec![0; bitmap.len()];
        let mut first_bytes = [false; 256];
        for pattern in &patterns {
            if let Some(bytes) = block_at(pattern, 0) {
                set_bit(&mut beginnings, hash(bytes) >> bitmap_shift);
            }
            let first = pattern.first().map_or(0, |byte| usize::from(*byte));
            if let Some(slot) = first_bytes.get_mut(first) {
                *slot = true;
            }
        }
        Some(Self {
            patterns,
            bitmap,
            bitmap_shift,
            blocks,
            buckets,
            bucket_shift,
            beginnings,
            first_bytes,
        })
    }

    /// Whether any pattern stands in the text.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        let mut found = false;
        self.search(text, |_| {
            found = true;
            false
        });
        found
    }

    /// Where patterns stand in the text: ranges in order that neither overlap nor adjoin.
    pub(super) fn find(&self, text: &[u8], ranges: &mut Vec<Range<usize>>) {
        ranges.clear();
        self.search(text, |range| {
            ranges.push(range);
            true
        });
        merge(ranges);
    }

    /// Where the end of `text` begins that may be the beginning of a pattern; its length where none does.
    pub(super) fn possible_start(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(MAX_PATTERN_BYTES - 1);
        let ends = (from..text.len()).filter_map(|start| Some((start, text.get(start..)?)));
        ends.into_iter()
            .find(|(_, end)| self.begins_pattern(end))
            .map_or(text.len(), |(start, _)| start)
    }

    /// Whether `end` is shorter than, and the beginning of, a pattern.
    fn begins_pattern(&self, end: &[u8]) -> bool {
        let Some(first) = end.first() else {
            return false;
        };
        if self.first_bytes.get(usize::from(*first)) != Some(&true) {
            return false;
        }
        // Of the longer ones this leaves next to none.
        if let Some(bytes) = block_at(end, 0)
            && !has_bit(&self.beginnings, hash(bytes) >> self.bitmap_shift)
        {
            return false;
        }
        let after = self
            .patterns
            .partition_point(|pattern| pattern.as_ref() <= end);
        let next = self.patterns.get(after);
        next.is_some_and(|pattern| pattern.starts_with(end))
    }

    /// Tells `found` every occurrence, in no order, until it says that it has enough.
    fn search(&self, text: &[u8], mut found: impl FnMut(Range<usize>) -> bool) {
        const STEP: usize = BLOCKS_AT_ONCE * STRIDE;
        let mut position = 0;
        while let Some(window) = window(text, position) {
            let hits = (0..BLOCKS_AT_ONCE).fold(0, |hits, index| {
                hits | u32::from(self.may_be_block(block_in(window, index))) << index
            });
            if hits != 0 {
                for index in (0..BLOCKS_AT_ONCE).filter(|index| hits >> index & 1 == 1) {
                    let start = position + index * STRIDE;
                    if !self.compare(text, start, block_in(window, index), &mut found) {
                        return;
                    }
                }
            }
            position += STEP;
        }
        while let Some(bytes) = block_at(text, position) {
            if self.may_be_block(bytes) && !self.compare(text, position, bytes, &mut found) {
                return;
            }
            position += STRIDE;
        }
    }

    fn may_be_block(&self, bytes: u32) -> bool {
        has_bit(&self.bitmap, hash(bytes) >> self.bitmap_shift)
    }

    /// Compares the patterns that have this block with the text around it.
    #[cold]
    fn compare(
        &self,
        text: &[u8],
        position: usize,
        bytes: u32,
        found: &mut impl FnMut(Range<usize>) -> bool,
    ) -> bool {
        let bucket = (hash(bytes) >> self.bucket_shift) as usize;
        let bounds = (self.buckets.get(bucket), self.buckets.get(bucket + 1));
        let (Some(from), Some(to)) = bounds else {
            return true;
        };
        let blocks = self.blocks.get(*from as usize..*to as usize);
        for block in blocks.into_iter().flatten() {
            let start = position.checked_sub(usize::from(block.offset));
            let pattern = self.patterns.get(block.pattern as usize);
            let (true, Some(start), Some(pattern)) = (block.bytes == bytes, start, pattern) else {
                continue;
            };
            let end = start + pattern.len();
            if text.get(start..end) == Some(pattern.as_ref()) && !found(start..end) {
                return false;
            }
        }
        true
    }
}

impl Drop for Matcher {
    fn drop(&mut self) {
        self.patterns.iter_mut().for_each(zeroize::Zeroize::zeroize);
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} patterns", self.patterns.len())
    }
}

/// Sorts ranges, and joins those that overlap or adjoin.
fn merge(ranges: &mut Vec<Range<usize>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let joins = next.start <= last.end;
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
}

/// Chooses, for each pattern, [`STRIDE`] blocks that follow each other, so that one of them is looked at.
///
/// Those are best that are rare in logs, and that few other patterns have: secrets often begin alike.
fn choose_blocks(patterns: &[Box<[u8]>], bucket_power: u32) -> Vec<Block> {
    let mut load = vec![0_u32; 1 << bucket_power];
    let bucket_shift = u32::BITS - bucket_power;
    let mut blocks = Vec::with_capacity(patterns.len() * STRIDE);
    for (pattern, number) in patterns.iter().zip(0..) {
        let bucket = |offset| {
            let bytes = block_at(pattern, offset)?;
            Some((hash(bytes) >> bucket_shift) as usize)
        };
        let cost = |first: &usize| {
            let loads = (*first..first + STRIDE)
                .map(|offset| bucket(offset).and_then(|bucket| load.get(bucket)));
            let crowd: u32 = loads.flatten().sum();
            let end = first + MIN_SECRET_BYTES;
            let bytes = pattern.get(*first..end).unwrap_or_default();
            let commonness: u32 = bytes.iter().copied().map(commonness).sum();
            u64::from(crowd) * u64::from(MAX_COMMONNESS) + u64::from(commonness)
        };
        let candidates = 0..=pattern.len().saturating_sub(MIN_SECRET_BYTES);
        let first = candidates
            .take(MAX_CANDIDATES)
            .min_by_key(cost)
            .unwrap_or(0);
        for offset in first..first + STRIDE {
            let Some((bytes, slot)) = block_at(pattern, offset).zip(bucket(offset)) else {
                continue;
            };
            if let Some(load) = load.get_mut(slot) {
                *load += 1;
            }
            blocks.push(Block {
                bytes,
                pattern: number,
                offset: u8::try_from(offset).unwrap_or(u8::MAX),
            });
        }
    }
    blocks
}

/// The most that [`commonness`] says.
const MAX_COMMONNESS: u32 = 8;

/// How common a byte is in logs, from 0 on.
fn commonness(byte: u8) -> u32 {
    match byte {
        b' ' | b'a'..=b'z' => MAX_COMMONNESS,
        b'0'..=b'9' | b'.' | b':' | b'/' | b'-' | b'_' | b'=' | b'"' => MAX_COMMONNESS / 2,
        b'A'..=b'Z' => MAX_COMMONNESS / 4,
        _ => 0,
    }
}

/// Sorts blocks by their buckets; returns them, and where each bucket begins and the last one ends.
fn into_buckets(mut blocks: Vec<Block>, bucket_power: u32) -> (Vec<Block>, Vec<u32>) {
    let bucket = |block: &Block| hash(block.bytes) >> (u32::BITS - bucket_power);
    blocks.sort_unstable_by_key(|block| (bucket(block), block.pattern));
    let mut begins = Vec::with_capacity((1 << bucket_power) + 1);
    let mut position = 0;
    for number in 0..=1 << bucket_power {
        while blocks
            .get(position)
            .is_some_and(|block| bucket(block) < number)
        {
            position += 1;
        }
        begins.push(u32::try_from(position).unwrap_or(u32::MAX));
    }
    (blocks, begins)
}

/// The power of the next power of two, within bounds.
fn power_of_two(count: usize, least: u32, most: u32) -> u32 {
    count
        .next_power_of_two()
        .trailing_zeros()
        .clamp(least, most)
}

fn hash(bytes: u32) -> u32 {
    bytes.wrapping_mul(HASH_FACTOR)
}

fn set_bit(bits: &mut [u64], index: u32) {
    if let Some(word) = bits.get_mut((index / 64) as usize) {
        *word |= 1 << (index % 64);
    }
}

fn has_bit(bits: &[u64], index: u32) -> bool {
    let word = bits.get((index / 64) as usize);
    word.is_some_and(|word| word >> (index % 64) & 1 == 1)
}

/// Some bytes at `position`; none near the end.
fn window(text: &[u8], position: usize) -> Option<u128> {
    let bytes = text.get(position..)?.first_chunk()?;
    Some(u128::from_le_bytes(*bytes))
}

/// A block of a window.
#[expect(clippy::cast_possible_truncation, reason = "the lower bytes are meant")]
fn block_in(window: u128, index: usize) -> u32 {
    (window >> (index * STRIDE * 8)) as u32
}

/// The block at `position`; none near the end.
fn block_at(text: &[u8], position: usize) -> Option<u32> {
    let bytes = text.get(position..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(patterns: &[&str]) -> Matcher {
        let bytes = |pattern: &&str| Box::from(pattern.as_bytes());
        Matcher::new(patterns.iter().map(bytes).collect()).unwrap()
    }

    /// Beginnings and ends.
    fn find(matcher: &Matcher, text: &str) -> Vec<(usize, usize)> {
        let mut ranges = Vec::new();
        matcher.find(text.as_bytes(), &mut ranges);
        ranges
            .iter()
            .map(|range| (range.start, range.end))
            .collect()
    }

    #[test]
    fn finds_a_pattern_wherever_it_stands() {
        for pattern in [
            "secret",
            "secrets",
            "a longer pattern with common words in it",
        ] {
            let matcher = matcher(&[pattern]);
            for before in 0..40 {
                for after in 0..40 {
                    let text = format!("{}{pattern}{}", "x".repeat(before), "y".repeat(after));
                    assert_eq!(
                        find(&matcher, &text),
                        [(before, before + pattern.len())],
                        "{text}"
                    );
                }
            }
        }
    }

    #[test]
    fn joins_what_overlaps_and_what_adjoins() {
        let matcher = matcher(&["abcdef", "defghi", "jklmno"]);
        assert_eq!(
            find(&matcher, "-abcdefghijklmno-abcdef"),
            [(1, 16), (17, 23)]
        );
    }

    #[test]
    fn finds_patterns_that_have_every_block_in_common() {
        let texts: Vec<_> = (6..64).map(|length| "a".repeat(length)).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let matcher = matcher(&texts);
        assert_eq!(
            find(&matcher, &format!("b{}b", "a".repeat(1000))),
            [(1, 1001)]
        );
        assert!(!matcher.is_match(b"baaaaabaaaaa"));
    }

    #[test]
    fn knows_what_may_be_the_beginning_of_a_pattern() {
        let matcher = matcher(&["secret", "ecru and beige"]);
        for (text, start) in [
            ("", 0),
            ("a sec", 2),
            ("secre", 0),
            ("secret", 6),
            ("xe", 1),
            ("xs ", 3),
        ] {
            assert_eq!(matcher.possible_start(text.as_bytes()), start, "{text}");
        }
    }
}
