//! Exact Kubernetes quantities, such as `500m` and `2Gi`: their values, and what was probably meant by an
//! invalid one.
//!
//! ```
//! use toolhost_quantity::{Quantity, suggestion};
//!
//! let memory: Quantity = "1.5Gi".parse()?;
//! assert_eq!(memory.rounded_up(), 3 << 29);
//! assert!(memory > "1500M".parse()?);
//! assert_eq!(suggestion("2GB").as_deref(), Some("2Gi"));
//! # Ok::<_, toolhost_quantity::QuantityError>(())
//! ```

#![no_std]

extern crate alloc;

mod suggestion;

use core::str::FromStr;

pub use suggestion::suggestion;

/// A quantity of Kubernetes that is not negative, such as `512Mi`, `0.5`, `1500m` or `1e3`.
///
/// It is exact down to 10⁻⁹, which is the finest that Kubernetes keeps; what is finer is rounded up, as
/// there. Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    nanos: u128,
}

/// Why a string is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// It does not begin with a number.
    #[error("does not begin with a number")]
    NoNumber,
    /// The number is negative.
    #[error("is negative")]
    Negative,
    /// What follows the number is no suffix.
    #[error("has an unknown suffix (expected Ki, Mi, Gi, Ti, Pi, Ei, k, M, G, T, P, E, m, u, n)")]
    UnknownSuffix,
    /// The number is larger than 2⁶³ - 1, the most that Kubernetes takes.
    #[error("is too large")]
    TooLarge,
}

const NANOS: u128 = 1_000_000_000;
/// Kubernetes keeps whole quantities in an `int64`.
const MAX_NANOS: u128 = 0x7fff_ffff_ffff_ffff * NANOS;
/// No quantity needs more characters: 10¹⁹ > 2⁶³, and nine digits of a fraction are kept. What is longer
/// is refused, which bounds the work.
const MAX_CHARACTERS: usize = 64;
/// No exponent beyond this gives another result than zero or "too large" for so many digits.
const MAX_EXPONENT: u32 = 100;

impl Quantity {
    /// The whole number that is not less: bytes, for memory.
    #[must_use]
    pub fn rounded_up(self) -> u64 {
        u64::try_from(self.nanos.div_ceil(NANOS)).unwrap_or(u64::MAX)
    }

    /// Thousandths, rounded up: millicores, for CPU.
    #[must_use]
    pub fn thousandths(self) -> u64 {
        u64::try_from(self.nanos.div_ceil(NANOS / 1_000)).unwrap_or(u64::MAX)
    }

    /// Whether it is a whole number.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.nanos.is_multiple_of(NANOS)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text.len() > MAX_CHARACTERS {
            return Err(QuantityError::TooLarge);
        }
        let (number, suffix) = split(text)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(QuantityError::NoNumber);
        }
        let scale = Scale::from_suffix(suffix)?;
        let digits = whole.bytes().chain(fraction.bytes());
        let decimals = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        Self::from_digits(digits, scale, decimals)
    }
}

impl Quantity {
    /// The number that the digits make, of which the last `decimals` stand behind the point.
    ///
    /// Trailing zeros of the fraction are cut first, so that the digits that matter fit.
    fn from_digits(
        digits: impl Iterator<Item = u8>,
        scale: Scale,
        decimals: i64,
    ) -> Result<Self, QuantityError> {
        let mut mantissa = 0_u128;
        let mut zeros = 0_u32;
        for digit in digits.map(|digit| u128::from(digit.saturating_sub(b'0'))) {
            if digit == 0 {
                zeros += 1;
                continue;
            }
            mantissa = 10_u128
                .checked_pow(zeros + 1)
                .and_then(|factor| mantissa.checked_mul(factor))
                .and_then(|shifted| shifted.checked_add(digit))
                .ok_or(QuantityError::TooLarge)?;
            zeros = 0;
        }
        if mantissa == 0 {
            return Ok(Self { nanos: 0 });
        }
        let mantissa = mantissa
            .checked_mul(scale.factor)
            .ok_or(QuantityError::TooLarge)?;
        let power = i64::from(scale.power) - decimals + i64::from(zeros) + 9;
        let factor = u32::try_from(power.unsigned_abs())
            .ok()
            .and_then(|power| 10_u128.checked_pow(power));
        let nanos = match (power >= 0, factor) {
            (true, Some(factor)) => mantissa.checked_mul(factor),
            (true, None) => None,
            (false, Some(factor)) => Some(mantissa.div_ceil(factor)),
            (false, None) => Some(1),
        };
        nanos
            .filter(|nanos| *nanos <= MAX_NANOS)
            .map(|nanos| Self { nanos })
            .ok_or(QuantityError::TooLarge)
    }
}

/// What a suffix multiplies by: `factor` times ten to the `power`.
#[derive(Clone, Copy)]
struct Scale {
    factor: u128,
    power: i32,
}

