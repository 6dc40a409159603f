//! Assembles one container's log from any number of streams, each of which may be cut anywhere.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// The longest text that is taken for a timestamp: RFC 3339 with nanoseconds and an offset has 35 characters.
const MAX_TIMESTAMP_BYTES: usize = 40;
/// Maximum number of lines that are distinguished when a stream is resumed. Each takes 24 bytes at most, so a container
/// costs 3 MiB at worst; 50,000 lines in two seconds were observed.
const MAX_REMEMBERED: usize = 1 << 17;
/// How far the timestamps of a log may go back. A runtime copies a container's two streams in parallel, and the one
/// that reads its clock first may write second; microseconds were observed.
const MAX_STEP_BACK: SignedDuration = SignedDuration::from_secs(1);
/// Maximum size of a line that is held until the next one shows whether it is new: a record of a runtime has 16 KiB.
const MAX_HELD_BYTES: usize = 32 << 10;
/// Size of the kubelet's own message that is kept: its sentence with the ID of a container takes 120 bytes.
const MAX_REMARK_BYTES: usize = 256;

/// Reads streams of lines with timestamps, as returned by `GET …/log?timestamps=true`, and passes on each byte of the
/// log once.
///
/// The server can resume at whole seconds only (`sinceTime`), so lines are distinguished by their timestamp and their
/// position among those that share it. A line that was cut is continued where it was cut.
///
/// Where a file is rotated, a runtime writes the beginning of a line to the old file and its rest to the new one, each
/// with its timestamp. A client that follows the log receives one line with the first timestamp; a client that requests
/// it again, when the old file is gone, receives the rest as a line with the second. That comes before all others and
/// is followed by a known line.
///
/// The kubelet's own messages in a stream, such as an error, have no timestamp and do not belong to the log: they are
/// the stream's [`remark`](Self::remark).
#[derive(Debug, Default)]
pub(super) struct LogStream {
    /// Timestamps of the lines that a resumed stream may repeat, in the log's order, with the number of consecutive
    /// lines that share each.
    seen: VecDeque<(Timestamp, u32)>,
    /// The latest timestamp of all lines.
    latest: Option<Timestamp>,
    /// The latest timestamp of lines that exceeded the limit.
    forgotten: Option<Timestamp>,
    /// The current stream repeats lines up to this timestamp, which were dropped.
    repeated_through: Option<Timestamp>,
    /// An unfinished line: its timestamp, and how many bytes of it were passed on.
    unfinished: Option<(Timestamp, u64)>,
    /// Lines that the current stream repeats, by their timestamps.
    repeated: HashMap<Timestamp, u32>,
    /// Lines of earlier streams, counted when the current one began.
    expected: HashMap<Timestamp, u32>,
    place: Place,
    /// Whether the current stream has not reached a line yet.
    is_at_start: bool,
    /// The first line of the current stream, where it is new and earlier than the known ones.
    held: Option<(Timestamp, Vec<u8>)>,
    /// The beginning of the current stream's text that does not belong to the log.
    remark: Vec<u8>,
    /// How many bytes were passed on.
    passed_on: u64,
}

/// The position of the reader in its stream.
#[derive(Debug)]
enum Place {
    /// In the timestamp of a line.
    Timestamp(Vec<u8>),
    /// In a line that is passed on, after this number of bytes that are not.
    Line { skip: u64 },
    /// In a line that was passed on before.
    Skipped,
    /// In a held line.
    Held,
    /// In a line that does not belong to the log.
    Remark,
}

impl Default for Place {
    fn default() -> Self {
        Self::Timestamp(Vec::new())
    }
}

impl LogStream {
    /// Begins a new stream, and returns the time from which to request it; none for all of it.
    pub(super) fn begin(&mut self) -> Option<Timestamp> {
        self.place = Place::default();
        self.is_at_start = true;
        self.remark.clear();
        self.repeated.clear();
        self.expected.clear();
        for (timestamp, count) in &self.seen {
            *self.expected.entry(*timestamp).or_default() += count;
        }
        self.repeated_through = self.forgotten;
        let unfinished = self.unfinished.map(|(timestamp, _)| timestamp);
        let latest = self.latest.max(unfinished)?;
        let from = earliest(latest).max(self.forgotten.unwrap_or(Timestamp::MIN));
        floor(unfinished.map_or(from, |unfinished| unfinished.min(from)))
    }

