//! Quantities, such as `64Mi`.

/// What stands for a factor, and the factor.
const SUFFIXES: [(&str, f64); 16] = [
    ("", 1.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("Ki", KIBI),
    ("Mi", KIBI * KIBI),
    ("Gi", KIBI * KIBI * KIBI),
    ("Ti", KIBI * KIBI * KIBI * KIBI),
    ("Pi", KIBI * KIBI * KIBI * KIBI * KIBI),
    ("Ei", KIBI * KIBI * KIBI * KIBI * KIBI * KIBI),
];
const KIBI: f64 = 1024.0;

/// The number that a quantity means; nothing where it is none.
pub(crate) fn parse(quantity: &str) -> Option<f64> {
    if let Some((_, exponent)) = quantity.split_once(['e', 'E'])
        && exponent.parse::<i8>().is_ok()
    {
        return quantity.parse().ok();
    }
    let end = quantity
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(quantity.len());
    let (number, suffix) = quantity.split_at_checked(end)?;
    let (_, factor) = SUFFIXES.into_iter().find(|(known, _)| *known == suffix)?;
    Some(number.parse::<f64>().ok()? * factor)
}

/// The bytes that a quantity means.
pub(crate) fn bytes(quantity: &str) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a limit to the byte is not needed"
    )]
    parse(quantity).map(|bytes| bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_suffix() {
        assert_eq!(bytes("64Mi"), Some(64 << 20));
        assert_eq!(bytes("1.5k"), Some(1500));
        assert_eq!(bytes("2e3"), Some(2000));
        assert_eq!(bytes("1E"), Some(1_000_000_000_000_000_000));
        assert_eq!(parse("500m"), Some(0.5));
        for wrong in ["1GB", "", "Mi", "1 Gi", "one"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
