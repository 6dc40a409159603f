//! Searches for thousands of patterns at memory speed.
//!
//! Every pattern has at least [`MIN_SECRET_BYTES`] bytes, so wherever it is in a text, one of its blocks of
//! [`BLOCK_BYTES`] bytes starts at a multiple of [`STRIDE`]. It therefore suffices to check the text's blocks
//! at those positions: each is looked up in a bitmap of the blocks of all patterns, and patterns are only
//! compared after a hit. This is the filter of Wu and Manber ("A fast algorithm for multi-pattern
//! searching", 1994) with a fixed step, which lets the processor do several lookups at a time.
//! `docs/performance.md` compares it with an automaton.
//!
//! All occurrences are found, including overlapping ones. ASCII case is ignored: patterns are in lower case,
//! and blocks are folded before they are looked up.

use std::fmt;
use std::ops::Range;

use super::forms::{MAX_PATTERN_BYTES, MIN_SECRET_BYTES, Patterns};

/// The size of a block that is looked up.
const BLOCK_BYTES: usize = size_of::<u32>();
/// The distance between looked-up blocks.
const STRIDE: usize = MIN_SECRET_BYTES - BLOCK_BYTES + 1;
/// The number of blocks that are looked up before the results are checked.
const BLOCKS_AT_ONCE: usize = 5;
/// The size of a window with that number of blocks.
const WINDOW_BYTES: usize = size_of::<u128>();
const _: () = assert!((BLOCKS_AT_ONCE - 1) * STRIDE + BLOCK_BYTES <= WINDOW_BYTES);

/// The number of bits in the bitmap for each block. Two of them are set, so that about one in 250 other
/// blocks is a false positive.
const BITS_PER_BLOCK: usize = 32;
/// The minimum size of the bitmap, as a power of two: 8 KiB, which costs nothing.
const MIN_BITMAP_POWER: u32 = 16;
/// The maximum size of the bitmap, as a power of two: 512 KiB, which stays in a second-level cache.
const MAX_BITMAP_POWER: u32 = 22;
/// The bit that makes an ASCII letter lower case. It also maps some other bytes to each other, which the
/// comparison of patterns detects.
const FOLD: u32 = u32::from_ne_bytes([0x20; BLOCK_BYTES]);
/// Fibonacci hashing: the odd number next to 2³² divided by the golden ratio.
const HASH_FACTOR: u32 = 0x9E37_79B9;
/// As above, next to 2⁶⁴.
const FILTER_FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// A prepared set of patterns.
pub(super) struct Matcher {
    /// In order, and in lower case.
    patterns: Vec<Box<[u8]>>,
    /// The blocks.
    filter: Filter,
    /// The blocks, in the order of their buckets.
    blocks: Vec<Block>,
    /// The start of each bucket in `blocks`, followed by the end of the last one.
    buckets: Vec<u32>,
    /// The bits of a hash that are not used for the bucket.
    bucket_shift: u32,
    /// The first blocks of patterns.
    beginnings: Filter,
    /// The first bytes of patterns.
    first_bytes: [bool; 256],
}

/// A block of a pattern.
#[derive(Clone, Copy, Default)]
struct Block {
    bytes: u32,
    pattern: u32,
    /// Another block of the pattern, so that few patterns have to be compared.
    other_bytes: u32,
    /// Its offset in the pattern.
    offset: u8,
    /// The offset of the other one in the pattern.
    other_offset: u8,
}

impl Matcher {
    /// A matcher of these patterns; `None` if there are none.
    pub(super) fn new(mut patterns: Patterns) -> Option<Self> {
        if patterns.is_empty() {
            return None;
        }
        patterns.sort_unstable();
        patterns.dedup();
        let count = patterns.len() * STRIDE;
        let bucket_power = power_of_two(count, MIN_BITMAP_POWER / 2, MAX_BITMAP_POWER);
        let bucket_shift = u32::BITS - bucket_power;
        let blocks = choose_blocks(&patterns, bucket_power);
        let mut filter = Filter::new(count);
        for block in &blocks {
            filter.add(block.bytes);
        }
        let (blocks, buckets) = into_buckets(&blocks, bucket_power);
        let mut beginnings = Filter::new(count);
        let mut first_bytes = [false; 256];
        for pattern in &patterns {
            if let Some(bytes) = block_at(pattern, 0) {
                beginnings.add(bytes);
            }
            let first = pattern.first().map_or(0, |byte| usize::from(*byte));
            if let Some(slot) = first_bytes.get_mut(first) {
                *slot = true;
            }
        }
        Some(Self {
            patterns,
            filter,
            blocks,
            buckets,
            bucket_shift,
            beginnings,
            first_bytes,
        })
    }

