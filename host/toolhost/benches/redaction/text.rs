//! Secrets, and logs as scripts write them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How many secrets there are.
const SECRETS: usize = 50;
/// In a log with secrets, every so many lines have one.
const LINES_PER_HIT: usize = 50;
const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PUNCTUATED: &str = "abcXYZ019!#$%&*+-/:;<=>?@^_~'\"";
const HEXADECIMAL: &str = "0123456789abcdef";

/// Numbers that look random and are the same in every run: `SplitMix64`.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed >> 32) % bound as u64).unwrap_or_default()
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letter = |_| char::from(self.choose(alphabet.as_bytes()));
        (0..length).map(letter).collect()
    }

    fn choose<T: Copy + Default>(&mut self, all: &[T]) -> T {
        let index = self.below(all.len());
        all.get(index).copied().unwrap_or_default()
    }
}

/// Tokens for the most part; passwords, connection strings, keys of several lines, and one of 4 kB.
pub(crate) fn secrets(random: &mut Random) -> Vec<String> {
    let mut secrets = vec![random.text(BASE64, 4096)];
    for _ in 0..3 {
        let lines: Vec<_> = (0..26).map(|_| random.text(BASE64, 64)).collect();
        let lines = lines.join("\n");
        secrets.push(format!(
            "-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"
        ));
    }
    for number in 0..6 {
        let password = random.text(PUNCTUATED, 16);
        secrets.push(format!(
            "postgresql://service_{number}:{password}@db-{number}.internal:5432/warehouse"
        ));
        secrets.push(password);
    }
    while secrets.len() < SECRETS {
        let length = 16 + random.below(32);
        secrets.push(random.text(ALPHANUMERIC, length));
    }
    secrets
}

/// Secrets of so many bytes, by what they are: those that are written alike in every form, and those that are
/// not.
pub(crate) fn long_secrets(random: &mut Random, bytes: usize) -> [(&'static str, String); 4] {
    let lines = |random: &mut Random, before: &str, length: usize, after: &str| {
        let mut text = String::new();
        while text.len() < bytes {
            let line = random.text(BASE64, length);
            let _infallible = writeln!(text, "{before}{line}{after}");
        }
        text
    };
    [
        (
            "one line of letters and digits",
            random.text(ALPHANUMERIC, bytes),
        ),
        ("one line with punctuation", random.text(PUNCTUATED, bytes)),
        ("lines of 64 characters", lines(random, "", 64, "")),
        ("JSON", lines(random, "  \"key\": \"", 24, "\",")),
    ]
}

/// A log of so many bytes; with secrets in some lines, where there are any.
pub(crate) fn log(random: &mut Random, bytes: usize, secrets: &[String]) -> String {
    let mut log = String::with_capacity(bytes + 8192);
    let mut lines = 0;
    while log.len() < bytes {
        lines += 1;
        add_line(random, lines, &mut log);
        if lines % LINES_PER_HIT == 0 && !secrets.is_empty() {
            let index = random.below(secrets.len());
            let secret = secrets.get(index).map_or("", String::as_str);
            let _infallible = match random.below(3) {
                0 => writeln!(
                    log,
                    "DEBUG Authorization: Basic {}",
                    STANDARD.encode(secret)
                ),
                1 => writeln!(log, "+ export TOKEN={secret}"),
                _ => writeln!(log, "{{\"token\": {secret:?}, \"retries\": 3}}"),
            };
        }
    }
    log
}

fn add_line(random: &mut Random, number: usize, log: &mut String) {
    let level = random.choose(&["INFO", "INFO", "INFO", "DEBUG", "WARNING", "ERROR"]);
    let table = random.choose(&["sales", "customers", "orders", "line_items", "événements"]);
    let (minute, second) = (number / 60 % 60, number % 60);
    let millisecond = random.below(1000);
    let count = random.below(100_000);
    let _infallible = write!(
        log,
        "2026-11-24T10:{minute:02}:{second:02}.{millisecond:03}Z {level:7} "
    );
    let _infallible = match random.below(7) {
        0 => writeln!(
            log,
            "worker.pipeline: read {count} rows from warehouse.{table} in {second}.{millisecond:03} s"
        ),
        1 => writeln!(
            log,
            "{{\"event\": \"batch\", \"table\": \"{table}\", \"rows\": {count}, \"id\": \"{}\"}}",
            random.text(HEXADECIMAL, 32)
        ),
        2 => writeln!(
            log,
            "urllib3.connectionpool: https://storage.googleapis.com:443 \"PUT /upload/{table}/part-{count:05}.parquet?token={} HTTP/1.1\" 200 None",
            random.text(ALPHANUMERIC, 24)
        ),
        3 => writeln!(
            log,
            "  File \"/usr/lib/python3.11/site-packages/{table}/reader.py\", line {count}, in read_partition"
        ),
        4 => writeln!(
            log,
            "checkpoint {} written: {count} bytes, sha256 {}",
            random.text(BASE64, 44),
            random.text(HEXADECIMAL, 64)
        ),
        5 => writeln!(
            log,
            "epoch {second}/100 loss: 0.{millisecond:03} accuracy: 0.{count:05} [=====>..............................]"
        ),
        _ => writeln!(
            log,
            "Connected to postgresql://reader@db-{}.internal:5432/warehouse, waiting for the lock of {table}",
            random.below(9)
        ),
    };
}

/// The forms of secrets that anybody would search for: themselves, base64 at each alignment, hexadecimal.
pub(crate) fn some_forms(secrets: &[String]) -> Vec<String> {
    let mut forms = Vec::new();
    for secret in secrets.iter().flat_map(|secret| secret.lines()) {
        for alignment in 0..3 {
            let encoded = STANDARD.encode(format!("{}{secret}", " ".repeat(alignment)));
            let inside = encoded.get(4..encoded.len().saturating_sub(4));
            forms.extend(inside.map(str::to_owned));
        }
        let hexadecimal = secret.bytes().fold(String::new(), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        });
        forms.push(hexadecimal);
        forms.push(secret.to_owned());
    }
    forms
}

/// The log with a color at the beginning of each line, as many programs write to a terminal.
pub(crate) fn colored(log: &str) -> String {
    let lines = log.split_inclusive('\n');
    lines
        .flat_map(|line| ["\x1b[32mINFO\x1b[0m ", line])
        .collect()
}
