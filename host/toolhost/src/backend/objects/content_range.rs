use http::{HeaderMap, header};

/// Returns the first byte of `Content-Range: bytes FIRST-LAST/TOTAL`, and the total where it is known (RFC 9110 §14.4);
/// none for a missing or contradictory header.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let is_sound = first <= last && total.is_none_or(|total| last < total);
    is_sound.then_some((first, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_range_within_the_whole_is_valid() {
        for (text, expected) in [
            ("bytes 5-9/10", Some((5, Some(10)))),
            ("bytes 5-9/*", Some((5, None))),
            ("bytes 5-10/10", None),
            ("bytes 6-5/10", None),
            ("bytes 0-18446744073709551615/18446744073709551615", None),
            ("bytes */10", None),
            ("5-9/10", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_RANGE, text.parse().unwrap());
            assert_eq!(content_range(&headers), expected, "{text}");
        }
    }
}