    /// Whether the text contains any pattern.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        let mut found = false;
        self.search(text, |_| {
            found = true;
            false
        });
        found
    }

    /// The positions of patterns in the text, in no particular order.
    pub(super) fn find(&self, text: &[u8], ranges: &mut Vec<Range<usize>>) {
        ranges.clear();
        self.search(text, |range| {
            ranges.push(range);
            true
        });
    }

    /// The start of a suffix of `text` that may be the beginning of a pattern; the length of `text` if there
    /// is none.
    pub(super) fn possible_start(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(MAX_PATTERN_BYTES - 1);
        let mut folded = [0; MAX_PATTERN_BYTES];
        let tail = text.get(from..).unwrap_or_default();
        let Some(folded) = folded.get_mut(..tail.len()) else {
            return text.len();
        };
        folded.copy_from_slice(tail);
        folded.make_ascii_lowercase();
        let ends = (0..folded.len()).filter_map(|start| Some((start, folded.get(start..)?)));
        ends.into_iter()
            .find(|(_, end)| self.begins_pattern(end))
            .map_or(text.len(), |(start, _)| from + start)
    }

    /// Whether `end`, in lower case, is shorter than, and the beginning of, a pattern.
    fn begins_pattern(&self, end: &[u8]) -> bool {
        let Some(first) = end.first() else {
            return false;
        };
        if self.first_bytes.get(usize::from(*first)) != Some(&true) {
            return false;
        }
        // Of the longer ones this leaves next to none.
        if let Some(bytes) = block_at(end, 0)
            && !self.beginnings.may_have(bytes)
        {
            return false;
        }
        let after = self
            .patterns
            .partition_point(|pattern| pattern.as_ref() <= end);
        let next = self.patterns.get(after);
        next.is_some_and(|pattern| pattern.starts_with(end))
    }

    /// Calls `found` with every occurrence, in no particular order, until it stops the search.
    fn search(&self, text: &[u8], mut found: impl FnMut(Range<usize>) -> bool) {
        const STEP: usize = BLOCKS_AT_ONCE * STRIDE;
        let mut position = 0;
        while let Some(window) = window(text, position) {
            let hits = (0..BLOCKS_AT_ONCE).fold(0, |hits, index| {
                hits | u32::from(self.filter.may_have(block_in(window, index))) << index
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
            if self.filter.may_have(bytes) && !self.compare(text, position, bytes, &mut found) {
                return;
            }
            position += STRIDE;
        }
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
            let (true, Some(start)) = (block.bytes == bytes, start) else {
                continue;
            };
            if block_at(text, start + usize::from(block.other_offset)) != Some(block.other_bytes) {
                continue;
            }
            let Some(pattern) = self.patterns.get(block.pattern as usize) else {
                continue;
            };
            let end = start + pattern.len();
            let place = text.get(start..end);
            if place.is_some_and(|place| place.eq_ignore_ascii_case(pattern)) && !found(start..end)
            {
                return false;
            }
        }
        true
    }
}

/// A set of blocks with false positives: a Bloom filter whose two bits for a block are in one word, so that a
/// lookup reads memory once.
struct Filter {
    words: Vec<u64>,
    /// The bits of a hash that are not used for the word.
    shift: u32,
}

impl Filter {
    /// An empty one for the given number of blocks.
    fn new(blocks: usize) -> Self {
        let bits = blocks.saturating_mul(BITS_PER_BLOCK);
        let power = power_of_two(bits, MIN_BITMAP_POWER, MAX_BITMAP_POWER) - u64::BITS.ilog2();
        Self {
            words: vec![0; 1 << power],
            shift: u64::BITS - power,
        }
    }

    fn add(&mut self, block: u32) {
        let (word, bits) = self.place(block);
        if let Some(word) = self.words.get_mut(word) {
            *word |= bits;
        }
    }

