/// The bytes that a quantity such as `64Mi` means; nothing where it is none.
pub(super) fn bytes(quantity: &str) -> Option<u64> {
    let end = quantity
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(quantity.len());
    let (number, suffix) = quantity.split_at_checked(end)?;
    let factor: f64 = match suffix {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a limit to the byte is not needed"
    )]
    Some(bytes as u64)
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_both_kinds_of_suffix() {
        assert_eq!(super::bytes("64Mi"), Some(64 << 20));
        assert_eq!(super::bytes("1.5k"), Some(1500));
        assert_eq!(super::bytes("1GB"), None);
    }
}
