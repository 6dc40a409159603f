use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The maximum length of an execution id: it becomes the value of a label, which has at most 63 characters.
pub const MAX_EXECUTION_ID_BYTES: usize = 63;
/// The smallest number of 18 digits.
const SMALLEST: u64 = 100_000_000_000_000_000;
/// The number of ids per microsecond.
const IDS_PER_MICROSECOND: u64 = 100;

/// The id of an execution of a playbook: letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecutionId(String);

/// The text is not an execution id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseExecutionIdError {
    /// It is empty.
    #[error("an execution id must not be empty")]
    Empty,
    /// It is too long.
    #[error("the execution id has {bytes} bytes; at most {MAX_EXECUTION_ID_BYTES} are allowed")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It contains an invalid character.
    #[error("the execution id `{}` contains {character:?}: use letters, digits and `-`", text.escape_debug())]
    Character {
        /// The text.
        text: String,
        /// The first such character.
        character: char,
    },
}

impl ExecutionId {
    /// A new id of 18 digits, like the ids of NoETL.
    ///
    /// It consists of the time in microseconds and two more digits. Later ids of a process are larger; two
    /// processes get the same one only if they generate it in the same microsecond, and then rarely.
    #[must_use]
    pub fn generate() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let fresh = fresh_number();
        let advance = |last: u64| fresh.max(last + 1);
        let last = LAST
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                Some(advance(last))
            })
            .unwrap_or_default();
        Self(advance(last).to_string())
    }

    /// The id as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExecutionId {
    type Err = ParseExecutionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ParseExecutionIdError::Empty);
        }
        if text.len() > MAX_EXECUTION_ID_BYTES {
            return Err(ParseExecutionIdError::TooLong { bytes: text.len() });
        }
        let is_foreign = |character: &char| !character.is_ascii_alphanumeric() && *character != '-';
        match text.chars().find(is_foreign) {
            Some(character) => Err(ParseExecutionIdError::Character {
                text: text.to_owned(),
                character,
            }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The time in microseconds since 1970 and two random digits: 18 digits from 2001 to 2286.
fn fresh_number() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let microseconds = now.map_or(0, |elapsed| {
        u64::try_from(elapsed.as_micros()).unwrap_or_default()
    });
    let mut random = [0_u8; 8];
    // Without random numbers the ids of this process still differ from each other.
    if getrandom::fill(&mut random).is_err() {
        random = [0; 8];
    }
    microseconds
        .saturating_mul(IDS_PER_MICROSECOND)
        .saturating_add(u64::from_ne_bytes(random) % IDS_PER_MICROSECOND)
        .max(SMALLEST)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn generated_ids_have_18_digits_and_are_unique() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..1_000).map(|_| ExecutionId::generate()).collect()))
            .collect();
        let ids: Vec<Vec<ExecutionId>> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        let all: HashSet<_> = ids.iter().flatten().collect();
        assert_eq!(all.len(), 4_000);
        for id in all {
            assert_eq!(id.as_str().len(), 18, "{id}");
            assert_eq!(&id.as_str().parse::<ExecutionId>().unwrap(), id);
        }
        for of_thread in ids {
            let numbers = of_thread
                .iter()
                .map(|id| id.as_str().parse::<u64>().unwrap());
            assert!(numbers.is_sorted());
        }
    }

    #[test]
    fn takes_letters_digits_and_hyphens_alone() {
        assert!("run-7A".parse::<ExecutionId>().is_ok());
        assert!("a".repeat(63).parse::<ExecutionId>().is_ok());
        for (text, message) in [
            ("", "an execution id must not be empty"),
            (
                "a b",
                "the execution id `a b` contains ' ': use letters, digits and `-`",
            ),
            (
                "a\n",
                "the execution id `a\\n` contains '\\n': use letters, digits and `-`",
            ),
        ] {
            let error = text.parse::<ExecutionId>().unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let error = "a".repeat(64).parse::<ExecutionId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the execution id has 64 bytes; at most 63 are allowed"
        );
    }
}