    fn may_have(&self, block: u32) -> bool {
        let (word, bits) = self.place(block);
        self.words.get(word).is_some_and(|word| word & bits == bits)
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most 16 bits are left")]
    fn place(&self, block: u32) -> (usize, u64) {
        let hash = u64::from(block).wrapping_mul(FILTER_FACTOR);
        // Bits from the 32nd on depend on the whole block.
        let bits = 1 << (hash >> 32 & 63) | 1 << (hash >> 38 & 63);
        ((hash >> self.shift) as usize, bits)
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

/// Chooses, for each pattern, [`STRIDE`] consecutive blocks, so that one of them is looked up.
///
/// The best blocks are rare in logs and in other patterns: secrets often have the same beginning.
fn choose_blocks(patterns: &[Box<[u8]>], bucket_power: u32) -> Vec<Block> {
    let mut load = vec![0_u32; 1 << bucket_power];
    let bucket_shift = u32::BITS - bucket_power;
    let mut blocks = Vec::with_capacity(patterns.len() * STRIDE);
    let (mut buckets, mut crowds, mut commons) = (Vec::new(), Vec::new(), Vec::new());
    for (pattern, number) in patterns.iter().zip(0..) {
        let bucket = |bytes| (hash(bytes) >> bucket_shift) as usize;
        let offsets = 0..=pattern.len().saturating_sub(BLOCK_BYTES);
        buckets.clear();
        buckets.extend(offsets.filter_map(|offset| Some(bucket(block_at(pattern, offset)?))));
        crowds.clear();
        crowds.extend(
            buckets
                .iter()
                .map(|bucket| load.get(*bucket).copied().unwrap_or_default()),
        );
        commons.clear();
        commons.extend(pattern.iter().copied().map(commonness));
        let candidates = crowds
            .windows(STRIDE)
            .zip(commons.windows(MIN_SECRET_BYTES));
        let costs = candidates.map(|(crowds, commons)| {
            let crowd = crowds.iter().copied().map(u64::from).sum::<u64>();
            // The expected number of unsuccessful comparisons: patterns with the block, times its frequency
            // in the text.
            (crowd + 1) << (commons.iter().sum::<u32>() / COMMONNESS_PER_DOUBLING)
        });
        let best = costs.enumerate().min_by_key(|(_, cost)| *cost);
        let first = best.map_or(0, |(first, _)| first);
        for offset in first..first + STRIDE {
            let slot = buckets.get(offset).and_then(|bucket| load.get_mut(*bucket));
            let Some((bytes, load)) = block_at(pattern, offset).zip(slot) else {
                continue;
            };
            *load += 1;
            let last = pattern.len().saturating_sub(BLOCK_BYTES);
            let other = if offset < last / 2 { last } else { 0 };
            blocks.push(Block {
                bytes,
                pattern: number,
                other_bytes: block_at(pattern, other).unwrap_or_default(),
                offset: u8::try_from(offset).unwrap_or(u8::MAX),
                other_offset: u8::try_from(other).unwrap_or(u8::MAX),
            });
        }
    }
    blocks
}

/// The difference in commonness that means twice the frequency in logs.
const COMMONNESS_PER_DOUBLING: u32 = 3;
/// The maximum of [`commonness`].
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

/// Sorts blocks by their buckets; returns them, the start of each bucket, and the end of the last one.
fn into_buckets(blocks: &[Block], bucket_power: u32) -> (Vec<Block>, Vec<u32>) {
    let bucket = |block: &Block| (hash(block.bytes) >> (u32::BITS - bucket_power)) as usize;
    let mut begins = vec![0_u32; (1 << bucket_power) + 1];
    for block in blocks {
        if let Some(count) = begins.get_mut(bucket(block) + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for begin in &mut begins {
        sum += *begin;
        *begin = sum;
    }
    let mut free = begins.clone();
    let mut sorted = vec![Block::default(); blocks.len()];
    for block in blocks {
        let Some(next) = free.get_mut(bucket(block)) else {
            continue;
        };
        if let Some(place) = sorted.get_mut(*next as usize) {
            *place = *block;
        }
        *next += 1;
    }
    (sorted, begins)
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

/// The bytes at `position`; `None` near the end.
fn window(text: &[u8], position: usize) -> Option<u128> {
    let bytes = text.get(position..)?.first_chunk()?;
    Some(u128::from_le_bytes(*bytes))
}

/// A block of a window, folded.
#[expect(clippy::cast_possible_truncation, reason = "the lower bytes are meant")]
fn block_in(window: u128, index: usize) -> u32 {
    (window >> (index * STRIDE * 8)) as u32 | FOLD
}

/// The block at `position`, folded; `None` near the end.
fn block_at(text: &[u8], position: usize) -> Option<u32> {
    let bytes = text.get(position..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes) | FOLD)
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
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
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
    fn finds_what_overlaps_in_any_case() {
        let matcher = matcher(&["abcdef", "defghi", "jklmno"]);
        assert_eq!(
            find(&matcher, "-abcdefghijklmno-ABCdef"),
            [(1, 7), (4, 10), (10, 16), (17, 23)]
        );
    }

    #[test]
    fn finds_patterns_that_have_every_block_in_common() {
        let texts: Vec<_> = (6..64).map(|length| "a".repeat(length)).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let matcher = matcher(&texts);
        let found = find(&matcher, &format!("b{}b", "a".repeat(1000)));
        let all: usize = (6..64).map(|length| 1001 - length).sum();
        assert_eq!(found.len(), all);
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
            ("a SEC", 2),
        ] {
            assert_eq!(matcher.possible_start(text.as_bytes()), start, "{text}");
        }
    }
}
