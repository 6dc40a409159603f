//! Looks for secrets in bytes, also in decoded ones. It knows nothing of how the library redacts.

use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A shorter text is not a secret, as the library documents.
const MIN_BYTES: usize = 6;
/// Parts of so many bytes of a long secret must not appear either.
const PART_BYTES: usize = 160;

/// Looks for secrets.
pub(crate) struct Scanner {
    automaton: AhoCorasick,
    /// Which secret each pattern belongs to.
    owners: Vec<usize>,
}

/// A secret that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Its index.
    pub(crate) secret: usize,
    /// How it was encoded.
    pub(crate) encoding: &'static str,
    /// What stands around it.
    pub(crate) context: String,
}

impl Scanner {
    pub(crate) fn new(secrets: &[String]) -> Self {
        let mut patterns = Vec::new();
        for (index, secret) in secrets.iter().enumerate() {
            let lines = secret.lines().chain([secret.as_str()]).map(str::trim);
            for text in lines.filter(|text| text.len() >= MIN_BYTES) {
                let parts = text.as_bytes().chunks(PART_BYTES);
                let parts = parts.filter(|part| part.len() >= PART_BYTES.min(text.len()));
                patterns.extend(parts.map(|part| (part.to_vec(), index)));
            }
        }
        let (patterns, owners): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        Self {
            automaton: AhoCorasick::new(patterns).unwrap(),
            owners,
        }
    }

    /// Every secret in the bytes, each once for each encoding.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<Finding> {
        let mut found = Vec::new();
        self.search("nothing", bytes, &mut found);
        for (encoding, decode) in TEXTS {
            let decoded = decode(bytes);
            self.search(encoding, &decoded, &mut found);
            // Twice, as JSON within JSON.
            self.search(encoding, &decode(&decoded), &mut found);
        }
        for (encoding, decode) in RUNS {
            for decoded in decode(bytes) {
                self.search(encoding, &decoded, &mut found);
                self.search(encoding, &unescaped(&decoded), &mut found);
            }
        }
        found.sort();
        found.dedup_by_key(|finding| (finding.secret, finding.encoding));
        found
    }

    /// Fails where there is a secret.
    pub(crate) fn check(&self, place: &str, bytes: impl AsRef<[u8]>) {
        let found = self.find(bytes.as_ref());
        assert!(found.is_empty(), "{place} holds secrets: {found:#?}");
    }

    /// Fails where there is a secret in a file below the folder, or in its name, but for files whose
    /// names `skip` accepts. Returns how many bytes were looked at.
    pub(crate) fn check_folder(&self, folder: &Path, skip: &impl Fn(&str) -> bool) -> usize {
        let mut bytes = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            // A file may go while the folder is read.
            let Ok(entry) = entry else { continue };
            let path = entry.path();
            let place = path.display().to_string();
            self.check(&format!("the name {place}"), &place);
            if path.is_dir() {
                bytes += self.check_folder(&path, skip);
            } else if !skip(&entry.file_name().to_string_lossy())
                && let Ok(content) = std::fs::read(&path)
            {
                self.check(&place, &content);
                bytes += content.len();
            }
        }
        bytes
    }

    fn search(&self, encoding: &'static str, bytes: &[u8], found: &mut Vec<Finding>) {
        for hit in self.automaton.find_iter(bytes) {
            let start = hit.start().saturating_sub(40);
            let end = (hit.end() + 40).min(bytes.len());
            found.push(Finding {
                secret: self.owners[hit.pattern().as_usize()],
                encoding,
                context: String::from_utf8_lossy(&bytes[start..end]).into_owned(),
            });
        }
    }
}

/// Decodes some bytes.
type Decode = fn(&[u8]) -> Vec<u8>;

/// Encodings in which a text stays recognizable.
const TEXTS: [(&str, Decode); 5] = [
    ("escapes", unescaped),
    ("URL", |bytes| percent_decoded(bytes, false)),
    ("form", |bytes| percent_decoded(bytes, true)),
    ("markup", |bytes| {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        let names = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#34;", "\""),
            ("&#39;", "'"),
            ("&#x27;", "'"),
            ("&apos;", "'"),
            ("&amp;", "&"),
        ];
        for (name, character) in names {
            text = text.replace(name, character);
        }
        text.into_bytes()
    }),
    ("shell", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace("'\\''", "'").replace("'\"'\"'", "'");
        without_backslashes(text.as_bytes())
    }),
];

/// Decodes the runs of an alphabet in some bytes.
type DecodeRuns = fn(&[u8]) -> Vec<Vec<u8>>;

/// Encodings that leave nothing to recognize.
const RUNS: [(&str, DecodeRuns); 3] = [
    ("base64", base64_runs),
    ("wrapped base64", |bytes| {
        let unwrapped: Vec<u8> = bytes
            .iter()
            .copied()
            .filter(|byte| *byte != b'\n')
            .collect();
        base64_runs(&unwrapped)
    }),
    ("hexadecimal", |bytes| {
        let runs = bytes.split(|byte| !byte.is_ascii_hexdigit());
        let long = runs.filter(|run| run.len() >= 2 * MIN_BYTES);
        let at_each_start = long.flat_map(|run| [run, &run[1..]]);
        at_each_start.map(hexadecimal_decoded).collect()
    }),
];

fn base64_runs(bytes: &[u8]) -> Vec<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
    let standard: Vec<u8> = bytes
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let runs = standard.split(|byte| !is_base64(byte));
    runs.filter(|run| run.len() >= MIN_BYTES + 2)
        .flat_map(|run| (0..4).map(move |start| &run[start..]))
        .filter_map(|run| engine.decode(&run[..run.len() / 4 * 4]).ok())
        .collect()
}

fn hexadecimal_decoded(run: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
    run.chunks_exact(2)
        .map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap())
        .collect()
}

fn percent_decoded(bytes: &[u8], is_form: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                decoded.extend(hexadecimal_decoded(&[*high, *low]));
                rest = after;
            }
            (b'+', _) if is_form => decoded.push(b' '),
            _ => decoded.push(*first),
        }
    }
    decoded
}

/// Without the escapes of JSON, Python and C.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        if let (b'\\', [b'u', digits @ ..]) = (first, after)
            && let Some(digits) = digits.get(..4)
            && digits.iter().all(u8::is_ascii_hexdigit)
        {
            let unit = hexadecimal_decoded(digits);
            units.push(u16::from_be_bytes([unit[0], unit[1]]));
            rest = &after[5..];
            if !rest.starts_with(b"\\u") {
                decoded.extend(String::from_utf16_lossy(&units).bytes());
                units.clear();
            }
            continue;
        }
        match (first, after) {
            (b'\\', [b'x', high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                decoded.extend(hexadecimal_decoded(&[*high, *low]));
                rest = after;
            }
            (b'\\', [next, after @ ..]) => {
                decoded.push(match next {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    other => *other,
                });
                rest = after;
            }
            _ => decoded.push(*first),
        }
    }
    decoded
}

fn without_backslashes(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = false;
    bytes
        .iter()
        .copied()
        .filter(|byte| {
            escaped = *byte == b'\\' && !escaped;
            !escaped
        })
        .collect()
}
