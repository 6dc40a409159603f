//! Kubernetes quantities, such as `500m` and `2Gi`, exactly: what they mean, and what was probably meant
//! by something that is none.

use alloc::format;
use alloc::string::String;

/// Billionths in one: Kubernetes keeps nothing finer.
const BILLIONTHS: i128 = 1_000_000_000;
/// More digits than these cannot be a resource of this world, and would overflow the arithmetic.
const MAX_DIGITS: usize = 18;

/// An amount of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity {
    billionths: i128,
}

/// Why a text is no quantity.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum QuantityError {
    /// It is not a number with a suffix of Kubernetes; perhaps this was meant.
    Syntax(Option<String>),
    /// It is larger than anything that there is.
    TooLarge,
}

impl Quantity {
    /// Reads a quantity; the rules are those of `k8s.io/apimachinery/pkg/api/resource`, without a sign.
    ///
    /// # Errors
    ///
    /// [`QuantityError`].
    pub(crate) fn parse(text: &str) -> Result<Self, QuantityError> {
        let end = text
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let has_digit = !whole.is_empty() || !fraction.is_empty();
        if !has_digit || fraction.contains('.') {
            return Err(QuantityError::Syntax(None));
        }
        let Some(scale) = Scale::parse(suffix) else {
            return Err(QuantityError::Syntax(suggestion(number, suffix)));
        };
        if whole.len() + fraction.len() > MAX_DIGITS {
            return Err(QuantityError::TooLarge);
        }
        let digits: i128 = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| QuantityError::Syntax(None))?;
        let decimals = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        let billionths = scale.apply(digits, decimals);
        Ok(Self {
            billionths: billionths.ok_or(QuantityError::TooLarge)?,
        })
    }

    /// Whether it is a whole number.
    pub(crate) const fn is_whole(self) -> bool {
        self.billionths % BILLIONTHS == 0
    }
}

/// What a suffix multiplies by.
enum Scale {
    Decimal(i32),
    Binary(u32),
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "" => Self::Decimal(0),
            "n" => Self::Decimal(-9),
            "u" => Self::Decimal(-6),
            "m" => Self::Decimal(-3),
            "k" => Self::Decimal(3),
            "M" => Self::Decimal(6),
            "G" => Self::Decimal(9),
            "T" => Self::Decimal(12),
            "P" => Self::Decimal(15),
            "E" => Self::Decimal(18),
            "Ki" => Self::Binary(10),
            "Mi" => Self::Binary(20),
            "Gi" => Self::Binary(30),
            "Ti" => Self::Binary(40),
            "Pi" => Self::Binary(50),
            "Ei" => Self::Binary(60),
            _ => Self::Decimal(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
        })
    }

    /// The digits, of which the last `decimals` stand after the point, in billionths, rounded up; none
    /// where that is too large.
    fn apply(&self, digits: i128, decimals: u32) -> Option<i128> {
        let decimals = i32::try_from(decimals).ok()?;
        let (multiplier, exponent) = match self {
            Self::Decimal(exponent) => (1, exponent.checked_add(9)?.checked_sub(decimals)?),
            Self::Binary(bits) => (1_i128 << bits, 9 - decimals),
        };
        let product = digits.checked_mul(multiplier)?;
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        match power {
            Some(power) if exponent >= 0 => product.checked_mul(power),
            Some(power) => Some(product / power + i128::from(product % power != 0)),
            None if product == 0 => Some(0),
            None if exponent >= 0 => None,
            None => Some(1),
        }
    }
}

/// What was probably meant by a suffix that Kubernetes does not know, such as `GB`.
fn suggestion(number: &str, suffix: &str) -> Option<String> {
    let suffix = suffix.trim().to_ascii_lowercase();
    let meant = match suffix.trim_end_matches('b') {
        "" => "",
        "k" | "ki" => "Ki",
        "m" | "mi" => "Mi",
        "g" | "gi" => "Gi",
        "t" | "ti" => "Ti",
        _ => return None,
    };
    Some(format!("{number}{meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn reads_what_kubernetes_reads() {
        let same = [
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
        ];
        for (one, other) in same {
            assert_eq!(quantity(one), quantity(other), "{one} and {other}");
        }
        assert!(quantity("2Gi") > quantity("2G"));
        assert!(quantity("1999m") < quantity("2"));
        assert!(quantity("1k").is_whole() && !quantity("1500m").is_whole());
    }

    #[test]
    fn suggests_what_was_meant() {
        let cases = [
            ("2GB", Some("2Gi")),
            ("2gb", Some("2Gi")),
            ("512MB", Some("512Mi")),
            ("512 Mi", Some("512Mi")),
            ("64K", Some("64Ki")),
            ("1.5GiB", Some("1.5Gi")),
            ("100B", Some("100")),
            ("2 cores", None),
            ("", None),
            ("-1", None),
            ("1.2.3", None),
            ("lots", None),
            (".", None),
            ("1e", None),
            ("sealed.0123", None),
        ];
        for (text, meant) in cases {
            let expected = QuantityError::Syntax(meant.map(Into::into));
            assert_eq!(Quantity::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_larger_than_anything() {
        for text in [
            "1e99",
            "9999999999999999999",
            "999999999999999999Ei",
            "1e2147483647",
        ] {
            assert_eq!(
                Quantity::parse(text),
                Err(QuantityError::TooLarge),
                "{text}"
            );
        }
        assert_eq!(quantity("1e-2147483000"), quantity("1n"));
    }
}