    /// Processes bytes of the current stream, and passes what is new to `pass_on`.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut pass_on: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            bytes = match &mut self.place {
                Place::Timestamp(text) => {
                    let (taken, rest) = take_until(bytes, |byte| byte == b' ' || byte == b'\n');
                    if text.len() + taken.len() > MAX_TIMESTAMP_BYTES {
                        let begun = std::mem::take(text);
                        self.place = Place::Remark;
                        self.add_remark(&begun);
                        continue;
                    }
                    text.extend_from_slice(taken);
                    let Some((separator, rest)) = rest.split_first() else {
                        return;
                    };
                    let timestamp = parse(text).filter(|_| *separator == b' ');
                    let begun = std::mem::take(text);
                    self.place = if let Some(timestamp) = timestamp {
                        self.enter_line(timestamp, &mut pass_on)
                    } else {
                        self.add_remark(&begun);
                        self.add_remark(&[*separator]);
                        if *separator == b'\n' {
                            Place::default()
                        } else {
                            Place::Remark
                        }
                    };
                    rest
                }
                Place::Line { skip } => {
                    let (line, rest) = take_line(bytes);
                    let skipped = usize::try_from(*skip).unwrap_or(usize::MAX).min(line.len());
                    *skip -= skipped as u64;
                    self.write(line.get(skipped..).unwrap_or_default(), &mut pass_on);
                    if line.ends_with(b"\n") {
                        self.leave_line();
                    }
                    rest
                }
                Place::Held => {
                    let (line, rest) = take_line(bytes);
                    let held = self.held.as_mut().map(|(_, held)| {
                        held.extend_from_slice(line);
                        held.len()
                    });
                    if line.ends_with(b"\n") {
                        self.place = Place::default();
                    } else if held > Some(MAX_HELD_BYTES) {
                        self.release(&mut pass_on);
                        self.place = Place::Line { skip: 0 };
                    }
                    rest
                }
                Place::Skipped | Place::Remark => {
                    let (line, rest) = take_line(bytes);
                    if matches!(self.place, Place::Remark) {
                        self.add_remark(line);
                    }
                    if line.ends_with(b"\n") {
                        self.place = Place::default();
                    }
                    rest
                }
            };
        }
    }

    /// Ends the log: the current stream was the last one.
    pub(super) fn end(&mut self, mut pass_on: impl FnMut(&[u8])) {
        self.release(&mut pass_on);
    }

    /// Returns the current stream's text that does not belong to the log, such as a kubelet's message that there is
    /// none.
    pub(super) fn remark(&self) -> Option<String> {
        let unfinished = match &self.place {
            Place::Timestamp(text) => text.as_slice(),
            _ => &[],
        };
        let remark = [self.remark.as_slice(), unfinished].concat();
        let remark = String::from_utf8_lossy(&remark);
        let remark = remark.trim();
        (!remark.is_empty()).then(|| remark.escape_debug().to_string())
    }

    /// How many bytes were passed on.
    pub(super) fn passed_on(&self) -> u64 {
        self.passed_on
    }

    fn add_remark(&mut self, bytes: &[u8]) {
        let left = MAX_REMARK_BYTES - self.remark.len().min(MAX_REMARK_BYTES);
        self.remark
            .extend_from_slice(bytes.get(..left).unwrap_or(bytes));
    }

    fn enter_line(&mut self, timestamp: Timestamp, pass_on: &mut impl FnMut(&[u8])) -> Place {
        let is_at_start = std::mem::take(&mut self.is_at_start);
        if is_at_start {
            // A line of an earlier stream is repeated.
            self.held = None;
        }
        let expected = self.expected.get(&timestamp).copied().unwrap_or_default();
        let repeated = self.repeated.entry(timestamp).or_default();
        if *repeated < expected {
            *repeated += 1;
            // What precedes it was passed on with it, as the rest of another line.
            self.held = None;
            return Place::Skipped;
        }
        self.release(pass_on);
        match self.unfinished {
            Some((of, written)) if of == timestamp => Place::Line { skip: written },
            _ if Some(timestamp) <= self.repeated_through => Place::Skipped,
            _ if is_at_start && Some(timestamp) < self.latest => {
                self.held = Some((timestamp, Vec::new()));
                Place::Held
            }
            _ => {
                self.begin_line(timestamp, pass_on);
                Place::Line { skip: 0 }
            }
        }
    }

    fn begin_line(&mut self, timestamp: Timestamp, pass_on: &mut impl FnMut(&[u8])) {
        // The rest of the line is gone, for instance because its file was rotated.
        if self.unfinished.is_some_and(|(_, written)| written > 0) {
            pass_on(b"\n");
        }
        self.leave_line();
        self.unfinished = Some((timestamp, 0));
    }

    /// Passes on the held line, if there is one.
    fn release(&mut self, pass_on: &mut impl FnMut(&[u8])) {
        if let Some((timestamp, line)) = self.held.take() {
            self.begin_line(timestamp, pass_on);
            self.write(&line, pass_on);
            if line.ends_with(b"\n") {
                self.leave_line();
            }
        }
    }

    fn write(&mut self, new: &[u8], pass_on: &mut impl FnMut(&[u8])) {
        if !new.is_empty() {
            pass_on(new);
        }
        self.passed_on += new.len() as u64;
        if let Some((_, written)) = &mut self.unfinished {
            *written += new.len() as u64;
        }
    }

    fn leave_line(&mut self) {
        self.place = Place::default();
        let Some((timestamp, _)) = self.unfinished.take() else {
            return;
        };
        match self.seen.back_mut() {
            Some((last, count)) if *last == timestamp => *count += 1,
            _ => self.seen.push_back((timestamp, 1)),
        }
        let latest = self.latest.max(Some(timestamp)).unwrap_or(timestamp);
        self.latest = Some(latest);
        let earliest = floor(earliest(latest)).unwrap_or(timestamp);
        while let Some((first, _)) = self.seen.front() {
            if *first >= earliest {
                if self.seen.len() <= MAX_REMEMBERED {
                    break;
                }
                self.forgotten = self.forgotten.max(Some(*first));
            }
            self.seen.pop_front();
        }
    }
}

/// Returns the earliest timestamp that a line can have after one with the given timestamp.
fn earliest(latest: Timestamp) -> Timestamp {
    latest.checked_sub(MAX_STEP_BACK).unwrap_or(latest)
}

/// Rounds down to the second, the resolution of the server's parameter. The server itself does not round, while kube's
/// own parameter rounds up and loses up to half a second.
fn floor(timestamp: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(
        timestamp
            .as_nanosecond()
            .div_euclid(1_000_000_000)
            .try_into()
            .ok()?,
    )
    .ok()
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn take_until(bytes: &[u8], is_end: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| is_end(*byte))
        .unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// Returns the rest of the line with its end, and what follows.
fn take_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |end| end + 1);
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}
