//! How fast secrets are removed from what jobs write.
//!
//! `cargo bench -p toolhost --bench redaction` prints one table; with `-- --check` it also fails where a
//! lane that has a bar is slower than [`LEAST_MEGABYTES`] a second, a long secret takes longer
//! than [`MOST_LONG_SECRET_TIME`] to be made ready, or memory grows. Without `--bench`, as
//! under `cargo test --benches`, everything is done once, to see that it works.

#![expect(
    clippy::print_stdout,
    reason = "a program that prints what it measured"
)]

mod text;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use aho_corasick::{AhoCorasick, MatchKind};
use secrecy::SecretString;
use toolhost::sealing::{Redactor, StreamRedaction};

/// Any error; they need not be distinguished.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// What a core has to redact in a second, in millions of bytes: more than the local disk of a server takes.
const LEAST_MEGABYTES: f64 = 500.0;
/// What memory may grow by while a gigabyte is redacted.
const MOST_GROWTH_KIBIBYTES: u64 = 1024;
/// What it may cost to make a secret of [`LONG_SECRET_BYTES`] ready.
const MOST_LONG_SECRET_TIME: Duration = Duration::from_millis(100);
/// A file of keys, or the state of another program.
const LONG_SECRET_BYTES: usize = 100_000;
/// The text of one lane.
const TEXT_BYTES: usize = 32 << 20;
/// What an engine reads from a pipe or a socket at once.
const CHUNK_BYTES: usize = 8 << 10;
/// How often every lane is measured.
const ROUNDS: usize = 15;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let (rounds, bytes) = if has("--bench") {
        (ROUNDS, TEXT_BYTES)
    } else {
        (1, 64 << 10)
    };
    let mut random = text::Random::new();
    let secrets = text::secrets(&mut random);
    let without_hits = text::log(&mut random, bytes, &[]);
    let with_hits = text::log(&mut random, bytes, &secrets);
    let wrapped: Vec<_> = secrets
        .iter()
        .map(|secret| SecretString::from(secret.as_str()))
        .collect();
    let started = processor_time();
    let redactor = Redactor::new(&wrapped).ok_or("no secrets")?;
    let building = processor_time().saturating_sub(started);
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(text::some_forms(&secrets))?;

    let redact = |text: &[u8]| redact(&redactor, text.chunks(CHUNK_BYTES));
    let redact_lines =
        |text: &[u8]| self::redact(&redactor, text.split_inclusive(|byte| *byte == b'\n'));
    let search = |text: &[u8]| automaton.find_iter(text).count();
    let colored = text::colored(&without_hits);
    let only_secrets = secrets.concat().repeat(bytes / secrets.concat().len() + 1);
    let lanes = [
        Lane::new("memcpy", &without_hits, &copy),
        Lane::new("aho-corasick alone", &without_hits, &search),
        Lane::new(
            "redactor, no secret in the text (bar)",
            &without_hits,
            &redact,
        ),
        Lane::new("redactor, line by line", &without_hits, &redact_lines),
        Lane::new(
            "redactor, a secret in every 50th line (bar)",
            &with_hits,
            &redact,
        ),
        Lane::new("redactor, every line colored", &colored, &redact),
        Lane::new("redactor, nothing but secrets", &only_secrets, &redact),
    ];
    let (rates, growth) = measure(&lanes, rounds)?;

    println!("| lane | MB/s, 1 thread | memcpy is faster by |\n|---|--:|--:|");
    let memcpy = rates.first().copied().unwrap_or_default();
    for (lane, rate) in lanes.iter().zip(&rates) {
        println!("| {} | {rate:.0} | {:.1} |", lane.name, memcpy / rate);
    }
    println!(
        "\n{} secrets of {} bytes, made ready in {:.2} ms",
        secrets.len(),
        secrets.concat().len(),
        building.as_secs_f64() * 1e3
    );
    let mut all_hold = true;
    println!("\n| a secret of 100 kB | made ready in ms |\n|---|--:|");
    let mut slowest = Duration::ZERO;
    for (name, secret) in text::long_secrets(&mut random, LONG_SECRET_BYTES) {
        let secret = [SecretString::from(secret)];
        let mut times: Vec<_> = (0..rounds).map(|_| building_time(&secret)).collect();
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        println!("| {name} | {:.1} |", median.as_secs_f64() * 1e3);
        slowest = slowest.max(median);
    }
    let megabytes = lanes.len() * rounds * bytes / 1_000_000;
    println!("memory grew by {growth} KiB while {megabytes} MB were read\n");

    all_hold &= growth <= MOST_GROWTH_KIBIBYTES;
    let holds = slowest <= MOST_LONG_SECRET_TIME;
    all_hold &= holds;
    println!(
        "{}: a secret of 100 kB: {:.1} ms, at most {MOST_LONG_SECRET_TIME:?}",
        if holds { "holds" } else { "MISSED" },
        slowest.as_secs_f64() * 1e3
    );
    for (lane, rate) in lanes.iter().zip(&rates).filter(|(lane, _)| lane.has_bar()) {
        let holds = *rate >= LEAST_MEGABYTES;
        let verdict = if holds { "holds" } else { "MISSED" };
        all_hold &= holds;
        println!(
            "{verdict}: {}: {rate:.0} MB/s, at least {LEAST_MEGABYTES}",
            lane.name
        );
    }
    Ok(if has("--check") && !all_hold {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Something that reads a text, and says how much came out.
struct Lane<'text> {
    name: &'static str,
    text: &'text [u8],
    work: &'text dyn Fn(&[u8]) -> usize,
}

impl<'text> Lane<'text> {
    fn new(name: &'static str, text: &'text str, work: &'text dyn Fn(&[u8]) -> usize) -> Self {
        let text = text.as_bytes();
        Self { name, text, work }
    }

    fn has_bar(&self) -> bool {
        self.name.ends_with("(bar)")
    }

    fn time(&self) -> Duration {
        let started = processor_time();
        black_box((self.work)(black_box(self.text)));
        processor_time().saturating_sub(started)
    }
}

/// Measures every lane in turn, so that a slow moment of the machine hits all alike. Returns the median
/// of each in MB/s, and by how many KiB memory grew after the first round.
fn measure(lanes: &[Lane<'_>], rounds: usize) -> Result<(Vec<f64>, u64)> {
    let mut times = vec![Vec::with_capacity(rounds); lanes.len()];
    for lane in lanes {
        lane.time();
    }
    let before = resident_kibibytes()?;
    for _ in 0..rounds {
        for (lane, times) in lanes.iter().zip(&mut times) {
            times.push(lane.time());
        }
    }
    let growth = resident_kibibytes()?.saturating_sub(before);
    let rates = lanes.iter().zip(&mut times).map(|(lane, times)| {
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
        let bytes = lane.text.len() as f64;
        bytes / 1e6 / median.as_secs_f64()
    });
    Ok((rates.collect(), growth))
}

fn copy(text: &[u8]) -> usize {
    let mut copy = vec![0; CHUNK_BYTES];
    for chunk in text.chunks(CHUNK_BYTES) {
        if let Some(copy) = copy.get_mut(..chunk.len()) {
            copy.copy_from_slice(chunk);
        }
        black_box(&copy);
    }
    copy.len()
}

fn redact<'chunk>(redactor: &Redactor, chunks: impl Iterator<Item = &'chunk [u8]>) -> usize {
    let mut stream = StreamRedaction::default();
    let mut passed = 0;
    for chunk in chunks {
        stream.push(redactor, chunk, |bytes| passed += bytes.len());
    }
    stream.finish(redactor, |bytes| passed += bytes.len());
    passed
}

fn building_time(secrets: &[SecretString]) -> Duration {
    let started = processor_time();
    black_box(Redactor::new(black_box(secrets)));
    processor_time().saturating_sub(started)
}

/// What this thread had of a processor: other work on the machine does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// `VmRSS`, as Linux has it.
fn resident_kibibytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kibibytes
        .ok_or("Linux does not say how much memory is in use")?
        .parse()?)
}
