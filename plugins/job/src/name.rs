//! Names of jobs and values of labels, derived from the names of steps.

use alloc::format;
use alloc::string::String;

use crate::hash::hash;

/// Kubernetes makes a label of the name and appends to it for pods, so the ABI takes no more.
const MAX_NAME_BYTES: usize = 52;
/// The most bytes of a label's value.
const MAX_LABEL_BYTES: usize = 63;
/// Digits of a hash: 50 bits, and 35 bits if the execution's identifier leaves no space for more.
const HASH_DIGITS: usize = 10;
const MIN_HASH_DIGITS: usize = 7;
/// How much is kept of a longer one.
const CUT_ID_BYTES: usize = 20;

/// The job's name: the same for every call of the same step in the same execution, so that a repeated call
/// finds the running job.
///
/// `KIND-STEP-ID` if that is possible without loss; only `_` is replaced, with `-`. If more has to be
/// replaced or truncated, the name contains a hash of step and identifier after `--`, which does not occur
/// otherwise: two steps never get the same name, except for a hash collision.
pub(crate) fn job_name(kind: &str, step: Option<&str>, execution_id: &str) -> String {
    let Some(step) = step else {
        return job_name_of(kind, "", execution_id);
    };
    let name = format!("{kind}-{}-{execution_id}", step.replace('_', "-"));
    let is_lossless = is_plain(execution_id)
        && step.bytes().all(|byte| is_plain_byte(byte) || byte == b'_')
        && !name.contains("--")
        && name.len() <= MAX_NAME_BYTES;
    if is_lossless {
        return name;
    }
    job_name_of(kind, step, execution_id)
}

/// The value of a label: the text itself if it is valid, otherwise its valid characters and a hash.
pub(crate) fn label_value(text: &str) -> String {
    if is_label_value(text) {
        return text.into();
    }
    let hash = hash_digits(&[text], HASH_DIGITS);
    let slug = slug(text, MAX_LABEL_BYTES - HASH_DIGITS - 2);
    if slug.is_empty() {
        hash
    } else {
        format!("{slug}--{hash}")
    }
}

/// Whether the text is a valid value of a Kubernetes label.
pub(crate) fn is_label_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends_are_fit = [bytes.first(), bytes.last()]
        .iter()
        .all(|byte| byte.is_none_or(u8::is_ascii_alphanumeric));
    let is_fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    ends_are_fit && bytes.len() <= MAX_LABEL_BYTES && bytes.iter().all(is_fit)
}

fn job_name_of(kind: &str, step: &str, execution_id: &str) -> String {
    let prefix = format!("{kind}-");
    // The longest identifier that is kept whole; with `script`, a UUID has this length.
    let taken = prefix.len() + "-".len() + MIN_HASH_DIGITS + "-".len();
    let max_id_bytes = MAX_NAME_BYTES.saturating_sub(taken);
    let mut id = slug(execution_id, usize::MAX);
    if id.len() > max_id_bytes {
        id = slug(execution_id, CUT_ID_BYTES);
    }
    if !id.is_empty() {
        id.insert(0, '-');
    }
    let space = MAX_NAME_BYTES.saturating_sub(prefix.len() + "-".len() + id.len());
    let hash = hash_digits(&[step, execution_id], HASH_DIGITS.min(space));
    let slug = slug(step, space.saturating_sub(hash.len() + 1));
    let dash = if slug.is_empty() { "" } else { "-" };
    format!("{prefix}{slug}{dash}-{hash}{id}")
}

/// Lowercase letters, digits and single dashes between them, at most so many bytes.
fn slug(text: &str, max_bytes: usize) -> String {
    let mut slug = String::new();
    for character in text.chars() {
        let lower = character.to_ascii_lowercase();
        let is_plain = lower.is_ascii_lowercase() || lower.is_ascii_digit();
        let next = if is_plain { lower } else { '-' };
        let repeats = next == '-' && (slug.is_empty() || slug.ends_with('-'));
        if !repeats {
            slug.push(next);
        }
        if slug.len() >= max_bytes {
            break;
        }
    }
    // Everything in it is ASCII.
    slug.truncate(max_bytes);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// A hash of the parts, five bits a digit.
fn hash_digits(parts: &[&str], digits: usize) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let hash = hash(parts.iter().copied()).to_le_bytes();
    hash.iter()
        .take(digits)
        .filter_map(|byte| ALPHABET.get(usize::from(byte & 31)))
        .map(|digit| char::from(*digit))
        .collect()
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_plain_byte)
}

fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::string::ToString;

    use super::*;

    const ID: &str = "522095307073519743";

    #[test]
    fn names_the_job_as_the_specification_does() {
        assert_eq!(
            job_name("script", Some("process_data"), ID),
            "script-process-data-522095307073519743"
        );
    }

    #[test]
    fn every_name_is_a_dns_label_and_no_two_are_the_same() {
        let steps = [
            "process_data",
            "process-data",
            "Process_Data",
            "process data",
            "process.data",
            "process__data",
            "_process_data",
            "process_data_",
            "",
            "_",
            "-",
            "Ünïcode",
            "日本語",
            "../../etc/passwd",
            "$(reboot)",
            "a",
            "A",
            "1",
            "a-1",
            "a_1",
            "x".repeat(25).leak(),
            "x".repeat(26).leak(),
            "x".repeat(300).leak(),
            "y\nz",
            "sealed.0123456789abcdef0123456789abcdef",
        ];
        let ids = [
            ID,
            "1",
            "18446744073709551615",
            "0190d3f2-8c1e-7b2a-9f3e-2c6d5b4a3f21",
            "A1",
            "a1",
            "",
            "!",
            "z".repeat(36).leak(),
            "z".repeat(200).leak(),
        ];
        let mut seen = BTreeMap::new();
        for step in steps.iter().copied().map(Some).chain([None]) {
            for id in ids {
                let name = job_name("script", step, id);
                assert!(name.len() <= MAX_NAME_BYTES, "{name}");
                assert!(name.starts_with("script-"), "{name}");
                assert!(
                    name.ends_with(|c: char| c.is_ascii_alphanumeric()),
                    "{name}"
                );
                let is_fit = |byte: u8| is_plain_byte(byte) || byte == b'-';
                assert!(name.bytes().all(is_fit), "{name}");
                if step.is_some_and(|step| !step.is_empty()) {
                    let other = seen.insert(name.clone(), (step, id));
                    assert_eq!(other, None, "{name} for {step:?} {id}");
                }
            }
        }
    }

    #[test]
    fn keeps_the_execution_identifier_whole() {
        let long_step = "a very long name of a step that does not fit into a name".to_string();
        for id in [ID, "0190d3f2-8c1e-7b2a-9f3e-2c6d5b4a3f21"] {
            let name = job_name("script", Some(&long_step), id);
            assert!(name.ends_with(&format!("-{id}")), "{name}");
        }
    }

    #[test]
    fn makes_values_of_labels_valid() {
        assert_eq!(label_value("process_data"), "process_data");
        for text in ["a b", "-a", "ü", "", "x".repeat(64).leak(), "a\nb"] {
            let value = label_value(text);
            assert!(is_label_value(&value), "{text:?} became {value:?}");
        }
        assert_ne!(label_value("a b"), label_value("a/b"));
    }
}
