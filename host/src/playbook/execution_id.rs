use std::time::{SystemTime, UNIX_EPOCH};

/// 2024-01-01T00:00:00Z in milliseconds since the Unix epoch. Counted from here, an id has 18 digits
/// until July 2031 and fits into 63 bits until 2093, as NoETL's do.
const EPOCH_MILLISECONDS: u128 = 1_704_067_200_000;
/// The low bits, in which ids of the same millisecond differ.
const RANDOM_BITS: u32 = 22;
/// The highest id: NoETL keeps them in a signed 64-bit integer.
const MAX_ID: u128 = i64::MAX as u128;

/// Why an execution id could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionIdError {
    /// The system's random numbers failed.
    #[error("no random numbers for an execution id")]
    Random(#[source] getrandom::Error),
    /// The system's clock stands before 2024 or after 2093.
    #[error("the system's clock is wrong, so that no execution id can be made")]
    Clock,
}

/// A new execution id: a decimal number of 18 digits that grows with time, and of which two hosts do not
/// make the same.
///
/// # Errors
///
/// The system has no random numbers, or a clock that is wrong by years.
pub fn new_execution_id() -> Result<String, ExecutionIdError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| ExecutionIdError::Clock)?;
    let random = getrandom::u32().map_err(ExecutionIdError::Random)?;
    execution_id(now.as_millis(), random).ok_or(ExecutionIdError::Clock)
}

fn execution_id(unix_milliseconds: u128, random: u32) -> Option<String> {
    let milliseconds = unix_milliseconds.checked_sub(EPOCH_MILLISECONDS)?;
    let low = u128::from(random & ((1 << RANDOM_BITS) - 1));
    let id = milliseconds.checked_mul(1 << RANDOM_BITS)? | low;
    (id <= MAX_ID).then(|| format!("{id:018}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_18_digits() {
        let id = new_execution_id().unwrap();
        assert!(
            id.len() >= 18 && id.bytes().all(|digit| digit.is_ascii_digit()),
            "{id}"
        );
        assert!(id.parse::<i64>().is_ok());
        let in_2026 = execution_id(1_795_000_000_000, u32::MAX).unwrap();
        assert_eq!(in_2026, "381399806775394303");
    }

    #[test]
    fn later_ids_are_greater_and_ids_of_one_moment_differ() {
        let moment = 1_795_000_000_000;
        assert!(execution_id(moment, u32::MAX) < execution_id(moment + 1, 0));
        assert_ne!(execution_id(moment, 1), execution_id(moment, 2));
    }

    #[test]
    fn a_wrong_clock_gives_no_id() {
        assert!(execution_id(0, 0).is_none());
        assert!(execution_id(u128::from(u64::MAX), 0).is_none());
    }
}