impl Scale {
    fn from_suffix(suffix: &str) -> Result<Self, QuantityError> {
        let binary = |exponent: u32| Self {
            factor: 1 << exponent,
            power: 0,
        };
        let decimal = |power| Self { factor: 1, power };
        Ok(match suffix {
            "Ki" => binary(10),
            "Mi" => binary(20),
            "Gi" => binary(30),
            "Ti" => binary(40),
            "Pi" => binary(50),
            "Ei" => binary(60),
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "" => decimal(0),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            other => decimal(exponent(other)?),
        })
    }
}

/// The number at the start, without a plus sign, and what follows it.
fn split(text: &str) -> Result<(&str, &str), QuantityError> {
    if text.starts_with('-') {
        return Err(QuantityError::Negative);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let mut points = 0;
    let end = text
        .find(|character: char| match character {
            '0'..='9' => false,
            '.' => {
                points += 1;
                points > 1
            }
            _ => true,
        })
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    if number.is_empty() {
        return Err(QuantityError::NoNumber);
    }
    Ok((number, suffix))
}

fn exponent(suffix: &str) -> Result<i32, QuantityError> {
    let digits = suffix
        .strip_prefix(['e', 'E'])
        .ok_or(QuantityError::UnknownSuffix)?;
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, digits.strip_prefix('+').unwrap_or(digits)),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(QuantityError::UnknownSuffix);
    }
    let exponent = digits.parse().unwrap_or(MAX_EXPONENT).min(MAX_EXPONENT);
    Ok(sign * i32::try_from(exponent).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Result<Quantity, QuantityError> {
        text.parse()
    }

    #[test]
    fn reads_memory_in_every_notation() {
        for (text, bytes) in [
            ("0", 0),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129E6", 129_000_000),
            ("129M", 129_000_000),
            ("123Mi", 123 << 20),
            ("1.5Gi", 3 << 29),
            (".5Ki", 512),
            ("5.", 5),
            ("+2k", 2_000),
            ("1Ti", 1 << 40),
            ("1E", 1_000_000_000_000_000_000),
            ("7Ei", 7 << 60),
            ("128974848000m", 128_974_848),
            ("0.0000000001", 1),
            ("1e-20", 1),
            ("1.0000000000000000000000000000000000000000", 1),
            ("0e999", 0),
        ] {
            assert_eq!(quantity(text).unwrap().rounded_up(), bytes, "{text}");
        }
    }

    #[test]
    fn reads_cpu_as_thousandths() {
        for (text, millicores) in [
            ("1", 1_000),
            ("0.1", 100),
            ("2000m", 2_000),
            ("1500u", 2),
            ("1n", 1),
        ] {
            assert_eq!(quantity(text).unwrap().thousandths(), millicores, "{text}");
        }
    }

    #[test]
    fn different_notations_of_one_amount_are_equal() {
        for (one, other) in [
            ("1", "1000m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.", "1"),
            ("1Ki", "1024"),
            ("1.5Gi", "1610612736"),
            ("1k", "1000"),
            ("1e3", "1k"),
            ("1E3", "1k"),
            ("1E", "1000P"),
            ("2e-1", "200m"),
            ("100u", "0.1m"),
            ("0", "0m"),
            ("0e999", "0"),
            ("0.1n", "1n"),
            ("1e-2147483000", "1n"),
        ] {
            assert_eq!(quantity(one), quantity(other), "{one} and {other}");
        }
        assert!(quantity("2Gi").unwrap() > quantity("2G").unwrap());
        assert!(quantity("1999m").unwrap() < quantity("2").unwrap());
    }

    #[test]
    fn tells_a_fraction_of_a_byte() {
        assert!(!quantity("256m").unwrap().is_whole());
        assert!(quantity("256000m").unwrap().is_whole());
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        use QuantityError::{Negative, NoNumber, TooLarge, UnknownSuffix};
        for (text, error) in [
            ("", NoNumber),
            (".", NoNumber),
            ("Mi", NoNumber),
            ("-1", Negative),
            ("1 Gi", UnknownSuffix),
            ("1GB", UnknownSuffix),
            ("1K", UnknownSuffix),
            ("1e", UnknownSuffix),
            ("1e+", UnknownSuffix),
            ("1e1.5", UnknownSuffix),
            ("1.2.3", UnknownSuffix),
            ("8Ei", TooLarge),
            ("1e19", TooLarge),
            ("1e999999999999", TooLarge),
            ("1e2147483647", TooLarge),
            ("999999999999999999Ei", TooLarge),
            ("99999999999999999999999999999999999999999999", TooLarge),
            ("sealed.0123", NoNumber),
        ] {
            assert_eq!(quantity(text), Err(error), "{text}");
        }
        assert_eq!(quantity(&"9".repeat(1_000_000)), Err(TooLarge));
    }
}
