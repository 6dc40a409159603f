use alloc::format;
use alloc::string::String;

/// What was probably meant by a text that is not a quantity: a suffix that Kubernetes does not know, such as `GB`, or
/// a space before it.
#[must_use]
pub fn suggestion(text: &str) -> Option<String> {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let is_number = number.contains(|character: char| character.is_ascii_digit())
        && number.matches('.').count() <= 1;
    if !is_number {
        return None;
    }
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

    #[test]
    fn suggests_what_was_meant() {
        for (text, meant) in [
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
        ] {
            assert_eq!(suggestion(text).as_deref(), meant, "{text}");
        }
    }
}
